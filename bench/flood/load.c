/* A run from connecting to its end; one phase leads to the next, and each is
 * bounded in time. */
#include "load.h"

#include <errno.h>
#include <signal.h>

#include "bad.h"
#include "clock.h"
#include "collect.h"
#include "environment.h"
#include "histogram.h"
#include "peer.h"
#include "record.h"
#include "team.h"
#include "timeout.h"

static const uint64_t second_ns = 1000000000;
static const uint64_t drain_check_ns = 10000000;
/* A signal ends a run within a second. */
static const uint64_t signal_drain_ns = 500000000;
static const uint64_t signal_end_ns = 250000000;
static const uint64_t longest_drain_ns = 60000000000;
static const uint64_t backlog_check_ns = 1000000;

/* -- the end -- */

/* Nothing that is ours alone keeps the loop turning after this. */
static void close_down(struct load *load)
{
	load->phase = LOAD_CLOSING;
	load->is_sending = false;
	timers_cancel(&load->timers, TIMERS_PHASE);
	timers_cancel(&load->timers, TIMERS_TICK);
	timers_cancel(&load->timers, TIMERS_TIMEOUT);
	pace_stop(load);
	crew_stop_dialing(load);
	bad_close(load);
	if (load->member)
		team_leave(load->member);
	weir_signal_close(&load->interrupt);
	weir_signal_close(&load->terminate);
	crew_abort(load);
	if (load->mode->stop)
		load->mode->stop(load);
}

static void finish(struct load *load)
{
	collect_rest(load);
	close_down(load);
}

static void on_end_deadline(struct weir_timer *timer)
{
	finish(weir_container_of(timer, struct load, timers.all[TIMERS_PHASE]));
}

/* Our FINs go out; what the target still has to say comes before its own. */
static void end(struct load *load)
{
	collect_bytes(load);
	load->phase = LOAD_ENDING;
	timers_cancel(&load->timers, TIMERS_TIMEOUT);
	crew_end(load);
	timers_arm(&load->timers, TIMERS_PHASE,
		   clock_now() + (load->result->is_interrupted ? signal_end_ns
							       : second_ns),
		   on_end_deadline);
	load_check_end(load);
}

/* In mode sink there are no answers: all has arrived, for us, when the kernel
 * has it. */
static bool is_drained(const struct load *load)
{
	if (load->crew.n_open == 0)
		return true;
	return load->counters.n_owed == 0 &&
	       (load->settings->mode != MODE_SINK || collect_queued(load) == 0);
}

/* Nothing tells when a queue has emptied, so it is looked at now and then. */
static void on_drain_check(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers.all[TIMERS_PHASE]);
	uint64_t now_ns = clock_now();
	uint64_t next_ns = now_ns + drain_check_ns;

	load->result->is_drain_cut =
		!is_drained(load) && now_ns >= load->drain_end_ns;
	if (is_drained(load) || load->result->is_drain_cut)
		end(load);
	else
		timers_arm(&load->timers, TIMERS_PHASE,
			   next_ns < load->drain_end_ns ? next_ns
							: load->drain_end_ns,
			   on_drain_check);
}

/* What is slow, but has always answered, will answer again. */
static uint64_t drain_time(const struct load *load)
{
	uint64_t asked_ns = load->settings->drain_ns;
	uint64_t likely_ns = 2 * histogram_max(load->result->latency);

	if (load->result->is_interrupted)
		return asked_ns < signal_drain_ns ? asked_ns : signal_drain_ns;
	if (load->settings->is_drain_fixed || likely_ns < asked_ns)
		return asked_ns;
	return likely_ns < longest_drain_ns ? likely_ns : longest_drain_ns;
}

static void begin_measurement(struct load *load)
{
	load->phase = LOAD_MEASURING;
	collect_begin(load);
	if (load->events && load->events->on_start)
		load->events->on_start(load->events->user);
}

static void end_measurement(struct load *load)
{
	uint64_t now_ns = clock_now();
	uint64_t due_ns = now_ns;

	/* what is due when a signal comes has not missed its time yet */
	if (load->result->is_interrupted)
		due_ns = record_age(load->settings->late_ns, now_ns);
	/* it may be over before the clock was read */
	if (load->phase == LOAD_WARMING && now_ns >= load->start_ns)
		begin_measurement(load);
	if (load->phase == LOAD_WARMING) {
		/* nothing will be measured */
		load->start_ns = UINT64_MAX;
		load->counters.tick_ns = UINT64_MAX;
	}
	load->result->n_unsent = pace_backlog(load, due_ns);
	load->is_sending = false;
	pace_stop(load);
	timers_cancel(&load->timers, TIMERS_TICK);
	collect_end(load, now_ns);
	load->phase = LOAD_DRAINING;
	load->result->drain_ns = drain_time(load);
	load->drain_end_ns = now_ns + load->result->drain_ns;
	if (is_drained(load))
		end(load);
	else
		timers_arm(&load->timers, TIMERS_PHASE, now_ns, on_drain_check);
}

/* What is due is still to be sent, if it takes no longer than draining may. */
static void on_stop(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers.all[TIMERS_PHASE]);
	uint64_t now_ns = clock_now();

	if (pace_backlog(load, now_ns) > 0 &&
	    now_ns < load->end_ns + load->settings->drain_ns)
		timers_arm(&load->timers, TIMERS_PHASE,
			   now_ns + backlog_check_ns, on_stop);
	else
		end_measurement(load);
}

static void stop(struct load *load)
{
	load->is_sending = false;
	timers_arm(&load->timers, TIMERS_PHASE, clock_now(), on_stop);
}

void load_give_up(struct load *load)
{
	load->result->is_owed_too_much = true;
	stop(load);
	if (load->member)
		team_stop(load->member);
}

void load_stop_early(struct load *load)
{
	load->result->is_stopped_early = true;
	stop(load);
}

/* Whether as many messages were sent, and answered, as were asked for. */
static bool is_done(const struct load *load)
{
	if (load->is_sending)
		return false;
	return load->counters.n_owed == 0 || load->settings->mode == MODE_SINK;
}

void load_check_end(struct load *load)
{
	bool is_alone = load->crew.n_open == 0;

	if (load->phase == LOAD_MEASURING || load->phase == LOAD_WARMING) {
		if (is_alone || is_done(load))
			end_measurement(load);
	} else if (load->phase == LOAD_DRAINING) {
		if (is_drained(load))
			end(load);
	} else if (load->phase == LOAD_ENDING && is_alone) {
		finish(load);
	}
}

/* -- the time of it -- */

static void on_tick(struct weir_timer *timer);

/* The last second is told at the end. */
static void arm_tick(struct load *load)
{
	uint64_t next_ns = load->counters.tick_ns + second_ns;

	if (next_ns < load->end_ns)
		timers_arm(&load->timers, TIMERS_TICK, next_ns, on_tick);
}

static void on_tick(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers.all[TIMERS_TICK]);

	collect_second(load, clock_now());
	arm_tick(load);
}

static void on_start(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers.all[TIMERS_PHASE]);

	begin_measurement(load);
	timers_arm(&load->timers, TIMERS_PHASE, load->end_ns, on_stop);
	arm_tick(load);
	load_check_end(load);
}

static void on_warmup_tick(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers.all[TIMERS_TICK]);
	const struct generator_events *events = load->events;
	uint64_t now_ns = clock_now();

	if (now_ns >= load->start_ns)
		return;
	events->on_warmup(events->user,
			  (double)(load->start_ns - now_ns) / 1e9);
	timers_arm(&load->timers, TIMERS_TICK, now_ns + second_ns,
		   on_warmup_tick);
}

static void start_senders(struct load *load)
{
	load->is_sending = true;
	if (load->is_open_loop) {
		pace_start(load);
		return;
	}
	for (size_t i = 0; i < load->crew.n_senders; i++)
		load->mode->start(load->crew.senders[i]);
}

static void start_at(struct load *load, uint64_t now_ns)
{
	const struct settings *settings = load->settings;

	load->phase = LOAD_WARMING;
	load->start_ns = now_ns + settings->warmup_ns;
	load->counters.tick_ns = load->start_ns;
	load->end_ns = load->start_ns + settings->duration_ns;
	timers_arm(&load->timers, TIMERS_PHASE, load->start_ns, on_start);
	if (load->events && load->events->on_warmup)
		timers_arm(&load->timers, TIMERS_TICK, now_ns, on_warmup_tick);
	bad_start(load);
	timeout_start(load);
	start_senders(load);
	load_check_end(load);
}

void load_start(struct load *load)
{
	start_at(load, clock_now());
}

void load_begin(struct load *load)
{
	if (load->phase != LOAD_CONNECTING)
		return;
	crew_choose_senders(load);
	/* in mode connect they are still to be made */
	if (load->settings->mode != MODE_CONNECT)
		load->result->n_connected = load->crew.n_open;
	load->result->connecting_s =
		(double)(clock_now() - load->crew.begin_ns) / 1e9;
	load->has_begun = load->crew.n_senders > 0;
	if (!load->has_begun) {
		close_down(load);
		return;
	}
	environment_read_socket(&load->result->environment.socket,
				peer_fd(load->crew.senders[0]));
	if (load->member)
		team_be_ready(load->member);
	else if (load->mode->prepare)
		load->mode->prepare(load);
	else
		load_start(load);
}

/* The first ends the measurement, the second the waiting too. */
static void interrupt(struct load *load)
{
	load->result->is_interrupted = true;
	if (load->phase == LOAD_CONNECTING) {
		load->has_begun = false;
		close_down(load);
	} else if (load->phase <= LOAD_MEASURING) {
		end_measurement(load);
	} else if (load->phase <= LOAD_ENDING) {
		finish(load);
	}
}

static void on_signal(struct weir_signal *signal)
{
	struct load *load =
		weir_signal_number(signal) == SIGINT
			? weir_container_of(signal, struct load, interrupt)
			: weir_container_of(signal, struct load, terminate);

	interrupt(load);
}

void load_take_news(struct load *load)
{
	struct team_news news = team_read(load->member);

	for (; load->n_signals < news.n_signals; load->n_signals++)
		interrupt(load);
	if (news.is_stopping && load->is_sending)
		stop(load);
	if (news.start_ns > 0 && load->phase == LOAD_CONNECTING)
		start_at(load, news.start_ns);
}

static int open_signals(struct load *load)
{
	int error;

	if (load->member)
		return team_join(load->member);
	error = weir_signal_open(&load->interrupt, load->loop, SIGINT,
				 on_signal);
	if (error == 0)
		error = weir_signal_open(&load->terminate, load->loop, SIGTERM,
					 on_signal);
	return error;
}

/* -- all of it -- */

static int open_all(struct load *load)
{
	const struct settings *settings = load->settings;
	int error = message_kit_init(&load->kit, settings->message_size,
				     settings->seed);

	if (error < 0)
		return error;
	load->counters.interval = (struct generator_interval){
		histogram_new(), histogram_new(), histogram_new()};
	if (!load->counters.interval.latency ||
	    !load->counters.interval.service ||
	    !load->counters.interval.lateness)
		return -ENOMEM;
	error = open_signals(load);
	if (error == 0)
		error = bad_open(load);
	if (error == 0)
		error = crew_open(load);
	if (error == 0 && load->mode->open)
		error = load->mode->open(load);
	if (error == 0)
		crew_dial(load);
	return error;
}

static void free_all(struct load *load)
{
	if (load->mode->close)
		load->mode->close(load);
	crew_close(load);
	bad_free(load);
	histogram_free(load->counters.interval.latency);
	histogram_free(load->counters.interval.service);
	histogram_free(load->counters.interval.lateness);
	message_kit_free(&load->kit);
}

/* The loop turns until all is closed, also when not all could be opened. */
int load_run(struct load *load)
{
	int error = open_all(load);
	int run_error;

	if (error < 0)
		close_down(load);
	run_error = weir_loop_run(load->loop);
	free_all(load);
	return error < 0 ? error : run_error;
}
