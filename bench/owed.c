/* What a stalled subscriber costs for one more shared message.
 *
 * 10,000 subscribers connect over loopback and never read. A first shared
 * message of 64 KiB fills what the kernel holds for each, and its rest is
 * queued: they are stalled. Then 16 more, each of 1 KiB, are owed to all of
 * them. The figure is the growth of memory by those 16, less their payload,
 * for one message and one subscriber: counted by the loop (n_queue_bytes,
 * which is what was asked of malloc), and resident, in which malloc's own
 * overhead is.
 *
 * The first message costs more, once: a connection that has ever owed something
 * keeps a record of its debt to its end.
 * Exit status 1: by either count more than 48 bytes, rounded to whole ones. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "resident.h"

enum {
	N_SUBSCRIBERS = 10000,
	FIRST_SIZE = 65536,
	MORE_SIZE = 1024,
	N_MORE = 16,
	KERNEL_SIZE = 4096, /* little of the kernel's memory for each */
	LIMIT = 48
};

struct memory {
	size_t n_queue;
	size_t n_resident;
};

static struct weir_conn subscribers[N_SUBSCRIBERS];
static int n_subscribers;

static const struct weir_conn_limits limits = {.stall_ns = WEIR_NEVER};

static const struct weir_conn_events events = {.on_data = skip,
					       .on_close = forget};

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	int error = weir_conn_open(&subscribers[n_subscribers++],
				   listener->watch.loop, fd, &events, &limits);

	(void)peer;
	if (error < 0)
		fail("weir_conn_open", error);
}

/* In a process of their own, since descriptors are limited in each. */
static pid_t start_subscribers(const struct weir_address *address)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < N_SUBSCRIBERS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int size = KERNEL_SIZE;

		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
		if (fd < 0 || connect(fd, &address->sa.any, address->len) < 0)
			fail("connect", -errno);
	}
	for (;;)
		pause();
}

static pid_t accept_all(struct weir_loop *loop)
{
	struct weir_listener_options options = {.sndbuf = KERNEL_SIZE};
	struct weir_listener listener = {0};
	struct weir_address address;
	pid_t pid;
	int error;

	weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &address, 1);
	error = weir_listener_open(&listener, loop, &address, &options,
				   on_accept);
	if (error < 0)
		fail("weir_listener_open", error);
	pid = start_subscribers(&listener.address);
	while (n_subscribers < N_SUBSCRIBERS)
		if (weir_loop_turn(loop, 10000000000) == 0)
			fail("a subscriber", -ETIMEDOUT);
	weir_listener_close(&listener);
	return pid;
}

static struct memory publish(struct weir_loop *loop, size_t size)
{
	struct weir_buf *buf = weir_buf_new(size);
	int error = 0;

	if (!buf)
		fail("weir_buf_new", -ENOMEM);
	memset(weir_buf_data(buf), 'w', size);
	for (int i = 0; i < N_SUBSCRIBERS && error == 0; i++)
		error = weir_conn_sendbuf(&subscribers[i], buf);
	if (error < 0)
		fail("weir_conn_sendbuf", error);
	weir_buf_unref(buf);
	while (weir_loop_turn(loop, 100000000) > 0)
		; /* until the kernel takes no more of it */
	return (struct memory){queue_bytes(loop), resident()};
}

/* All of them owe all but the first message, or the figure means nothing. */
static void check_that_all_are_stalled(void)
{
	for (int i = 0; i < N_SUBSCRIBERS; i++) {
		struct weir_progress progress;

		weir_conn_progress(&subscribers[i], &progress);
		if (progress.queued <= N_MORE * MORE_SIZE)
			fail("a subscriber is not stalled", -ECANCELED);
	}
}

static double each(size_t before, size_t after, size_t n_payload, int n)
{
	double growth = (double)after - (double)before - (double)n_payload;

	return growth / N_SUBSCRIBERS / n;
}

int main(void)
{
	struct memory none, first, last;
	struct weir_loop loop;
	struct rlimit files;
	double counted, held;
	pid_t pid;
	int error = weir_loop_init(&loop);

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (error < 0)
		fail("weir_loop_init", error);
	pid = accept_all(&loop);
	none = (struct memory){queue_bytes(&loop), resident()};
	last = first = publish(&loop, FIRST_SIZE);
	for (int i = 0; i < N_MORE; i++)
		last = publish(&loop, MORE_SIZE);
	check_that_all_are_stalled();
	kill(pid, SIGKILL);
	printf("%-44s %8s %9s\n", "bytes a subscriber, beyond the payload",
	       "counted", "resident");
	printf("%-44s %8.1f %9.1f\n", "the first message, with the debt record",
	       each(none.n_queue, first.n_queue, FIRST_SIZE, 1),
	       each(none.n_resident, first.n_resident, FIRST_SIZE, 1));
	counted = each(first.n_queue, last.n_queue, N_MORE * MORE_SIZE, N_MORE);
	held = each(first.n_resident, last.n_resident, N_MORE * MORE_SIZE,
		    N_MORE);
	printf("%-44s %8.1f %9.1f\n", "each further message (limit 48)",
	       counted, held);
	return counted >= LIMIT + 0.5 || held >= LIMIT + 0.5;
}
