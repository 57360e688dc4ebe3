/* weir-server's broadcast and a subscriber that does not keep up: --slow. */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_server.h"
#include "test_server_broadcast.h"

enum {
	KIB = 1024,
	N_FELLOWS = 6,
	/* far more than all buffers between hold */
	N_LINES = 20000,
	LONGEST = 2000,
	PEAK_KIB = 16384
};

TestSuite(server_broadcast_slow, .init = harness_begin, .fini = harness_end,
	  .timeout = AUDIENCE_PATIENCE_S);

static struct audience audience;
static struct fellow *speaker;
static struct fellow *slow;

/* policy NULL: none is named. */
static void start(const char *policy, const char *workers)
{
	const char *const arguments[] = {
		"--sndbuf=16K",		 "--high=1M", "--max=2M", workers,
		"broadcast=127.0.0.1:0", policy,      NULL};
	char address[SERVED_ADDRESS_SIZE];

	audience_start(&audience, arguments);
	served_address(&audience.served, "broadcast", address);
	speaker = audience_join(&audience, address, 0);
	slow = audience_join(&audience, address, 16 * KIB);
	while (audience.n < N_FELLOWS)
		audience_join(&audience, address, 0);
}

/* A sanitizer reserves more than any machine has. */
static bool is_sanitized(void)
{
	return served_is_sanitized() ||
	       served_kib(&audience.served, "VmSize") > (size_t)1 << 30;
}

/* The others hear it all while one does not read. In portions that they can
 * keep up with, however the machine is loaded. */
static void speak_past_it(void)
{
	slow->is_deaf = true;
	for (int i = 0; i < N_LINES / 100; i++) {
		fellow_say(speaker, 100, LONGEST);
		audience_hear(&audience);
	}
	for (size_t i = 0; i < audience.n; i++) {
		const struct fellow *f = &audience.fellows[i];

		if (f == slow)
			continue;
		cr_assert(fellow_has_heard_all(f));
		cr_assert_eq(f->n_missed, 0);
	}
	if (!is_sanitized())
		cr_assert_lt(served_kib(&audience.served, "VmHWM"), PEAK_KIB);
}

/* The episode is told once, at its beginning and at its end. */
static void expect_episode(const char *consequence)
{
	const char *line = served_line(&audience.served, ": no room: ");
	uint64_t n;

	cr_assert(strstr(line, consequence), "%s", line);
	line = served_line(&audience.served, ": lines missed: ");
	n = strtoull(strrchr(line, ' '), NULL, 10);
	cr_assert_eq(n, slow->n_missed, "%s", line);
}

static void stop_after_one_episode(void)
{
	audience_close(&audience);
	kill(audience.served.pid, SIGTERM);
	cr_assert_eq(served_wait(&audience.served), 0);
	cr_assert_not(strstr(audience.served.text + audience.served.n_seen,
			     ": no room: "));
	served_forget(&audience.served);
}

static void drop_newest(const char *workers)
{
	start("--slow=drop-newest", workers);
	audience.has_told_gaps = true;
	speak_past_it();
	slow->is_deaf = false;
	audience_hear(&audience);
	cr_assert_gt(slow->n_missed, N_LINES / 2);
	cr_assert_eq(slow->n_heard[0] + slow->n_missed, N_LINES);
	expect_episode("new lines are dropped");
	fellow_say(speaker, 100, LONGEST);
	audience_hear(&audience);
	cr_assert_eq(slow->next[0], speaker->n_said);
	stop_after_one_episode();
}

Test(server_broadcast_slow, misses_the_newest_lines)
{
	drop_newest("--workers=1");
}

Test(server_broadcast_slow, misses_the_newest_lines_with_two_workers)
{
	drop_newest("--workers=2");
}

static void drop_oldest(const char *policy, const char *workers)
{
	start(policy, workers);
	speak_past_it();
	slow->is_deaf = false;
	audience_hear(&audience);
	cr_assert_gt(slow->n_missed, N_LINES / 2);
	cr_assert_eq(slow->n_heard[0] + slow->n_missed, N_LINES);
	/* the last one is the last that was said */
	cr_assert_eq(slow->next[0], N_LINES);
	expect_episode("its oldest lines are dropped");
	stop_after_one_episode();
}

Test(server_broadcast_slow, misses_the_oldest_lines)
{
	drop_oldest("--slow=drop-oldest", "--workers=1");
}

Test(server_broadcast_slow, misses_the_oldest_lines_if_nobody_says_otherwise)
{
	drop_oldest(NULL, "--workers=2");
}

/* What was dropped long ago, by --slow, is no loss of the end. */
Test(server_broadcast_slow, loses_nothing_when_it_leaves_by_a_reset)
{
	static const struct linger reset = {.l_onoff = 1};

	start(NULL, "--workers=1");
	speak_past_it();
	slow->is_deaf = false;
	audience_hear(&audience);
	cr_assert_gt(slow->n_missed, 0);
	kill(audience.served.pid, SIGTERM);
	expect_end(slow->fd);
	setsockopt(slow->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	audience_close(&audience);
	cr_assert_eq(served_wait(&audience.served), 0);
	served_forget(&audience.served);
}

/* Now and then it reads a little. */
static void lag(const char *policy)
{
	start(policy, "--workers=2");
	slow->is_deaf = true;
	for (int i = 0; i < N_LINES / 100; i++) {
		fellow_say(speaker, 100, LONGEST);
		audience_hear(&audience);
		fellow_hear(slow);
	}
	slow->is_deaf = false;
	audience_hear(&audience);
	cr_assert_gt(slow->n_notices, 1);
	cr_assert_eq(slow->n_heard[0] + slow->n_missed, N_LINES);
	cr_assert_eq(audience_stop(&audience), 0);
}

Test(server_broadcast_slow, is_told_of_each_gap_where_it_is)
{
	audience.has_told_gaps = true;
	lag("--slow=drop-newest");
}

Test(server_broadcast_slow, is_told_of_all_the_old_lines_that_went)
{
	lag("--slow=drop-oldest");
}

static void disconnect(const char *workers)
{
	start("--slow=disconnect", workers);
	speak_past_it();
	for (size_t i = 0; i < audience.n; i++)
		audience.fellows[i].is_deaf = &audience.fellows[i] != slow;
	audience_hear_to_the_end(&audience);
	cr_assert_eq(slow->error, ECONNRESET);
	cr_assert_eq(slow->n_missed, 0);
	cr_assert_lt(slow->n_heard[0], N_LINES / 2);
	served_line(&audience.served, ": no room: it is disconnected");
	served_line(&audience.served, ": aborted, ");
	served_line(&audience.served, ": lines missed: 1");
	cr_assert_eq(audience_stop(&audience), 0);
}

Test(server_broadcast_slow, is_disconnected)
{
	disconnect("--workers=1");
}

Test(server_broadcast_slow, is_disconnected_with_two_workers)
{
	disconnect("--workers=2");
}

/* It has been told so when it missed it. */
Test(server_broadcast_slow, has_nothing_unsent_but_what_was_still_to_come)
{
	const struct linger by_reset = {.l_onoff = 1};

	start("--slow=drop-oldest", "--workers=1");
	speak_past_it();
	slow->is_deaf = false;
	audience_hear(&audience);
	cr_assert_gt(slow->n_missed, 0);
	must(setsockopt(slow->fd, SOL_SOCKET, SO_LINGER, &by_reset,
			sizeof by_reset),
	     "SO_LINGER");
	audience_close(&audience);
	served_line(&audience.served, ": reset, 0 bytes unsent");
	cr_assert_eq(served_stop(&audience.served), 0);
}

/* The speaker is one of two slow ones: what it says is heard all the same. */
Test(server_broadcast_slow, is_heard_though_it_does_not_hear)
{
	start("--slow=drop-newest", "--workers=2");
	slow->is_deaf = true;
	for (int i = 0; i < N_LINES / 100; i++) {
		fellow_say(speaker, 100, LONGEST);
		fellow_say(slow, 100, LONGEST);
		audience_hear(&audience);
	}
	cr_assert(fellow_has_heard_all(&audience.fellows[2]));
	audience_stop(&audience);
}
