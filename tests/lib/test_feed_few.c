/* Feeds that are used for less than all that they can do. */
#include "test_feed.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness.h"

TestSuite(feed_few, .init = feed_begin, .fini = feed_end);

static const struct weir_conn_limits narrow = {.high = 1000,
					       .max = 1000 + WEIR_READ_SIZE};

/* Without events nobody is told, and there is no text in the place of what is
 * missing; the account knows. */
static void miss_most(enum weir_feed_policy policy)
{
	char tail[16] = "";
	struct feed_member *m;
	uint64_t n_missed;

	weir_feed_deinit(&feed);
	weir_feed_init(&feed, feed_loop, NULL, policy);
	m = feed_join(&narrow);
	feed_stall(m);
	for (int i = 0; i < 100; i++) {
		feed_fill('x', 1000);
		feed_turns();
	}
	n_missed = feed_progress(m).dropped;
	cr_assert_gt(n_missed, 0);
	harness_drain(m->peer, (char[100000]){0}, 100000);
	cr_assert_eq(feed_drain(m, tail, sizeof tail), 100001 - n_missed);
	cr_assert_eq(m->n_missed, 0);
}

Test(feed_few, without_events_the_oldest_are_missed_in_silence)
{
	miss_most(WEIR_FEED_DROP_OLDEST);
}

Test(feed_few, without_events_the_newest_are_missed_in_silence)
{
	miss_most(WEIR_FEED_DROP_NEWEST);
}

Test(feed_few, room_that_is_not_used_is_no_message)
{
	struct feed_member *m = feed_join(NULL);
	void *room;

	cr_assert_eq(weir_feed_reserve(&feed, 100, &room), 0);
	weir_feed_commit(&feed, 0, NULL);
	cr_assert_eq(weir_feed_append(&feed, "", 0, NULL), 0);
	feed_say("next");
	feed_expect(m, "next");
	cr_assert_eq(feed.n_messages, 1);
}

/* It is not the sender's own message, since the sender does not follow. */
Test(feed_few, a_message_from_a_follower_of_another_feed_is_for_all)
{
	struct weir_feed other = {.watch = {.fd = -1}};
	struct feed_member *m = feed_join(NULL);
	struct feed_member *from = feed_open(NULL);

	weir_feed_init(&other, feed_loop, NULL, WEIR_FEED_DROP_OLDEST);
	cr_assert_eq(weir_feed_follow(&other, &from->conn), 0);
	cr_assert_eq(weir_feed_append(&feed, "Hey", 3, &from->conn), 0);
	feed_expect(m, "Hey");
	feed_expect(from, "");
	weir_feed_deinit(&other);
}

/* What it still owes of the one would have to be copied. */
Test(feed_few, another_feed_is_not_followed_without_memory)
{
	struct weir_feed other = {.watch = {.fd = -1}};
	struct feed_member *m = feed_join(NULL);

	weir_feed_init(&other, feed_loop, NULL, WEIR_FEED_DROP_OLDEST);
	cr_assert_eq(weir_feed_follow(&other, &feed_open(NULL)->conn), 0);
	feed_stall(m);
	feed_say("one");
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	feed_policy(WEIR_FEED_DROP_OLDEST);
	cr_assert_eq(weir_feed_follow(&other, &m->conn), -ENOMEM);
	fault_clear();
	cr_assert_eq(weir_feed_follow(&other, &m->conn), 0);
	weir_feed_append(&other, "two", 3, NULL);
	harness_drain(m->peer, (char[100000]){0}, 100000);
	feed_expect(m, ".onetwo");
	weir_feed_deinit(&other);
}
