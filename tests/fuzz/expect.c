/* Expectations: what is read has its figure and fits its room, and can be
 * judged and explained whatever the run's figures are. */
#include "expect.h"

#include <math.h>

#include "expect_figure.h"
#include "fuzz.h"
#include "histogram.h"
#include "result.h"

enum {
	TEXT_SIZE = 256
};

static double take_double(struct fuzz *f)
{
	double value = 0;
	size_t n = f->n < sizeof value ? f->n : sizeof value;

	memcpy(&value, f->at, n);
	f->at += n;
	f->n -= n;
	return value;
}

/* Figures as they may come: none is negative, some do not exist. */
static void make_result(struct result *result, struct fuzz *f)
{
	static struct histogram histograms[3];
	static struct settings settings;
	size_t i;

	for (i = 0; i < 3; i++) {
		histogram_init(&histograms[i]);
		if (fuzz_byte(f) & 1)
			histogram_record(&histograms[i],
					 (uint64_t)fuzz_below(f, 1 << 24));
	}
	memset(result, 0, sizeof *result);
	settings.is_datagram = fuzz_byte(f) & 1;
	result->settings = &settings;
	result->latency = &histograms[0];
	result->service = &histograms[1];
	result->lateness = &histograms[2];
	result->messages_per_s = fabs(take_double(f));
	result->fairness.jain = fabs(take_double(f));
	result->cpu_share = fabs(take_double(f));
	result->n_errors = fuzz_below(f, 1 << 16);
	result->n_missed = fuzz_byte(f);
}

static void check_terms(struct expect *expect, struct fuzz *f)
{
	static struct result result;
	char text[TEXT_SIZE];
	size_t n_breached = 0;
	size_t i;

	make_result(&result, f);
	fuzz_want(expect->n_terms >= 1 && expect->n_terms <= EXPECT_MAX_TERMS,
		  "a wrong count");
	n_breached = expect_judge(expect, &result);
	for (i = 0; i < expect->n_terms; i++) {
		const struct expect_term *term = &expect->terms[i];

		fuzz_want(term->limit >= 0, "a negative limit");
		n_breached -= !term->is_met;
		expect_explain(term, text, sizeof text);
		fuzz_want(strlen(text) < sizeof text && *text, "no sentence");
	}
	fuzz_want(n_breached == 0, "the breached are miscounted");
	fuzz_want(expect_percentile(expect) <= 100, "above 100 %");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = {data, n};
	size_t n_text = fuzz_below(&f, 256);
	struct fuzz figures;
	struct expect expect;
	char error[TEXT_SIZE] = "";
	char *text;

	if (n_text > f.n)
		n_text = f.n;
	figures = (struct fuzz){f.at + n_text, f.n - n_text};
	f.n = n_text;
	text = fuzz_text(&f);
	if (expect_parse(&expect, text, error, sizeof error))
		check_terms(&expect, &figures);
	else
		fuzz_want(*error != '\0', "no sentence says what is wrong");
	free(text);
	return 0;
}
