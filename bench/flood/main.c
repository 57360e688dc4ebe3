/* weir-flood: from the command line to the exit status. */
#include "compare.h"
#include "expect.h"
#include "find_rate.h"
#include "generator.h"
#include "options.h"
#include "output.h"
#include "process.h"
#include "result.h"
#include "verdict.h"

/* There is a result: judge it, print it. */
static enum status conclude(struct output *output, struct result *result,
			    struct expect *expect)
{
	/* the trials of a search are judged one by one */
	if (result->search.n_trials == 0)
		verdict_judge(result, expect_percentile(expect));
	if (output->settings->rival.text)
		verdict_judge_comparison(result);
	if (expect->n_terms > 0)
		expect_judge(expect, result);
	if (!output_write(output, result, expect->n_terms ? expect : NULL))
		return STATUS_FAILED;
	return verdict_status(result, expect);
}

static enum status measure(struct settings *settings, struct expect *expect)
{
	struct result result = {0};
	struct output output;
	enum status status;

	if (!output_open(&output, settings)) {
		output_close(&output);
		return STATUS_REFUSED;
	}
	if (settings->stops_early)
		output.events.stops_at = expect;
	if (settings->rival.text)
		status = compare_run(settings, &result);
	else if (settings->finds_rate)
		status = find_rate_run(settings, expect, &output.events,
				       &result);
	else
		status = generator_run(settings, &settings->target,
				       &output.events, &result);
	output_end_progress(&output);
	if (status == STATUS_GO_ON)
		status = conclude(&output, &result, expect);
	result_free(&result);
	output_close(&output);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct expect expect;
	enum status status;

	status = options_parse(&settings, &expect, argc, argv);
	if (status != STATUS_GO_ON)
		return (int)status;
	process_begin();
	return (int)measure(&settings, &expect);
}
