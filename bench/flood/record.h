/* What happens to each message goes into the counters and histograms. */
#ifndef FLOOD_RECORD_H
#define FLOOD_RECORD_H

#include "flight.h"
#include "histogram.h"
#include "load.h"
#include "peer.h"

/* From then to now; never less than nothing, whatever a target makes up that
 * answers before it is asked. */
static inline uint64_t record_age(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static inline void record_latency(struct load *load, const struct stamp *stamp,
				  uint64_t now_ns)
{
	histogram_record(load->counters.interval.latency,
			 record_age(stamp->intended_ns, now_ns));
	if (load->is_open_loop)
		histogram_record(load->counters.interval.service,
				 record_age(stamp->sent_ns, now_ns));
}

/* A message that was to leave at intended_ns leaves now. */
static inline void record_stamp(struct load *load, struct stamp *stamp,
				uint64_t intended_ns, uint64_t now_ns)
{
	uint64_t late_ns = record_age(intended_ns, now_ns);

	*stamp = (struct stamp){intended_ns, now_ns, 1};
	if (!load->is_open_loop || intended_ns < load->start_ns)
		return;
	histogram_record(load->counters.interval.lateness, late_ns);
	load->result->n_late += late_ns > load->settings->late_ns;
}

/* A message of so many bytes leaves, or is accepted to leave. */
static inline void record_sent(struct load *load, const struct stamp *stamp,
			       size_t n_bytes)
{
	load->counters.n_owed += stamp->n_left;
	if (stamp->intended_ns < load->start_ns)
		return;
	load->counters.n_bytes_out += n_bytes;
	load->counters.n_sent++;
	load->counters.n_asked += stamp->n_left;
	if (load->counters.n_sent == load->n_wanted)
		load->is_sending = false;
}

/* One answer to the message with that stamp. */
static inline void record_answer(struct peer *peer, const struct stamp *stamp,
				 uint64_t now_ns)
{
	struct load *load = peer->load;

	peer->answer_ns = now_ns;
	peer->has_answered = true;
	load->counters.n_owed--;
	/* the rate is of what is answered meanwhile, whenever it was sent */
	if (load->phase <= LOAD_MEASURING && now_ns >= load->start_ns) {
		peer->n_answered++;
		load->counters.n_answered++;
	}
	if (stamp->intended_ns < load->start_ns) {
		if (record_age(load->start_ns, now_ns) >
		    load->result->warmup_wait_ns)
			load->result->warmup_wait_ns =
				record_age(load->start_ns, now_ns);
		return;
	}
	load->counters.n_measured++;
	record_latency(load, stamp, now_ns);
}

/* An answer that will not come: its message has waited in vain until now. If
 * that was while we measured, it counts, whenever it was sent. */
static inline void record_unanswered(struct load *load,
				     const struct stamp *stamp, uint64_t now_ns)
{
	load->counters.n_owed--;
	if (now_ns < load->start_ns)
		return;
	load->result->n_unanswered++;
	load->result->n_warmup_unanswered +=
		stamp->intended_ns < load->start_ns;
	record_latency(load, stamp, now_ns);
}

/* The same after --timeout, which says how long the others take at most: what
 * the warm-up sent is the warm-up's. */
static inline void record_timed_out(struct load *load,
				    const struct stamp *stamp, uint64_t now_ns)
{
	if (stamp->intended_ns < load->start_ns) {
		load->counters.n_owed--;
		return;
	}
	load->result->n_timed_out++;
	record_unanswered(load, stamp, now_ns);
}

/* Whether the oldest that is in flight had no answer for --timeout. */
static inline bool record_is_late(const struct peer *peer, uint64_t now_ns)
{
	const struct flight *flight = &peer->flight;

	return !flight_is_empty(flight) &&
	       record_age(flight_at(flight, flight->first)->intended_ns,
			  now_ns) >= peer->load->settings->timeout_ns;
}

/* One whose connection could not be made, or broke: however soon that was, it
 * was no answer. */
static inline void record_failed(struct load *load, const struct stamp *stamp)
{
	load->counters.n_owed--;
	load->result->n_failed_visits++;
	load->result->n_failed += stamp->intended_ns >= load->start_ns;
}

static inline void record_received(struct load *load, size_t n_bytes,
				   uint64_t now_ns)
{
	if (now_ns >= load->start_ns)
		load->counters.n_bytes_in += n_bytes;
}

#endif
