#include "timeout.h"

#include "clock.h"
#include "load.h"
#include "peer.h"

/* How often, in a time-out, messages are looked at that may have reached it. */
static const uint64_t looks = 8;
static const uint64_t longest_look_ns = 100000000;

static void on_look(struct weir_timer *timer)
{
	struct load *load = weir_container_of(timer, struct load,
					      timers.all[TIMERS_TIMEOUT]);
	uint64_t now_ns = clock_now();

	for (size_t i = 0; i < load->crew.n_peers; i++)
		if (load->crew.peers[i].was_open)
			load->mode->time_out(&load->crew.peers[i], now_ns);
	timeout_start(load);
	load_check_end(load);
}

void timeout_start(struct load *load)
{
	uint64_t look_ns = load->settings->timeout_ns / looks;

	if (look_ns == 0 || load->phase >= LOAD_ENDING)
		return;
	if (look_ns > longest_look_ns)
		look_ns = longest_look_ns;
	timers_arm(&load->timers, TIMERS_TIMEOUT, clock_now() + look_ns,
		   on_look);
}
