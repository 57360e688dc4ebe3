/* The Prometheus text format, version 0.0.4: for each metric its help, its type
 * and a line for each worker and service. Names and units follow
 * https://prometheus.io/docs/practices/naming/. */
#include "exposition.h"

#include <stdio.h>
#include <stdlib.h>

#include "nats.h"

/* -- by worker and service -- */

enum field_type {
	COUNTER,
	GAUGE
};

struct family {
	const char *name;
	const char *help;
	enum field_type type;
	uint64_t (*of)(const struct service_snapshot *s);
	double unit; /* what is counted, in the unit shown; 0: 1 */
};

#define OF(function, field)                                        \
	static uint64_t function(const struct service_snapshot *s) \
	{                                                          \
		return s->field;                                   \
	}
OF(n_open, n_open)
OF(n_pending, n_pending)
OF(n_accepted, counters.n_accepted)
OF(received, counters.received)
OF(sent, counters.sent)
OF(queued, queued)
OF(unread, unread)
OF(dropped, counters.dropped)
OF(n_short_sends, counters.n_short_sends)
OF(n_would_blocks, counters.n_would_blocks)
OF(n_arms, counters.n_arms)
OF(n_stalled, n_stalled)
OF(stalled_ns, counters.stalled_ns)
OF(n_missed, counters.n_missed)
OF(n_unconnected, counters.n_unconnected)
OF(n_unanswered, counters.n_unanswered)
OF(n_datagrams_received, n_datagrams_received)
OF(n_datagrams_sent, n_datagrams_sent)
OF(n_datagrams_dropped, n_datagrams_dropped)
#undef OF

static const struct family families[] = {
	{"weir_connections", "Open connections.", GAUGE, n_open, 0},
	{"weir_connections_pending",
	 "Accepted connections whose PROXY header has not come.", GAUGE,
	 n_pending, 0},
	{"weir_connections_accepted_total", "Connections served.", COUNTER,
	 n_accepted, 0},
	{"weir_received_bytes_total", "Bytes read from clients.", COUNTER,
	 received, 0},
	{"weir_sent_bytes_total", "Bytes that the kernel accepted.", COUNTER,
	 sent, 0},
	{"weir_queued_bytes", "Bytes queued and not sent yet.", GAUGE, queued,
	 0},
	{"weir_input_bytes",
	 "Bytes received and kept: unfinished lines, and input held back.",
	 GAUGE, unread, 0},
	{"weir_dropped_bytes_total", "Bytes queued and never sent.", COUNTER,
	 dropped, 0},
	{"weir_short_sends_total", "Sends of which the kernel accepted a part.",
	 COUNTER, n_short_sends, 0},
	{"weir_would_blocks_total",
	 "Sends of which the kernel accepted nothing.", COUNTER, n_would_blocks,
	 0},
	{"weir_epollout_arms_total",
	 "Times that EPOLLOUT was armed because the kernel was full.", COUNTER,
	 n_arms, 0},
	{"weir_stalled_connections",
	 "Connections to which the kernel accepts nothing now.", GAUGE,
	 n_stalled, 0},
	{"weir_stalled_seconds_total",
	 "Time that connections waited because the kernel was full.", COUNTER,
	 stalled_ns, 1e-9},
	{"weir_missed_lines_total",
	 "Lines that slow subscribers of broadcast were not sent.", COUNTER,
	 n_missed, 0},
	{"weir_unconnected_total",
	 "Clients of relay whose target could not be reached.", COUNTER,
	 n_unconnected, 0},
	{"weir_datagrams_received_total", "Datagrams received.", COUNTER,
	 n_datagrams_received, 0},
	{"weir_datagrams_unanswered_total",
	 "Datagrams not answered, to avoid a loop or a flood.", COUNTER,
	 n_unanswered, 0},
	{"weir_datagrams_sent_total", "Datagrams sent.", COUNTER,
	 n_datagrams_sent, 0},
	{"weir_datagrams_dropped_total", "Datagrams queued and never sent.",
	 COUNTER, n_datagrams_dropped, 0},
};

static void put_head(FILE *out, const char *name, const char *help,
		     enum field_type type)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		      type == COUNTER ? "counter" : "gauge");
}

/* Call put for every service of every worker. */
static void for_each_service(FILE *out, struct server *server,
			     void (*put)(FILE *out, size_t worker,
					 const struct service_snapshot *s,
					 const struct family *family),
			     const struct family *family)
{
	for (size_t i = 0; i < server->n_workers; i++) {
		const struct snapshot *snapshot = server->workers[i].snapshot;

		for (size_t j = 0; j < snapshot->n_services; j++)
			put(out, i, &snapshot->services[j], family);
	}
}

static void put_value(FILE *out, size_t worker,
		      const struct service_snapshot *s,
		      const struct family *family)
{
	uint64_t n = family->of(s);

	(void)fprintf(out, "%s{service=\"%s\",worker=\"%zu\"} ", family->name,
		      s->service->name, worker);
	if (family->unit > 0)
		(void)fprintf(out, "%.9f\n", (double)n * family->unit);
	else
		(void)fprintf(out, "%llu\n", (unsigned long long)n);
}

/* -- by one more label -- */

static void put_labelled(FILE *out, size_t worker,
			 const struct service_snapshot *s, const char *name,
			 const char *label, uint64_t n)
{
	(void)fprintf(out, "%s{service=\"%s\",worker=\"%zu\",%s} %llu\n", name,
		      s->service->name, worker, label, (unsigned long long)n);
}

enum {
	LABEL_SIZE = 64
};

static const char closed_name[] = "weir_connections_closed_total";

static void put_closed(FILE *out, size_t worker,
		       const struct service_snapshot *s,
		       const struct family *family)
{
	char label[LABEL_SIZE];

	(void)family;
	for (int i = 0; i < WEIR_N_REASONS; i++) {
		(void)snprintf(label, sizeof label, "reason=\"%s\"",
			       weir_reason_name((enum weir_reason)i));
		put_labelled(out, worker, s, closed_name, label,
			     s->counters.n_closed[i]);
	}
}

static const char refused_name[] = "weir_connections_turned_away_total";

static const char *const causes[N_REFUSALS] = {
	[REFUSED_MEMORY] = "cause=\"memory\"",
	[REFUSED_MAX_CONNS] = "cause=\"max_conns\"",
	[REFUSED_PROXY] = "cause=\"proxy\"",
	[REFUSED_MANY] = "cause=\"max_per_address\"",
	[REFUSED_FAST] = "cause=\"rate_per_address\"",
	[REFUSED_UNTRUSTED] = "cause=\"untrusted\""};

static void put_refused(FILE *out, size_t worker,
			const struct service_snapshot *s,
			const struct family *family)
{
	(void)family;
	for (int i = 0; i < N_REFUSALS; i++)
		put_labelled(out, worker, s, refused_name, causes[i],
			     s->counters.n_refused[i]);
}

static const char failures_name[] = "weir_accept_failures_total";

static void put_failures(FILE *out, size_t worker,
			 const struct service_snapshot *s,
			 const struct family *family)
{
	char label[LABEL_SIZE];

	(void)family;
	for (int i = 0; i < WEIR_N_ACCEPT_FAILURES; i++) {
		enum weir_accept_failure failure = (enum weir_accept_failure)i;

		(void)snprintf(label, sizeof label, "cause=\"%s\"",
			       weir_accept_failure_name(failure));
		put_labelled(out, worker, s, failures_name, label,
			     s->n_failures[i]);
	}
}

static void put_services(FILE *out, struct server *server)
{
	const struct family *family = families;
	const struct family *end =
		families + sizeof families / sizeof *families;

	for (; family < end; family++) {
		put_head(out, family->name, family->help, family->type);
		for_each_service(out, server, put_value, family);
	}
	put_head(out, closed_name, "Connections closed, by reason.", COUNTER);
	for_each_service(out, server, put_closed, NULL);
	put_head(out, refused_name,
		 "Accepted connections that were not served, by cause.",
		 COUNTER);
	for_each_service(out, server, put_refused, NULL);
	put_head(out, failures_name, "Calls of accept that failed, by cause.",
		 COUNTER);
	for_each_service(out, server, put_failures, NULL);
}

/* -- by worker -- */

static void put_loop(FILE *out, struct server *server, const char *name,
		     double (*of)(const struct weir_loop_stats *stats))
{
	for (size_t i = 0; i < server->n_workers; i++)
		(void)fprintf(out, "%s{worker=\"%zu\"} %.15g\n", name, i,
			      of(&server->workers[i].snapshot->loop));
}

static double n_turns(const struct weir_loop_stats *stats)
{
	return (double)stats->n_turns;
}

static double n_queue_bytes(const struct weir_loop_stats *stats)
{
	return (double)stats->n_queue_bytes;
}

static double budget(const struct weir_loop_stats *stats)
{
	return (double)stats->budget_high;
}

static void put_longest_turn(FILE *out, struct server *server)
{
	static const char name[] = "weir_loop_longest_turn_seconds";

	put_head(out, name,
		 "CPU time of the longest turn so far, and the work that took "
		 "most of it.",
		 GAUGE);
	for (size_t i = 0; i < server->n_workers; i++) {
		const struct weir_loop_stats *stats =
			&server->workers[i].snapshot->loop;

		(void)fprintf(out, "%s{worker=\"%zu\",work=\"%s\"} %.9f\n",
			      name, i, weir_work_name(stats->longest_turn_in),
			      (double)stats->longest_turn_ns * 1e-9);
	}
}

static void put_loops(FILE *out, struct server *server)
{
	put_head(out, "weir_loop_turns_total", "Turns of the event loop.",
		 COUNTER);
	put_loop(out, server, "weir_loop_turns_total", n_turns);
	put_head(out, "weir_queue_memory_bytes",
		 "Memory that send queues and kept input hold.", GAUGE);
	put_loop(out, server, "weir_queue_memory_bytes", n_queue_bytes);
	put_head(out, "weir_queue_memory_budget_bytes",
		 "Memory that they may hold.", GAUGE);
	put_loop(out, server, "weir_queue_memory_budget_bytes", budget);
	put_longest_turn(out, server);
}

static void put_label(FILE *out, const char *label, const char *value)
{
	(void)fprintf(out, "%s=\"", label);
	for (const char *at = value; *at; at++)
		(void)fprintf(out, "%s%c",
			      *at == '"' || *at == '\\' ? "\\" : "", *at);
	(void)fputc('"', out);
}

/* Of relays. The workers share them, and so there is one of each. */
static void put_target(FILE *out, const char *name, const struct target *target,
		       uint64_t n)
{
	(void)fprintf(out, "%s{", name);
	put_label(out, "target", target->text);
	(void)fprintf(out, "} %llu\n", (unsigned long long)n);
}

static void put_targets(FILE *out, struct server *server, const char *name,
			uint64_t (*of)(struct target *target))
{
	const struct settings *settings = server->settings;

	for (size_t i = 0; i < settings->n_endpoints; i++)
		for (size_t j = 0; j < settings->endpoints[i].n_targets; j++) {
			struct target *target =
				&settings->endpoints[i].targets[j];

			put_target(out, name, target, of(target));
		}
}

static uint64_t is_up(struct target *target)
{
	return atomic_load(&target->left_out_until_ns) == 0;
}

static uint64_t n_target_failures(struct target *target)
{
	return atomic_load(&target->n_failures);
}

static void put_health(FILE *out, struct server *server)
{
	put_head(out, "weir_target_up",
		 "1 if the last attempt to connect to it succeeded.", GAUGE);
	put_targets(out, server, "weir_target_up", is_up);
	put_head(out, "weir_target_failures_total",
		 "Attempts to connect to it that failed.", COUNTER);
	put_targets(out, server, "weir_target_failures_total",
		    n_target_failures);
}

/* -- by subject of NATS, which are all of this worker -- */

#define OF(function, value)                               \
	static uint64_t function(const struct nats *nats) \
	{                                                 \
		return value;                             \
	}
OF(is_connected, nats->state == NATS_READY)
OF(n_reconnects, nats->counters.n_connects - (nats->counters.n_connects > 0))
OF(n_nats_published, nats->counters.n_published)
OF(n_nats_received, nats->counters.n_received)
OF(n_unconfirmed, nats->counters.n_unconfirmed)
OF(n_too_long, nats->counters.n_too_long)
OF(n_refused, nats->counters.n_refused)
OF(n_slow, nats->counters.n_slow)
#undef OF

static const struct {
	const char *name;
	const char *help; /* NULL: it is one more of the family before it */
	enum field_type type;
	const char *label;
	uint64_t (*of)(const struct nats *nats);
} subject_families[] = {
	{"weir_nats_connected",
	 "1 while there is a connection to a server of NATS.", GAUGE, "",
	 is_connected},
	{"weir_nats_reconnects_total", "Connections to NATS after the first.",
	 COUNTER, "", n_reconnects},
	{"weir_nats_published_lines_total", "Lines sent to NATS.", COUNTER, "",
	 n_nats_published},
	{"weir_nats_received_lines_total", "Lines that came from NATS.",
	 COUNTER, "", n_nats_received},
	{"weir_nats_dropped_lines_total",
	 "Lines that have not passed NATS, or may not have, by cause.", COUNTER,
	 ",cause=\"unconfirmed\"", n_unconfirmed},
	{"weir_nats_dropped_lines_total", NULL, COUNTER, ",cause=\"too_long\"",
	 n_too_long},
	{"weir_nats_dropped_lines_total", NULL, COUNTER, ",cause=\"refused\"",
	 n_refused},
	{"weir_nats_slow_consumer_errors_total",
	 "Times that NATS said that this server reads too slowly.", COUNTER, "",
	 n_slow},
};

static void put_subjects(FILE *out, struct server *server)
{
	size_t n = sizeof subject_families / sizeof *subject_families;

	for (size_t i = 0; i < n && !weir_list_is_empty(&server->nats); i++) {
		if (subject_families[i].help)
			put_head(out, subject_families[i].name,
				 subject_families[i].help,
				 subject_families[i].type);
		weir_list_for_each(link, &server->nats) {
			const struct nats *nats =
				weir_container_of(link, struct nats, link);

			(void)fprintf(out, "%s{", subject_families[i].name);
			put_label(out, "subject", nats->subject);
			(void)fprintf(
				out, "%s} %llu\n", subject_families[i].label,
				(unsigned long long)subject_families[i].of(
					nats));
		}
	}
}

static void put_process(FILE *out, struct server *server)
{
	put_head(out, "weir_draining",
		 "1 once the server has been told to stop.", GAUGE);
	(void)fprintf(out, "weir_draining %d\n",
		      server_phase(server) != PHASE_SERVING);
	put_head(out, "weir_build_info", "The version, as a label.", GAUGE);
	(void)fprintf(out, "weir_build_info{version=\"%s\"} 1\n", WEIR_VERSION);
}

char *exposition_new(struct server *server, size_t *n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, n);
	bool is_whole;

	if (!out)
		return NULL;
	put_process(out, server);
	put_loops(out, server);
	put_services(out, server);
	put_health(out, server);
	put_subjects(out, server);
	is_whole = !ferror(out);
	if (fclose(out) == 0 && is_whole)
		return text;
	free(text);
	return NULL;
}
