/* The run second by second: in the result, and each alone while it runs. */
#include "report.h"
#include "report_json_inside.h"
#include "result.h"

static void put_second(struct json *json, const struct result_second *second,
		       bool is_datagram)
{
	bool has_samples = second->n_samples > 0;

	json_object(json, NULL);
	json_number(json, "at_s", second->at_s);
	json_number(json, "length_s", second->length_s);
	json_count(json, "messages", second->n_messages);
	json_count(json, "bytes_out", second->n_bytes_out);
	json_count(json, "bytes_in", second->n_bytes_in);
	json_count(json, "owed", second->n_owed);
	json_count(json, "queued_bytes", second->n_queued);
	report_json_known(json, "lost", is_datagram, second->n_lost);
	report_json_known(json, "repeated", is_datagram, second->n_repeated);
	report_json_known(json, "reordered", is_datagram, second->n_reordered);
	report_json_known(json, "p50_ns", has_samples, second->p50_ns);
	report_json_known(json, "p99_ns", has_samples, second->p99_ns);
	report_json_known(json, "max_ns", has_samples, second->max_ns);
	json_end(json);
}

void report_json_timeline(struct json *json, const struct result *result)
{
	json_array(json, "timeline");
	for (size_t i = 0; i < result->n_timeline; i++)
		put_second(json, &result->timeline[i],
			   result->settings->is_datagram);
	json_end(json);
}

int report_json_line(FILE *out, const struct result_second *second,
		     bool is_datagram)
{
	struct json json;

	json_open_line(&json, out);
	put_second(&json, second, is_datagram);
	return json_close(&json);
}
