/* From what was counted to what is reported. */
#include "collect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "datagram.h"
#include "environment.h"
#include "expect.h"
#include "histogram.h"
#include "load.h"
#include "peer.h"

static const uint64_t least_rated = 10;

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void read_cpu(double *user_s, double *system_s)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	*user_s = seconds_of(&usage.ru_utime);
	*system_s = seconds_of(&usage.ru_stime);
}

uint64_t collect_queued(const struct load *load)
{
	uint64_t n = 0;

	for (size_t i = 0; i < load->crew.n_peers; i++) {
		struct weir_progress progress;

		peer_counters(&load->crew.peers[i], &progress);
		n += progress.queued;
	}
	return n;
}

/* Bytes that the kernel took since the measurement began. */
static uint64_t count_taken(const struct load *load)
{
	uint64_t n = load->counters.n_taken;

	for (size_t i = 0; i < load->crew.n_peers; i++) {
		struct weir_progress progress;

		peer_counters(&load->crew.peers[i], &progress);
		n += progress.sent;
	}
	return n - load->counters.n_taken_start;
}

/* Messages that our own queues hold; only mode sink has to ask. */
static uint64_t queued_messages(const struct load *load)
{
	if (load->settings->mode != MODE_SINK)
		return 0;
	return (collect_queued(load) + load->kit.size - 1) / load->kit.size;
}

/* Those of them that were measured: the last to come, and so the last to go. */
static uint64_t queued_measured(const struct load *load)
{
	uint64_t n = queued_messages(load);

	return n < load->counters.n_answered ? n : load->counters.n_answered;
}

/* -- seconds -- */

static struct result_second *add_second(struct result *result)
{
	size_t n = result->n_timeline;
	struct result_second *timeline = result->timeline;

	/* room doubles whenever the count is a power of two */
	if ((n & (n - 1)) == 0)
		timeline =
			realloc(timeline, (n ? 2 * n : 1) * sizeof *timeline);
	if (!timeline)
		return NULL;
	result->timeline = timeline;
	result->n_timeline++;
	return &timeline[n];
}

static void describe_datagrams(const struct load *load,
			       struct result_second *second)
{
	const struct result *result = load->result;
	const struct result_second *last = &load->counters.last;

	if (!load->settings->is_datagram)
		return;
	second->n_lost = result_count_lost(result) - last->n_lost;
	second->n_repeated = result->datagrams.n_repeated - last->n_repeated;
	second->n_reordered = result->datagrams.n_reordered - last->n_reordered;
}

static void describe_second(const struct load *load, uint64_t now_ns,
			    struct result_second *second)
{
	const struct histogram *h = load->counters.interval.latency;
	uint64_t n_taken = count_taken(load);

	*second = (struct result_second){
		.at_s = (double)(now_ns - load->start_ns) / 1e9,
		.length_s = (double)(now_ns - load->counters.tick_ns) / 1e9,
		.n_messages = load->counters.n_answered -
			      load->counters.last.n_messages,
		.n_bytes_out = n_taken - load->counters.last.n_bytes_out,
		.n_bytes_in = load->counters.n_bytes_in -
			      load->counters.last.n_bytes_in,
		.n_owed = load->counters.n_owed + queued_messages(load),
		.n_queued = collect_queued(load),
		.n_samples = histogram_count(h),
		.p50_ns = histogram_percentile(h, 50),
		.p99_ns = histogram_percentile(h, 99),
		.max_ns = histogram_max(h),
	};
}

static void take_interval(struct histogram *whole, struct histogram *interval)
{
	histogram_add(whole, interval);
	histogram_clear(interval);
}

/* Figures that are told at the end, as they are now. */
static void collect_so_far(struct load *load, uint64_t now_ns)
{
	struct result *result = load->result;
	double seconds = (double)(now_ns - load->start_ns) / 1e9;

	result->messages_per_s = (double)load->counters.n_answered / seconds;
	result->bytes_out_per_s = (double)count_taken(load) / seconds;
	result->bytes_in_per_s = (double)load->counters.n_bytes_in / seconds;
	result->n_corrupt = load->checked.n;
	result->n_asked = load->counters.n_asked;
	result->n_messages = load->counters.n_answered;
}

static void stop_at_breach(struct load *load, uint64_t now_ns)
{
	struct expect *expect = load->events ? load->events->stops_at : NULL;

	if (!expect || !load->is_sending)
		return;
	collect_so_far(load, now_ns);
	if (expect_is_breached(expect, load->result))
		load_stop_early(load);
}

void collect_second(struct load *load, uint64_t now_ns)
{
	const struct generator_events *events = load->events;
	struct result_second second;
	struct result_second *kept;

	if (now_ns <= load->counters.tick_ns)
		return;
	describe_second(load, now_ns, &second);
	describe_datagrams(load, &second);
	if (second.n_owed > load->result->peak_owed)
		load->result->peak_owed = second.n_owed;
	if (second.n_owed > load->settings->max_owed && load->is_sending)
		load_give_up(load);
	kept = add_second(load->result);
	if (kept)
		*kept = second;
	if (events && events->on_second)
		events->on_second(events->user, &second,
				  &load->counters.interval);
	take_interval(load->result->latency, load->counters.interval.latency);
	take_interval(load->result->service, load->counters.interval.service);
	take_interval(load->result->lateness, load->counters.interval.lateness);
	load->counters.last.n_messages = load->counters.n_answered;
	load->counters.last.n_bytes_out += second.n_bytes_out;
	load->counters.last.n_bytes_in = load->counters.n_bytes_in;
	load->counters.last.n_lost += second.n_lost;
	load->counters.last.n_repeated += second.n_repeated;
	load->counters.last.n_reordered += second.n_reordered;
	load->counters.tick_ns = now_ns;
	stop_at_breach(load, now_ns);
}

/* -- the measured time -- */

void collect_begin(struct load *load)
{
	uint64_t n_taken = count_taken(load);
	uint64_t n_queued = collect_queued(load);
	/* without a warm-up some measured messages have left already */
	uint64_t n_early = load->counters.n_bytes_out > n_queued
				   ? load->counters.n_bytes_out - n_queued
				   : 0;

	load->counters.n_taken_start =
		n_taken > n_early ? n_taken - n_early : 0;
	/* without a warm-up answers may have come, and gone, already */
	if (load->settings->is_datagram && load->settings->warmup_ns > 0)
		load->counters.n_dropped_start = datagram_count_dropped(load);
	read_cpu(&load->counters.cpu_user_s, &load->counters.cpu_system_s);
	load->counters.cpu_wait_s = environment_cpu_wait();
}

static double share_of_time(double n, double seconds)
{
	return seconds > 0 ? n / seconds : (double)NAN;
}

/* All that came in the measured time, whatever it was about. */
static uint64_t count_answers(const struct load *load)
{
	return load->counters.n_answered - queued_measured(load);
}

/* Of them, those to measured messages. */
static uint64_t count_messages(const struct load *load)
{
	if (mode_has_answers(load->settings->mode))
		return load->counters.n_in_time;
	return count_answers(load);
}

/* A run that ends by a few messages lasts as long as they happen to take. */
static double rated(uint64_t n, const struct load *load)
{
	uint64_t n_asked = load->settings->n_messages;

	return n_asked > 0 && n_asked < least_rated ? (double)NAN : (double)n;
}

void collect_end(struct load *load, uint64_t now_ns)
{
	struct result *result = load->result;
	double seconds = 0;

	load->counters.n_in_time = load->counters.n_measured;
	if (load->phase >= LOAD_MEASURING && now_ns > load->start_ns)
		seconds = (double)(now_ns - load->start_ns) / 1e9;
	if (seconds > 0) {
		collect_second(load, now_ns);
		read_cpu(&result->cpu_user_s, &result->cpu_system_s);
		result->cpu_wait_s =
			environment_cpu_wait() - load->counters.cpu_wait_s;
		result->cpu_user_s -= load->counters.cpu_user_s;
		result->cpu_system_s -= load->counters.cpu_system_s;
	}
	result->seconds = seconds;
	result->cpu_share = share_of_time(
		result->cpu_user_s + result->cpu_system_s, seconds);
	result->n_messages = count_messages(load);
	result->n_warmup = count_answers(load) - result->n_messages;
	result->messages_per_s =
		share_of_time(rated(count_answers(load), load), seconds);
	result->bytes_out_per_s =
		share_of_time(rated(count_taken(load), load), seconds);
	result->bytes_in_per_s =
		share_of_time(rated(load->counters.n_bytes_in, load), seconds);
}

/* -- the end -- */

static uint64_t slowest_answer(const struct load *load)
{
	uint64_t before_ns = histogram_max(load->result->latency);
	uint64_t now_ns = histogram_max(load->counters.interval.latency);

	return before_ns > now_ns ? before_ns : now_ns;
}

void collect_bytes(struct load *load)
{
	struct result_bytes *bytes = &load->result->bytes;
	int64_t n_unacked = 0;

	for (size_t i = 0; i < load->crew.n_peers; i++) {
		struct peer *peer = &load->crew.peers[i];
		struct weir_progress progress;

		if (!peer_is_open(peer))
			continue;
		peer_progress(peer, &progress);
		if (progress.kernel_unacked < 0)
			n_unacked = -1;
		else if (n_unacked >= 0)
			n_unacked += progress.kernel_unacked;
	}
	if (load->settings->is_datagram)
		load->result->datagrams.n_dropped =
			datagram_count_dropped(load) -
			load->counters.n_dropped_start;
	load->counters.slowest_ns = slowest_answer(load);
	load->result->n_unanswered += queued_measured(load);
	bytes->accepted = load->counters.n_bytes_out;
	/* a run that ended in the warm-up has measured nothing */
	bytes->sent = load->start_ns < UINT64_MAX ? count_taken(load) : 0;
	bytes->acknowledged = -1;
	if (n_unacked >= 0)
		bytes->acknowledged = (int64_t)bytes->sent > n_unacked
					      ? (int64_t)bytes->sent - n_unacked
					      : 0;
}

static void collect_checked(const struct load *load)
{
	struct result *result = load->result;

	memcpy(result->corrupt, load->checked.corrupt, sizeof result->corrupt);
	memcpy(result->first_corruption, load->checked.first,
	       sizeof load->checked.first);
	result->n_corrupt = load->checked.n;
}

/* In a closed loop a message leaves when it is due, so that latency and service
 * are the same. */
static void collect_service(const struct load *load)
{
	struct result *result = load->result;

	if (!load->is_open_loop)
		histogram_add(result->service, result->latency);
}

void collect_rest(struct load *load)
{
	const struct settings *settings = load->settings;
	struct result *result = load->result;

	for (size_t i = 0; load->mode->give_up && i < load->crew.n_peers; i++)
		load->mode->give_up(&load->crew.peers[i]);
	result->n_drained =
		load->counters.n_measured - load->counters.n_in_time;
	if (settings->mode == MODE_SINK)
		result->n_drained = load->counters.n_answered -
				    result->n_messages - result->n_unanswered;
	if (result->n_drained + result->n_unanswered > 0)
		collect_second(load, clock_now());
	collect_service(load);
	collect_checked(load);
	result->bytes.received = load->counters.n_bytes_in;
	result->n_sent = load->counters.n_sent;
	/* in a closed loop the kernel takes them as they leave */
	if (settings->mode == MODE_SINK && !load->is_open_loop)
		result->n_sent = load->counters.n_answered;
	result->n_asked = settings->mode == MODE_BROADCAST
				  ? load->counters.n_asked
				  : result->n_sent;
	if (settings->mode == MODE_BROADCAST) {
		result->n_subscribers =
			load->crew.n_peers - settings->n_publishers;
		collect_fairness(load, settings->n_publishers);
	} else if (settings->mode != MODE_CONNECT) {
		collect_fairness(load, 0);
	}
}
