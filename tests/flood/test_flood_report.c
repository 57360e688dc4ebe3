/* The table: what a person reads. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "report.h"
#include "harness.h"
#include "document.h"
#include "test_flood_report.h"

TestSuite(flood_report, .init = harness_begin, .fini = harness_end);

static int write_table(FILE *out, const struct result *result,
		       const struct expect *expect)
{
	report_table(out, result, expect);
	return 0;
}

/* A run's table, judged by what was expected (NULL: nothing); to be freed, and
 * the run is. */
static char *make_table(struct made_run *run, const char *expected)
{
	return made_report(write_table, run, expected);
}

Test(flood_report, the_table_of_a_run_is_this)
{
	char *text = make_table(made_run_open(), "p99<5ms");

	cr_expect_str_eq(
		text,
		"VALID         nothing speaks against this measurement\n"
		"\n"
		"  run         echo to 127.0.0.1:7000, 50 connections, 64 B "
		"messages at 20,000/s\n"
		"              open loop: latency is counted from the "
		"intended start\n"
		"\n"
		"  throughput      19,998/s   1.22 MiB/s out, 1.22 MiB/s in\n"
		"  messages         199,980   answered in 10.0 s\n"
		"  sent             200,000   199,980 answered in time, 20 "
		"after the end\n"
		"  errors                 0\n"
		"  corrupt                0\n"
		"\n"
		"                   latency     service    lateness\n"
		"  p50              25.0 us     22.5 us     1.26 us\n"
		"  p75              27.6 us     24.8 us     1.76 us\n"
		"  p90              29.2 us     26.3 us     2.08 us\n"
		"  p95              29.9 us     26.9 us     2.19 us\n"
		"  p99              31.9 us     28.7 us     2.28 us\n"
		"  p99.9            49.8 us     44.8 us     2.30 us\n"
		"  p99.99            212 us      191 us     2.30 us\n"
		"  max              1.36 ms     1.23 ms     2.30 us\n"
		"  mean             25.2 us     22.7 us     1.27 us\n"
		"  count            199,980     199,980     199,980\n"
		"              (latency of 199,980 of 200,000 sent)\n"
		"\n"
		"  fairness          1.0000   of 1; from 3,990 to 4,012 "
		"messages a connection\n"
		"  bytes out       12.2 MiB   taken by the kernel, 12.2 MiB "
		"acknowledged\n"
		"  bytes in        12.2 MiB   received\n"
		"  generator         43.0 %   of a CPU, waited 0.5 % of the "
		"time for one, at most\n"
		"                             61 without an answer\n"
		"  expected    p99<5ms: 31.9 us, met\n");
	free(text);
}

Test(flood_report, the_verdict_is_the_first_word)
{
	static const struct {
		struct made_run *(*make)(void);
		const char *expected;
		const char *begins;
	} cases[] = {
		{made_run_open, NULL, "VALID  "},
		{made_run_open, "p99<5us", "BREACHED      p99<5us: 31.9 us, "},
		{made_run_empty, "p99<5us",
		 "INVALID       no message was answered\n"},
		{made_run_ugly, NULL, "FAILED        reason 0: 12.1 % of the"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = make_table(cases[i].make(), cases[i].expected);

		cr_expect_eq(
			strncmp(text, cases[i].begins, strlen(cases[i].begins)),
			0, "%s", text);
		free(text);
	}
}

Test(flood_report, every_reason_is_told_and_a_breach_only_once)
{
	char *text = make_table(made_run_ugly(), "errors=0,p50<1s");

	for (int i = 0; i < VERDICT_MAX_REASONS; i++) {
		char reason[32];

		(void)snprintf(reason, sizeof reason, "  reason %d: ", i);
		cr_expect_eq(document_count(text, reason), 1, "%d", i);
	}
	cr_expect_eq(document_count(text, "errors=0: 28, breached by 28"), 1);
	cr_expect_eq(document_count(text, "expected    p50<1s: "), 1);
	cr_expect_eq(document_count(text, "interrupted"), 1);
	free(text);
}

Test(flood_report, no_line_is_wider_than_eighty_columns)
{
	struct made_run *(*const makes[])(void) = {
		made_run_empty, made_run_open, made_run_single, made_run_ugly};

	for (size_t i = 0; i < sizeof makes / sizeof *makes; i++) {
		char *text = make_table(makes[i](), "p99<5ms");

		for (const char *line = text; *line != '\0';) {
			size_t n = strcspn(line, "\n");

			cr_expect_leq(n, 80, "%.*s", (int)n, line);
			line += n + 1;
		}
		free(text);
	}
}

Test(flood_report, a_stream_that_is_no_terminal_gets_no_escapes)
{
	char *text = make_table(made_run_ugly(), "p99<5ms");

	cr_expect_null(strchr(text, '\033'));
	free(text);
}

Test(flood_report, in_a_closed_loop_the_service_is_not_told_again)
{
	char *text = make_table(made_run_single(), NULL);

	cr_expect_eq(document_count(text, " latency\n"), 1);
	cr_expect_eq(document_count(text, " service"), 0);
	cr_expect_eq(document_count(text, " lateness"), 0);
	free(text);
}

Test(flood_report, bad_peers_are_told_apart)
{
	char *text = make_table(made_run_ugly(), NULL);

	cr_expect_eq(document_count(text, "\n  stalled                1   bad "
					  "peer, 1,000,000 connected"),
		     1);
	cr_expect_eq(document_count(text, "\n  half_close             4   bad "
					  "peers, "),
		     1);
	free(text);
	text = make_table(made_run_open(), NULL);
	cr_expect_eq(document_count(text, "stalled"), 0);
	free(text);
}

Test(flood_report, a_comparison_says_who_is_better_and_how_sure_that_is)
{
	struct made_run *run = made_run_ugly();
	char *text;

	run->result.comparison.is_more_better = false;
	text = make_table(run, NULL);
	cr_expect_eq(document_count(text, "rounds each: 127.0.0.1:7000 is"), 1);
	cr_expect_eq(document_count(text, "1.083 (99 % interval 1.041 to -, "
					  "p = 0.0004)"),
		     1);
	free(text);
	run = made_run_ugly();
	run->result.comparison.is_significant = false;
	text = make_table(run, NULL);
	cr_expect_eq(document_count(text, "no significant difference"), 1);
	free(text);
}
