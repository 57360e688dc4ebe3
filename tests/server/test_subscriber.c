/* A subscriber gets whole lines in order, and is told of every other. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir.h>

#include "fault.h"
#include "harness.h"
#include "subscriber.h"

enum {
	KIB = 1024,
	SNDBUF = 4608,
	MAX_LINE = 65536,
	PIECE = 4 * MAX_LINE,
	SECONDS = 60
};

/* No stall limit: slow readers are watched for long. */
static struct endpoint_settings settings = {
	.limits = {.low = 16 * KIB,
		   .high = 64 * KIB,
		   .max = 128 * KIB,
		   .stall_ns = WEIR_NEVER,
		   .flags = WEIR_CONN_NO_THROTTLE},
};

static struct weir_loop *loop;
static struct subscriber subscriber;
static struct weir_conn conn;
static enum weir_reason reason;
static bool is_closed;
/* What the far end has: */
static int peer;
static char text[PIECE]; /* the beginning of a line */
static size_t n_text;
static uint64_t n_received;
static uint64_t n_told;
static uint64_t n_notices;
static uint64_t next; /* after the last line that came, in the row of all */
/* What was sent to it, and the sum of all losses: */
static uint64_t n_sent;
static uint64_t n_lost;

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	return n;
}

static void on_pressure(struct weir_conn *c, bool above)
{
	(void)c;
	if (!above)
		subscriber_tell(&subscriber);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)c;
	reason = result->reason;
	is_closed = true;
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_pressure = on_pressure, .on_close = on_close};

static void begin(void)
{
	int fd[2];

	harness_begin();
	cr_assert_eq(weir_loop_new(&loop), 0);
	harness_unix_pair(fd, SNDBUF);
	peer = fd[1];
	cr_assert_eq(
		weir_conn_open(&conn, loop, fd[0], &events, &settings.limits),
		0);
	subscriber.conn = &conn;
}

static void end(void)
{
	if (!is_closed)
		weir_conn_abort(&conn, false);
	weir_loop_run(loop);
	subscriber_deinit(&subscriber);
	close(peer);
	if (weir_loop_free(loop) < 0)
		harness_die("the loop is not empty");
	harness_end();
}

TestSuite(subscriber, .init = begin, .fini = end, .timeout = SECONDS);

/* -- both ends -- */

/* Line number k of n bytes, which tells both, and no other line is like it. */
static void write_line(char *line, uint64_t k, size_t n)
{
	char head[64];
	size_t n_head = (size_t)snprintf(head, sizeof head, "%llu %zu ",
					 (unsigned long long)k, n);

	for (size_t i = 0; i < n; i++)
		line[i] = (char)('a' + (k + i) % 26);
	cr_assert_lt(n_head, n);
	memcpy(line, head, n_head);
	line[n - 1] = '\n';
}

static struct subscriber_loss send_line(size_t n)
{
	struct weir_buf *line = weir_buf_new(n);
	struct subscriber_loss loss;

	if (line)
		write_line(weir_buf_data(line), n_sent, n);
	loss = subscriber_send(&subscriber, line, &settings);
	weir_buf_unref(line);
	n_sent++;
	n_lost += loss.n_lines;
	return loss;
}

static void take_notice(uint64_t n)
{
	cr_assert_gt(n, 0);
	n_told += n;
	n_notices++;
	if (settings.slow == SLOW_DROP_NEWEST)
		next += n;
}

/* A dropped new line leaves its gap where the notice is. Dropped old ones left
 * theirs further in front: then notices come later than the gaps. */
static void take_line(const char *line, size_t n)
{
	static char expected[MAX_LINE];
	unsigned long long k;
	unsigned long long notice;

	if (sscanf(line, "# missed %llu\n", &notice) == 1) {
		take_notice(notice);
		return;
	}
	cr_assert_eq(sscanf(line, "%llu ", &k), 1);
	write_line(expected, k, n);
	cr_assert_arr_eq(line, expected, n);
	if (settings.slow == SLOW_DROP_NEWEST)
		cr_assert_eq(k, next);
	cr_assert_geq(k, next);
	cr_assert_leq(n_received + n_told, k);
	next = k + 1;
	n_received++;
}

/* Read at most n bytes; how many there were. */
static size_t take(size_t n)
{
	size_t room = sizeof text - 1 - n_text;
	size_t n_new = harness_drain(peer, text + n_text, n < room ? n : room);
	char *from = text;
	char *line_end;

	n_text += n_new;
	text[n_text] = '\0';
	while ((line_end = memchr(from, '\n', n_text))) {
		size_t n_line = (size_t)(line_end + 1 - from);

		take_line(from, n_line);
		from += n_line;
		n_text -= n_line;
	}
	memmove(text, from, n_text);
	return n_new;
}

static void flow(void)
{
	do
		harness_turn_until_idle(loop, 1000);
	while (take(SIZE_MAX) > 0);
}

/* Every line that was meant for it has come, or it was told of it. */
static void check_account(void)
{
	flow();
	subscriber_tell(&subscriber);
	flow();
	cr_assert_eq(subscriber.n_untold, 0);
	cr_assert_eq(n_text, 0);
	cr_assert_eq(n_received + n_told, n_sent);
	cr_assert_eq(n_told, n_lost);
}

static struct weir_progress progress(void)
{
	struct weir_progress now;

	weir_conn_counters(&conn, &now);
	return now;
}

/* -- tests -- */

Test(subscriber, gets_all_as_long_as_there_is_room)
{
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(send_line(100).n_lines, 0);
	check_account();
	cr_assert_eq(n_received, 1000);
}

Test(subscriber, keeps_the_oldest_lines_when_new_ones_are_dropped)
{
	settings.slow = SLOW_DROP_NEWEST;
	for (int i = 0; i < 1000; i++) {
		struct subscriber_loss loss = send_line(1000);

		cr_assert_eq(loss.n_lines, loss.is_refused);
	}
	cr_assert_gt(n_lost, 500);
	cr_assert_eq(progress().dropped, 0);
	check_account();
	cr_assert_eq(n_notices, 1);
	cr_assert_eq(next, 1000);
}

Test(subscriber, gets_the_newest_lines_when_old_ones_are_dropped)
{
	settings.slow = SLOW_DROP_OLDEST;
	for (int i = 0; i < 1000; i++)
		cr_assert_not(send_line(1000).is_refused);
	cr_assert_gt(n_lost, 500);
	cr_assert_gt(progress().dropped, n_lost * 1000 - 1);
	check_account();
	cr_assert_eq(next, 1000);
	/* and as many of them as there is room for, but an eighth */
	cr_assert_gt(n_received, 128 * 7 / 8);
}

Test(subscriber, has_few_notices_in_a_queue_of_many_lines)
{
	settings.slow = SLOW_DROP_OLDEST;
	for (int i = 0; i < 10000; i++)
		send_line(64);
	check_account();
	cr_assert_gt(n_lost, 5000);
	cr_assert_leq(n_notices, 9);
}

Test(subscriber, is_told_before_the_next_line_that_has_room)
{
	settings.slow = SLOW_DROP_NEWEST;
	while (!send_line(1000).is_refused)
		;
	send_line(1000);
	/* a little room, far above low */
	for (int i = 0; i < 8; i++) {
		take(4 * KIB);
		weir_loop_turn(loop, 0);
	}
	cr_assert_not(send_line(1000).is_refused);
	cr_assert_eq(subscriber.n_untold, 0);
	check_account();
	cr_assert_eq(n_told, 2);
}

Test(subscriber, is_told_when_there_is_room_though_no_line_comes)
{
	settings.slow = SLOW_DROP_NEWEST;
	while (!send_line(1000).is_refused)
		;
	flow();
	cr_assert_eq(n_told, 1);
	cr_assert_eq(n_received + 1, n_sent);
}

Test(subscriber, is_aborted_at_the_first_line_without_room)
{
	struct subscriber_loss loss;

	settings.slow = SLOW_DISCONNECT;
	do
		loss = send_line(1000);
	while (loss.n_lines == 0);
	cr_assert_eq(loss.n_lines, 1);
	cr_assert_eq(send_line(1000).n_lines, 0);
	weir_loop_run(loop);
	cr_assert(is_closed);
	cr_assert_eq(reason, WEIR_REASON_ABORTED);
}

Test(subscriber, misses_what_there_was_no_memory_for_and_stays)
{
	for (int policy = SLOW_DROP_NEWEST; policy <= SLOW_DISCONNECT;
	     policy++) {
		settings.slow = (enum slow_policy)policy;
		fault_next(FAULT_ALLOC, -ENOMEM);
		cr_assert(send_line(100).is_refused);
		cr_assert_not(send_line(100).is_refused);
		check_account();
	}
	cr_assert_eq(n_told, 3);
}

/* The note behind a line of the largest size would be more than max: it is
 * told by itself. */
Test(subscriber, gets_lines_as_long_as_its_queue)
{
	settings.slow = SLOW_DROP_OLDEST;
	settings.limits.low = 0;
	settings.limits.high = 1;
	settings.limits.max = 1 + MAX_LINE;
	for (int i = 0; i < 20; i++) {
		send_line(MAX_LINE);
		take(KIB);
		weir_loop_turn(loop, 0);
	}
	cr_assert_gt(n_lost, 10);
	check_account();
	cr_assert_eq(send_line(MAX_LINE).n_lines, 0);
	check_account();
}

Test(subscriber, is_left_alone_once_the_budget_has_ended_it)
{
	settings.slow = SLOW_DROP_OLDEST;
	cr_assert_eq(weir_loop_budget(loop, 64 * KIB, 0), 0);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(send_line(1000).n_lines, 0);
	weir_loop_run(loop);
	cr_assert(is_closed);
	cr_assert_eq(reason, WEIR_REASON_BUDGET);
}

/* -- anything, in any order -- */

static size_t random_size(void)
{
	switch (harness_random_below(16)) {
	case 0:
		return 32 + harness_random_below(MAX_LINE - 31);
	case 1:
		return 32 + harness_random_below(8 * KIB);
	default:
		return 32 + harness_random_below(400);
	}
}

static void do_something(void)
{
	switch (harness_random_below(12)) {
	case 0:
		weir_loop_turn(loop, 0);
		break;
	case 1:
		take(harness_random_below(16 * KIB));
		break;
	case 2:
		fault_result(FAULT_ALLOC, FAULT_ANY_FD,
			     1 + harness_random_below(20), -ENOMEM);
		break;
	default:
		send_line(random_size());
		break;
	}
	cr_assert_leq(progress().queued, settings.limits.max);
}

static void do_anything(enum slow_policy policy)
{
	settings.slow = policy;
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 500; i++)
			do_something();
		fault_clear();
		check_account();
	}
	cr_assert_gt(n_received, n_sent / 20);
	cr_assert_gt(n_lost, n_sent / 20);
}

Test(subscriber, can_account_for_every_line_dropping_new_ones)
{
	do_anything(SLOW_DROP_NEWEST);
}

Test(subscriber, can_account_for_every_line_dropping_old_ones)
{
	do_anything(SLOW_DROP_OLDEST);
}
