/* The reasons for which a measurement is not valid. Each is something that
 * makes the figures say less, or something else, than a reader thinks. */
#include "verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "expect.h"
#include "histogram.h"
#include "quantity.h"
#include "result.h"

/* Of a CPU: a generator that uses more in an open loop measures itself. */
static const double busy_share = 0.95;
/* Of all messages: sent late, or never answered. */
static const double tolerated_share = 0.01;
/* A short run may have to wait once. */
static const double least_wait_s = 0.01;
/* A silence that began in the warm-up is a reason from this length on. */
static const uint64_t least_warmup_wait_ns = 10000000;
/* Fewer of them never tell a difference (see common/statistic.h). */
static const size_t least_rounds = 8;

void verdict_add(struct verdict *verdict, const char *format, ...)
{
	va_list list;

	verdict->is_valid = false;
	if (verdict->n_reasons == VERDICT_MAX_REASONS)
		return;
	va_start(list, format);
	(void)vsnprintf(verdict->reasons[verdict->n_reasons],
			VERDICT_REASON_SIZE, format, list);
	va_end(list);
	verdict->n_reasons++;
}

static double share(uint64_t n, uint64_t all)
{
	return all > 0 ? (double)n / (double)all : 0;
}

/* -- what was asked has not been done -- */

/* A broken connection is a reason; of visits some may fail. */
static void judge_errors(struct result *result)
{
	char count[QUANTITY_TEXT_SIZE];

	if (result->n_errors == result->n_failed_visits)
		return;
	verdict_add(&result->verdict, "%s error%s, the first: %s",
		    quantity_format_count(count, result->n_errors),
		    result->n_errors == 1 ? "" : "s", result->first_error);
}

static void judge_visits(struct result *result)
{
	double failed = share(result->n_failed, result->n_sent);
	char count[QUANTITY_TEXT_SIZE];
	char all[QUANTITY_TEXT_SIZE];
	char part[QUANTITY_TEXT_SIZE];

	if (failed > tolerated_share)
		verdict_add(&result->verdict,
			    "%s of %s visits (%s) failed, the first: %.100s",
			    quantity_format_count(count, result->n_failed),
			    quantity_format_count(all, result->n_sent),
			    quantity_format_share(part, failed),
			    result->first_error);
}

static void judge_corruption(struct result *result)
{
	char count[QUANTITY_TEXT_SIZE];

	if (result->n_corrupt == 0)
		return;
	verdict_add(&result->verdict, "%s corrupt message%s, the first: %s",
		    quantity_format_count(count, result->n_corrupt),
		    result->n_corrupt == 1 ? "" : "s",
		    result->first_corruption);
}

/* The load was to be that of all of them. */
static void judge_bad(struct result *result)
{
	for (int kind = 0; kind < BAD_N_KINDS; kind++) {
		const struct result_bad *bad = &result->bad[kind];

		if (bad->n_made < bad->n_peers)
			verdict_add(&result->verdict,
				    "%zu of %zu %s peers were never connected",
				    bad->n_peers - bad->n_made, bad->n_peers,
				    bad_name((enum bad_kind)kind));
	}
}

static void judge_count(struct result *result)
{
	const struct settings *settings = result->settings;
	char done[QUANTITY_TEXT_SIZE];
	char asked[QUANTITY_TEXT_SIZE];
	uint64_t n = mode_has_answers(settings->mode)
			     ? result->n_sent
			     : result->n_messages + result->n_drained;

	if (result->n_messages == 0)
		verdict_add(&result->verdict, "no message was %s",
			    mode_has_answers(settings->mode)
				    ? "answered in the measured time"
				    : "transferred");
	else if (n < settings->n_messages && !result->is_interrupted &&
		 !result->is_stopped_early)
		verdict_add(&result->verdict,
			    "%s of %s messages in the time that -d allows",
			    quantity_format_count(done, n),
			    quantity_format_count(asked, settings->n_messages));
}

/* A closed loop waits for answers, so that those in flight are all that can
 * ever be missing; 0: no such bound. */
static uint64_t count_in_flight(const struct result *result)
{
	const struct settings *settings = result->settings;
	uint64_t n = settings->pipeline;

	if (settings->rate > 0 || result->is_interrupted)
		return 0;
	if (result->comparison.n_rounds > 0)
		n *= result->comparison.n_rounds;
	if (settings->mode == MODE_ECHO)
		return n * settings->n_connections;
	if (settings->mode == MODE_BROADCAST)
		return n * settings->n_publishers * result->n_subscribers;
	return 0;
}

/* That more might have come. */
static const char *tell_cut(const struct result *result, char *text,
			    size_t size)
{
	char time[QUANTITY_TEXT_SIZE];

	text[0] = '\0';
	if (result->is_drain_cut && !result->is_interrupted)
		(void)snprintf(
			text, size, ": --drain cut the wait for them after %s",
			quantity_format_time(time, (double)result->drain_ns));
	return text;
}

static void judge_owed(struct result *result)
{
	uint64_t n_answers =
		result->n_messages + result->n_drained + result->n_unanswered;
	uint64_t n_in_flight = count_in_flight(result);
	uint64_t n_lost = result->n_unanswered - result->n_timed_out;
	double unanswered =
		share(n_lost, n_in_flight ? n_in_flight : n_answers);
	char count[QUANTITY_TEXT_SIZE];
	char part[QUANTITY_TEXT_SIZE];
	char cut[VERDICT_REASON_SIZE / 2];

	if (result->is_owed_too_much)
		verdict_add(&result->verdict,
			    "cut short: more than %s messages were owed",
			    quantity_format_count(count,
						  result->settings->max_owed));
	if (unanswered > tolerated_share && !result->settings->is_datagram)
		verdict_add(&result->verdict,
			    "%s message%s (%s%s) never answered%s",
			    quantity_format_count(count, n_lost),
			    n_lost == 1 ? "" : "s",
			    quantity_format_share(part, unanswered),
			    n_in_flight ? " of those in flight" : "",
			    tell_cut(result, cut, sizeof cut));
}

static void judge_timeouts(struct result *result)
{
	double part = share(result->n_timed_out, result->n_messages +
							 result->n_drained +
							 result->n_unanswered);
	char count[QUANTITY_TEXT_SIZE];
	char text[QUANTITY_TEXT_SIZE];
	char time[QUANTITY_TEXT_SIZE];

	if (part > tolerated_share && !result->settings->is_datagram)
		verdict_add(
			&result->verdict,
			"%s message%s (%s) had no answer within --timeout, %s",
			quantity_format_count(count, result->n_timed_out),
			result->n_timed_out == 1 ? "" : "s",
			quantity_format_share(text, part),
			quantity_format_time(
				time, (double)result->settings->timeout_ns));
}

/* How much is too much, an expectation may say better. */
static void judge_loss(struct result *result)
{
	double loss = result_loss(result);
	uint64_t n_lost = result_count_lost(result);
	uint64_t n_ours =
		result->datagrams.n_unsent + result->datagrams.n_dropped;
	char count[QUANTITY_TEXT_SIZE];
	char part[QUANTITY_TEXT_SIZE];
	char ours[QUANTITY_TEXT_SIZE + 48] = "";

	if (!result->settings->is_datagram || result->settings->expects_loss ||
	    !(loss > tolerated_share))
		return;
	quantity_format_count(count, n_ours);
	if (n_ours > 0)
		(void)snprintf(ours, sizeof ours,
			       ", of which our own socket dropped %s", count);
	verdict_add(&result->verdict, "%s message%s lost (%s)%s",
		    quantity_format_count(count, n_lost),
		    n_lost == 1 ? " was" : "s were",
		    quantity_format_share(part, loss), ours);
}

static void judge_silence(struct result *result)
{
	const struct result_silence *silence = &result->silence;
	char time[QUANTITY_TEXT_SIZE];
	char others[QUANTITY_TEXT_SIZE + 32] = "";

	if (silence->n == 0)
		return;
	if (silence->n > 1)
		(void)snprintf(others, sizeof others, "; so were %zu others",
			       silence->n - 1);
	verdict_add(&result->verdict,
		    "connection %zu was silent for %s to the end%s",
		    silence->connection,
		    quantity_format_time(time, (double)silence->longest_ns),
		    others);
}

/* What hung all the time is not in the latency of any message. */
static void judge_unserved(struct result *result)
{
	const struct result_fairness *fairness = &result->fairness;
	size_t n_silent = 0;

	if (result->settings->rate > 0 || result->settings->n_messages > 0 ||
	    result->n_messages == 0 || result->is_interrupted ||
	    result->silence.n > 0)
		return;
	for (size_t i = 0; i < fairness->n; i++)
		n_silent += fairness->counts[i] == 0;
	if (n_silent > 0)
		verdict_add(&result->verdict,
			    "%zu of %zu connections %s in the measured time",
			    n_silent, fairness->n,
			    mode_has_answers(result->settings->mode)
				    ? "got no answer"
				    : "transferred nothing");
}

/* In a closed loop such a silence keeps back the messages that would show it. */
static void judge_warmup(struct result *result)
{
	uint64_t wait_ns = result->warmup_wait_ns;
	char time[QUANTITY_TEXT_SIZE];

	if (result->settings->rate == 0 && wait_ns > least_warmup_wait_ns &&
	    wait_ns / 2 > histogram_max(result->latency))
		verdict_add(&result->verdict,
			    "a silence of %s began before the measurement, and "
			    "is not in the latency",
			    quantity_format_time(time, (double)wait_ns));
}

/* -- the generator itself -- */

/* In a closed loop nothing is late: what did not run asked less. */
static void judge_wait(struct result *result)
{
	/* the scheduler's clock is another one than ours */
	double part = fmin(result->cpu_wait_s / result->seconds, 1);
	char text[QUANTITY_TEXT_SIZE];

	if (result->cpu_wait_s > least_wait_s &&
	    part * 100 > (double)result->settings->wait_percent)
		verdict_add(&result->verdict,
			    "the generator waited %s of the time for a CPU",
			    quantity_format_share(text, part));
}

static void judge_generator(struct result *result)
{
	const struct settings *settings = result->settings;
	double late = share(result->n_late, result->n_sent);
	char count[QUANTITY_TEXT_SIZE];
	char part[QUANTITY_TEXT_SIZE];
	char time[QUANTITY_TEXT_SIZE];

	if (settings->rate == 0) {
		judge_wait(result);
		return;
	}
	if (result->cpu_share > busy_share)
		verdict_add(&result->verdict,
			    "the generator used %s of a CPU: it may have "
			    "measured itself",
			    quantity_format_share(part, result->cpu_share));
	if (result->n_unsent > 0)
		verdict_add(&result->verdict,
			    "%s messages that were due were never sent",
			    quantity_format_count(count, result->n_unsent));
	if (late > tolerated_share)
		verdict_add(
			&result->verdict,
			"%s of the messages were sent more than %s late",
			quantity_format_share(part, late),
			quantity_format_time(time, (double)settings->late_ns));
}

static void judge_samples(struct result *result, double percentile)
{
	uint64_t n = histogram_count(result->latency);
	char have[QUANTITY_TEXT_SIZE];
	char need[QUANTITY_TEXT_SIZE];
	double least;

	if (percentile <= 0 || percentile >= 100)
		return;
	least = EXPECT_SAMPLES_BEYOND / (1 - percentile / 100);
	if ((double)n >= least - 0.5)
		return;
	verdict_add(&result->verdict, "p%g needs %s samples, and has %s",
		    percentile,
		    quantity_format_count(need, (uint64_t)(least + 0.5)),
		    quantity_format_count(have, n));
}

void verdict_judge(struct result *result, double percentile)
{
	result->verdict = (struct verdict){.is_valid = true};
	judge_corruption(result);
	judge_count(result);
	judge_errors(result);
	judge_visits(result);
	judge_bad(result);
	judge_owed(result);
	judge_timeouts(result);
	judge_loss(result);
	judge_silence(result);
	judge_unserved(result);
	judge_warmup(result);
	judge_generator(result);
	judge_samples(result, percentile);
}

void verdict_judge_comparison(struct result *result)
{
	const struct result_comparison *comparison = &result->comparison;
	const struct verdict *rival = &comparison->rival;

	if (comparison->lost)
		verdict_add(&result->verdict,
			    "%.100s was not there for round %zu: the "
			    "comparison ends",
			    comparison->lost, comparison->n_rounds + 1);

	if (comparison->n_rounds < least_rounds)
		verdict_add(&result->verdict,
			    "%zu round%s on each are too few to compare: "
			    "%zu are needed",
			    comparison->n_rounds,
			    comparison->n_rounds == 1 ? "" : "s", least_rounds);
	for (size_t i = 0; i < rival->n_reasons; i++)
		verdict_add(&result->verdict, "%s: %.120s",
			    result->settings->rival.text, rival->reasons[i]);
}

enum status verdict_status(const struct result *result,
			   const struct expect *expect)
{
	if (result->n_corrupt + result->comparison.n_rival_corrupt > 0)
		return STATUS_FAILED;
	if (!result->verdict.is_valid)
		return STATUS_INVALID;
	for (size_t i = 0; expect && i < expect->n_terms; i++)
		if (!expect->terms[i].is_met)
			return STATUS_BREACHED;
	return STATUS_DONE;
}
