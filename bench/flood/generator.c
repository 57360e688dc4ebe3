/* A run from connecting to its end; one phase leads to the next, and each is
 * bounded in time. */
#include "generator.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "load.h"

static const uint64_t second_ns = 1000000000;
static const uint64_t drain_look_ns = 10000000;
static const uint64_t backlog_look_ns = 1000000;

static const struct load_mode *const modes[FLOOD_N_MODES] = {
	[FLOOD_ECHO] = &echo_mode,	     [FLOOD_SOURCE] = &source_mode,
	[FLOOD_SINK] = &sink_mode,	     [FLOOD_CONNECT] = &connect_mode,
	[FLOOD_BROADCAST] = &broadcast_mode,
};

/* -- the end -- */

/* Nothing that is ours alone keeps the loop turning after this. */
static void close_down(struct load *load)
{
	load->phase = LOAD_CLOSING;
	load->is_sending = false;
	weir_timer_cancel(&load->timers[LOAD_TIMER_PHASE]);
	weir_timer_cancel(&load->timers[LOAD_TIMER_TICK]);
	pace_stop(load);
	crew_stop_dialing(load);
	bad_close(load);
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
	finish(weir_container_of(timer, struct load, timers[LOAD_TIMER_PHASE]));
}

/* Our FINs go out; what the target still has to say comes before its own. */
static void end(struct load *load)
{
	collect_bytes(load);
	load->phase = LOAD_ENDING;
	crew_end(load);
	load_arm(load, &load->timers[LOAD_TIMER_PHASE],
		 load_clock() + second_ns, on_end_deadline);
	load_settle(load);
}

/* In mode sink there are no answers: all has arrived, for us, when the kernel
 * has it. */
static bool is_drained(const struct load *load)
{
	if (load->n_open == 0)
		return true;
	return load->n_owed == 0 && (load->settings->mode != FLOOD_SINK ||
				     collect_queued(load) == 0);
}

/* Nothing tells when a queue has emptied, so it is looked at now and then. */
static void on_drain_look(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers[LOAD_TIMER_PHASE]);
	uint64_t now_ns = load_clock();
	uint64_t next_ns = now_ns + drain_look_ns;

	if (is_drained(load) || now_ns >= load->deadline_ns)
		end(load);
	else
		load_arm(load, timer,
			 next_ns < load->deadline_ns ? next_ns
						     : load->deadline_ns,
			 on_drain_look);
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
	uint64_t now_ns = load_clock();

	/* it may be over before anybody has looked at the clock */
	if (load->phase == LOAD_WARMING && now_ns >= load->start_ns)
		begin_measurement(load);
	if (load->phase == LOAD_WARMING) {
		/* nothing will be measured */
		load->start_ns = UINT64_MAX;
		load->tick_ns = UINT64_MAX;
	}
	load->result->n_unsent = pace_backlog(load, now_ns);
	load->is_sending = false;
	pace_stop(load);
	weir_timer_cancel(&load->timers[LOAD_TIMER_TICK]);
	collect_end(load, now_ns);
	load->phase = LOAD_DRAINING;
	load->deadline_ns = now_ns + load->settings->drain_ns;
	if (is_drained(load))
		end(load);
	else
		load_arm(load, &load->timers[LOAD_TIMER_PHASE], now_ns,
			 on_drain_look);
}

/* What is due is still to be sent, if it takes no longer than draining may. */
static void on_stop(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers[LOAD_TIMER_PHASE]);
	uint64_t now_ns = load_clock();

	if (pace_backlog(load, now_ns) > 0 &&
	    now_ns < load->end_ns + load->settings->drain_ns)
		load_arm(load, timer, now_ns + backlog_look_ns, on_stop);
	else
		end_measurement(load);
}

void load_give_up(struct load *load)
{
	load->result->is_owed_too_much = true;
	load->is_sending = false;
	load_arm(load, &load->timers[LOAD_TIMER_PHASE], load_clock(), on_stop);
}

/* Whether as many messages were sent, and answered, as were asked for. */
static bool is_done(const struct load *load)
{
	if (load->is_sending)
		return false;
	return load->n_owed == 0 || load->settings->mode == FLOOD_SINK;
}

void load_settle(struct load *load)
{
	bool is_alone = load->n_open == 0;

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
	uint64_t next_ns = load->tick_ns + second_ns;

	if (next_ns < load->end_ns)
		load_arm(load, &load->timers[LOAD_TIMER_TICK], next_ns,
			 on_tick);
}

static void on_tick(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers[LOAD_TIMER_TICK]);

	collect_second(load, load_clock());
	arm_tick(load);
}

static void on_start(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers[LOAD_TIMER_PHASE]);

	begin_measurement(load);
	load_arm(load, timer, load->end_ns, on_stop);
	arm_tick(load);
	load_settle(load);
}

static void on_warmup_tick(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers[LOAD_TIMER_TICK]);
	const struct generator_events *events = load->events;
	uint64_t now_ns = load_clock();

	if (now_ns >= load->start_ns)
		return;
	events->on_warmup(events->user,
			  (double)(load->start_ns - now_ns) / 1e9);
	load_arm(load, timer, now_ns + second_ns, on_warmup_tick);
}

static void start_senders(struct load *load)
{
	load->is_sending = true;
	if (load->is_open_loop) {
		pace_start(load);
		return;
	}
	for (size_t i = 0; i < load->n_senders; i++)
		load->mode->start(load->senders[i]);
}

void load_start(struct load *load)
{
	const struct flood_settings *settings = load->settings;
	uint64_t now_ns = load_clock();

	load->phase = LOAD_WARMING;
	load->start_ns = now_ns + settings->warmup_ns;
	load->tick_ns = load->start_ns;
	load->end_ns = load->start_ns + settings->duration_ns;
	load_arm(load, &load->timers[LOAD_TIMER_PHASE], load->start_ns,
		 on_start);
	if (load->events && load->events->on_warmup)
		load_arm(load, &load->timers[LOAD_TIMER_TICK], now_ns,
			 on_warmup_tick);
	bad_start(load);
	start_senders(load);
	load_settle(load);
}

void load_begin(struct load *load)
{
	if (load->phase != LOAD_CONNECTING)
		return;
	crew_choose_senders(load);
	/* in mode connect they are still to be made */
	if (load->settings->mode != FLOOD_CONNECT)
		load->result->n_connected = load->n_open;
	load->has_begun = load->n_senders > 0;
	if (!load->has_begun) {
		close_down(load);
		return;
	}
	environment_note_socket(&load->result->environment.socket,
				weir_conn_fd(&load->senders[0]->conn));
	if (load->mode->prepare)
		load->mode->prepare(load);
	else
		load_start(load);
}

/* The first ends the measurement, the second the waiting too. */
static void on_signal(struct weir_signal *signal)
{
	struct load *load =
		weir_signal_number(signal) == SIGINT
			? weir_container_of(signal, struct load, interrupt)
			: weir_container_of(signal, struct load, terminate);

	load->result->is_interrupted = true;
	if (load->phase == LOAD_CONNECTING)
		close_down(load);
	else if (load->phase <= LOAD_MEASURING)
		end_measurement(load);
	else if (load->phase <= LOAD_ENDING)
		finish(load);
}

/* -- from the settings to the result -- */

static int open_all(struct load *load)
{
	const struct flood_settings *settings = load->settings;
	int error = message_kit_init(&load->kit, settings->message_size,
				     settings->seed);

	if (error < 0)
		return error;
	load->interval = (struct generator_interval){
		histogram_new(), histogram_new(), histogram_new()};
	if (!load->interval.latency || !load->interval.service ||
	    !load->interval.lateness)
		return -ENOMEM;
	error = weir_signal_open(&load->interrupt, load->loop, SIGINT,
				 on_signal);
	if (error == 0)
		error = weir_signal_open(&load->terminate, load->loop, SIGTERM,
					 on_signal);
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
	histogram_free(load->interval.latency);
	histogram_free(load->interval.service);
	histogram_free(load->interval.lateness);
	message_kit_free(&load->kit);
}

/* Nobody was there: why not. */
static enum flood_status refuse(const struct load *load)
{
	char cause[FLOOD_CAUSE_SIZE];

	if (load->result->is_interrupted)
		flood_complain("%s: interrupted before it was connected",
			       load->target->text);
	else
		flood_complain("%s: %s", load->target->text,
			       flood_cause(load->last_error, cause));
	return FLOOD_REFUSED;
}

/* The loop turns until all is closed, also when not all could be opened. */
static enum flood_status run(struct load *load)
{
	char cause[FLOOD_CAUSE_SIZE];
	int error = open_all(load);
	int run_error;

	if (error < 0)
		close_down(load);
	run_error = weir_loop_run(load->loop);
	if (error == 0)
		error = run_error;
	if (error < 0) {
		flood_complain("%s: %s", load->target->text,
			       flood_cause(error, cause));
		return FLOOD_FAILED;
	}
	return load->has_begun ? FLOOD_GO_ON : refuse(load);
}

static enum flood_status run_in_loop(struct load *load)
{
	struct environment_times before;
	struct environment_times after;
	enum flood_status status;
	int error = weir_loop_new(&load->loop);

	if (error < 0) {
		flood_complain("epoll: %s", strerror(-error));
		return FLOOD_FAILED;
	}
	environment_read(&load->result->environment, load->settings);
	environment_read_times(&before);
	status = run(load);
	environment_read_times(&after);
	load->result->environment.steal = environment_steal(&before, &after);
	free_all(load);
	weir_loop_free(load->loop);
	return status;
}

enum flood_status generator_run(const struct flood_settings *settings,
				const struct flood_target *target,
				const struct generator_events *events,
				struct flood_result *result)
{
	struct load *load = calloc(1, sizeof *load);
	enum flood_status status = FLOOD_FAILED;

	if (flood_result_init(result, settings) == 0 && load) {
		load->settings = settings;
		load->target = target;
		load->mode = modes[settings->mode];
		load->events = events;
		load->result = result;
		load->is_open_loop = settings->rate > 0;
		/* nothing counts yet */
		load->start_ns = UINT64_MAX;
		load->n_wanted = settings->n_messages ? settings->n_messages
						      : UINT64_MAX;
		status = run_in_loop(load);
	} else {
		flood_complain("%s", strerror(ENOMEM));
	}
	free(load);
	return status;
}
