/* The programs of docs/examples do what they promise, and those of the tutorial
 * are what it shows. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness.h"
#include "test_install.h"

enum {
	FILE_SIZE = 1 << 16,
	COMMAND_SIZE = 256,
	SKIPPED = 77 /* as automake has it */
};

TestSuite(examples, .init = harness_begin, .fini = harness_end);

/* Run a function of examples.sh. */
static void check(const char *promise)
{
	char command[COMMAND_SIZE];
	int status;

	if (!is_there("pkg-config"))
		cr_skip("pkg-config is not here");
	setenv("WEIR_BUILD", "build", 0);
	setenv("BUILD", getenv("WEIR_BUILD"), 1);
	setenv("D", "", 1);
	snprintf(command, sizeof command, "CFLAGS='-O2 -g %s' examples",
		 sanitizers());
	cr_assert(run_make(command));
	snprintf(command, sizeof command,
		 "E=$BUILD/examples sh tests/install/examples.sh %s", promise);
	status = system(command);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		cr_skip("a library or program of others is not here");
	cr_assert_eq(status, 0);
}

Test(examples, echo_returns_what_it_is_sent)
{
	check("echo_returns_what_it_is_sent");
}

Test(examples, relay_passes_both_ways_and_the_end)
{
	check("relay_passes_both_ways_and_the_end");
}

Test(examples, relay_closes_a_client_that_it_has_no_target_for)
{
	check("relay_closes_a_client_that_it_has_no_target_for");
}

Test(examples, relay_lets_clients_wait_at_its_cap)
{
	check("relay_lets_clients_wait_at_its_cap");
}

Test(examples, console_speaks_to_clients_that_have_logged_in)
{
	check("console_speaks_to_clients_that_have_logged_in");
}

Test(examples, udp_echo_answers_udp_ask)
{
	check("udp_echo_answers_udp_ask");
}

Test(examples, threads_answers_in_order)
{
	check("threads_answers_in_order");
}

Test(examples, handover_loses_nothing_between_two_protocols)
{
	check("handover_loses_nothing_between_two_protocols");
}

Test(examples, upload_waits_for_its_server)
{
	check("upload_waits_for_its_server");
}

Test(examples, upload_gives_up_at_the_deadline)
{
	check("upload_gives_up_at_the_deadline");
}

Test(examples, httpd_serves_files_and_ranges)
{
	check("httpd_serves_files_and_ranges");
}

Test(examples, httpd_answers_pipelined_requests_in_order)
{
	check("httpd_answers_pipelined_requests_in_order");
}

Test(examples, httpd_shows_nothing_outside_its_folder)
{
	check("httpd_shows_nothing_outside_its_folder");
}

Test(examples, pubsub_sends_subscribers_what_others_publish)
{
	check("pubsub_sends_subscribers_what_others_publish");
}

Test(examples, pubsub_tells_a_slow_subscriber_what_it_missed)
{
	check("pubsub_tells_a_slow_subscriber_what_it_missed");
}

Test(examples, chat_has_rooms_and_drains)
{
	check("chat_has_rooms_and_drains");
}

Test(examples, chat_tells_a_slow_member_what_it_missed)
{
	check("chat_tells_a_slow_member_what_it_missed");
}

Test(examples, tls_echo_ends_by_close_notify)
{
	if (!is_there("python3"))
		cr_skip("python3 is not here");
	check("tls_echo_ends_by_close_notify");
}

Test(examples, glib_echo_serves_those_that_it_has_when_told_to_stop)
{
	check("glib_echo_serves_those_that_it_has_when_told_to_stop");
}

Test(examples, tutorial_step1_echoes)
{
	check("tutorial_step1_echoes");
}

Test(examples, tutorial_step2_and_3_pass_lines_on)
{
	check("tutorial_step2_and_3_pass_lines_on");
}

Test(examples, tutorial_step4_to_6_tell_what_was_missed)
{
	check("tutorial_step4_to_6_tell_what_was_missed");
}

Test(examples, chat_tells_at_its_end_what_a_slow_member_missed)
{
	check("chat_tells_at_its_end_what_a_slow_member_missed");
}

Test(examples, tutorial_step6_tells_at_its_end_what_a_slow_member_missed)
{
	check("tutorial_step6_tells_at_its_end_what_a_slow_member_missed");
}

Test(examples, tutorial_step6_drains)
{
	check("tutorial_step6_drains");
}

static void read_file(const char *path, char text[FILE_SIZE])
{
	FILE *file = fopen(path, "r");

	cr_assert_not_null(file, "%s", path);
	text[fread(text, 1, FILE_SIZE - 1, file)] = '\0';
	fclose(file);
}

/* Each block of C under the heading of a step is in that step's program. */
Test(examples, tutorial_shows_its_programs)
{
	static char tutorial[FILE_SIZE];
	static char program[FILE_SIZE];
	char path[COMMAND_SIZE];
	char *section;
	char *block;
	int step = 0;

	read_file("docs/tutorial.md", tutorial);
	section = strstr(tutorial, "\n## Step ");
	for (; section; step++) {
		char *next = strstr(section + 1, "\n## Step ");

		if (next)
			*next = '\0';
		snprintf(path, sizeof path, "docs/examples/tutorial/step%d.c",
			 step + 1);
		read_file(path, program);
		for (block = section; (block = strstr(block, "```c\n"));) {
			char *end = strstr(block += 5, "```\n");

			cr_assert_not_null(end);
			*end = '\0';
			cr_assert_not_null(strstr(program, block),
					   "%s has no\n%s", path, block);
			block = end + 1;
		}
		section = next;
		if (section)
			*section = '\n';
	}
	cr_assert_eq(step, 6);
}
