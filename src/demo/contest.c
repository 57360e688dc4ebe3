#include "contest.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "healthy.h"
#include "dial.h"
#include "reader.h"
#include "server.h"

enum {
	N_WARM_UP = 5 * HEALTHY_CLIENTS, /* echoes before it begins */
	N_ECHOES_SEEN = HEALTHY_CLIENTS, /* with these, others are served */
	SLOW_BYTES = 65536,
	TICK_NS = 5 * CLOCK_NS_PER_MS,
	CPU_SAMPLE_NS = 20 * CLOCK_NS_PER_MS,
	/* this long without an echo: no one is served */
	SILENCE_NS = CLOCK_NS_PER_S
};

static const uint64_t patience_ns = 50 * CLOCK_NS_PER_S;
/* with the last echoes: a busy machine may never get done with them */
static const uint64_t last_ns = 2 * CLOCK_NS_PER_S;

enum phase {
	PHASE_WARM_UP,
	PHASE_SLOW,
	PHASE_STOPPED,
	PHASE_RESUMED,
	PHASE_LAST_ECHOES,
	PHASE_OVER
};

struct contest {
	const struct contest_plan *plan;
	struct contest_result *result;
	struct server server;
	struct sockaddr_in address;
	pthread_t server_thread;
	clockid_t server_clock; /* the server's CPU time */
	struct healthy healthy;
	struct reader reader;
	enum phase phase;
	uint64_t now_ns;
	uint64_t deadline_ns; /* then the run is cut short */
	uint64_t start_ns;    /* the reader asked */
	uint64_t pace_ns;     /* when it reads again, while slow */
	uint64_t stop_ns;
	struct contest_view at_start; /* counters then, and at the stop */
	struct contest_view at_stop;
	uint64_t cpu_at_start_ns;
	uint64_t sampled_ns; /* when the CPU time was looked at, and what */
	uint64_t cpu_ns;     /* it was */
};

unsigned char *contest_debt_new(size_t n)
{
	unsigned char *debt = malloc(n);
	uint64_t state = 1;

	for (size_t i = 0; debt && i < n; i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		debt[i] = (unsigned char)(state >> 56);
	}
	return debt;
}

/* -- counters -- */

static struct contest_view look(const struct contest *contest)
{
	const struct calls *calls = &contest->server.calls;

	return (struct contest_view){
		.n_echoes = contest->healthy.n_echoes,
		.n_calls = atomic_load_explicit(&calls->n_calls,
						memory_order_relaxed),
		.n_wakeups = atomic_load_explicit(&calls->n_wakeups,
						  memory_order_relaxed)};
}

static struct contest_view since(const struct contest *contest,
				 const struct contest_view *then)
{
	struct contest_view view = look(contest);

	view.n_echoes -= then->n_echoes;
	view.n_calls -= then->n_calls;
	view.n_wakeups -= then->n_wakeups;
	view.stopped_ns = contest->now_ns - contest->stop_ns;
	return view;
}

static void sample_cpu(struct contest *contest)
{
	uint64_t away_ns = contest->now_ns - contest->sampled_ns;
	uint64_t cpu_ns;

	if (contest->phase == PHASE_WARM_UP ||
	    contest->phase >= PHASE_LAST_ECHOES || away_ns < CPU_SAMPLE_NS)
		return;
	cpu_ns = clock_read(contest->server_clock);
	series_add(&contest->result->cpu,
		   (double)(contest->sampled_ns - contest->start_ns),
		   (double)(cpu_ns - contest->cpu_ns) / (double)away_ns);
	contest->sampled_ns = contest->now_ns;
	contest->cpu_ns = cpu_ns;
}

static void read_some(struct contest *contest, size_t max)
{
	reader_read(&contest->reader, max);
	series_add(&contest->result->received,
		   (double)(contest->now_ns - contest->start_ns),
		   (double)contest->reader.n_received);
}

/* -- phases -- */

static void begin(struct contest *contest)
{
	healthy_restart(&contest->healthy, contest->now_ns);
	contest->start_ns = contest->now_ns;
	contest->pace_ns = contest->now_ns;
	contest->at_start = look(contest);
	contest->cpu_at_start_ns = clock_read(contest->server_clock);
	contest->cpu_ns = contest->cpu_at_start_ns;
	contest->sampled_ns = contest->now_ns;
	contest->phase = PHASE_SLOW;
	if (!contest->plan->is_calm)
		reader_ask(&contest->reader);
}

/* What came back before the stop is not to be counted in it. */
static void stop(struct contest *contest, struct pollfd *pollfds)
{
	if (poll(pollfds, HEALTHY_CLIENTS, 0) > 0)
		healthy_take(&contest->healthy, contest->now_ns, pollfds);
	contest->stop_ns = contest->now_ns;
	contest->at_stop = look(contest);
	contest->phase = PHASE_STOPPED;
}

static void resume(struct contest *contest)
{
	contest->result->stop = since(contest, &contest->at_stop);
	contest->result->stop_from_ns = contest->stop_ns - contest->start_ns;
	contest->phase = PHASE_RESUMED;
}

static void finish(struct contest *contest)
{
	struct contest_result *result = contest->result;
	struct contest_view view = since(contest, &contest->at_start);

	result->total_ns = contest->now_ns - contest->start_ns;
	result->cpu_ns =
		clock_read(contest->server_clock) - contest->cpu_at_start_ns;
	result->n_calls = view.n_calls;
	result->n_wakeups = view.n_wakeups;
	healthy_end(&contest->healthy, contest->now_ns);
	contest->phase = PHASE_LAST_ECHOES;
	contest->deadline_ns = contest->now_ns + last_ns;
	if (contest->plan->is_calm)
		return;
	result->delivered = contest->reader.n_received;
	result->first_bad = contest->reader.first_bad;
	reader_close(&contest->reader);
}

static bool may_resume(const struct contest *contest)
{
	const struct contest_plan *plan = contest->plan;
	struct contest_view view = since(contest, &contest->at_stop);

	if (plan->may_resume)
		return plan->may_resume(&view, plan->user);
	if (view.stopped_ns < plan->hold_ns)
		return false;
	return view.n_echoes >= N_ECHOES_SEEN ||
	       (view.n_echoes == 0 && view.stopped_ns >= SILENCE_NS);
}

static void read_slowly(struct contest *contest, struct pollfd *pollfds)
{
	size_t slow_bytes = contest->plan->slow_bytes;

	if (contest->plan->is_calm ||
	    contest->reader.n_received >=
		    (slow_bytes ? slow_bytes : SLOW_BYTES)) {
		stop(contest, pollfds);
		return;
	}
	if (contest->now_ns < contest->pace_ns)
		return;
	read_some(contest, READER_PIECE);
	contest->pace_ns = contest->now_ns + READER_PACE_NS;
	if (contest->reader.is_over)
		finish(contest);
}

static void step(struct contest *contest, struct pollfd *pollfds)
{
	switch (contest->phase) {
	case PHASE_WARM_UP:
		if (contest->healthy.n_echoes >= N_WARM_UP)
			begin(contest);
		break;
	case PHASE_SLOW:
		read_slowly(contest, pollfds);
		break;
	case PHASE_STOPPED:
		if (!may_resume(contest))
			break;
		resume(contest);
		if (contest->plan->is_calm)
			finish(contest);
		break;
	case PHASE_RESUMED:
		if (pollfds[HEALTHY_CLIENTS].revents)
			read_some(contest, SIZE_MAX);
		if (contest->reader.is_over)
			finish(contest);
		break;
	case PHASE_LAST_ECHOES:
		if (healthy_is_done(&contest->healthy))
			contest->phase = PHASE_OVER;
		break;
	case PHASE_OVER:
		break;
	}
}

static void turn(struct contest *contest)
{
	struct pollfd pollfds[HEALTHY_CLIENTS + 1];
	uint64_t next_ns =
		healthy_ask(&contest->healthy, contest->now_ns, pollfds);
	struct timespec wait = {0};

	pollfds[HEALTHY_CLIENTS] = (struct pollfd){.fd = -1, .events = POLLIN};
	if (contest->phase == PHASE_RESUMED)
		pollfds[HEALTHY_CLIENTS].fd = contest->reader.fd;
	if (contest->phase == PHASE_SLOW && contest->pace_ns < next_ns)
		next_ns = contest->pace_ns;
	if (next_ns > contest->now_ns + TICK_NS)
		next_ns = contest->now_ns + TICK_NS;
	if (next_ns > contest->now_ns)
		wait.tv_nsec = (long)(next_ns - contest->now_ns);
	if (ppoll(pollfds, HEALTHY_CLIENTS + 1, &wait, NULL) < 0)
		return;
	contest->now_ns = clock_now();
	healthy_take(&contest->healthy, contest->now_ns, pollfds);
	step(contest, pollfds);
	sample_cpu(contest);
}

/* -- from the first socket to the last -- */

static void *serve(void *arg)
{
	struct contest *contest = arg;

	strategy_serve(contest->plan->strategy, &contest->server);
	return NULL;
}

static void close_clients(struct contest *contest)
{
	healthy_close(&contest->healthy, clock_now());
	if (!contest->plan->is_calm && contest->phase < PHASE_LAST_ECHOES)
		reader_close(&contest->reader);
}

static int open_clients(struct contest *contest)
{
	bool is_calm = contest->plan->is_calm;
	int fd = dial_listen(&contest->address, CONTEST_BUFFER);
	int error;

	if (fd < 0)
		return -fd;
	contest->server.listener_fd = fd;
	contest->reader.debt = contest->plan->debt;
	contest->reader.n_debt = contest->plan->n_debt;
	error = healthy_open(&contest->healthy, &contest->address);
	if (!error && !is_calm) {
		error = reader_open(&contest->reader, &contest->address,
				    CONTEST_BUFFER);
		if (error)
			healthy_close(&contest->healthy, 0);
	}
	if (error) {
		(void)close(fd);
		return error;
	}
	contest->server.n_clients = HEALTHY_CLIENTS + !is_calm;
	contest->result->sndbuf = dial_buffer_size(fd, SO_SNDBUF);
	if (!is_calm)
		contest->result->rcvbuf =
			dial_buffer_size(contest->reader.fd, SO_RCVBUF);
	return 0;
}

/* The server's series began with its thread; those of a result begin with the
 * request, and end with it. */
static void keep_series(struct contest *contest)
{
	struct contest_result *result = contest->result;
	struct series *queue = &contest->server.queue;
	double shift = (double)(contest->start_ns - contest->server.start_ns);

	series_add(&result->queue, 0, 0);
	for (size_t i = 0; i < queue->n; i++)
		if (queue->points[i].x >= shift)
			series_add(&result->queue, queue->points[i].x - shift,
				   queue->points[i].y);
	if (result->queue.n == 1)
		series_add(&result->queue, (double)result->total_ns, 0);
	series_free(queue);
	result->latency = contest->healthy.latency;
	result->p50_ns = series_percentile(&result->latency, 0.5);
	result->p99_ns = series_percentile(&result->latency, 0.99);
	result->stop_p99_ns = series_percentile_between(
		&result->latency, 0.99, (double)result->stop_from_ns,
		(double)(result->stop_from_ns + result->stop.stopped_ns));
	result->longest_silence_ns = contest->healthy.longest_silence_ns;
	result->n_echoes = contest->healthy.n_echoes;
	result->queue_peak = contest->server.queue_peak;
}

static void watch(struct contest *contest)
{
	uint64_t patience = contest->plan->patience_ns;

	contest->now_ns = clock_now();
	contest->start_ns = contest->now_ns;
	contest->deadline_ns =
		contest->now_ns + (patience ? patience : patience_ns);
	healthy_start(&contest->healthy, contest->now_ns);
	while (contest->phase != PHASE_OVER &&
	       contest->now_ns < contest->deadline_ns)
		turn(contest);
	contest->result->is_cut_short = contest->phase < PHASE_LAST_ECHOES;
	if (contest->result->is_cut_short && contest->phase > PHASE_WARM_UP)
		finish(contest);
	close_clients(contest);
}

int contest_run(const struct contest_plan *plan, struct contest_result *result)
{
	struct contest contest = {.plan = plan,
				  .result = result,
				  .server = {.debt = plan->debt,
					     .n_debt = plan->n_debt,
					     .start_ns = clock_now()}};
	int error;

	*result = (struct contest_result){.strategy = plan->strategy,
					  .asked = plan->n_debt,
					  .first_bad = -1,
					  .is_calm = plan->is_calm};
	error = open_clients(&contest);
	if (error)
		return error;
	error = pthread_create(&contest.server_thread, NULL, serve, &contest);
	if (error) {
		close_clients(&contest);
		(void)close(contest.server.listener_fd);
		series_free(&contest.healthy.latency);
		return error;
	}
	error = pthread_getcpuclockid(contest.server_thread,
				      &contest.server_clock);
	watch(&contest);
	(void)pthread_join(contest.server_thread, NULL);
	keep_series(&contest);
	if (!error)
		error = contest.server.error;
	if (error)
		contest_free(result);
	return error;
}

void contest_free(struct contest_result *result)
{
	series_free(&result->received);
	series_free(&result->queue);
	series_free(&result->latency);
	series_free(&result->cpu);
}
