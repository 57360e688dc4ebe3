#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "expect.h"
#include "histogram.h"
#include "harness.h"
#include "test_flood_report.h"

TestSuite(flood_expect, .init = harness_begin, .fini = harness_end);

static struct expect parse(const char *text)
{
	struct expect expect;
	char error[256] = "";

	cr_assert(expect_parse(&expect, text, error, sizeof error), "%s: %s",
		  text, error);
	return expect;
}

/* -- reading -- */

Test(flood_expect, a_limit_is_read_in_the_units_of_its_figure)
{
	static const struct {
		const char *text;
		double limit;
	} cases[] = {
		{"p99<5ms", 5e6},
		{"max<1.5s", 1.5e9},
		{"mean<=250us", 250e3},
		{"p50<0", 0},
		{"throughput>10000", 10000},
		{"throughput>10000/s", 10000},
		{"bytes>50M/s", 50.0 * 1048576},
		{"errors=0", 0},
		{"corrupt=0", 0},
		{"missed<=12", 12},
		{"unanswered<7", 7},
		{"late<7", 7},
		{"timeouts<7", 7},
		{"errors<0.1%", 0.001},
		{"fairness>=0.95", 0.95},
		{"cpu<0.9", 0.9},
		{"cpu<90%", 0.9},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct expect expect = parse(cases[i].text);

		cr_expect_eq(expect.n_terms, 1);
		cr_expect_float_eq(expect.terms[0].limit, cases[i].limit, 1e-9,
				   "%s", cases[i].text);
	}
}

Test(flood_expect, a_count_may_be_a_share)
{
	struct made_run *run = made_run_open();
	struct expect expect = parse("late<=0.1%,late<0.1%,late<=200,cpu<90%");
	char text[256];

	run->result.n_late = 200; /* of 200,000 */
	cr_expect_eq(expect_judge(&expect, &run->result), 1);
	cr_expect(expect.terms[0].is_met);
	cr_expect_not(expect.terms[1].is_met);
	expect_explain(&expect.terms[1], text, sizeof text);
	cr_expect_str_eq(text, "late<0.1%: 0.1 %, breached: the limit itself");
	made_run_free(run);
}

Test(flood_expect, a_relation_is_read_to_its_end)
{
	cr_expect_eq(parse("errors<1").terms[0].relation, EXPECT_LESS);
	cr_expect_eq(parse("errors<=1").terms[0].relation, EXPECT_AT_MOST);
	cr_expect_eq(parse("errors=1").terms[0].relation, EXPECT_EQUAL);
	cr_expect_eq(parse("errors>=1").terms[0].relation, EXPECT_AT_LEAST);
	cr_expect_eq(parse("errors>1").terms[0].relation, EXPECT_MORE);
}

Test(flood_expect, a_percentile_has_a_point_or_leaves_it_out)
{
	cr_expect_eq(parse("p50<1s").terms[0].percentile, 50);
	cr_expect_eq(parse("p5<1s").terms[0].percentile, 5);
	cr_expect_eq(parse("p100<1s").terms[0].percentile, 100);
	cr_expect_float_eq(parse("p99.9<1s").terms[0].percentile, 99.9, 1e-9);
	cr_expect_float_eq(parse("p999<1s").terms[0].percentile, 99.9, 1e-9);
	cr_expect_float_eq(parse("p9999<1s").terms[0].percentile, 99.99, 1e-9);
}

Test(flood_expect, the_highest_percentile_asked_for_is_known)
{
	struct expect several = parse("p50<1s,p99.9<1s,max<2s,p99<1s");
	struct expect none = parse("errors=0");

	cr_expect_float_eq(expect_percentile(&several), 99.9, 1e-9);
	cr_expect_eq(expect_percentile(&none), 0);
}

Test(flood_expect, terms_are_separated_by_commas_and_spaces_do_not_matter)
{
	struct expect expect = parse(" p99 < 5ms ,throughput>10000 , errors=0");

	cr_assert_eq(expect.n_terms, 3);
	cr_expect_str_eq(expect.terms[0].text, "p99<5ms");
	cr_expect_str_eq(expect.terms[1].text, "throughput>10000");
	cr_expect_str_eq(expect.terms[2].text, "errors=0");
}

Test(flood_expect, what_is_wrong_is_named_with_what_was_expected)
{
	static const struct {
		const char *text;
		const char *says; /* among others */
	} cases[] = {
		{"", "expected a figure"},
		{"p99", "one of < <= = >= >"},
		{"p99!5ms", "one of < <= = >= >"},
		{"errors=0,", "\"\": expected a figure"},
		{"p99<5", "expected a time such as"},
		{"p99<", "expected a time such as"},
		{"p99<-5ms", "expected a time such as"},
		{"p99<0x5ms", "expected a time such as"},
		{"p99<nan", "expected a time such as"},
		{"p99<5ms5", "expected a time such as"},
		{"p99<.5ms", "expected a time such as"},
		{"p99<5.ms", "expected a time such as"},
		{"p99==5ms", "expected a time such as"},
		{"throughput>10K", "expected a number a second"},
		{"bytes>10K", "expected bytes a second"},
		{"errors=none", "expected a number such as 0"},
		{"fairness>90%", "expected a number such as 0.95"},
		{"cpu<90%%", "expected a share such as"},
		{"p<1s", "\"p\": expected p0 to p100"},
		{"p100.1<1s", "\"p100.1\": expected p0 to p100"},
		{"p-1<1s", "\"p-1\": expected p0 to p100"},
		{"percentile<1s", "expected p0 to p100"},
		{"latency.p50<1s", "expected p0 to p100"},
		{"service.errors=0", "\"service.errors\": expected"},
		{"service.<1s", "\"service.\": expected"},
		{"speed>1", "\"speed\": expected"},
		{"<1", "\"\": expected p0 to p100"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct expect expect;
		char error[256] = "";

		cr_expect_not(expect_parse(&expect, cases[i].text, error,
					   sizeof error),
			      "%s", cases[i].text);
		cr_expect_not_null(strstr(error, cases[i].says), "%s: %s",
				   cases[i].text, error);
	}
}

Test(flood_expect, sixteen_terms_are_enough)
{
	char text[1024] = "errors=0";
	struct expect expect;
	char error[256];

	for (int i = 1; i < EXPECT_MAX_TERMS; i++)
		strcat(text, ",errors=0");
	cr_expect_eq(parse(text).n_terms, EXPECT_MAX_TERMS);
	strcat(text, ",errors=0");
	cr_expect_not(expect_parse(&expect, text, error, sizeof error));
	cr_expect_str_eq(error, "expected at most 16 terms");
}

Test(flood_expect, a_term_that_is_too_long_is_refused)
{
	char text[256] = "errors=";
	struct expect expect;
	char error[256];

	memset(text + 7, '0', EXPECT_TEXT_SIZE - 8);
	(void)parse(text);
	memset(text + 7, '0', EXPECT_TEXT_SIZE - 7);
	cr_expect_not(expect_parse(&expect, text, error, sizeof error));
	cr_expect_not_null(strstr(error, "expected less than 64 letters"));
}

/* -- judging -- */

static size_t breaches_of(const struct made_run *run, const char *text)
{
	struct expect expect = parse(text);

	return expect_judge(&expect, &run->result);
}

Test(flood_expect, a_figure_is_compared_as_it_is_related)
{
	struct made_run *run = made_run_empty();

	run->result.n_errors = 3;
	cr_expect_eq(breaches_of(run, "errors<4"), 0);
	cr_expect_eq(breaches_of(run, "errors<3"), 1);
	cr_expect_eq(breaches_of(run, "errors<=3"), 0);
	cr_expect_eq(breaches_of(run, "errors<=2"), 1);
	cr_expect_eq(breaches_of(run, "errors=3"), 0);
	cr_expect_eq(breaches_of(run, "errors=2"), 1);
	cr_expect_eq(breaches_of(run, "errors>=3"), 0);
	cr_expect_eq(breaches_of(run, "errors>=4"), 1);
	cr_expect_eq(breaches_of(run, "errors>2"), 0);
	cr_expect_eq(breaches_of(run, "errors>3"), 1);
	made_run_free(run);
}

Test(flood_expect, each_figure_is_that_of_its_name)
{
	static const char *const each[] = {
		"throughput=1",	    "bytes=5",		"errors=4",
		"corrupt=5",	    "missed=6",		"late=8",
		"unanswered=7",	    "fairness=0.5",	"cpu=0.25",
		"p0=9ns",	    "max=9ns",		"mean=9ns",
		"service.p50=10ns", "lateness.p99=11ns"};
	struct made_run *run = made_run_empty();
	struct result *result = &run->result;

	result->messages_per_s = 1;
	result->bytes_out_per_s = 2;
	result->bytes_in_per_s = 3;
	result->n_errors = 4;
	result->n_corrupt = 5;
	result->n_missed = 6;
	result->n_unanswered = 7;
	result->n_late = 8;
	result->fairness.jain = 0.5;
	result->cpu_share = 0.25;
	histogram_record(result->latency, 9);
	histogram_record(result->service, 10);
	histogram_record(result->lateness, 11);
	for (size_t i = 0; i < sizeof each / sizeof *each; i++)
		cr_expect_eq(breaches_of(run, each[i]), 0, "%s", each[i]);
	made_run_free(run);
}

Test(flood_expect, all_terms_are_judged_and_the_breaches_counted)
{
	struct made_run *run = made_run_open();

	cr_expect_eq(breaches_of(run, "p99<5ms,throughput>10000,errors=0"), 0);
	cr_expect_eq(breaches_of(run, "p99<5us,throughput>10000,errors=1"), 2);
	made_run_free(run);
}

Test(flood_expect, a_figure_that_is_not_there_meets_nothing)
{
	struct made_run *run = made_run_empty();

	cr_expect_eq(breaches_of(run, "p99<1000s,p99>=0ns,p99=0"), 3);
	cr_expect_eq(breaches_of(run, "max<1s,mean<1s,lateness.p50<1s"), 3);
	cr_expect_eq(breaches_of(run, "throughput>=0,bytes>=0"), 2);
	cr_expect_eq(breaches_of(run, "fairness>=0,cpu>=0"), 2);
	made_run_free(run);
}

/* -- telling -- */

static void expect_told(const struct made_run *run, const char *text,
			const char *told)
{
	struct expect expect = parse(text);
	char sentence[256];

	(void)expect_judge(&expect, &run->result);
	expect_explain(&expect.terms[0], sentence, sizeof sentence);
	cr_expect_str_eq(sentence, told);
}

Test(flood_expect, a_breach_is_told_with_by_how_much)
{
	struct made_run *run = made_run_empty();

	histogram_record(run->result.latency, 2000);
	run->result.messages_per_s = 9500;
	run->result.n_errors = 3;
	run->result.cpu_share = 0.95;
	run->result.fairness.jain = 0.5;
	expect_told(run, "p99<500ns",
		    "p99<500ns: 2.00 us, breached by "
		    "1.50 us");
	expect_told(run, "p99<2us",
		    "p99<2us: 2.00 us, breached: the limit itself");
	expect_told(run, "p99<=2us", "p99<=2us: 2.00 us, met");
	expect_told(run, "throughput>10000",
		    "throughput>10000: 9,500/s, breached by 500/s");
	expect_told(run, "errors=0", "errors=0: 3, breached by 3");
	expect_told(run, "cpu<90%", "cpu<90%: 95.0 %, breached by 5.0 %");
	expect_told(run, "fairness>0.9",
		    "fairness>0.9: 0.5000, breached by 0.4000");
	expect_told(run, "service.p50<1s",
		    "service.p50<1s: breached, this run has no such figure");
	made_run_free(run);
}

/* The cast of it to a count was undefined. */
Test(flood_expect, a_limit_beyond_any_count_is_told_as_the_largest)
{
	struct made_run *run = made_run_empty();

	expect_told(run, "late>444444444444444444444",
		    "late>444444444444444444444: 0, breached by "
		    "18,446,744,073,709,551,615");
	made_run_free(run);
}

/* -- while it runs -- */

/* One slow answer of a hundred is the largest, and no percentile yet. */
Test(flood_expect, a_percentile_is_breached_when_it_has_its_samples)
{
	struct made_run *run = made_run_empty();
	struct expect p99 = parse("p99<1ms");
	struct expect largest = parse("max<1ms");

	for (int i = 0; i < 98; i++)
		histogram_record(run->result.latency, 1000);
	histogram_record_n(run->result.latency, 5000000, 2);
	cr_expect_not(expect_is_breached(&p99, &run->result));
	cr_expect(expect_is_breached(&largest, &run->result));
	histogram_record_n(run->result.latency, 5000000, 900);
	cr_expect(expect_is_breached(&p99, &run->result));
	made_run_free(run);
}

/* -- datagrams -- */

Test(flood_expect, only_datagrams_are_lost_repeated_and_reordered)
{
	struct made_run *run = made_run_open();
	struct expect expect = parse("loss<0.1%,loss=100,repeated=2,"
				     "reordered=3");

	cr_expect(expect_has_loss(&expect));
	cr_expect_eq(expect_judge(&expect, &run->result), 4);
	run->settings.is_datagram = true;
	run->result.n_unanswered = 100;
	run->result.datagrams.n_repeated = 2;
	run->result.datagrams.n_reordered = 3;
	cr_expect_eq(expect_judge(&expect, &run->result), 0);
	run->result.n_unanswered = 200;
	cr_expect_eq(expect_judge(&expect, &run->result), 2);
	made_run_free(run);
	expect = parse("unanswered<1%");
	cr_expect_not(expect_has_loss(&expect));
}
