/* Bulk on one connection, and the longest turn when 2,000 readers stall at
 * once: TCP on loopback, with the kernel's own sizes of buffers.
 *
 * One reader takes 4 GiB as fast as it can. Then 2,000 have all asked for
 * 4 MiB before the loop reads the first request, and take nothing.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "resident.h"

enum {
	N_READERS = 2000,
	ANSWER_SIZE = 4194304,
	N_BULK_ANSWERS = 1024
};

static struct weir_conn conns[N_READERS];
static int n_conns;
static struct weir_buf *answer;

static const struct weir_conn_limits limits = {.high = ANSWER_SIZE / 4,
					       .max = 3 * ANSWER_SIZE,
					       .stall_ns = WEIR_NEVER};

static size_t give(struct weir_conn *c, const void *data, size_t n)
{
	int error = weir_conn_sendbuf(c, answer);

	(void)data;
	if (error < 0)
		fail("weir_conn_sendbuf", error);
	return n;
}

static const struct weir_conn_events events = {.on_data = give,
					       .on_close = forget};

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	int error =
		weir_conn_open(&conns[n_conns++], weir_listener_loop(listener),
			       fd, &events, &limits);

	(void)peer;
	if (error < 0)
		fail("weir_conn_open", error);
}

static int ask(const struct weir_address *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, &address->sa.any, address->len) < 0 ||
	    send(fd, "?", 1, 0) != 1)
		fail("a reader", -errno);
	return fd;
}

/* Ask on each, say so, and wait. */
static _Noreturn void stall(const struct weir_address *address, int asked)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < N_READERS; i++)
		ask(address);
	if (write(asked, "", 1) != 1)
		fail("the server", -errno);
	for (;;)
		pause();
}

static _Noreturn void read_all(const struct weir_address *address)
{
	static char data[1048576];
	int fd = ask(address);

	while (recv(fd, data, sizeof data, 0) > 0)
		;
	exit(0);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void measure_bulk(struct weir_loop *loop,
			 const struct weir_address *address)
{
	double n_gib = N_BULK_ANSWERS * (double)ANSWER_SIZE / (1 << 30);
	uint64_t began_cpu_ns = cpu_ns();
	uint64_t began_ns = weir_loop_now(loop);
	struct weir_progress progress = {0};
	double n_seconds;

	if (fork() == 0)
		read_all(address);
	while (n_conns == 0)
		weir_loop_turn(loop, -1);
	while (progress.sent < N_BULK_ANSWERS * (uint64_t)ANSWER_SIZE) {
		weir_loop_turn(loop, -1);
		weir_conn_counters(&conns[0], &progress);
		if (progress.queued <= ANSWER_SIZE)
			give(&conns[0], NULL, 0);
	}
	n_seconds = (double)(weir_loop_now(loop) - began_ns) / 1e9;
	printf("bulk on one connection      %9.2f GiB/s\n", n_gib / n_seconds);
	printf("its CPU                     %9.1f ms/GiB\n",
	       (double)(cpu_ns() - began_cpu_ns) / 1e6 / n_gib);
	weir_conn_abort(&conns[0], false);
	weir_loop_turn(loop, 0);
	n_conns = 0;
}

/* The requests wait until all are there. */
static void gather_requests(struct weir_loop *loop,
			    const struct weir_address *address)
{
	int asked[2];
	char byte;

	if (pipe(asked) < 0)
		fail("pipe", -errno);
	if (fork() == 0)
		stall(address, asked[1]);
	while (n_conns < N_READERS) {
		weir_loop_turn(loop, 10000000000);
		for (int i = 0; i < n_conns; i++)
			weir_conn_pause(&conns[i]);
	}
	if (read(asked[0], &byte, 1) != 1)
		fail("the readers", -errno);
	for (int i = 0; i < n_conns; i++)
		weir_conn_resume(&conns[i]);
}

static void time_longest_turn(struct weir_loop *loop,
			      const struct weir_address *address)
{
	struct weir_loop_stats stats;
	uint64_t n_sent = 0;

	gather_requests(loop, address);
	weir_loop_time_turns(loop, true);
	while (weir_loop_turn(loop, 200000000) > 0)
		;
	weir_loop_stats(loop, &stats);
	for (int i = 0; i < N_READERS; i++) {
		struct weir_progress progress;

		weir_conn_counters(&conns[i], &progress);
		n_sent += progress.sent;
	}
	printf("written to %d stalled     %9.1f MiB\n", N_READERS,
	       (double)n_sent / 1048576);
	printf("longest turn, CPU           %9.2f ms, most of it in %s\n",
	       (double)stats.longest_turn_ns / 1e6,
	       weir_work_name(stats.longest_turn_in));
}

int main(void)
{
	struct weir_listener listener = {0};
	struct weir_address address;
	struct weir_loop *loop;
	struct rlimit files;
	int error;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	answer = weir_buf_new(ANSWER_SIZE);
	error = weir_loop_new(&loop);
	if (!answer || error < 0)
		fail("weir_loop_new", error);
	memset(weir_buf_data(answer), 'a', ANSWER_SIZE);
	weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &address, 1);
	error = weir_listener_open(&listener, loop, &address, NULL, on_accept);
	if (error < 0)
		fail("weir_listener_open", error);
	measure_bulk(loop, weir_listener_address(&listener));
	time_longest_turn(loop, weir_listener_address(&listener));
	return 0;
}
