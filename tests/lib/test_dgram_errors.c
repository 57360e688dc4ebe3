/* Datagram sockets whose user asks for an error queue. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_dgram.h"

enum {
	SEED = 9,
	N_ERRORS = 5,
	MAX_TURNS = 20,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

static const char any_port[] = "udp:127.0.0.1:0";
/* The kernel gives it to no socket that has not asked for it. */
static const char nobodys_port[] = "udp:127.0.0.1:1";

TestSuite(dgram_errors, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* Whether the error queue has something; it is taken. */
static bool take_error(const struct talk *t)
{
	struct msghdr message = {.msg_iov = NULL};

	return recvmsg(weir_dgram_fd(&t->d), &message,
		       MSG_ERRQUEUE | MSG_DONTWAIT) >= 0;
}

/* Bound, and the ICMP errors of n that it has sent to nobody are queued. */
static void begin(struct talk *t, int n)
{
	const int on = 1;
	const struct weir_address nobody = harness_address(nobodys_port);

	talk_bind(t, any_port, NULL);
	must(setsockopt(weir_dgram_fd(&t->d), IPPROTO_IP, IP_RECVERR, &on,
			sizeof on),
	     "setsockopt");
	for (int i = 0; i < n; i++)
		must(sendto(weir_dgram_fd(&t->d), "x", 1, 0, &nobody.sa.any,
			    nobody.len) < 0 &&
				     errno != ECONNREFUSED
			     ? -1
			     : 0,
		     "sendto");
}

static void expect_service(struct talk *t)
{
	struct weir_address address;
	int peer = peer_open(&address, any_port);

	peer_send(peer, t, SEED, 10);
	talk_hear(t, 1);
	cr_expect_eq(fault_time_now(), HARNESS_START_NS, "it was deaf");
	close(peer);
}

Test(dgram_errors, a_queue_that_nobody_reads_does_not_spin)
{
	struct talk t = {.then = NULL};

	begin(&t, N_ERRORS);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	cr_expect_not(take_error(&t));
	cr_expect_geq(t.n_error_queues, 1, "the owner is told");
	cr_expect_eq(t.d.stats.last_error, -ECONNREFUSED);
	expect_service(&t);
	talk_end(&t);
}

static void read_all(struct talk *t)
{
	while (take_error(t))
		t->n++;
}

Test(dgram_errors, the_owner_reads_it_first)
{
	struct talk t = {.on_error_queue = read_all};

	begin(&t, N_ERRORS);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	cr_expect_geq(t.n, 1);
	cr_expect_leq(t.n_error_queues, 2);
	expect_service(&t);
	talk_end(&t);
}

static void close_it(struct talk *t)
{
	weir_dgram_close(&t->d);
}

Test(dgram_errors, closed_inside_it_is_closed)
{
	struct talk t = {.on_error_queue = close_it};

	begin(&t, N_ERRORS);
	cr_expect_eq(weir_loop_run(t.loop), 0);
	cr_expect_eq(t.n_error_queues, 1);
	talk_end(&t);
}

static void close_at_datagram(struct talk *t, const void *data, size_t n)
{
	(void)data;
	(void)n;
	weir_dgram_close(&t->d);
}

Test(dgram_errors, closed_at_a_datagram_it_is_told_of_no_queue)
{
	struct talk t = {.then = close_at_datagram};
	struct weir_address address;
	int peer = peer_open(&address, any_port);

	begin(&t, N_ERRORS);
	peer_send(peer, &t, SEED, 10);
	cr_expect_eq(weir_loop_run(t.loop), 0);
	cr_expect_eq(t.n_heard, 1);
	talk_end(&t);
	close(peer);
}

/* Without the option an error is told by recvmmsg(2), and that is all. */
Test(dgram_errors, unasked_there_is_no_queue_to_tell_of)
{
	const struct weir_address nobody = harness_address(nobodys_port);
	struct talk t = {.then = NULL};

	talk_connect(&t, &nobody, NULL);
	cr_expect_eq(talk_send(&t, NULL, SEED, 10), 0);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	cr_expect_eq(t.d.stats.n_errors, 1);
	cr_expect_eq(t.n_error_queues, 0);
	cr_expect_eq(fault_count(FAULT_TAKE_ERROR), 0);
	talk_end(&t);
}

/* There MSG_ERRQUEUE would take a datagram. A peer that turns to another, and
 * has not read, leaves an error (ECONNRESET), which a script hides here. */
Test(dgram_errors, a_unix_socket_is_never_asked_for_its_queue)
{
	struct weir_address address;
	struct weir_address other;
	struct weir_address own = {.len = sizeof own.sa};
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");
	int third = peer_open(&other, "");

	talk_connect(&t, &address, NULL);
	must(getsockname(weir_dgram_fd(&t.d), &own.sa.any, &own.len), "name");
	must(connect(peer, &own.sa.any, own.len), "connect");
	must(send(peer, "x", 1, 0), "send");
	cr_expect_eq(talk_send(&t, NULL, SEED, 10), 0);
	must(connect(peer, &other.sa.any, other.len), "connect");
	fault_next(FAULT_RECVMMSG, -EAGAIN);
	weir_loop_turn(t.loop, 0);
	cr_expect_eq(fault_n_pending(), 0);
	cr_expect(t.loop->events[0].events & EPOLLERR);
	cr_expect_eq(fault_count(FAULT_TAKE_ERROR), 0);
	cr_expect_eq(t.n_error_queues, 0);
	talk_hear(&t, 1);
	close(peer);
	close(third);
	talk_end(&t);
}

/* -- options -- */

static const struct weir_dgram_events deaf;

Test(dgram_errors, options_out_of_range_are_refused_and_change_nothing)
{
	static const struct weir_dgram_options table[] = {
		{.sndbuf = -1},
		{.rcvbuf = -1},
		{.receive_max = (64 << 20) + 1},
		{.policy = WEIR_DGRAM_DROP_OLDEST + 1}};
	struct weir_address address;
	struct talk t = {.then = NULL};
	struct weir_dgram other = {0};
	int peer = peer_open(&address, any_port);

	talk_bind(&t, any_port, NULL);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct weir_address own = address;

		own.sa.in.sin_port = 0;
		cr_expect_eq(
			weir_dgram_bind(&other, t.loop, &own, &deaf, &table[i]),
			-EINVAL);
		cr_expect_eq(weir_dgram_connect(&other, t.loop, &address, &deaf,
						&table[i]),
			     -EINVAL);
		cr_expect_not(weir_dgram_is_open(&other));
	}
	close(peer);
	talk_end(&t);
}

static void hear_nothing(struct weir_dgram *d,
			 const struct weir_dgram_received *in)
{
	(void)d;
	(void)in;
}

Test(dgram_errors, an_owner_that_is_not_to_be_told_is_not)
{
	static const struct weir_dgram_events untold = {.on_datagram =
								hear_nothing};
	struct talk t = {.then = NULL};

	begin(&t, N_ERRORS);
	t.d.events = &untold;
	harness_turn_until_idle(t.loop, MAX_TURNS);
	cr_expect_not(take_error(&t));
	cr_expect_eq(t.n_error_queues, 0);
	talk_end(&t);
}
