#include "verdict.h"

#include <stdio.h>

#include "quantity.h"

enum {
	/* While the reader has stopped, an echo costs three calls, a wait, a
	 * recv and a send, and no EPOLLOUT. More than these is spinning. */
	CALLS_PER_ECHO = 10,
	WAKEUPS_PER_ECHO = 3,
	/* calls, or EPOLLOUT events, that the stop itself may cost */
	CALLS_TO_STOP = 1000
};

unsigned verdict_judge(const struct contest_result *result)
{
	const struct contest_view *stop = &result->stop;
	unsigned outcome = 0;

	if (result->is_calm)
		return 0;
	if (result->first_bad >= 0)
		outcome |= OUTCOME_CORRUPT;
	else if (result->delivered < result->asked)
		outcome |= OUTCOME_LOST;
	if (stop->stopped_ns > 0 && stop->n_echoes == 0)
		outcome |= OUTCOME_FROZE;
	if (stop->n_calls > CALLS_TO_STOP + CALLS_PER_ECHO * stop->n_echoes ||
	    stop->n_wakeups > CALLS_TO_STOP + WAKEUPS_PER_ECHO * stop->n_echoes)
		outcome |= OUTCOME_SPUN;
	if (result->queue_peak > result->asked / 4 * 3)
		outcome |= OUTCOME_HOARDED;
	return outcome;
}

bool verdict_is_good(const struct contest_result *result)
{
	return !result->is_cut_short && verdict_judge(result) == 0;
}

bool verdict_is_expected(const struct contest_result *result)
{
	if (result->is_cut_short)
		return false;
	return result->is_calm ||
	       verdict_judge(result) == result->strategy->expected;
}

struct words {
	char *text;
	size_t n;
};

static void say(struct words *words, const char *what, const char *figure)
{
	int n = snprintf(words->text + words->n, VERDICT_SIZE - words->n,
			 "%s%s%s", words->n > 0 ? ", " : "", what, figure);

	if (n > 0 && (size_t)n < VERDICT_SIZE - words->n)
		words->n += (size_t)n;
}

/* On a busy machine it may not have had a core to itself. */
static const char *burning(const struct contest_result *result)
{
	return 2 * result->cpu_ns >= result->total_ns
		       ? "burned a core"
		       : "burned all the CPU it got";
}

const char *verdict_text(const struct contest_result *result,
			 char text[VERDICT_SIZE])
{
	struct words words = {.text = text};
	unsigned outcome = verdict_judge(result);
	char figure[QUANTITY_TEXT_SIZE];
	char whole[QUANTITY_TEXT_SIZE];

	text[0] = '\0';
	if (result->is_cut_short)
		outcome = 0;
	if (outcome & OUTCOME_LOST) {
		char line[3 * QUANTITY_TEXT_SIZE];

		(void)snprintf(
			line, sizeof line, "%s of %s",
			quantity_format_size(
				figure,
				(double)(result->asked - result->delivered)),
			quantity_format_size(whole, (double)result->asked));
		say(&words, "lost ", line);
	}
	if (outcome & OUTCOME_CORRUPT)
		say(&words, "corrupt from byte ",
		    quantity_format_count(figure, (uint64_t)result->first_bad));
	if (outcome & OUTCOME_FROZE)
		say(&words, "froze everyone for ",
		    quantity_format_time(figure,
					 (double)result->longest_silence_ns));
	if (outcome & OUTCOME_SPUN)
		say(&words, burning(result), "");
	if (outcome & OUTCOME_HOARDED)
		say(&words, "queued all it was given", "");
	if (result->is_cut_short)
		say(&words, "did not end in time", "");
	else if (outcome == 0)
		say(&words, result->is_calm ? "nobody was slow" : "right", "");
	return text;
}
