/* Datagram sockets that end, that fail, and that are told of failures. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_dgram.h"

enum {
	SEED = 3,
	MAX_TURNS = 100,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

#define MS UINT64_C(1000000)

static const char any_port[] = "udp:127.0.0.1:0";

static void end_of_test(void)
{
	harness_remove_folder();
	harness_end();
}

TestSuite(dgram_ends, .init = harness_begin, .fini = end_of_test,
	  .timeout = PATIENCE_S);

/* -- closed inside -- */

static void close_it(struct talk *t, const void *data, size_t n)
{
	weir_dgram_close(&t->d);
	/* data is good to the end of the call */
	harness_check(data, n, SEED, 0);
}

Test(dgram_ends, it_may_be_closed_inside_and_hears_no_more)
{
	struct talk t = {.then = close_it};
	struct weir_address address;
	int peer = peer_open(&address, "");

	talk_bind(&t, "", NULL);
	for (int i = 0; i < 3; i++)
		peer_send(peer, &t, SEED, 10);
	cr_expect_eq(weir_loop_run(t.loop), 0);
	cr_expect_eq(t.n_heard, 1);
	close(peer);
	talk_end(&t);
}

static void answer_and_close(struct talk *t, const void *data, size_t n)
{
	cr_expect_eq(weir_dgram_send(&t->d, &t->from, data, n), 0);
	weir_dgram_close(&t->d);
}

Test(dgram_ends, what_was_queued_is_dropped_and_counted)
{
	struct talk t = {.then = answer_and_close};
	struct weir_address address;
	int peer = peer_open(&address, "");

	talk_bind(&t, "", NULL);
	peer_send(peer, &t, SEED, 10);
	cr_expect_eq(weir_loop_run(t.loop), 0);
	talk_expect_account(&t, 0, 0, 1);
	peer_expect_nothing(peer);
	close(peer);
	talk_end(&t);
}

Test(dgram_ends, it_may_be_closed_while_it_waits_for_the_clock)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");

	talk_bind(&t, "", NULL);
	fault_next(FAULT_SENDMMSG, -EAGAIN);
	cr_expect_eq(talk_send(&t, &address, SEED, 10), 0);
	weir_dgram_close(&t.d);
	talk_expect_account(&t, 0, 0, 1);
	cr_expect_eq(weir_loop_run(t.loop), 0);
	cr_expect_eq(fault_time_now(), HARNESS_START_NS);
	peer_expect_nothing(peer);
	close(peer);
	talk_end(&t);
}

static void open_again(struct talk *t, const void *data, size_t n)
{
	struct weir_address address = t->d.address;

	(void)data;
	(void)n;
	weir_dgram_close(&t->d);
	cr_assert_eq(
		weir_dgram_bind(&t->d, t->loop, &address, t->d.events, NULL),
		0);
}

Test(dgram_ends, it_may_be_opened_again_inside)
{
	struct talk t = {.then = open_again};
	struct weir_address address;
	int peer = peer_open(&address, "");

	talk_bind(&t, "", NULL);
	peer_send(peer, &t, SEED, 10);
	weir_loop_turn(t.loop, 1);
	cr_expect_eq(t.n_heard, 1);
	cr_expect_eq(t.d.stats.n_received, 0, "the counters begin anew");
	t.n_heard = 0;
	peer_send(peer, &t, SEED, 10);
	t.then = NULL;
	talk_hear(&t, 1);
	close(peer);
	talk_end(&t);
}

static void free_it(struct weir_dgram *d, const struct weir_dgram_received *in)
{
	weir_dgram_close(d);
	memset(d, 0xA5, sizeof *d);
	free(d);
	cr_expect_eq(in->n, in->true_size);
	harness_check(in->data, in->n, SEED, 0);
}

static void free_drained(struct weir_dgram *d)
{
	weir_dgram_close(d);
	memset(d, 0xA5, sizeof *d);
	free(d);
}

static const struct weir_dgram_events freeing = {.on_datagram = free_it,
						 .on_drain = free_drained};

Test(dgram_ends, it_may_be_freed_inside)
{
	struct weir_dgram *d = calloc(1, sizeof *d);
	struct weir_address address = harness_unix_name();
	struct talk t = {.n = 0};
	int peer = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	address.type = SOCK_DGRAM;
	cr_assert_eq(weir_loop_new(&t.loop), 0);
	cr_assert_eq(weir_dgram_bind(d, t.loop, &address, &freeing, NULL), 0);
	t.d.address = address;
	peer_send(peer, &t, SEED, 10);
	peer_send(peer, &t, SEED, 10);
	cr_expect_eq(weir_loop_run(t.loop), 0);
	cr_assert_eq(weir_loop_free(t.loop), 0);
	close(peer);
}

Test(dgram_ends, it_may_be_freed_when_it_has_drained)
{
	const struct weir_dgram_options options = {.queue_messages = 1};
	struct weir_dgram *d = calloc(1, sizeof *d);
	struct weir_address address;
	struct weir_loop *loop;
	int peer = peer_open(&address, any_port);

	cr_assert_eq(weir_loop_new(&loop), 0);
	cr_assert_eq(weir_dgram_connect(d, loop, &address, &freeing, &options),
		     0);
	fault_next(FAULT_SENDMMSG, -EAGAIN);
	cr_expect_eq(weir_dgram_send(d, NULL, "1", 1), 0);
	cr_expect_eq(weir_dgram_send(d, NULL, "2", 1), -ENOBUFS);
	cr_expect_eq(weir_loop_run(loop), 0);
	cr_expect_eq(peer_drain(peer), 1);
	cr_assert_eq(weir_loop_free(loop), 0);
	close(peer);
}

/* -- errors of destinations -- */

Test(dgram_ends, a_refusal_by_icmp_is_counted_and_drops_nothing)
{
	struct weir_dgram_stats stats;
	const struct weir_address address = harness_free_address(any_port);
	struct talk t = {.then = NULL};

	talk_connect(&t, &address, NULL);
	for (unsigned i = 1; i <= 3; i++) {
		cr_expect_eq(talk_send(&t, NULL, SEED, 10), 0);
		harness_turn_until_idle(t.loop, MAX_TURNS);
		weir_dgram_stats(&t.d, &stats);
		cr_expect_eq(stats.n_errors, i);
		cr_expect_eq(stats.last_error, -ECONNREFUSED);
	}
	talk_expect_account(&t, 3, 0, 0);
	talk_end(&t);
}

/* The error waits in the socket when the next one is sent. */
Test(dgram_ends, an_error_of_an_earlier_one_does_not_drop_the_next)
{
	const struct weir_address address = harness_free_address(any_port);
	struct talk t = {.then = NULL};
	int peer;

	talk_connect(&t, &address, NULL);
	cr_expect_eq(talk_send(&t, NULL, SEED, 10), 0);
	weir_loop_turn(t.loop, 0);
	fault_next(FAULT_SENDMMSG, -ECONNREFUSED);
	peer = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(peer, &address.sa.any, address.len), 0);
	cr_expect_eq(talk_send(&t, NULL, SEED + 1, 10), 0);
	peer_expect(peer, SEED + 1, 10);
	talk_expect_account(&t, 2, 0, 0);
	cr_expect_eq(t.d.stats.n_errors, 2);
	close(peer);
	talk_end(&t);
}

Test(dgram_ends, a_destination_that_is_not_there_is_told_or_counted)
{
	struct weir_address nobody = harness_unix_path("nobody");
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");

	talk_bind(&t, "", NULL);
	cr_expect_eq(talk_send(&t, &nobody, SEED, 10), -ENOENT);
	talk_expect_account(&t, 0, 0, 1);
	cr_expect_eq(t.d.stats.n_errors, 1);
	cr_expect_eq(t.d.stats.last_error, -ENOENT);
	/* queued, it is found out later; the one behind it is sent */
	fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, 1, -EAGAIN);
	fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, 2, -EAGAIN);
	cr_expect_eq(talk_send(&t, &nobody, SEED, 10), 0);
	cr_expect_eq(talk_send(&t, &address, SEED, 10), 0);
	weir_loop_turn(t.loop, (int64_t)(2 * MS));
	talk_expect_account(&t, 1, 0, 2);
	cr_expect_eq(t.d.stats.n_errors, 2);
	cr_expect_eq(t.n_drains, 0, "it is not for want of room");
	peer_expect(peer, SEED, 10);
	close(peer);
	talk_end(&t);
}

Test(dgram_ends, a_unix_peer_that_is_gone_is_told_with_every_send)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");

	talk_connect(&t, &address, NULL);
	close(peer);
	cr_expect_eq(talk_send(&t, NULL, SEED, 10), -ENOTCONN);
	cr_expect_eq(talk_send(&t, NULL, SEED, 10), -ENOTCONN);
	talk_expect_account(&t, 0, 0, 2);
	harness_turn_until_idle(t.loop, 2);
	talk_end(&t);
}

/* -- errors of the kernel -- */

Test(dgram_ends, an_error_of_receiving_that_stays_does_not_spin)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");
	uint64_t n_turns;

	talk_bind(&t, "", NULL);
	peer_send(peer, &t, SEED, 10);
	fault_result(FAULT_RECVMMSG, FAULT_ANY_FD, FAULT_ALWAYS, -EACCES);
	while (fault_time_now() < HARNESS_START_NS + 640 * MS)
		weir_loop_turn(t.loop, (int64_t)(64 * MS));
	n_turns = t.loop->n_turns;
	cr_expect_leq(n_turns, 16 + 2 * 16, "%u turns", (unsigned)n_turns);
	cr_expect_eq(t.d.stats.last_error, -EACCES);
	fault_clear();
	weir_loop_turn(t.loop, (int64_t)(64 * MS));
	talk_hear(&t, 1);
	close(peer);
	talk_end(&t);
}

/* One now and then is no reason to pause. */
Test(dgram_ends, errors_of_receiving_between_datagrams_cost_no_pause)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");

	talk_bind(&t, "", NULL);
	for (unsigned i = 1; i <= 100; i++) {
		fault_next(FAULT_RECVMMSG, -ECONNREFUSED);
		peer_send(peer, &t, SEED, 10);
		talk_hear(&t, i);
	}
	cr_expect_eq(t.d.stats.n_errors, 100);
	cr_expect_eq(fault_time_now(), HARNESS_START_NS);
	close(peer);
	talk_end(&t);
}

Test(dgram_ends, a_change_of_interest_that_is_refused_is_made_good)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, any_port);

	talk_bind(&t, any_port, NULL);
	fault_next(FAULT_SENDMMSG, -EAGAIN);
	fault_next(FAULT_EPOLL_MOD, -ENOMEM);
	fault_next(FAULT_EPOLL_ADD, -ENOMEM);
	cr_expect_eq(talk_send(&t, &address, SEED, 10), 0);
	for (int i = 0; i < 4; i++)
		weir_loop_turn(t.loop, (int64_t)(2 * MS));
	cr_expect_eq(fault_n_pending(), 0);
	peer_expect(peer, SEED, 10);
	peer_send(peer, &t, SEED, 10);
	talk_hear(&t, 1);
	close(peer);
	talk_end(&t);
}

static void answer(struct talk *t, const void *data, size_t n)
{
	cr_expect_eq(weir_dgram_send(&t->d, &t->from, data, n), 0);
}

/* Three datagrams are heard and answered whichever call fails, once. */
Test(dgram_ends, every_failing_call_of_an_echo_is_survived)
{
	enum fault_call hit = FAULT_N_CALLS;

	for (uint64_t k = 1; hit != FAULT_NONE; k++) {
		struct talk t = {.then = answer};
		struct weir_address address;
		int peer = peer_open(&address, any_port);

		talk_bind(&t, any_port, NULL);
		for (unsigned i = 0; i < 3; i++)
			peer_send(peer, &t, SEED + i, 10);
		fault_reset();
		fault_fail_call(k);
		talk_hear(&t, 3);
		hit = fault_hit();
		fault_reset();
		harness_turn_until_idle(t.loop, MAX_TURNS);
		for (unsigned i = 0; i < 3; i++)
			peer_expect(peer, SEED + i, 10);
		talk_expect_account(&t, 3, 0, 0);
		close(peer);
		talk_end(&t);
		cr_assert_lt(k, 100);
	}
}
