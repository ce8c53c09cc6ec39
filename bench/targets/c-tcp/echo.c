// TCP echo on epoll: one thread, read(2) and write(2).

#include "../listen.h"

// What a socket did not take yet; its peer is not read until it is gone.
struct rest {
	char *bytes;
	size_t len;
};

static int epoll;
static struct rest *rests;

static void shut(int fd)
{
	free(rests[fd].bytes);
	rests[fd].bytes = NULL;
	close(fd);
}

static void send_or_keep(int fd, const char *bytes, size_t len)
{
	ssize_t n = write(fd, bytes, len);
	if (n < 0 && errno != EAGAIN) {
		shut(fd);
		return;
	}
	size_t sent = n < 0 ? 0 : (size_t)n;
	if (sent == len)
		return;
	struct rest rest = {malloc(len - sent), len - sent};
	must(rest.bytes != NULL, "malloc");
	memcpy(rest.bytes, bytes + sent, rest.len);
	rests[fd] = rest;
	watch(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void flush(int fd)
{
	struct rest rest = rests[fd];
	rests[fd] = (struct rest){NULL, 0};
	watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
	send_or_keep(fd, rest.bytes, rest.len);
	free(rest.bytes);
}

static void echo(int fd)
{
	static char buf[READ_BYTES];
	ssize_t n = read(fd, buf, sizeof buf);
	if (n > 0)
		send_or_keep(fd, buf, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		shut(fd);
}

int main(int argc, char **argv)
{
	static struct epoll_event events[EVENTS];
	rests = calloc(descriptor_limit(), sizeof *rests);
	must(rests != NULL, "calloc");
	signal(SIGPIPE, SIG_IGN);
	int listener = listen_on(flag(argc, argv, "--listen"));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	must(epoll >= 0, "epoll_create1");
	watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
	ready(listener, "c-tcp");
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);
		must(n >= 0 || errno == EINTR, "epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener)
				while ((fd = accept_next(listener)) >= 0)
					watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
			else if (rests[fd].bytes)
				flush(fd);
			else
				echo(fd);
		}
	}
}
