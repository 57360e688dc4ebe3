/* Keys are for ever: new ones may come, none goes or changes its meaning. Each
 * is there in every run, and null where the run has no such figure. */
#include "report.h"

#include <math.h>
#include <string.h>

#include "expect.h"
#include "histogram.h"
#include "json.h"
#include "report_json_inside.h"
#include "report_words.h"
#include "result.h"

/* "" is null. */
static void put_text(struct json *json, const char *key, const char *text)
{
	json_string(json, key, text[0] != '\0' ? text : NULL);
}

/* -- how it ended -- */

static void put_outcome(struct json *json, const struct result *result,
			const struct expect *expect)
{
	char text[REPORT_TEXT_SIZE];

	json_bool(json, "valid", result->verdict.is_valid);
	json_string(json, "outcome",
		    status_name(verdict_status(result, expect)));
	json_array(json, "reasons");
	for (size_t i = 0; report_reason(result, expect, i, text); i++)
		json_string(json, NULL, text);
	json_end(json);
	json_bool(json, "interrupted", result->is_interrupted);
	json_bool(json, "stopped_early", result->is_stopped_early);
}

static void put_expectations(struct json *json, const struct expect *expect)
{
	json_array(json, "expectations");
	for (size_t i = 0; expect && i < expect->n_terms; i++) {
		const struct expect_term *term = &expect->terms[i];

		json_object(json, NULL);
		json_string(json, "term", term->text);
		json_bool(json, "met", term->is_met);
		json_number(json, "limit", term->limit);
		json_number(json, "actual", term->actual);
		json_end(json);
	}
	json_end(json);
}

/* -- what was asked -- */

static const char *arrivals_of(const struct settings *settings)
{
	if (settings->rate == 0)
		return "closed";
	return settings->is_poisson ? "poisson" : "fixed";
}

static const char *const answer_kinds[] = {[ANSWER_ECHO] = "echo",
					   [ANSWER_BYTES] = "bytes",
					   [ANSWER_UNTIL] = "until"};

static void put_settings(struct json *json, const struct settings *settings)
{
	bool is_open = settings->rate > 0;
	bool is_bounded = settings->n_messages > 0;

	json_object(json, "settings");
	json_string(json, "arrivals", arrivals_of(settings));
	json_string(json, "transport",
		    settings->is_datagram ? "datagram" : "stream");
	report_json_known(json, "rate_per_s", is_open, settings->rate);
	report_json_known(json, "ramp_per_s", settings->ramp_rate > 0,
			  settings->ramp_rate);
	report_json_known(json, "ramp_steps", settings->n_steps > 0,
			  settings->n_steps);
	json_count(json, "connections", settings->n_connections);
	json_count(json, "threads", settings->n_threads);
	report_json_known(json, "publishers", settings->mode == MODE_BROADCAST,
			  settings->n_publishers);
	json_count(json, "message_bytes", settings->message_size);
	report_json_known(json, "in_flight", !is_open, settings->pipeline);
	json_string(json, "answer", answer_kinds[settings->answer.kind]);
	report_json_known(json, "answer_bytes",
			  settings->answer.kind == ANSWER_BYTES,
			  settings->answer.n_bytes);
	json_bool(json, "verified", settings->is_verified);
	report_json_known(json, "max_messages", is_bounded,
			  settings->n_messages);
	json_count(json, "duration_ns", settings->duration_ns);
	json_count(json, "warmup_ns", settings->warmup_ns);
	json_count(json, "connect_ns", settings->connect_ns);
	report_json_known(json, "connect_rate_per_s",
			  settings->connect_rate > 0, settings->connect_rate);
	report_json_known(json, "sources", settings->n_sources > 0,
			  settings->n_sources);
	json_count(json, "drain_ns", settings->drain_ns);
	report_json_known(json, "renew", settings->n_renew > 0,
			  settings->n_renew);
	report_json_known(json, "timeout_ns", settings->timeout_ns > 0,
			  settings->timeout_ns);
	json_count(json, "late_ns", settings->late_ns);
	json_count(json, "max_owed", settings->max_owed);
	json_count(json, "seed", settings->seed);
	json_end(json);
}

/* -- what was measured -- */

static void put_messages(struct json *json, const struct result *result)
{
	json_number(json, "seconds", result->seconds);
	json_count(json, "messages", result->n_messages);
	json_count(json, "messages_sent", result->n_sent);
	json_count(json, "messages_drained", result->n_drained);
	json_count(json, "messages_unanswered", result->n_unanswered);
	json_count(json, "messages_spoilt", result_count_spoilt(result));
	json_count(json, "messages_warmup", result->n_warmup);
	json_count(json, "messages_warmup_unanswered",
		   result->n_warmup_unanswered);
	json_count(json, "messages_timed_out", result->n_timed_out);
	json_count(json, "answers_due", result->n_asked);
	json_count(json, "messages_failed", result->n_failed);
	json_count(json, "warmup_wait_ns", result->warmup_wait_ns);
	json_bool(json, "drain_cut", result->is_drain_cut);
	json_number(json, "messages_per_s", result->messages_per_s);
	json_number(json, "bytes_per_s",
		    result->bytes_out_per_s + result->bytes_in_per_s);
	json_number(json, "bytes_out_per_s", result->bytes_out_per_s);
	json_number(json, "bytes_in_per_s", result->bytes_in_per_s);
}

static void put_time(struct json *json, const struct report_time *time)
{
	const struct histogram *h = time->histogram;
	uint64_t count = histogram_count(h);

	json_object(json, time->key);
	json_count(json, "count", count);
	report_json_known(json, "min", count > 0, histogram_min(h));
	for (size_t i = 0; i < REPORT_N_PERCENTILES; i++) {
		double percent = report_percentiles[i].percent;

		report_json_known(json, report_percentiles[i].key, count > 0,
				  histogram_percentile(h, percent));
	}
	report_json_known(json, "max", count > 0, histogram_max(h));
	json_number(json, "mean", count > 0 ? histogram_mean(h) : NAN);
	json_number(json, "stddev", count > 0 ? histogram_stddev(h) : NAN);
	json_count(json, "overflow", histogram_overflow(h));
	json_end(json);
}

static void put_mistakes(struct json *json, const struct result *result)
{
	bool is_known = result->settings->is_verified || result->n_corrupt > 0;

	json_count(json, "errors", result->n_errors);
	json_object(json, "errors_by_cause");
	for (int i = 0; i < FAILURE_N; i++)
		json_count(json, failure_name((enum failure)i),
			   result->errors[i]);
	json_end(json);
	put_text(json, "first_error", result->first_error);
	report_json_known(json, "corrupt", is_known, result->n_corrupt);
	json_object(json, "corrupt_by_kind");
	for (int i = 0; i < CHECKER_N_CORRUPTIONS; i++)
		report_json_known(
			json,
			checker_corruption_name((enum checker_corruption)i),
			is_known, result->corrupt[i]);
	json_end(json);
	put_text(json, "first_corruption", result->first_corruption);
}

static void put_generator(struct json *json, const struct result *result)
{
	json_object(json, "generator");
	report_json_known(json, "late", result->settings->rate > 0,
			  result->n_late);
	report_json_known(json, "unsent", result->settings->rate > 0,
			  result->n_unsent);
	json_count(json, "peak_owed", result->peak_owed);
	json_bool(json, "owed_too_much", result->is_owed_too_much);
	json_number(json, "cpu_user_s", result->cpu_user_s);
	json_number(json, "cpu_system_s", result->cpu_system_s);
	json_number(json, "cpu_wait_s", result->cpu_wait_s);
	json_number(json, "cpu_share", result->cpu_share);
	json_end(json);
}

/* -- A/B -- */

static void put_rounds(struct json *json, const char *key, const double *rounds,
		       size_t n)
{
	json_array(json, key);
	for (size_t i = 0; i < n; i++)
		json_number(json, NULL, rounds[i]);
	json_end(json);
}

static void put_comparison(struct json *json, const struct result *result)
{
	const struct result_comparison *comparison = &result->comparison;

	if (comparison->n_rounds == 0) {
		json_null(json, "comparison");
		return;
	}
	json_object(json, "comparison");
	json_string(json, "rival", result->settings->rival.text);
	json_string(json, "figure", comparison->figure);
	json_bool(json, "more_is_better", comparison->is_more_better);
	json_count(json, "rounds", comparison->n_rounds);
	json_number(json, "ratio", comparison->ratio);
	json_number(json, "low", comparison->low);
	json_number(json, "high", comparison->high);
	json_number(json, "confidence", comparison->confidence);
	json_number(json, "p_value", comparison->p_value);
	json_bool(json, "significant", comparison->is_significant);
	json_string(json, "method", comparison->method);
	put_rounds(json, "target_rounds", comparison->a, comparison->n_rounds);
	put_rounds(json, "rival_rounds", comparison->b, comparison->n_rounds);
	json_end(json);
}

static void put_trial(struct json *json, const struct result_trial *trial)
{
	bool has_samples = trial->n_samples > 0;

	json_object(json, NULL);
	json_count(json, "rate_per_s", trial->rate);
	json_string(json, "outcome", status_name(trial->status));
	put_text(json, "reason", trial->reason);
	json_number(json, "seconds", trial->seconds);
	json_number(json, "messages_per_s", trial->messages_per_s);
	report_json_known(json, "p50_ns", has_samples, trial->p50_ns);
	report_json_known(json, "p99_ns", has_samples, trial->p99_ns);
	report_json_known(json, "p999_ns", has_samples, trial->p999_ns);
	report_json_known(json, "max_ns", has_samples, trial->max_ns);
	json_end(json);
}

static void put_search(struct json *json, const struct result *result)
{
	const struct result_search *search = &result->search;

	if (search->n_trials == 0) {
		json_null(json, "search");
		return;
	}
	json_object(json, "search");
	json_string(json, "end", search_end_name(search->end));
	report_json_known(json, "rate_per_s", search->rate > 0, search->rate);
	put_text(json, "why", search->why);
	json_array(json, "trials");
	for (size_t i = 0; i < search->n_trials; i++)
		put_trial(json, &search->trials[i]);
	json_end(json);
	json_end(json);
}

/* -- where it was measured -- */

static void put_tcp(struct json *json, const struct environment_socket *socket)
{
	json_bool(json, "nodelay", socket->is_nodelay);
	json_integer(json, "mss", socket->mss);
	put_text(json, "congestion", socket->congestion);
	json_bool(json, "timestamps", socket->has_timestamps);
	json_bool(json, "sack", socket->has_sack);
	json_bool(json, "ecn", socket->has_ecn);
	json_bool(json, "window_scaling", socket->has_scaling);
	json_count(json, "own_scale", socket->own_scale);
	json_count(json, "peer_scale", socket->peer_scale);
}

static void put_socket(struct json *json,
		       const struct environment_socket *socket)
{
	if (!socket->is_known) {
		json_null(json, "socket");
		return;
	}
	json_object(json, "socket");
	json_integer(json, "sndbuf", socket->sndbuf);
	json_integer(json, "rcvbuf", socket->rcvbuf);
	if (socket->is_tcp) {
		json_object(json, "tcp");
		put_tcp(json, socket);
		json_end(json);
	} else {
		json_null(json, "tcp");
	}
	json_end(json);
}

static void put_environment(struct json *json,
			    const struct environment *environment)
{
	json_object(json, "environment");
	put_text(json, "kernel", environment->kernel);
	put_text(json, "machine", environment->machine);
	json_integer(json, "cpus", environment->n_cpus);
	json_number(json, "load_average", environment->load_average);
	json_number(json, "steal", environment->steal);
	put_text(json, "started", environment->started);
	json_number(json, "started_s", environment->started_s);
	json_string(json, "command", environment->command);
	put_socket(json, &environment->socket);
	json_end(json);
}

int report_json(FILE *out, const struct result *result,
		const struct expect *expect)
{
	struct json json;

	json_open(&json, out);
	json_object(&json, NULL);
	json_string(&json, "version", WEIR_VERSION);
	put_outcome(&json, result, expect);
	json_string(&json, "mode", mode_name(result->settings->mode));
	json_string(&json, "target", result->settings->target.text);
	json_string(&json, "label", result->label);
	put_settings(&json, result->settings);
	put_messages(&json, result);
	for (size_t i = 0; i < REPORT_N_TIMES; i++) {
		struct report_time time = report_time(result, i);

		put_time(&json, &time);
	}
	put_mistakes(&json, result);
	report_json_peers(&json, result);
	put_generator(&json, result);
	put_expectations(&json, expect);
	put_comparison(&json, result);
	put_search(&json, result);
	put_environment(&json, &result->environment);
	report_json_timeline(&json, result);
	json_end(&json);
	return json_close(&json);
}
