#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "harness.h"
#include "document.h"
#include "test_flood_report.h"

TestSuite(flood_report_html, .init = harness_begin, .fini = harness_end);

/* The page of a run, which is freed; to be freed. */
static char *make_page(struct made_run *run, const char *expected)
{
	return made_report(report_html, run, expected);
}

/* How many series all charts have; without a legend it is one. */
static size_t count_series(const char *text)
{
	return document_count(text, "</title></path>");
}

Test(flood_report_html, an_open_loop_has_three_curves_and_their_timeline)
{
	char *text = make_page(made_run_open(), "p99<5ms,service.p50<1us");

	cr_expect_eq(document_count(text, "<strong>BREACHED</strong>"), 1);
	cr_expect_eq(document_count(text, "<figcaption>"), 3);
	cr_expect_eq(count_series(text), 3 + 1 + 3);
	cr_expect_eq(document_count(text, "class=\"rule\""), 1);
	cr_expect_eq(document_count(text, "class=\"band\""), 0);
	cr_expect_eq(document_count(text, ">31.9 us<"), 2);
	cr_expect_eq(document_count(text, "A &lt;fast&gt; CPU &amp; more"), 1);
	cr_expect_eq(document_count(text, "--expect 'p99&lt;5ms'"), 1);
	free(text);
}

Test(flood_report_html, a_second_without_an_answer_is_shaded)
{
	char *text = make_page(made_run_frozen(), NULL);

	/* in the throughput and in the latency */
	cr_expect_eq(document_count(text, "class=\"band\""), 2);
	cr_expect_eq(document_count(text, "no answer"), 2);
	free(text);
}

Test(flood_report_html, neighbouring_seconds_are_shaded_as_one)
{
	struct made_run *run = made_run_open();
	char *text;

	for (size_t i = 2; i < 5; i++)
		run->result.timeline[i].n_messages = 0;
	run->result.timeline[8].n_messages = 0;
	text = make_page(run, NULL);
	cr_expect_eq(document_count(text, "class=\"band\""), 2 * 2);
	free(text);
}

Test(flood_report_html, a_closed_loop_has_one_curve)
{
	char *text = make_page(made_run_single(), NULL);

	cr_expect_eq(document_count(text, "<strong>VALID</strong>"), 1);
	cr_expect_eq(count_series(text), 1 + 1 + 3);
	free(text);
}

Test(flood_report_html, a_run_without_a_message_still_makes_a_page)
{
	char *text = make_page(made_run_empty(), "p99<5ms");

	cr_expect_eq(document_count(text, "<strong>INVALID</strong>"), 1);
	cr_expect_eq(document_count(text, "There is nothing to draw"), 1);
	cr_expect_eq(document_count(text, "nan"), 0);
	cr_expect_eq(document_count(text, "</html>"), 1);
	free(text);
}

Test(flood_report_html, whatever_goes_wrong_is_told_and_escaped)
{
	char *text = make_page(made_run_ugly(), "errors=0");

	cr_expect_eq(document_count(text, "<strong>FAILED</strong>"), 1);
	cr_expect_eq(document_count(text, "Also: "), VERDICT_MAX_REASONS);
	cr_expect_eq(document_count(text, "by &lt;the&gt; target"), 1);
	cr_expect_eq(document_count(text, "&lt;rival&gt; is better"), 1);
	cr_expect_eq(document_count(text, "Round by round"), 2);
	cr_expect_eq(document_count(text, "interrupted"), 1);
	cr_expect_eq(document_count(text, ">28, breached by 28<"), 1);
	cr_expect_eq(document_count(text, "<script"), 0);
	free(text);
}

Test(flood_report_html, a_full_disk_is_told)
{
	FILE *full = fopen("/dev/full", "we");
	struct made_run *run = made_run_open();

	cr_assert_not_null(full);
	cr_expect_eq(report_html(full, &run->result, NULL), -ENOSPC);
	(void)fclose(full);
	made_run_free(run);
}
