#include "json.h"
#include "clock.h"
#include "demo.h"
#include "verdict.h"

static void put_stop(struct json *json, const struct contest_result *result)
{
	json_object(json, "stop");
	json_count(json, "from_ns", result->stop_from_ns);
	json_count(json, "ns", result->stop.stopped_ns);
	json_count(json, "echoes", result->stop.n_echoes);
	json_number(json, "healthy_p99_ns", result->stop_p99_ns);
	json_count(json, "syscalls", result->stop.n_calls);
	json_count(json, "epollout_wakeups", result->stop.n_wakeups);
	json_end(json);
}

static void put_strategy(struct json *json, const struct contest_result *result)
{
	char verdict[VERDICT_SIZE];

	json_object(json, NULL);
	json_string(json, "name", result->strategy->name);
	json_count(json, "asked", result->asked);
	json_count(json, "delivered", result->delivered);
	json_bool(json, "intact",
		  result->first_bad < 0 && result->delivered == result->asked);
	if (result->first_bad < 0)
		json_null(json, "first_bad");
	else
		json_integer(json, "first_bad", result->first_bad);
	json_number(json, "healthy_p50_ns", result->p50_ns);
	json_number(json, "healthy_p99_ns", result->p99_ns);
	json_count(json, "longest_silence_ns", result->longest_silence_ns);
	json_number(json, "cpu_s", (double)result->cpu_ns / CLOCK_NS_PER_S);
	json_count(json, "peak_queue_bytes", result->queue_peak);
	json_count(json, "syscalls", result->n_calls);
	json_count(json, "epollout_wakeups", result->n_wakeups);
	json_number(json, "seconds", (double)result->total_ns / CLOCK_NS_PER_S);
	json_string(json, "verdict", verdict_text(result, verdict));
	json_bool(json, "as_expected", verdict_is_expected(result));
	json_count(json, "echoes", result->n_echoes);
	put_stop(json, result);
	json_integer(json, "sndbuf_bytes", result->sndbuf);
	json_integer(json, "rcvbuf_bytes", result->rcvbuf);
	json_end(json);
}

static void put_trace(struct json *json, const char *key,
		      const struct trace *trace)
{
	char words[TRACE_WORDS_SIZE];

	json_array(json, key);
	for (size_t i = 0; i < trace->n_events; i++) {
		const char *text = trace_words(trace, i, words);

		while (*text == ' ')
			text++;
		json_string(json, NULL, text);
	}
	json_end(json);
}

int demo_json(FILE *out, const struct demo *demo)
{
	struct json json;

	json_open(&json, out);
	json_object(&json, NULL);
	json_array(&json, "strategies");
	for (size_t i = 0; i < demo->n_results; i++)
		put_strategy(&json, &demo->results[i]);
	json_end(&json);
	json_object(&json, "trace");
	if (demo->has_trace) {
		put_trace(&json, "send", &demo->send);
		put_trace(&json, "sendall", &demo->sendall);
	}
	json_end(&json);
	json_array(&json, "lessons");
	for (size_t i = 0; i < demo->n_lessons; i++) {
		const struct demo_lesson *told = &demo->lessons[i];

		json_object(&json, NULL);
		json_string(&json, "name", told->lesson->name);
		json_string(&json, "belief", told->lesson->belief);
		json_bool(&json, "holds", told->result.holds);
		json_string(&json, "measured", told->result.measured);
		json_string(&json, "right", told->lesson->right);
		json_end(&json);
	}
	json_end(&json);
	json_end(&json);
	return json_close(&json);
}
