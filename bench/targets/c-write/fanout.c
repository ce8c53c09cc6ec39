// Fan-out: every command of a fixed size that a connection sends is written to all connections, one write(2) each.

#include "../listen.h"

#define COMMAND_BYTES 100
#define COMMAND_LIMIT_BYTES (16 << 10)

// One connection: its place among the open ones, and the command that has not come whole yet.
struct conn {
	size_t place;
	char *part;
	size_t len;
};

static struct conn *conns;
static int *open_fds;
static size_t open_count;
static size_t command_bytes = COMMAND_BYTES;

static void add(int epoll, int fd)
{
	watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
	conns[fd] = (struct conn){.place = open_count};
	open_fds[open_count++] = fd;
}

static void shut(int fd)
{
	int last = open_fds[--open_count];
	open_fds[conns[fd].place] = last;
	conns[last].place = conns[fd].place;
	free(conns[fd].part);
	close(fd);
}

// There is no queue here: a peer that does not read is cut off, and leaves when its end is read.
static void write_all(const char *command)
{
	for (size_t i = 0; i < open_count; i++) {
		ssize_t n = write(open_fds[i], command, command_bytes);
		if (n == (ssize_t)command_bytes || (n < 0 && errno != EAGAIN))
			continue;
		fprintf(stderr, "cut off a peer that does not read\n");
		shutdown(open_fds[i], SHUT_RDWR);
	}
}

// Whole commands are taken where they lie; only what is left of one is kept.
static void take(int fd, const char *bytes, size_t len)
{
	struct conn *c = &conns[fd];
	while (len > 0) {
		if (c->len == 0 && len >= command_bytes) {
			write_all(bytes);
			bytes += command_bytes;
			len -= command_bytes;
			continue;
		}
		if (!c->part)
			must((c->part = malloc(command_bytes)) != NULL, "malloc");
		size_t n = command_bytes - c->len < len ? command_bytes - c->len : len;
		memcpy(c->part + c->len, bytes, n);
		c->len += n;
		bytes += n;
		len -= n;
		if (c->len == command_bytes) {
			c->len = 0;
			write_all(c->part);
		}
	}
}

static void serve(int fd)
{
	static char buf[READ_BYTES];
	ssize_t n = read(fd, buf, sizeof buf);
	if (n > 0)
		take(fd, buf, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		shut(fd);
}

int main(int argc, char **argv)
{
	static struct epoll_event events[EVENTS];
	const char *bytes = flag(argc, argv, "--bytes");
	if (bytes)
		command_bytes = strtoul(bytes, NULL, 10);
	if (command_bytes == 0 || command_bytes > COMMAND_LIMIT_BYTES) {
		fprintf(stderr, "--bytes wants 1 to %d\n", COMMAND_LIMIT_BYTES);
		return 2;
	}
	size_t descriptors = descriptor_limit();
	conns = calloc(descriptors, sizeof *conns);
	open_fds = calloc(descriptors, sizeof *open_fds);
	must(conns && open_fds, "calloc");
	signal(SIGPIPE, SIG_IGN);
	int listener = listen_on(flag(argc, argv, "--listen"));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	must(epoll >= 0, "epoll_create1");
	watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
	ready(listener, "c-write");
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);
		must(n >= 0 || errno == EINTR, "epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd != listener)
				serve(fd);
			else
				while ((fd = accept_next(listener)) >= 0)
					add(epoll, fd);
		}
	}
}
