/* send-vs-sendall as it is run: what it prints, writes, refuses and returns. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "harness.h"
#include "harness_program.h"

enum {
	PATIENCE_S = 120,
	TEXT_SIZE = 262144
};

static char text[TEXT_SIZE];

TestSuite(demo_program, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* What the command prints to its standard output, in text; its status. */
static int run(const char *arguments)
{
	return program_print("send-vs-sendall", arguments, text, sizeof text);
}

Test(demo_program, refuses_what_makes_no_sense_in_one_line)
{
	static const struct {
		const char *arguments;
		const char *line;
	} cases[] = {
		{"--strategy nagle",
		 "--strategy nagle: expected a name of --list"},
		{"--lesson none", "--lesson none: expected a name of --list"},
		{"--size 1K",
		 "--size 1K: expected a size from 1M to 256M, such as 8M"},
		{"--hold 1",
		 "--hold 1: expected a time from 1ms to 10s, such as 500ms"},
		{"--trace --size 8M",
		 "--size, --hold and --calm: expected a --strategy too"},
		{"--json - --html -",
		 "--html -: expected a file, since --json has standard output"},
		{"--json /nowhere/x", "/nowhere/x: No such file or directory"},
		{"now", "now: expected options only, see --help"},
		{"--size", "--size: expected a value: a size from 1M to 256M, "
			   "such as 8M"},
		{"--json", "--json: expected a value: a file, or - for "
			   "standard output"},
		{"--trace=1", "--trace=1: expected no value"},
		{"--fast", "--fast: there is no such option, see --help"},
		{"-x", "-x: there are no short options, see --help"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char arguments[256];
		char line[256];

		snprintf(arguments, sizeof arguments, "%s 2>&1",
			 cases[i].arguments);
		snprintf(line, sizeof line, "send-vs-sendall: %s\n",
			 cases[i].line);
		cr_expect_eq(run(arguments), 2, "%s", arguments);
		cr_expect_str_eq(text, line);
	}
}

Test(demo_program, json_has_the_keys_and_standard_output_nothing_else)
{
	static const char *const keys[] = {
		"name",		  "asked",
		"delivered",	  "intact",
		"first_bad",	  "healthy_p50_ns",
		"healthy_p99_ns", "longest_silence_ns",
		"cpu_s",	  "peak_queue_bytes",
		"syscalls",	  "epollout_wakeups",
		"seconds",	  "verdict",
		"belief",	  "holds",
		"measured",	  "strategies",
		"lessons",	  "trace"};

	cr_assert_eq(run("--strategy weir --size 2M --hold 20ms --trace "
			 "--lesson sigpipe --json - 2>/dev/null"),
		     0);
	cr_assert_eq(text[0], '{');
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char sought[64];

		snprintf(sought, sizeof sought, "\"%s\":", keys[i]);
		cr_expect(strstr(text, sought), "%s", keys[i]);
	}
	cr_assert(strstr(text, "\"verdict\": \"right\""));
	cr_assert(strstr(text, "\"asked\": 2097152"));
	cr_assert(strstr(text, "\"first_bad\": null"));
}

/* No colour, and nothing too wide, when it is not a terminal. */
Test(demo_program, text_fits_eighty_columns)
{
	char *rest = text;
	char *line;

	cr_assert_eq(run("--strategy send-once --strategy article-loop "
			 "--strategy weir --size 2M --hold 20ms --trace "
			 "2>/dev/null"),
		     0);
	cr_assert(strstr(text, "\n    lost "));
	cr_assert(strstr(text, "\n    corrupt from byte "));
	cr_assert(strstr(text, "\n    right\n"));
	cr_assert(!strchr(text, '\033'));
	while ((line = strsep(&rest, "\n")))
		cr_assert_leq(strlen(line), 80, "%s", line);
}

Test(demo_program, page_stands_alone)
{
	cr_assert_eq(run("--strategy weir --size 2M --hold 20ms --trace "
			 "--lesson sigpipe --html - 2>/dev/null"),
		     0);
	cr_assert_eq(strncasecmp(text, "<!doctype html>", 15), 0);
	cr_assert(strstr(text, "<svg"));
	cr_assert(strstr(text, "Send queue"));
	cr_assert(strstr(text, "prefers-color-scheme"));
	cr_assert(!strstr(text, "<script"));
	cr_assert(!strstr(text, "src="));
	cr_assert(strstr(text, "</html>"));
}

static size_t count(const char *sought)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, sought)); at++)
		n++;
	return n;
}

/* A row a measure, a column a way of sending that was tried. */
Test(demo_program, page_shows_all_ways_of_sending_in_one_picture)
{
	cr_assert_eq(run("--strategy weir --strategy send-once --size 1M "
			 "--size 2M --hold 20ms --html - 2>/dev/null"),
		     0);
	cr_expect(strstr(text, "style=\"--n:2\""));
	cr_expect_eq(count("<svg class=\"chart small\""), 2 * 4);
	cr_expect(strstr(text, "<title>weir: Send queue</title>"));
	cr_expect_eq(count("</svg>1.00 MiB owed"), 1);
	cr_expect_eq(count("</svg>2.00 MiB owed"), 1);
	cr_expect_lt(strstr(text, "what became of it"),
		     strstr(text, "class=\"many\""));
}

Test(demo_program, calm_has_no_slow_reader)
{
	cr_assert_eq(run("--strategy weir --hold 20ms --calm --size 1M "
			 "--json - 2>/dev/null"),
		     0);
	cr_assert(strstr(text, "\"delivered\": 0"));
	cr_assert(strstr(text, "\"verdict\": \"nobody was slow\""));
}

/* What was not there is not shown as 0 either. */
Test(demo_program, calm_tells_of_no_debt)
{
	cr_assert_eq(run("--strategy weir --hold 20ms --calm"), 0);
	cr_assert(strstr(text, "\nNobody is slow\n"));
	cr_assert(strstr(text, "\nweir                   -     -"));
	cr_assert(!strstr(text, "owed"));
}

/* A file opened for JSON must not become what stdout has left free. */
Test(demo_program, a_closed_standard_output_is_an_error_and_no_other_file)
{
	char path[64];
	char command[256];

	snprintf(path, sizeof path, "/tmp/weir-demo-%d.json", (int)getpid());
	snprintf(command, sizeof command,
		 "--lesson sigpipe --json %s 2>&1 >&- || cat %s", path, path);
	(void)run(command);
	(void)unlink(path);
	cr_assert(strncmp(text, "send-vs-sendall: standard output: ", 34) == 0);
	cr_assert(strstr(text, "\n{"));
	cr_assert(!strstr(text, "verdict   "));
}

Test(demo_program, says_so_when_there_are_too_few_descriptors)
{
	cr_assert_eq(run("--help >/dev/null; ulimit -n 30; "
			 "exec \"${WEIR_BUILD:-build}\"/send-vs-sendall "
			 "--strategy weir 2>&1"),
		     2);
	cr_assert_str_eq(text, "send-vs-sendall: ulimit -n is 30: the contest "
			       "needs 64 descriptors\n");
}
