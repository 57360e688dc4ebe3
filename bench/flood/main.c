/* weir-flood: from the command line to the exit status. */
#include "process.h"
#include "compare.h"
#include "expect.h"
#include "flood.h"
#include "generator.h"
#include "options.h"
#include "output.h"
#include "verdict.h"

static enum flood_status status_of(const struct flood_result *result,
				   size_t n_breaches)
{
	if (result->n_corrupt + result->comparison.n_rival_corrupt > 0)
		return FLOOD_FAILED;
	if (!result->verdict.is_valid)
		return FLOOD_INVALID;
	return n_breaches > 0 ? FLOOD_BREACHED : FLOOD_DONE;
}

/* There is a result: judge it, print it. */
static enum flood_status conclude(struct output *output,
				  struct flood_result *result,
				  struct expect *expect)
{
	size_t n_breaches = 0;

	flood_verdict_judge(result, expect_percentile(expect));
	if (output->settings->rival.text)
		flood_verdict_judge_comparison(result);
	if (expect->n_terms > 0)
		n_breaches = expect_judge(expect, result);
	if (!output_write(output, result, expect->n_terms ? expect : NULL))
		return FLOOD_FAILED;
	return status_of(result, n_breaches);
}

static enum flood_status measure(const struct flood_settings *settings,
				 struct expect *expect)
{
	struct flood_result result = {0};
	struct output output;
	enum flood_status status;

	if (!output_open(&output, settings)) {
		output_close(&output);
		return FLOOD_REFUSED;
	}
	if (settings->rival.text)
		status = compare_run(settings, &result);
	else
		status = generator_run(settings, &settings->target,
				       &output.events, &result);
	output_end_progress(&output);
	if (status == FLOOD_GO_ON)
		status = conclude(&output, &result, expect);
	flood_result_free(&result);
	output_close(&output);
	return status;
}

int main(int argc, char **argv)
{
	struct flood_settings settings;
	struct expect expect;
	enum flood_status status;

	status = flood_options_parse(&settings, &expect, argc, argv);
	if (status != FLOOD_GO_ON)
		return (int)status;
	process_begin();
	return (int)measure(&settings, &expect);
}
