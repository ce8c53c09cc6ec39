// The listener, the flags and the ready line of the C targets.

#ifndef TARGETS_LISTEN_H
#define TARGETS_LISTEN_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (64 << 10)
#define EVENTS 512

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static const char *flag(int argc, char **argv, const char *name)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return argv[i + 1];
	return NULL;
}

// The connection tables are indexed by descriptor.
static size_t descriptor_limit(void)
{
	struct rlimit limit;
	must(!getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
	return limit.rlim_cur;
}

static int listen_on(const char *address)
{
	char host[INET_ADDRSTRLEN];
	int port, end = 0;
	struct sockaddr_in in = {.sin_family = AF_INET};
	if (!address || sscanf(address, "%15[0-9.]:%5d%n", host, &port, &end) != 2 || address[end] || port < 0 ||
	    port > 65535 || inet_pton(AF_INET, host, &in.sin_addr) != 1) {
		fprintf(stderr, "usage: run --listen IPV4:PORT\n");
		exit(2);
	}
	in.sin_port = htons((uint16_t)port);

	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(fd >= 0, "socket");
	must(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "SO_REUSEADDR");
	// What the listener has, its connections inherit.
	must(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
	must(!bind(fd, (struct sockaddr *)&in, sizeof in), "bind");
	must(!listen(fd, SOMAXCONN), "listen");
	return fd;
}

static void ready(int listener, const char *name)
{
	char host[INET_ADDRSTRLEN];
	struct sockaddr_in in;
	socklen_t size = sizeof in;
	must(!getsockname(listener, (struct sockaddr *)&in, &size), "getsockname");
	inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
	printf("{\"listening\":\"%s:%d\",\"name\":\"%s\",\"version\":\"gcc %s\"}\n", host, ntohs(in.sin_port), name, __VERSION__);
	fflush(stdout);
}

static void watch(int epoll, int op, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};
	must(!epoll_ctl(epoll, op, fd, &ev), "epoll_ctl");
}

// The next connection, or -1 when there is none.
static int accept_next(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0 || errno == EAGAIN)
			return fd;
		must(errno == EINTR || errno == ECONNABORTED, "accept");
	}
}

#endif
