/* How many messages a server fans out, from one publisher to many subscribers.
 *
 *	fanout PROTOCOL ADDRESS PID SUBSCRIBERS STALLED SIZE WINDOW SECONDS
 *	fanout PROTOCOL ADDRESS 0 SUBSCRIBERS 0 SIZE BATCH -ROUNDS
 *
 * PROTOCOL is lines (weir-server's broadcast), events (the same lines by HTTP),
 * redis, nats or mqtt; SIZE is that of the payload. ADDRESS may be two, with a
 * comma between: of the subscribers and of the publisher. For events they are
 * of one channel on which nobody has published yet.
 *
 * STALLED of the subscribers never read. The publisher sends as fast as it is
 * let, but no more than WINDOW messages ahead of what all others have received
 * on average. Prints: deliveries a second, deliveries a second of the CPU time
 * of process PID.
 *
 * With a negative last argument it sends so many batches, each in one write,
 * when all have received the one before; and prints the longest and the mean
 * time that a batch took to the last subscriber, in us.
 *
 * All protocols go the same way here; only the bytes around a message differ. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "cpu.h"
#include "dial.h"

enum {
	MAX_SUBSCRIBERS = 20000,
	BUFFER = 1048576,
	HEAD_SIZE = 128,
	STALLED_RCVBUF = 4096
};

static unsigned char buffer[BUFFER];
static unsigned char batch[BUFFER * 4];
static int fds[MAX_SUBSCRIBERS];
static int publisher;
static int epoll_fd;
static const struct protocol *protocol;
static size_t n_readers;
static size_t size;	     /* of a message */
static size_t n_request;     /* what publishing one takes */
static size_t n_arrival;     /* what a subscriber gets; of events, about */
static uint64_t n_published; /* messages, in batches */
static uint64_t n_received;
static double warm_up_s = 0.3;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- the protocols -- */

struct protocol {
	const char *name;
	const char *tail;   /* behind a message */
	bool answers;	    /* each publication is answered */
	bool has_line_ends; /* a message ends with one, inside of its size */
	/* Begin a session, as a subscriber or as the publisher. */
	void (*greet)(int fd, bool subscribes);
	/* Write what stands before a message of n bytes that is published, or
	 * that arrives; returns its length. */
	size_t (*write_head)(char *to, size_t n, bool arrives);
};

static void greet_lines(int fd, bool subscribes)
{
	(void)fd;
	(void)subscribes;
}

static size_t head_of_line(char *to, size_t n, bool arrives)
{
	(void)to;
	(void)n;
	(void)arrives;
	return 0;
}

/* The head of the answer, and when to come back. */
static void greet_events(int fd, bool subscribes)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n";
	char answer[1024];
	size_t n = 0;

	if (!subscribes)
		return;
	say(fd, request, sizeof request - 1);
	do {
		ssize_t k = recv(fd, answer + n, sizeof answer - 1 - n, 0);

		if (k <= 0)
			die(1, "a subscriber", "has no answer");
		n += (size_t)k;
		answer[n] = '\0';
	} while (!strstr(answer, "\n\n"));
}

/* "id: EPOCH-N", of which the epoch has 11 digits; and the newline that comes
 * behind the line. */
static size_t head_of_event(char *to, size_t n, bool arrives)
{
	(void)n;
	if (!arrives)
		return 0;
	return (size_t)sprintf(to, "id: 01234567890-%llu\ndata: \n",
			       (unsigned long long)n_published);
}

static void greet_redis(int fd, bool subscribes)
{
	static const char request[] = "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n";
	static const char answer[] = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n"
				     ":1\r\n";

	if (!subscribes)
		return;
	say(fd, request, sizeof request - 1);
	check_echo(fd, answer, buffer, sizeof answer - 1);
}

static size_t head_of_redis(char *to, size_t n, bool arrives)
{
	return (size_t)sprintf(to, "*3\r\n$7\r\n%s\r\n$4\r\nnews\r\n$%zu\r\n",
			       arrives ? "message" : "PUBLISH", n);
}

/* The server speaks first, of itself, at some length. */
static void greet_nats(int fd, bool subscribes)
{
	static const char pong[] = "PONG\r\n";
	static const char publisher_says[] = "CONNECT {\"verbose\":false}\r\n"
					     "PING\r\n";
	static const char subscriber_says[] = "CONNECT {\"verbose\":false}\r\n"
					      "SUB news 1\r\nPING\r\n";
	size_t n_got = 0;

	if (subscribes)
		say(fd, subscriber_says, sizeof subscriber_says - 1);
	else
		say(fd, publisher_says, sizeof publisher_says - 1);
	do {
		ssize_t n = recv(fd, buffer + n_got, BUFFER - n_got, 0);

		if (n <= 0)
			die(1, "nats", "no PONG");
		n_got += (size_t)n;
	} while (n_got < 6 || memcmp(buffer + n_got - 6, pong, 6) != 0);
}

static size_t head_of_nats(char *to, size_t n, bool arrives)
{
	return (size_t)sprintf(to, "%s %zu\r\n",
			       arrives ? "MSG news 1" : "PUB news", n);
}

/* MQTT 3.1.1, quality of service 0, no keep-alive. */
static void greet_mqtt(int fd, bool subscribes)
{
	static const char hello[] = "\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0";
	static const char hello_back[] = "\x20\x02\0\0";
	static const char request[] = "\x82\x09\0\1\0\4news\0";
	static const char granted[] = "\x90\x03\0\1\0";

	say(fd, hello, sizeof hello - 1);
	check_echo(fd, hello_back, buffer, sizeof hello_back - 1);
	if (!subscribes)
		return;
	say(fd, request, sizeof request - 1);
	check_echo(fd, granted, buffer, sizeof granted - 1);
}

static size_t head_of_mqtt(char *to, size_t n, bool arrives)
{
	static const char topic[] = "\0\4news";
	char *at = to;

	(void)arrives;
	*at++ = 0x30;
	n += sizeof topic - 1;
	for (; n > 127; n >>= 7)
		*at++ = (char)(n | 128);
	*at++ = (char)n;
	memcpy(at, topic, sizeof topic - 1);
	return (size_t)(at - to) + sizeof topic - 1;
}

static const struct protocol protocols[] = {
	{"lines", "", false, true, greet_lines, head_of_line},
	{"events", "", false, true, greet_events, head_of_event},
	{"redis", "\r\n", true, false, greet_redis, head_of_redis},
	{"nats", "\r\n", false, false, greet_nats, head_of_nats},
	{"mqtt", "", false, false, greet_mqtt, head_of_mqtt},
};

static const struct protocol *find_protocol(const char *name)
{
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
		if (strcmp(protocols[i].name, name) == 0)
			return &protocols[i];
	die(2, name, "no protocol");
}

static size_t write_request(unsigned char *to)
{
	size_t n = protocol->write_head((char *)to, size, false);
	size_t n_tail = strlen(protocol->tail);

	memset(to + n, 'x', size);
	memcpy(to + n + size, protocol->tail, n_tail);
	if (protocol->has_line_ends)
		to[n + size - 1] = '\n';
	return n + size + n_tail;
}

/* What each subscriber gets of the message published last. */
static size_t arrival(void)
{
	char head[HEAD_SIZE];

	return protocol->write_head(head, size, true) + size +
	       strlen(protocol->tail);
}

/* -- subscribers -- */

static void join(const char *address, size_t i, bool is_stalled)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
	int room = STALLED_RCVBUF;

	fds[i] = dial(address);
	protocol->greet(fds[i], true);
	if (is_stalled) {
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
		return;
	}
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event);
}

static void receive(int timeout_ms)
{
	struct epoll_event events[512];
	int n = epoll_wait(epoll_fd, events, 512, timeout_ms);

	for (int i = 0; i < n; i++) {
		/* discarded by the kernel: a copy would measure the reader */
		ssize_t k = recv(fds[events[i].data.u32], buffer, BUFFER,
				 MSG_DONTWAIT | MSG_TRUNC);

		if (k == 0 || (k < 0 && errno != EAGAIN))
			die(1, "a subscriber", "ended");
		n_received += k > 0 ? (uint64_t)k : 0;
	}
}

static void receive_until(uint64_t n)
{
	double patience = now() + PATIENCE_S;

	while (n_received < n && now() < patience)
		receive(1000);
	if (n_received < n)
		die(1, "fan-out", "messages are missing");
}

static void open_all(char *address, size_t n, size_t n_stalled)
{
	char *second = strchr(address, ',');
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (second)
		*second++ = '\0';
	publisher = dial(second ? second : address);
	protocol->greet(publisher, false);
	for (size_t i = 0; i < n; i++)
		join(address, i, i < n_stalled);
	n_readers = n - n_stalled;
	/* until those that never read have all that the kernel takes for them */
	if (n_stalled > 0)
		warm_up_s = 1;
	n_request = write_request(batch);
	n_published = 100000;
	n_arrival = arrival();
	n_published = 0;
}

/* The server may still be accepting: publish until a message reaches all. (A
 * few bytes more may come: NATS asks whether one is still there.) Events are
 * answered once they are subscribed to. */
static void settle(void)
{
	double heard;
	uint64_t n;

	if (protocol->write_head == head_of_event)
		return;
	do {
		n_received = 0;
		say(publisher, batch, n_request);
		heard = now();
		while (n_received < n_readers * n_arrival &&
		       now() - heard < 1) {
			n = n_received;
			receive(100);
			if (n_received > n)
				heard = now();
		}
	} while (n_received < n_readers * n_arrival);
	n_received = 0;
}

/* -- the two measurements -- */

static void drain_answers(void)
{
	while (protocol->answers &&
	       recv(publisher, buffer, BUFFER, MSG_DONTWAIT) > 0)
		;
}

/* Returns how many bytes were published. */
static uint64_t pump(size_t window, double until)
{
	size_t n_batch = sizeof batch / n_request;
	uint64_t n_sent = 0;

	for (size_t i = 1; i < n_batch; i++)
		memcpy(batch + i * n_request, batch, n_request);
	while (now() < until) {
		uint64_t n_done = n_received / n_readers / n_arrival;
		uint64_t may = (n_done + window) * n_request;
		size_t at = n_sent % n_request;
		size_t room = n_batch * n_request - at;
		ssize_t n = 0;

		if (may > n_sent)
			n = send(publisher, batch + at,
				 may - n_sent < room ? may - n_sent : room,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			die(1, "publisher", strerror(errno));
		n_sent += n > 0 ? (uint64_t)n : 0;
		receive(n > 0 ? 0 : 1);
		drain_answers();
	}
	return n_sent;
}

static void measure_rate(const char *pid, size_t window, double seconds)
{
	double begin, end;
	double cpu;
	uint64_t n;

	pump(window, now() + warm_up_s);
	n = n_received;
	begin = now();
	cpu = cpu_of(pid);
	pump(window, begin + seconds);
	n = (n_received - n) / n_arrival;
	cpu = cpu_of(pid) - cpu;
	end = now();
	printf("%.0f %.0f\n", (double)n / (end - begin), (double)n / cpu);
}

static void measure_batches(size_t n_batch, long rounds)
{
	double longest = 0;
	double begin = now();

	for (size_t i = 1; i < n_batch; i++)
		memcpy(batch + i * n_request, batch, n_request);
	for (long i = 0; i < rounds; i++) {
		double t = now();
		uint64_t expected = n_received;

		say(publisher, batch, n_batch * n_request);
		for (size_t k = 0; k < n_batch; k++) {
			n_published++;
			expected += n_readers * arrival();
		}
		receive_until(expected);
		drain_answers();
		if (now() - t > longest)
			longest = now() - t;
	}
	printf("%.0f %.0f\n", longest * 1e6,
	       (now() - begin) / (double)rounds * 1e6);
}

int main(int argc, char **argv)
{
	double last;

	if (argc != 9)
		die(2, "usage", "see the source");
	protocol = find_protocol(argv[1]);
	size = strtoul(argv[6], NULL, 10);
	last = strtod(argv[8], NULL);
	open_all(argv[2], strtoul(argv[4], NULL, 10),
		 strtoul(argv[5], NULL, 10));
	settle();
	if (last < 0)
		measure_batches(strtoul(argv[7], NULL, 10), (long)-last);
	else
		measure_rate(argv[3], strtoul(argv[7], NULL, 10), last);
	return 0;
}
