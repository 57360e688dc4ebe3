/* What the connections got, the healthy ones and the others. */
#include "json.h"
#include "report_json_inside.h"
#include "result.h"

/* The healthy connections, and what each of them got. */
static void put_healthy(struct json *json, const struct result *result)
{
	const struct result_fairness *fairness = &result->fairness;
	const struct result_silence *silence = &result->silence;
	const struct result_bytes *bytes = &result->bytes;
	bool has_any = fairness->n > 0;

	json_number(json, "fairness", fairness->jain);
	json_object(json, "healthy");
	json_count(json, "connections", result->settings->n_connections);
	json_count(json, "connected", result->n_connected);
	json_number(json, "connecting_s", result->connecting_s);
	json_count(json, "reconnects", result->n_reconnects);
	json_count(json, "renewals", result->n_renewals);
	report_json_known(json, "slowest", has_any, fairness->slowest);
	report_json_known(json, "slowest_messages", has_any, fairness->least);
	report_json_known(json, "fastest", has_any, fairness->fastest);
	report_json_known(json, "fastest_messages", has_any, fairness->most);
	json_count(json, "silent", silence->n);
	report_json_known(json, "most_silent", silence->n > 0,
			  silence->connection);
	report_json_known(json, "most_silent_ns", silence->n > 0,
			  silence->longest_ns);
	json_count(json, "bytes_accepted", bytes->accepted);
	json_count(json, "bytes_sent", bytes->sent);
	report_json_known(json, "bytes_acknowledged", bytes->acknowledged >= 0,
			  (uint64_t)bytes->acknowledged);
	json_count(json, "bytes_received", bytes->received);
	json_end(json);
}

static void put_bad(struct json *json, const struct result *result)
{
	json_object(json, "bad_peers");
	for (int i = 0; i < BAD_N_KINDS; i++) {
		const struct result_bad *bad = &result->bad[i];

		json_object(json, bad_name((enum bad_kind)i));
		json_count(json, "peers", bad->n_peers);
		json_count(json, "made", bad->n_made);
		json_count(json, "connects", bad->n_connects);
		json_count(json, "connect_errors", bad->n_connect_errors);
		json_count(json, "rounds", bad->n_rounds);
		json_count(json, "short", bad->n_short);
		json_count(json, "bytes_out", bad->n_bytes_out);
		json_count(json, "bytes_in", bad->n_bytes_in);
		json_count(json, "cut", bad->n_cut);
		json_end(json);
	}
	json_end(json);
}

static void put_broadcast(struct json *json, const struct result *result)
{
	if (result->settings->mode != MODE_BROADCAST) {
		json_null(json, "broadcast");
		return;
	}
	json_object(json, "broadcast");
	json_count(json, "subscribers", result->n_subscribers);
	json_count(json, "missed", result->n_missed);
	json_end(json);
}

/* Corrupt are those that were changed; the rest is what networks do. */
static void put_datagrams(struct json *json, const struct result *result)
{
	const struct result_datagrams *datagrams = &result->datagrams;

	if (!result->settings->is_datagram) {
		json_null(json, "datagrams");
		return;
	}
	json_object(json, "datagrams");
	json_count(json, "lost", result_count_lost(result));
	json_number(json, "loss", result_loss(result));
	json_count(json, "repeated", datagrams->n_repeated);
	json_count(json, "reordered", datagrams->n_reordered);
	json_count(json, "overdue", datagrams->n_overdue);
	json_count(json, "unsent", datagrams->n_unsent);
	json_count(json, "dropped", datagrams->n_dropped);
	json_end(json);
}

void report_json_peers(struct json *json, const struct result *result)
{
	put_healthy(json, result);
	put_bad(json, result);
	put_broadcast(json, result);
	put_datagrams(json, result);
}
