/* Memory after a burst: 512 MiB queued, then read.
 *
 * 1,024 connections (socket pairs), whose peers do not read, are sent messages
 * of 1 to 16 KiB in turn until their queues hold 512 MiB of payload together.
 * Then the peers read everything, in turn, and every byte is counted. All
 * connections stay open; resident memory is compared with what it was after
 * each had been sent, and had its peer receive, one message.
 * Exit status 1: more than 4 MiB above that, or bytes are missing. */
#include <errno.h>
#include <sys/socket.h>

#include "resident.h"

enum {
	N_CONNECTIONS = 1024,
	MESSAGE_MAX = 16384,
	MIB = 1 << 20,
	LIMIT = 4 * MIB
};

static const size_t burst = (size_t)512 * MIB;

static const struct weir_conn_limits limits = {
	.high = MIB, .max = 4 * MIB, .stall_ns = WEIR_NEVER};

static const struct weir_conn_events events = {.on_data = skip,
					       .on_close = forget};

static struct weir_conn connections[N_CONNECTIONS];
static int peers[N_CONNECTIONS];
static unsigned char message[65536];

static void open_all(struct weir_loop *loop)
{
	for (int i = 0; i < N_CONNECTIONS; i++) {
		int fd[2];
		int error;

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
			fail("socketpair", -errno);
		error = weir_conn_open(&connections[i], loop, fd[0], &events,
				       &limits);
		if (error < 0)
			fail("weir_conn_open", error);
		peers[i] = fd[1];
	}
}

/* Until n more bytes are queued; how many were accepted. */
static size_t send_until_queued(struct weir_loop *loop, size_t n)
{
	size_t n_accepted = 0;

	for (size_t i = 0; queue_bytes(loop) < n; i++) {
		size_t size = 1 + i * 7919 % MESSAGE_MAX;
		int error = weir_conn_sendall(&connections[i % N_CONNECTIONS],
					      message, size);

		if (error < 0)
			fail("weir_conn_sendall", error);
		n_accepted += size;
		if (i % N_CONNECTIONS == 0)
			weir_loop_turn(loop, 0);
	}
	return n_accepted;
}

static size_t send_one_each(struct weir_loop *loop)
{
	for (int i = 0; i < N_CONNECTIONS; i++)
		weir_conn_sendall(&connections[i], message, MESSAGE_MAX);
	weir_loop_turn(loop, 0);
	return (size_t)N_CONNECTIONS * MESSAGE_MAX;
}

/* The peers read until nothing comes any more. */
static size_t read_all(struct weir_loop *loop)
{
	size_t n_all = 0;
	size_t n_before;

	do {
		n_before = n_all;
		for (int i = 0; i < N_CONNECTIONS; i++) {
			ssize_t n = recv(peers[i], message, sizeof message,
					 MSG_DONTWAIT);

			n_all += n > 0 ? (size_t)n : 0;
		}
		weir_loop_turn(loop, 0);
	} while (n_all > n_before);
	return n_all;
}

static void print(const char *what, size_t n_resident, size_t n_queue)
{
	printf("%-24s %13.2f %13.2f\n", what, (double)n_resident / MIB,
	       (double)n_queue / MIB);
}

int main(void)
{
	struct weir_loop *loop;
	size_t before, after, n_accepted, n_read;
	int error = weir_loop_new(&loop);

	if (error < 0)
		fail("weir_loop_new", error);
	weir_loop_budget(loop, 2 * burst, burst);
	open_all(loop);
	n_accepted = send_one_each(loop);
	n_read = read_all(loop);
	before = resident();
	printf("%-24s %13s %13s\n", "MiB", "resident", "send queues");
	print("before", before, queue_bytes(loop));
	n_accepted += send_until_queued(loop, burst);
	print("at the peak", resident(), queue_bytes(loop));
	n_read += read_all(loop);
	after = resident();
	print("after, all read", after, queue_bytes(loop));
	printf("%-24s %13.2f %13s\n", "more than before",
	       ((double)after - (double)before) / MIB, "limit 4");
	printf("%zu bytes accepted, %zu read\n", n_accepted, n_read);
	return n_read != n_accepted || after > before + LIMIT;
}
