/* relay: all bytes, both ways, in bounded memory, each direction by itself. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness_net.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	PATIENCE_MS = 20000,
	MIB = 1048576,
	N_TRICKLED = 3 * MIB,
	PIECE = 65536,
	SMALL_BUFFER = 16384,
	PEAK_KIB = 8192
};

TestSuite(server_relay, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* -- streams -- */

/* One direction of a pair, seen by a test that is at both its ends. */
struct stream {
	int from;
	struct harness_peer to;
	uint64_t n_written;
	uint64_t n_all;
	size_t max_piece; /* to write or to read at once */
};

static void write_some(struct stream *s)
{
	static unsigned char data[PIECE];
	uint64_t left = s->n_all - s->n_written;
	size_t n = 1 + harness_random_below(s->max_piece);
	ssize_t n_sent;

	if (n > left)
		n = (size_t)left;
	if (n == 0)
		return;
	harness_fill(data, n, s->to.seed, s->n_written);
	n_sent = send(s->from, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n_sent < 0)
		cr_assert_eq(errno, EAGAIN);
	s->n_written += n_sent > 0 ? (uint64_t)n_sent : 0;
}

static void read_some(struct stream *s)
{
	harness_peer_read(&s->to, 1 + harness_random_below(s->max_piece));
}

static bool is_done(const struct stream *s)
{
	return s->to.n_received == s->n_all;
}

static void await_progress(const struct stream *a, const struct stream *b)
{
	struct pollfd pollfds[2];
	const struct stream *const both[] = {a, b};

	/* a's source is b's sink */
	for (size_t i = 0; i < 2; i++) {
		pollfds[i].fd = both[i]->from;
		pollfds[i].events = 0;
		if (both[i]->n_written < both[i]->n_all)
			pollfds[i].events |= POLLOUT;
		if (!is_done(both[1 - i]))
			pollfds[i].events |= POLLIN;
	}
	cr_assert_gt(poll(pollfds, 2, PATIENCE_MS), 0, "it hangs");
}

static void trickle(int client, int target, size_t max_piece)
{
	struct stream there = {.from = client,
			       .to = {.fd = target, .seed = 1},
			       .n_all = N_TRICKLED,
			       .max_piece = max_piece};
	struct stream back = {.from = target,
			      .to = {.fd = client, .seed = 2},
			      .n_all = N_TRICKLED,
			      .max_piece = max_piece};

	while (!is_done(&there) || !is_done(&back)) {
		await_progress(&there, &back);
		write_some(&there);
		write_some(&back);
		read_some(&there);
		read_some(&back);
	}
}

static void end_pair(int client, int target)
{
	shutdown(client, SHUT_WR);
	expect_end(target);
	shutdown(target, SHUT_WR);
	expect_end(client);
	close(client);
	close(target);
}

static void check_trickle(const char *listen, const char *target,
			  const char *option, size_t max_piece)
{
	struct relay r;
	int fds[2];

	relay_start(&r, listen, target, "--sndbuf=16K", option, NULL);
	relay_pair(&r, &fds[0], &fds[1]);
	trickle(fds[0], fds[1], max_piece);
	end_pair(fds[0], fds[1]);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay, passes_every_byte_both_ways_in_small_pieces)
{
	check_trickle("127.0.0.1:0", "127.0.0.1:0", "--rcvbuf=16K", 3000);
}

Test(server_relay, passes_every_byte_both_ways_in_large_pieces)
{
	check_trickle("[::1]:0", "127.0.0.1:0", "--notsent-lowat=16K", PIECE);
}

Test(server_relay, passes_every_byte_with_queues_as_small_as_may_be)
{
	check_trickle("127.0.0.1:0", "127.0.0.1:0", "--high=1", 10000);
}

Test(server_relay, passes_every_byte_between_unix_sockets)
{
	struct weir_address path = harness_unix_path("target");
	char target[WEIR_ADDRESS_TEXT_SIZE];
	char listen[64];

	snprintf(listen, sizeof listen, "unix:@weir-relay-%d", (int)getpid());
	weir_address_format(&path, target, sizeof target);
	check_trickle(listen, target, "--high=64K", 20000);
	harness_remove_folder();
}

Test(server_relay, serves_many_pairs_with_workers)
{
	enum {
		N_PAIRS = 40
	};
	struct relay r;
	int clients[N_PAIRS];
	int targets[N_PAIRS];

	relay_start(&r, "127.0.0.1:0", "127.0.0.1:0", "--workers=3", NULL);
	for (size_t i = 0; i < N_PAIRS; i++)
		relay_pair(&r, &clients[i], &targets[i]);
	for (size_t i = 0; i < N_PAIRS; i++) {
		write_pattern(clients[i], 5000, i);
		write_pattern(targets[i], 3000, i + N_PAIRS);
	}
	for (size_t i = 0; i < N_PAIRS; i++) {
		read_pattern(targets[i], 5000, i);
		read_pattern(clients[i], 3000, i + N_PAIRS);
		end_pair(clients[i], targets[i]);
	}
	cr_assert_eq(relay_stop(&r), 0);
}

/* -- which side speaks first -- */

Test(server_relay, lets_the_target_speak_first)
{
	struct relay r;
	int fds[2];

	RELAY_OPEN(&r, &fds[0], &fds[1], NULL);
	write_pattern(fds[1], 10, 1);
	read_pattern(fds[0], 10, 1);
	end_pair(fds[0], fds[1]);
	cr_assert_eq(relay_stop(&r), 0);
}

/* A name may also have an IPv6 address at which no server listens. */
Test(server_relay, tries_every_address_of_the_target)
{
	struct relay r;
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char endpoint[2 * SERVED_ADDRESS_SIZE];
	int client;
	int target;

	relay_start(&r, "127.0.0.1:0", "127.0.0.1:0", NULL);
	snprintf(endpoint, sizeof endpoint, "relay=127.0.0.1:0,localhost%s",
		 strrchr(r.target, ':'));
	served_start(&s, endpoint, NULL);
	served_address(&s, "relay", address);
	client = dial(address, 0);
	target = relay_accept(&r);
	write_pattern(client, 10, 1);
	read_pattern(target, 10, 1);
	end_pair(client, target);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_eq(relay_stop(&r), 0);
}

/* -- pressure -- */

static void start_small(struct relay *r, int *client, int *target)
{
	relay_start(r, "127.0.0.1:0", "127.0.0.1:0", "--sndbuf=16K",
		    "--rcvbuf=16K", "--high=64K", NULL);
	*client = dial(r->address, SMALL_BUFFER);
	*target = relay_accept(r);
	set_sndbuf(*client, SMALL_BUFFER);
	set_sndbuf(*target, SMALL_BUFFER);
}

/* The sink reads nothing. What the source can write is what the marks and
 * four small buffers hold, and the target's own receive buffer, which nothing
 * has made small. */
static void check_bounded(bool is_upload)
{
	const size_t n_bounded = 2 * MIB;
	struct relay r;
	int fds[2];
	int source;
	int sink;
	size_t n;

	start_small(&r, &fds[0], &fds[1]);
	source = is_upload ? fds[0] : fds[1];
	sink = is_upload ? fds[1] : fds[0];
	/* it is its window that counts */
	cr_assert_eq(setsockopt(sink, SOL_SOCKET, SO_RCVBUF,
				&(int){SMALL_BUFFER}, sizeof(int)),
		     0);
	n = write_until_quiet(source, 1, 64 * MIB);
	cr_assert_lt(n, n_bounded);
	if (!served_is_sanitized())
		cr_assert_lt(served_kib(&r.s, "VmHWM"), PEAK_KIB);
	shutdown(source, SHUT_WR);
	read_pattern(sink, n, 1);
	expect_end(sink);
	close(source);
	close(sink);
	cr_assert_eq(relay_stop(&r), 0);
}

Test(server_relay, keeps_little_for_a_target_that_reads_nothing)
{
	check_bounded(true);
}

Test(server_relay, keeps_little_for_a_client_who_reads_nothing)
{
	check_bounded(false);
}

/* The client reads no answer before it has written all, and the target reads
 * no request before it has answered: without a relay in between that works as
 * long as one of them reads in the end. */
static void check_independent(bool is_upload)
{
	struct relay r;
	int fds[2];
	struct stream s = {.n_all = 4 * MIB, .max_piece = PIECE};
	size_t n;

	start_small(&r, &fds[0], &fds[1]);
	s.from = is_upload ? fds[0] : fds[1];
	s.to = (struct harness_peer){.fd = is_upload ? fds[1] : fds[0],
				     .seed = 2};
	/* one direction is full, and stays so */
	n = write_until_quiet(s.to.fd, 1, 64 * MIB);
	while (!is_done(&s)) {
		struct pollfd pollfds[2] = {
			{.fd = s.to.fd, .events = POLLIN},
			{.fd = s.n_written < s.n_all ? s.from : -1,
			 .events = POLLOUT}};

		cr_assert_gt(poll(pollfds, 2, PATIENCE_MS), 0, "it hangs");
		write_some(&s);
		read_some(&s);
	}
	read_pattern(s.from, n, 1);
	end_pair(fds[0], fds[1]);
	cr_assert_eq(relay_stop(&r), 0);
}

Test(server_relay, reads_on_from_a_client_who_reads_nothing)
{
	check_independent(true);
}

Test(server_relay, reads_on_from_a_target_that_reads_nothing)
{
	check_independent(false);
}

/* -- half-close -- */

Test(server_relay, passes_an_answer_of_a_mebibyte_behind_the_requests_fin)
{
	struct relay r;
	int fds[2];

	RELAY_OPEN(&r, &fds[0], &fds[1], "--sndbuf=16K", NULL);
	write_pattern(fds[0], 1000, 1);
	shutdown(fds[0], SHUT_WR);
	read_pattern(fds[1], 1000, 1);
	expect_end(fds[1]);
	for (size_t i = 0; i < 16; i++) {
		write_pattern(fds[1], PIECE, i);
		read_pattern(fds[0], PIECE, i);
	}
	shutdown(fds[1], SHUT_WR);
	expect_end(fds[0]);
	close(fds[0]);
	close(fds[1]);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay, takes_a_mebibyte_after_the_targets_fin)
{
	struct relay r;
	int fds[2];

	RELAY_OPEN(&r, &fds[0], &fds[1], "--sndbuf=16K", NULL);
	shutdown(fds[1], SHUT_WR);
	expect_end(fds[0]);
	for (size_t i = 0; i < 16; i++) {
		write_pattern(fds[0], PIECE, i);
		read_pattern(fds[1], PIECE, i);
	}
	shutdown(fds[0], SHUT_WR);
	expect_end(fds[1]);
	close(fds[0]);
	close(fds[1]);
	cr_assert_eq(relay_end(&r), 0);
}
