/* The lessons of send-vs-sendall: each refutes its belief, and for the reason
 * that it is there for, which its figures show. */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <weir/reason.h>

#include "lesson.h"
#include "lesson_kit.h"
#include "fault.h"
#include "harness.h"

enum {
	PATIENCE_S = 60, /* a lesson that takes longer hangs */
	N_BELIEFS = 16,
	N_COLUMNS = 80
};

#define ALL_RIGHT UINT64_MAX

static struct lesson_result result;

/* Lessons are played in real time. */
static void begin(void)
{
	harness_begin();
	fault_time_real();
}

/* No child may be left behind, besides what harness_end looks for. */
static void end(void)
{
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		harness_die("a child is left");
	harness_end();
}

TestSuite(lessons, .init = begin, .fini = end, .timeout = PATIENCE_S);

static void run(const char *name)
{
	const struct lesson *lesson = lesson_find(name);

	cr_assert_not_null(lesson, "%s", name);
	lesson_run(lesson, &result);
	cr_expect_not(result.holds, "%s: %s", name, result.measured);
}

static uint64_t figure(const char *name)
{
	for (size_t i = 0; i < result.n_figures; i++)
		if (strcmp(result.figures[i].name, name) == 0)
			return result.figures[i].value;
	harness_die("the lesson has no figure %s", name);
}

/* -- short sends -- */

Test(lessons, the_article_loop_corrupts_what_is_long_and_does_not_end)
{
	run("article-loop");
	cr_expect_eq(figure("small_sent"), figure("small_asked"));
	cr_expect_lt(figure("first_send"), figure("asked"));
	cr_expect_gt(figure("first_wrong"), figure("first_send"));
	cr_expect_lt(figure("first_wrong"), figure("asked"));
	cr_expect_geq(figure("sent"), 16 * figure("asked"));
}

Test(lessons, a_send_is_short_and_can_be_continued)
{
	run("send-sends-all");
	cr_expect_gt(figure("first_send"), 0);
	cr_expect_lt(figure("first_send"), figure("asked"));
	cr_expect_gt(figure("sends"), 1);
	cr_expect_eq(figure("delivered"), figure("asked"));
	cr_expect_eq(figure("first_wrong"), ALL_RIGHT);
}

/* The neighbour's bytes go on where the buffer's stop, so "all right" beyond
 * what was asked for means that they are the neighbour's. */
Test(lessons, the_same_length_again_sends_the_neighbour)
{
	run("same-length");
	cr_expect_gt(figure("leaked"), 0);
	cr_expect_eq(figure("delivered"), figure("asked") + figure("leaked"));
	cr_expect_eq(figure("first_wrong"), ALL_RIGHT);
}

Test(lessons, slices_copy_more_than_is_sent)
{
	run("slice-is-free");
	cr_expect_gt(figure("sends"), 1);
	cr_expect_gt(figure("copied"), figure("asked"));
	cr_expect_eq(figure("delivered"), figure("asked"));
	cr_expect_eq(figure("first_wrong"), ALL_RIGHT);
}

/* -- sendall -- */

Test(lessons, sendall_on_a_nonblocking_socket_fails_half_way)
{
	run("sendall-nonblocking");
	cr_expect_eq(figure("error"), EAGAIN);
	cr_expect_gt(figure("delivered"), 0);
	cr_expect_lt(figure("delivered"), figure("asked"));
	cr_expect_eq(figure("weir_told"), figure("weir_delivered"));
	cr_expect_gt(figure("weir_told"), 0);
}

Test(lessons, repeating_a_sendall_that_timed_out_sends_its_prefix_twice)
{
	run("sendall-timeout");
	cr_expect_eq(figure("error"), ETIMEDOUT);
	cr_expect_gt(figure("twice"), 0);
	cr_expect_lt(figure("twice"), figure("asked"));
	cr_expect_eq(figure("delivered"), figure("asked") + figure("twice"));
	cr_expect_geq(figure("first_wrong"), figure("twice"));
	cr_expect_lt(figure("first_wrong"), figure("twice") + 16,
		     "the second begins where the first was cut");
	cr_expect_eq(figure("weir_delivered"), figure("asked"));
	cr_expect_eq(figure("weir_first_wrong"), ALL_RIGHT);
}

Test(lessons, sendall_in_a_loop_stops_all_clients_behind_one)
{
	run("sendall-in-loop");
	cr_expect_gt(figure("blocking_rounds"), 0);
	cr_expect_lt(figure("blocking_rounds"), figure("rounds"));
	cr_expect_eq(figure("weir_rounds"), figure("rounds"));
	cr_expect_gt(figure("weir_refused"), 0);
	cr_expect_leq(figure("weir_queue_peak"), figure("weir_queue_max"));
}

Test(lessons, a_queue_without_a_cap_grows_with_the_debt)
{
	run("queue-without-cap");
	cr_expect_gt(figure("small_queue"), figure("small_debt") / 2);
	cr_expect_gt(figure("large_queue"), figure("large_debt") / 2);
	cr_expect_gt(figure("weir_small_queue"), 0);
	cr_expect_leq(figure("weir_small_queue"), figure("weir_queue_max"));
	cr_expect_leq(figure("weir_large_queue"), figure("weir_queue_max"));
}

/* -- the end -- */

Test(lessons, a_send_to_nobody_succeeds_once)
{
	run("success-is-delivery");
	cr_expect_eq(figure("first_send"), figure("asked"));
	cr_expect_eq(figure("second_error"), EPIPE);
}

Test(lessons, close_destroys_what_was_sent_and_finish_does_not)
{
	run("close-flushes");
	cr_expect_lt(figure("delivered"), figure("sent"));
	cr_expect_eq(figure("error"), ECONNRESET);
	cr_expect_eq(figure("weir_delivered"), figure("sent"));
	cr_expect_eq(figure("weir_first_wrong"), ALL_RIGHT);
	cr_expect_eq(figure("weir_reason"), WEIR_REASON_FINISHED);
}

/* Whatever the caller has made of the signal. */
Test(lessons, sigpipe_kills_the_child_alone)
{
	run("sigpipe");
	cr_expect_eq(figure("signal"), SIGPIPE);
	cr_expect_eq(figure("error"), EPIPE);
	(void)signal(SIGPIPE, SIG_IGN);
	run("sigpipe");
	cr_expect_eq(figure("signal"), SIGPIPE);
}

/* -- messages -- */

Test(lessons, a_stream_joins_and_splits_messages)
{
	run("message-boundaries");
	cr_expect_lt(figure("joined_recvs"), figure("joined_sends"));
	cr_expect_gt(figure("split_recvs"), figure("split_sends"));
}

Test(lessons, recv_cuts_datagrams_and_no_stream)
{
	run("recv-truncates");
	cr_expect_eq(figure("datagram_received"), 1000);
	cr_expect_eq(figure("stream_received"), figure("sent"));
	cr_expect_gt(figure("sent"), 1000);
}

/* -- waiting for room -- */

Test(lessons, epollout_left_armed_ends_every_wait)
{
	run("epollout-armed");
	cr_expect_eq(figure("wakeups"), figure("turns"));
	cr_expect_eq(figure("weir_wakeups"), 0);
	cr_expect_gt(figure("weir_arms"), 0, "nothing was there to disarm");
}

Test(lessons, epollout_is_not_room_for_everything)
{
	run("epollout-is-room");
	cr_expect_gt(figure("peer_read"), 0);
	cr_expect_gt(figure("taken"), 0);
	cr_expect_lt(figure("taken"), figure("waiting"));
}

/* A call takes a KiB at least when it takes any, so more of them than that
 * were made for nothing. */
Test(lessons, retrying_on_eagain_burns_calls)
{
	run("eagain-loop");
	cr_expect_gt(figure("calls"), figure("asked") / 1024);
	cr_expect_gt(figure("calls"), 10 * figure("weir_calls"));
	cr_expect_gt(figure("weir_calls"), 1);
}

/* -- where they cannot be played -- */

static struct rlimit limit;

/* Before the sanitizers look for leaks, which takes descriptors. */
static void restore_limit(void)
{
	setrlimit(RLIMIT_NOFILE, &limit);
}

Test(lessons, without_descriptors_end_with_status_2, .exit_code = 2)
{
	struct rlimit none;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	cr_assert_eq(atexit(restore_limit), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	lesson_run(lesson_find("send-sends-all"), &result);
}

/* -- the list, and how they are told -- */

Test(lessons, are_sixteen_with_names_of_their_own)
{
	cr_assert_eq(lesson_count(), N_BELIEFS);
	for (size_t i = 0; i < N_BELIEFS; i++) {
		const struct lesson *lesson = lesson_get(i);

		cr_expect_eq(lesson_find(lesson->name), lesson,
			     "%s: the first of that name", lesson->name);
		cr_expect_str_not_empty(lesson->belief);
		cr_expect_str_not_empty(lesson->right);
	}
	cr_expect_null(lesson_find("article"));
	cr_expect_null(lesson_find(""));
}

Test(lessons, list_shows_all_of_them_a_line_each)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	char *line;

	cr_assert_not_null(out);
	lesson_list(out);
	fclose(out);
	line = text;
	for (size_t i = 0; i < lesson_count(); i++) {
		const struct lesson *lesson = lesson_get(i);
		char *next = strchr(line, '\n');

		cr_assert_not_null(next, "%s is missing", lesson->name);
		*next = '\0';
		cr_expect_eq(strcspn(line, " "), strlen(lesson->name));
		cr_expect_eq(strstr(line, lesson->name), line);
		cr_expect_not_null(strstr(line, lesson->belief));
		cr_expect_leq(strlen(line), N_COLUMNS);
		line = next + 1;
	}
	cr_expect_str_empty(line);
	free(text);
}

static void say(bool holds)
{
	static const struct lesson lesson = {
		.name = "name",
		.belief = "It is so.",
		.right = "A way that is long enough to need more than the one "
			 "line that it begins on, since this goes on and on "
			 "until it has come to three of them, which is the "
			 "third.",
	};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	cr_assert_not_null(out);
	result.holds = holds;
	lesson_print(out, &lesson, &result);
	fclose(out);
	cr_expect_not_null(strstr(text, holds ? "  verdict   it held"
					      : "  verdict   wrong\n"));
	cr_expect_not_null(strstr(text, "name\n  belief    It is so.\n"));
	cr_expect_not_null(strstr(text, "  measured  1,234 of 567\n"));
	cr_expect_not_null(strstr(text, "three of\n            them, which"));
	cr_expect_str_eq(text + size - 2, "\n\n");
	for (char *line = text; *line; line += strcspn(line, "\n") + 1)
		cr_expect_leq(strcspn(line, "\n"), N_COLUMNS);
	free(text);
}

Test(lessons, are_told_in_eighty_columns)
{
	lesson_say(&result, "%d of %d", 1234, 567);
	say(false);
	say(true);
}

Test(lessons, separate_the_thousands_of_every_number)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{"", ""},
		{"0", "0"},
		{"999", "999"},
		{"1000", "1,000"},
		{"a12 b1234,c", "a12 b1,234,c"},
		{"18446744073709551615.", "18,446,744,073,709,551,615."},
		{"123456 1234567", "123,456 1,234,567"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		lesson_say(&result, "%s", cases[i].text);
		cr_expect_str_eq(result.measured, cases[i].expected);
	}
}

Test(lessons, cut_a_text_that_is_too_long)
{
	char text[2 * LESSON_TEXT_SIZE];

	memset(text, '1', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	lesson_say(&result, "%s", text);
	cr_expect_lt(strlen(result.measured), LESSON_TEXT_SIZE);
}
