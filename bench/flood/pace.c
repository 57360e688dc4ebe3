/* Open loop: each message leaves when its time has come, whatever has become of
 * those before it. What is late is sent all the same, at once, and its latency
 * counts from when it should have been. */
#include "pace.h"

#include "clock.h"
#include "load.h"

enum {
	/* sent in one go; then answers are read before there are more */
	MAX_BURST = 128
};

static void send_next(struct load *load)
{
	uint64_t intended_ns = load->pace.schedule.next_ns;
	struct peer *peer;

	schedule_advance(&load->pace.schedule);
	if (load->crew.n_senders == 0)
		return;
	if (load->pace.i_sender >= load->crew.n_senders)
		load->pace.i_sender = 0;
	peer = load->crew.senders[load->pace.i_sender++];
	load->mode->send(peer, intended_ns);
	if (load->counters.n_owed > load->result->peak_owed)
		load->result->peak_owed = load->counters.n_owed;
	if (load->counters.n_owed > load->settings->max_owed)
		load_give_up(load);
}

static bool is_due(const struct load *load, uint64_t now_ns)
{
	return load->is_sending && load->pace.schedule.next_ns <= now_ns &&
	       load->pace.schedule.next_ns < load->end_ns;
}

static void on_due(struct weir_timer *timer)
{
	struct load *load =
		weir_container_of(timer, struct load, timers.all[TIMERS_PACE]);
	uint64_t now_ns = clock_now();

	for (int i = 0; i < MAX_BURST && is_due(load, now_ns); i++)
		send_next(load);
	if (load->is_sending && load->pace.schedule.next_ns < load->end_ns)
		timers_arm(&load->timers, TIMERS_PACE,
			   load->pace.schedule.next_ns, on_due);
	if (!load->is_sending)
		load_check_end(load);
}

void pace_start(struct load *load)
{
	const struct settings *settings = load->settings;
	uint64_t first_ns =
		load->start_ns - settings->warmup_ns + settings->first_ns;

	schedule_init(&load->pace.schedule, first_ns, settings->rate,
		      settings->is_poisson, settings->seed + settings->share);
	load->pace.schedule.ramp = (struct schedule_ramp){
		settings->ramp_rate, load->start_ns, settings->duration_ns,
		settings->n_steps};
	timers_arm(&load->timers, TIMERS_PACE, first_ns, on_due);
}

uint64_t pace_backlog(const struct load *load, uint64_t now_ns)
{
	uint64_t from_ns = load->pace.schedule.next_ns;
	uint64_t to_ns = now_ns < load->end_ns ? now_ns : load->end_ns;
	double backlog_ns;

	if (from_ns < load->start_ns)
		from_ns = load->start_ns;
	if (!load->is_open_loop || !load->is_sending || from_ns >= to_ns)
		return 0;
	backlog_ns = (double)(to_ns - from_ns);
	return 1 + (uint64_t)(backlog_ns * schedule_rate(&load->pace.schedule) /
			      1e9);
}

void pace_stop(struct load *load)
{
	timers_cancel(&load->timers, TIMERS_PACE);
}
