#include "test_flood_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "histogram.h"
#include "harness.h"

static struct histogram *make_histogram(void)
{
	struct histogram *histogram = malloc(sizeof *histogram);

	if (!histogram)
		harness_die("malloc");
	histogram_init(histogram);
	return histogram;
}

static void make_timeline(struct made_run *run, size_t n)
{
	struct result_second *timeline = calloc(n, sizeof *timeline);

	if (!timeline)
		harness_die("calloc");
	for (size_t i = 0; i < n; i++) {
		timeline[i].at_s = (double)(i + 1);
		timeline[i].length_s = 1;
	}
	run->result.timeline = timeline;
	run->result.n_timeline = n;
}

static void make_environment(struct environment *environment)
{
	static const char command[] =
		"weir-flood -r 20000 --expect 'p99<5ms' 127.0.0.1:7000";

	(void)snprintf(environment->kernel, sizeof environment->kernel,
		       "Linux 6.18.0 #1 SMP x86_64");
	(void)snprintf(environment->machine, sizeof environment->machine,
		       "A <fast> CPU & more");
	environment->n_cpus = 2;
	environment->load_average = 0.25;
	environment->steal = NAN;
	(void)snprintf(environment->started, sizeof environment->started,
		       "2026-01-31T12:00:00Z");
	environment->started_s = 1769860800;
	environment->command = strdup(command);
	environment->socket = (struct environment_socket){
		.is_known = true,
		.is_tcp = true,
		.sndbuf = 2626560,
		.rcvbuf = 131072,
		.is_nodelay = true,
		.mss = 32741,
		.congestion = "cubic",
		.has_timestamps = true,
		.has_sack = true,
		.has_scaling = true,
		.own_scale = 7,
		.peer_scale = 7,
	};
}

struct made_run *made_run_empty(void)
{
	struct made_run *run = calloc(1, sizeof *run);
	struct result *result;

	if (!run)
		harness_die("calloc");
	run->settings.target.text = "127.0.0.1:7000";
	run->settings.n_connections = 50;
	run->settings.message_size = 64;
	run->settings.pipeline = 1;
	run->settings.is_verified = true;
	run->settings.duration_ns = 10000000000;
	run->settings.warmup_ns = 1000000000;
	result = &run->result;
	result->settings = &run->settings;
	result->label = "closed loop: capacity, not what users feel";
	result->messages_per_s = NAN;
	result->bytes_out_per_s = NAN;
	result->bytes_in_per_s = NAN;
	result->latency = make_histogram();
	result->service = make_histogram();
	result->lateness = make_histogram();
	result->bytes.acknowledged = -1;
	result->fairness.jain = NAN;
	result->cpu_share = NAN;
	make_environment(&result->environment);
	result->verdict.n_reasons = 1;
	(void)snprintf(result->verdict.reasons[0], VERDICT_REASON_SIZE,
		       "no message was answered");
	return run;
}

/* The latency of message i of n: most are quick, the last few are slow. */
static uint64_t latency_of(size_t i, size_t n)
{
	double share = (double)i / (double)n;

	return (uint64_t)(20e3 + 10e3 * share + 20 / (1.00001 - share));
}

static void fill_open(struct made_run *run)
{
	struct result *result = &run->result;
	const size_t n = 199980;

	for (size_t i = 0; i < n; i++) {
		uint64_t ns = latency_of(i, n);

		histogram_record(result->latency, ns);
		histogram_record(result->service, ns - ns / 10);
		histogram_record(result->lateness, 300 + ns % 2000);
	}
	for (size_t i = 0; i < result->n_timeline; i++) {
		struct result_second *second = &result->timeline[i];

		second->n_messages = 19998 + i % 3;
		second->n_samples = 19998;
		second->n_bytes_out = 64 * second->n_messages;
		second->n_bytes_in = 64 * second->n_messages;
		second->p50_ns = 25000 + 200 * i;
		second->p99_ns = 32000 + 900 * (i % 4);
		second->max_ns = 200000 + 300000 * (i % 3);
	}
	result->n_messages = n;
	result->n_sent = n + 20;
	result->n_asked = n + 20;
	result->n_drained = 20;
}

struct made_run *made_run_open(void)
{
	struct made_run *run = made_run_empty();
	struct result *result = &run->result;

	run->settings.rate = 20000;
	run->settings.late_ns = 1000000;
	make_timeline(run, 10);
	fill_open(run);
	result->label = "open loop: latency is counted from the intended start";
	result->seconds = 10;
	result->messages_per_s = 19998;
	result->bytes_out_per_s = 64.0 * 19998;
	result->bytes_in_per_s = 64.0 * 19998;
	result->bytes =
		(struct result_bytes){12800000, 12800000, 12799936, 12800000};
	result->fairness = (struct result_fairness){
		.n = 50, .jain = 0.99998, .least = 3990, .most = 4012};
	result->n_connected = 50;
	result->peak_owed = 61;
	result->n_unsent = 7;
	result->cpu_wait_s = 0.05;
	result->cpu_user_s = 1.1;
	result->cpu_system_s = 3.2;
	result->cpu_share = 0.43;
	result->verdict.is_valid = true;
	result->verdict.n_reasons = 0;
	return run;
}

struct made_run *made_run_frozen(void)
{
	struct made_run *run = made_run_open();
	struct result_second *second = &run->result.timeline[4];

	for (uint64_t i = 0; i < 20000; i++)
		histogram_record(run->result.latency, i * 50000);
	*second = (struct result_second){.at_s = 5, .length_s = 1};
	second[1].n_messages = 40000;
	second[1].p50_ns = 400000000;
	second[1].p99_ns = 990000000;
	second[1].max_ns = 1000100000;
	return run;
}

struct made_run *made_run_single(void)
{
	struct made_run *run = made_run_empty();
	struct result *result = &run->result;

	run->settings.n_connections = 1;
	run->settings.n_messages = 1;
	make_timeline(run, 1);
	result->timeline[0] = (struct result_second){
		0.000042, 0.000042, 1,	   64,	  64, 0, 0,
		1,	  42000,    42000, 42000, 0,  0, 0};
	histogram_record(result->latency, 42000);
	histogram_record(result->service, 42000);
	result->seconds = 0.000042;
	result->n_messages = 1;
	result->n_sent = 1;
	result->n_asked = 1;
	result->messages_per_s = 1 / 0.000042;
	result->bytes_out_per_s = 64 / 0.000042;
	result->bytes_in_per_s = 64 / 0.000042;
	result->fairness = (struct result_fairness){
		.n = 1, .jain = 1, .least = 1, .most = 1};
	result->n_connected = 1;
	result->verdict.is_valid = true;
	result->verdict.n_reasons = 0;
	return run;
}

static void make_wrong(struct result *result)
{
	for (uint64_t i = 0; i < FAILURE_N; i++) {
		result->errors[i] = i + 1;
		result->n_errors += i + 1;
	}
	for (uint64_t i = 0; i < CHECKER_N_CORRUPTIONS; i++) {
		result->corrupt[i] = 1000 * (i + 1);
		result->n_corrupt += 1000 * (i + 1);
	}
	for (size_t i = 0; i < BAD_N_KINDS; i++)
		result->bad[i] = (struct result_bad){
			i + 1, 1, 1000000, 3, 12345, 6, 1 << 20, 1 << 10, 42};
	(void)snprintf(result->first_error, VERDICT_REASON_SIZE,
		       "connection 7: \"reset\"\tby <the> target\x01\xff");
	(void)snprintf(
		result->first_corruption, VERDICT_REASON_SIZE,
		"connection 3, message 17: expected sequence 17, got 19");
	result->verdict.is_valid = false;
	for (size_t i = 0; i < VERDICT_MAX_REASONS; i++)
		(void)snprintf(result->verdict.reasons[i], VERDICT_REASON_SIZE,
			       "reason %zu: 12.1 %% of the messages were sent "
			       "more than 1.00 ms late, and <that> is a lot",
			       i);
	result->verdict.n_reasons = VERDICT_MAX_REASONS;
}

struct made_run *made_run_ugly(void)
{
	static double rounds[] = {10, NAN, INFINITY};
	struct made_run *run = made_run_open();
	struct result *result = &run->result;

	run->settings.mode = MODE_BROADCAST;
	run->settings.is_datagram = true;
	run->settings.n_publishers = 2;
	run->settings.rival.text = "unix:/tmp/<rival>";
	histogram_record(result->latency, UINT64_C(7200000000000));
	make_wrong(result);
	result->is_interrupted = true;
	result->n_connected = 43;
	result->n_unanswered = 1234567;
	result->n_late = 24198;
	result->n_sent = 4000;
	result->n_subscribers = 48;
	result->n_missed = 12;
	result->connecting_s = 0.25;
	result->datagrams = (struct result_datagrams){3, 5, 7, 11, 13};
	result->environment.socket.is_tcp = false;
	result->comparison = (struct result_comparison){
		.figure = "messages_per_s",
		.is_more_better = true,
		.n_rounds = 3,
		.a = rounds,
		.b = rounds,
		.ratio = 1.083,
		.low = 1.041,
		.high = INFINITY,
		.confidence = 0.99,
		.p_value = 0.0004,
		.is_significant = true,
		.method = "Wilcoxon signed-rank",
	};
	run->settings.expect = "p99<5ms";
	result->search = (struct result_search){
		.trials = {{.rate = 2000,
			    .status = STATUS_INVALID,
			    .reason = "<late>"},
			   {.rate = 1000,
			    .n_samples = 900,
			    .p50_ns = 100000,
			    .p99_ns = 2000000,
			    .p999_ns = 3000000,
			    .max_ns = 4000000}},
		.n_trials = 2,
		.rate = 1000,
		.end = SEARCH_FOUND,
		.why = "at 2,000/s <late>",
	};
	return run;
}

void made_run_free(struct made_run *run)
{
	free(run->result.latency);
	free(run->result.service);
	free(run->result.lateness);
	free(run->result.timeline);
	free(run->result.environment.command);
	free(run);
}

char *made_report(report_function *report, struct made_run *run,
		  const char *expected)
{
	struct expect expect = {0};
	char error[256];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (expected) {
		if (!expect_parse(&expect, expected, error, sizeof error))
			harness_die("%s", error);
		(void)expect_judge(&expect, &run->result);
	}
	if (!out || report(out, &run->result, expected ? &expect : NULL) != 0 ||
	    fclose(out) != 0 || !text)
		harness_die("the report failed");
	made_run_free(run);
	return text;
}
