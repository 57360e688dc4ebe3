/* A feed's promises to its followers, one by one. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "test_feed.h"

enum {
	KIB = 1024
};

static const struct weir_conn_limits small = {.low = 2 * KIB,
					      .high = 8 * KIB,
					      .max = 8 * KIB + WEIR_READ_SIZE,
					      .flags = WEIR_CONN_NO_THROTTLE};

TestSuite(feed, .init = feed_begin, .fini = feed_end, .timeout = 60);

static size_t n_heap(void)
{
	struct weir_loop_stats stats;

	weir_loop_stats(feed_loop, &stats);
	return stats.n_queue_bytes;
}

/* -- sending -- */

Test(feed, sends_all_messages_of_a_turn_in_one_call)
{
	for (int i = 0; i < 3; i++)
		feed_join(NULL);
	fault_reset();
	for (int i = 0; i < 16; i++)
		feed_say("0123456789");
	weir_loop_turn(feed_loop, 0);
	cr_assert_eq(fault_count(FAULT_SEND) + fault_count(FAULT_SENDV), 3);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(feed_progress(&feed_members[i]).sent, 160);
}

Test(feed, serves_so_many_followers_a_turn_and_the_rest_first_in_the_next)
{
	unsigned n_served = 0;

	for (int i = 0; i < FEED_MAX_MEMBERS; i++)
		feed_join(NULL);
	feed_say("a");
	weir_loop_turn(feed_loop, 0);
	for (int i = 0; i < FEED_MAX_MEMBERS; i++)
		n_served += feed_progress(&feed_members[i]).sent == 1;
	cr_assert_lt(n_served, FEED_MAX_MEMBERS);
	cr_assert_gt(n_served, 100);
	feed_say("b");
	weir_loop_turn(feed_loop, 0);
	/* those that were left have both, the others the first */
	for (int i = 0; i < FEED_MAX_MEMBERS; i++)
		cr_assert_geq(feed_progress(&feed_members[i]).sent, 1);
	weir_loop_turn(feed_loop, 0);
	for (int i = 0; i < FEED_MAX_MEMBERS; i++)
		feed_expect(&feed_members[i], "ab");
}

Test(feed, leaves_out_a_followers_own_messages)
{
	struct feed_member *a = feed_join(NULL);
	struct feed_member *b = feed_join(NULL);

	feed_stall(a);
	weir_feed_append(&feed, "a1", 2, &a->conn);
	weir_feed_append(&feed, "b1", 2, &b->conn);
	weir_feed_append(&feed, "a2", 2, &a->conn);
	weir_feed_append(&feed, "a3", 2, &a->conn);
	weir_feed_append(&feed, "b2", 2, &b->conn);
	feed_expect(b, ".a1a2a3");
	cr_assert_eq(feed_progress(a).queued, 5);
	harness_drain(a->peer, (char[100000]){0}, 100000);
	feed_expect(a, ".b1b2");
}

Test(feed, keeps_the_order_with_what_a_connection_is_sent_itself)
{
	struct feed_member *m = feed_join(NULL);

	feed_say("1");
	weir_conn_sendall(&m->conn, "2", 1);
	feed_say("3");
	weir_conn_sendall(&m->conn, "4", 1);
	weir_conn_sendall(&m->conn, "5", 1);
	feed_say("6");
	feed_expect(m, "123456");
}

static void say_in_turn(struct feed_member *m)
{
	fault_at_most(FAULT_SEND, weir_conn_fd(&m->conn), 1, 1);
	weir_conn_sendall(&m->conn, "123", 3);
	feed_say("456");
	weir_conn_sendall(&m->conn, "789", 3);
}

Test(feed, keeps_that_order_within_a_callback_and_a_short_send)
{
	struct feed_member *m = feed_join(NULL);

	m->then = say_in_turn;
	harness_write(m->peer, "?", 1);
	feed_expect(m, "123456789");
}

Test(feed, lets_no_send_overtake)
{
	struct feed_member *m = feed_join(NULL);

	feed_say("1");
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&m->conn), 1, 0);
	cr_assert_eq(weir_conn_send(&m->conn, "2", 1), 0);
	feed_expect(m, "1");
	cr_assert_eq(weir_conn_send(&m->conn, "2", 1), 1);
	feed_expect(m, "2");
}

static size_t n_shown;

static void on_offer(struct weir_observer *o, struct weir_conn *c,
		     size_t offered, size_t taken)
{
	(void)o;
	(void)c;
	cr_assert_eq(offered, taken);
	n_shown += taken;
}

Test(feed, shows_an_observer_what_is_offered)
{
	struct weir_observer observer = {.on_offer = on_offer};
	struct feed_member *m = feed_join(NULL);

	weir_loop_observe(feed_loop, &observer);
	feed_say("seen");
	feed_expect(m, "seen");
	weir_loop_observe(feed_loop, NULL);
	cr_assert_eq(n_shown, 4);
}

/* -- memory -- */

Test(feed, costs_a_stalled_follower_nothing_for_one_more_message)
{
	size_t n_live;

	for (int i = 0; i < 10; i++) {
		feed_join(NULL);
		feed_stall(&feed_members[i]);
	}
	n_live = fault_n_live_bytes();
	for (int i = 0; i < 100; i++) {
		feed_say("0123456789");
		feed_turns();
	}
	cr_assert_eq(fault_n_live_bytes(), n_live);
	cr_assert_eq(feed_progress(&feed_members[0]).queued, 1010);
}

Test(feed, counts_a_chunk_once_for_all_followers)
{
	size_t n_before;
	size_t n_one;

	feed_join(NULL);
	feed_stall(&feed_members[0]);
	n_before = n_heap();
	for (int i = 0; i < 20; i++)
		feed_fill('x', 10 * KIB);
	feed_turns();
	n_one = n_heap() - n_before;
	cr_assert_gt(n_one, 180 * KIB);
	for (int i = 1; i < 10; i++) {
		feed_join(NULL);
		harness_stuff(weir_conn_fd(&feed_members[i].conn));
	}
	n_before = n_heap();
	for (int i = 0; i < 20; i++)
		feed_fill('x', 10 * KIB);
	feed_turns();
	cr_assert_leq(n_heap() - n_before, n_one + 32 * KIB);
}

Test(feed, frees_the_log_when_all_have_read_it)
{
	struct feed_member *m = feed_join(NULL);
	char tail[2] = "";

	feed_stall(m);
	for (int i = 0; i < 20; i++)
		feed_fill('x', 10 * KIB);
	feed_turns();
	cr_assert_gt(n_heap(), 200 * KIB);
	feed_drain(m, tail, sizeof tail);
	cr_assert_lt(n_heap(), 20 * KIB);
}

Test(feed, bounds_the_heap_of_the_shortest_messages)
{
	struct feed_member *m = feed_join(&small);

	feed_stall(m);
	for (int i = 0; i < 300000; i++) {
		feed_say("\n");
		if (i % 1000 == 0)
			feed_turns();
	}
	feed_turns();
	cr_assert_lt(n_heap(), small.max + 40 * KIB);
	cr_assert_leq(feed_progress(m).queued, small.max);
	cr_assert_gt(m->n_missed, 200000);
}

Test(feed, is_refused_without_memory_and_told_when_there_may_be_some)
{
	struct feed_member *m = feed_join(NULL);

	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_eq(weir_feed_append(&feed, (char[20000]){0}, 20000, NULL),
		     -ENOMEM);
	cr_assert_eq(feed_n_room, 0);
	while (feed_n_room == 0)
		weir_loop_turn(feed_loop, -1);
	feed_say("here");
	feed_expect(m, "here");
}

Test(feed, has_its_debtors_closed_by_the_budget)
{
	cr_assert_eq(weir_loop_budget(feed_loop, 256 * KIB, 128 * KIB), 0);
	for (int i = 0; i < 3; i++)
		feed_join(NULL);
	feed_stall(&feed_members[1]);
	for (int i = 0; i < 100; i++) {
		feed_fill('x', 10 * KIB);
		feed_turns();
		harness_drain(feed_members[0].peer, (char[20000]){0}, 20000);
		harness_drain(feed_members[2].peer, (char[20000]){0}, 20000);
		feed_turns();
		cr_assert_lt(n_heap(), 256 * KIB + 20 * KIB);
	}
	cr_assert(feed_members[1].is_closed);
	cr_assert_eq(feed_members[1].result.reason, WEIR_REASON_BUDGET);
	cr_assert_not(feed_members[0].is_closed);
}

/* -- fullness -- */

Test(feed, is_full_until_its_followers_were_offered_all)
{
	feed_join(NULL);
	feed_fill('x', WEIR_FEED_FULL - 1);
	cr_assert_not(weir_feed_is_full(&feed));
	feed_say(".");
	cr_assert(weir_feed_is_full(&feed));
	weir_loop_turn(feed_loop, 0);
	cr_assert_not(weir_feed_is_full(&feed));
	cr_assert_eq(feed_n_room, 1);
	feed_say(".");
	feed_turns();
	cr_assert_eq(feed_n_room, 1);
}

Test(feed, leaves_no_trace_of_what_nothing_follows)
{
	for (int i = 0; i < 100; i++)
		feed_fill('x', WEIR_FEED_FULL);
	cr_assert_not(weir_feed_is_full(&feed));
	cr_assert_eq(weir_feed_append(&feed, "", 0, NULL), 0);
	cr_assert_eq(weir_feed_append(&feed, "", (size_t)2 << 30, NULL),
		     -EMSGSIZE);
	feed_expect(feed_join(NULL), "");
}

/* -- limits -- */

/* -- what is kept -- */

Test(feed, keeps_messages_for_those_that_follow_late)
{
	struct feed_member *m[4];

	weir_feed_keep(&feed, 100);
	feed_say("0");
	feed_say("1");
	feed_say("2");
	feed_turns();
	cr_assert_eq(weir_feed_oldest(&feed), 0);
	cr_assert_eq(weir_feed_next_message(&feed), 3);
	for (uint64_t i = 0; i < 4; i++) {
		m[i] = feed_open(NULL);
		weir_conn_sendall(&m[i]->conn, "head ", 5);
		cr_assert_eq(weir_feed_follow_from(&feed, &m[i]->conn, i), 0);
	}
	feed_say("3");
	weir_conn_sendall(&m[0]->conn, " tail", 5);
	feed_expect(m[0], "head 0123 tail");
	feed_expect(m[1], "head 123");
	feed_expect(m[2], "head 23");
	feed_expect(m[3], "head 3");
}

Test(feed, keeps_no_more_than_it_was_told_and_a_chunk)
{
	struct feed_member *m = feed_open(NULL);
	uint64_t oldest;

	weir_feed_keep(&feed, 100 * KIB);
	for (int i = 0; i < 100000; i++)
		feed_say("x");
	feed_turns();
	cr_assert_leq(n_heap(), (100 + 2 * 16) * KIB);
	oldest = weir_feed_oldest(&feed);
	cr_assert_geq((100000 - oldest) * 9, 100 * KIB);
	cr_assert_eq(weir_feed_follow_from(&feed, &m->conn, 0), 0);
	cr_assert_eq(feed_drain(m, (char[2]){0}, 2), 100000 - oldest);
	weir_feed_keep(&feed, 0);
	cr_assert_eq(weir_feed_oldest(&feed), 100000);
	cr_assert_leq(n_heap(), 2 * 16 * KIB);
}

/* Each that comes late is served, and the others are not kept from the news. */
Test(feed, serves_those_that_come_late_beside_the_others)
{
	struct feed_member *first = feed_join(NULL);

	weir_feed_keep(&feed, 100);
	feed_say("a");
	feed_turns();
	feed_expect(first, "a");
	feed_say("b");
	for (int i = 0; i < 20; i++) {
		struct feed_member *m = feed_open(NULL);

		weir_feed_follow_from(&feed, &m->conn, 0);
		weir_loop_turn(feed_loop, 0);
		cr_assert_eq(feed_progress(first).sent, 2);
	}
	feed_expect(first, "b");
	for (int i = 1; i < 21; i++)
		feed_expect(&feed_members[i], "ab");
}

Test(feed, lets_one_that_comes_late_miss_what_is_more_than_its_max)
{
	struct feed_member *m;
	char tail[64] = "";
	size_t n;

	weir_feed_keep(&feed, 1024 * KIB);
	for (int i = 0; i < 250; i++)
		feed_fill((char)('a' + i % 26), 4 * KIB);
	m = feed_open(&small);
	cr_assert_eq(weir_feed_follow_from(&feed, &m->conn, 0), 0);
	n = feed_drain(m, tail, sizeof tail);
	cr_assert_gt(m->n_missed, 0);
	cr_assert_eq(n,
		     (250 - m->n_missed) * 4 * KIB + strlen("<123 missing>"));
	cr_assert_eq(tail[0], 'a' + 249 % 26);
}

Test(feed, presses_a_follower_by_its_watermarks)
{
	struct feed_member *m = feed_join(&small);
	char tail[2] = "";

	feed_stall(m);
	for (int i = 0; i < 7; i++) {
		feed_fill('x', KIB);
		feed_turns();
	}
	cr_assert_eq(m->n_above, 0);
	feed_fill('x', KIB);
	feed_turns();
	cr_assert_eq(m->n_above, 1);
	cr_assert_eq(m->n_below, 0);
	feed_drain(m, tail, sizeof tail);
	cr_assert_eq(m->n_below, 1);
}

Test(feed, ends_a_follower_that_is_stalled)
{
	struct weir_conn_limits limits = small;
	struct feed_member *m;

	limits.stall_ns = 1000000000;
	m = feed_join(&limits);
	feed_stall(m);
	while (!m->is_closed) {
		feed_say("more");
		feed_turns();
		weir_loop_turn(feed_loop, -1);
	}
	cr_assert_eq(m->result.reason, WEIR_REASON_STALLED);
	cr_assert_eq(m->result.progress.accepted,
		     m->result.progress.sent + m->result.progress.dropped);
}

Test(feed, lets_a_message_through_that_is_as_large_as_max)
{
	struct feed_member *m = feed_join(&small);
	char tail[2] = "";

	harness_stuff(weir_conn_fd(&m->conn));
	for (int i = 0; i < 10; i++) {
		feed_fill((char)('0' + i), small.max);
		feed_turns();
	}
	cr_assert_eq(feed_progress(m).queued,
		     small.max + strlen("<9 missing>"));
	feed_drain(m, tail, sizeof tail);
	cr_assert_str_eq(tail, "9");
	cr_assert_eq(m->n_missed, 9);
}

Test(feed, lets_a_callback_end_what_misses_a_message)
{
	struct feed_member *m = feed_join(&small);

	m->is_to_abort = true;
	feed_stall(m);
	while (!m->is_closed) {
		feed_fill('x', KIB);
		feed_turns();
	}
	cr_assert_eq(m->result.reason, WEIR_REASON_ABORTED);
	cr_assert_gt(m->n_missed, 0);
}

/* -- leaving -- */

Test(feed, sends_what_was_appended_before_a_follower_leaves)
{
	struct feed_member *m = feed_join(NULL);

	feed_stall(m);
	feed_say("before");
	weir_feed_leave(&m->conn);
	feed_say("after");
	weir_feed_leave(&m->conn);
	cr_assert_eq(weir_feed_n_followers(&feed), 0);
	harness_drain(m->peer, (char[100000]){0}, 100000);
	feed_expect(m, ".before");
	cr_assert_eq(weir_feed_follow(&feed, &m->conn), 0);
	feed_say("again");
	feed_expect(m, "again");
}

Test(feed, lets_a_follower_leave_when_there_is_memory)
{
	struct feed_member *m = feed_join(NULL);

	feed_stall(m);
	feed_say("before");
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	weir_feed_leave(&m->conn);
	feed_say("after");
	feed_turns();
	cr_assert_eq(weir_feed_n_followers(&feed), 1);
	fault_clear();
	feed_say("later");
	feed_turns();
	cr_assert_eq(weir_feed_n_followers(&feed), 0);
	harness_drain(m->peer, (char[100000]){0}, 100000);
	feed_expect(m, ".before");
}

/* Nothing keeps it from being sent the news but that it has left. */
Test(feed, sends_nothing_new_to_a_follower_that_could_not_leave)
{
	struct feed_member *m = feed_join(NULL);

	feed_turns();
	feed_say("before");
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	weir_feed_leave(&m->conn);
	weir_loop_turn(feed_loop, 0);
	fault_clear();
	feed_say("after");
	feed_expect(m, "before");
	cr_assert_eq(weir_feed_n_followers(&feed), 0);
}

/* It comes back while it has not left for lack of memory. */
Test(feed, is_not_followed_again_before_there_is_memory)
{
	struct feed_member *m = feed_join(NULL);

	feed_stall(m);
	feed_say("before");
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	weir_feed_leave(&m->conn);
	cr_assert_eq(weir_feed_follow(&feed, &m->conn), -ENOMEM);
	feed_say("between");
	fault_clear();
	cr_assert_eq(weir_feed_follow(&feed, &m->conn), 0);
	cr_assert_eq(weir_feed_n_followers(&feed), 1);
	feed_say("after");
	harness_drain(m->peer, (char[100000]){0}, 100000);
	feed_expect(m, ".beforeafter");
}

Test(feed, sends_what_it_holds_after_it_is_gone)
{
	struct feed_member *a = feed_join(NULL);
	struct feed_member *b = feed_join(NULL);

	feed_stall(a);
	feed_say("last");
	weir_conn_finish(&b->conn);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	feed_policy(WEIR_FEED_DROP_NEWEST);
	fault_clear();
	feed_expect(b, ".last");
	harness_drain(a->peer, (char[100000]){0}, 100000);
	feed_expect(a, ".last");
	cr_assert_eq(weir_feed_follow(&feed, &a->conn), 0);
	feed_say("next");
	feed_expect(a, "next");
}

Test(feed, hands_a_follower_over_when_all_has_left)
{
	struct feed_member *m = feed_join(NULL);

	feed_say("all");
	weir_conn_detach(&m->conn);
	feed_say("none");
	feed_expect(m, "all");
	cr_assert(m->is_closed);
	cr_assert_eq(weir_feed_n_followers(&feed), 0);
}

Test(feed, is_not_followed_by_what_has_ended)
{
	struct feed_member *m = feed_open(NULL);

	weir_conn_finish(&m->conn);
	cr_assert_eq(weir_feed_follow(&feed, &m->conn), -EPIPE);
	for (uint64_t k = 1; k < 4; k++) {
		struct feed_member *other = feed_open(NULL);

		fault_result(FAULT_ALLOC, FAULT_ANY_FD, k, -ENOMEM);
		if (weir_feed_follow(&feed, &other->conn) == 0)
			weir_feed_leave(&other->conn);
		fault_clear();
		cr_assert_eq(weir_feed_n_followers(&feed), 0);
	}
}

/* -- missing -- */

Test(feed, tells_where_the_oldest_messages_are_missing)
{
	struct feed_member *m = feed_join(&small);
	char tail[40] = "";

	feed_stall(m);
	for (int i = 0; i < 100; i++) {
		feed_fill((char)('a' + i % 26), KIB);
		feed_turns();
	}
	harness_drain(m->peer, (char[100000]){0}, 100000);
	feed_drain(m, tail, sizeof tail);
	cr_assert_eq(tail[38], 'a' + 99 % 26);
	cr_assert_gt(m->n_missed, 20);
	/* but for the one that stalled */
	cr_assert_eq(m->n_missed_bytes, m->n_missed * KIB - KIB + 1);
	cr_assert_eq(feed_progress(m).dropped, m->n_missed_bytes);
}

static bool has_fired;

static void on_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	(void)fence;
	cr_assert_gt(n_dropped, 0);
	/* what is behind it is 20 KiB */
	cr_assert_leq(feed_progress(&feed_members[0]).queued, 20 * KIB);
	has_fired = true;
}

Test(feed, lets_no_fence_fire_early_when_messages_go)
{
	struct feed_member *m = feed_join(&small);
	struct weir_fence fence = {0};
	char tail[2] = "";

	feed_stall(m);
	for (int i = 0; i < 60; i++)
		feed_fill('x', KIB);
	cr_assert_eq(weir_fence_open(&fence, &m->conn, on_fence), 0);
	for (int i = 0; i < 20; i++)
		feed_fill('y', KIB);
	feed_turns();
	cr_assert_gt(m->n_missed, 10);
	/* in steps that are smaller than the text of the gap */
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&m->conn), FAULT_ALWAYS, 7);
	while (!has_fired) {
		cr_assert_neq(tail[0], 'y');
		cr_assert_gt(harness_drain(m->peer, tail, 1), 0);
		feed_turns();
	}
	harness_drain(m->peer, (char[100000]){0}, 100000);
}
