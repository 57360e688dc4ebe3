#include "datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "clock.h"
#include "collect.h"
#include "datagram_inside.h"
#include "failure.h"
#include "load.h"
#include "peer.h"
#include "record.h"

enum {
	/* of what SO_MEMINFO tells: linux/sock_diag.h, which musl has not */
	MEMINFO_DROPS = 8,
	MEMINFO_N = 9,
	/* lost one after the other: the target is silent */
	LEAST_UNHEARD = 5
};

static bool is_measured(const struct load *load, uint64_t now_ns)
{
	return now_ns >= load->start_ns;
}

/* -- sending -- */

int datagram_transmit(struct datagram *datagram, uint64_t sequence)
{
	struct peer *peer = datagram->peer;
	const struct message_kit *kit = &peer->load->kit;

	return weir_dgram_send(&datagram->dgram, NULL,
			       message_compose(kit, peer->number, sequence),
			       kit->size);
}

/* A message that does not leave is lost like any other. */
static void send_message(struct peer *peer, uint64_t intended_ns,
			 uint64_t now_ns)
{
	struct datagram *datagram = peer->datagram;
	struct load *load = peer->load;
	struct datagrams *all = load->own;
	struct stamp *stamp = flight_push(&peer->flight);
	int error;

	if (!stamp) {
		load_give_up(load);
		return;
	}
	record_stamp(load, stamp, intended_ns, now_ns);
	record_sent(load, stamp, load->kit.size);
	datagram->n_waiting++;
	all->n_unheard++;
	if (datagram->unheard_ns == 0)
		datagram->unheard_ns = now_ns;
	error = datagram_transmit(datagram, peer->flight.next - 1);
	if (error == -ENOBUFS || error == -ENOMEM)
		load->result->datagrams.n_unsent += is_measured(load, now_ns);
	else if (error < 0)
		failure_count(load, &peer->has_failed, FAILURE_CLOSED, error);
}

/* As many as may be in flight. */
static void refill(struct peer *peer, uint64_t now_ns)
{
	const struct load *load = peer->load;

	while (load->is_sending &&
	       peer->datagram->n_waiting < load->settings->pipeline)
		send_message(peer, now_ns, now_ns);
}

static void start(struct peer *peer)
{
	refill(peer, clock_now());
}

static void send_one(struct peer *peer, uint64_t intended_ns)
{
	send_message(peer, intended_ns, clock_now());
}

/* -- answers -- */

static uint64_t *overdue_word(struct datagram *datagram, uint64_t sequence)
{
	return &datagram->overdue[sequence % DATAGRAM_MAX_OVERDUE / 64];
}

static void set_overdue(struct datagram *datagram, uint64_t sequence,
			bool is_overdue)
{
	uint64_t bit = UINT64_C(1) << sequence % 64;

	if (is_overdue)
		*overdue_word(datagram, sequence) |= bit;
	else
		*overdue_word(datagram, sequence) &= ~bit;
}

/* What is so long ago that nobody remembers it can hardly be a repetition. */
static bool is_overdue(struct datagram *datagram, uint64_t sequence)
{
	return datagram->peer->flight.first - sequence > DATAGRAM_MAX_OVERDUE ||
	       *overdue_word(datagram, sequence) >> sequence % 64 & 1;
}

/* The oldest is done with. */
static const struct stamp *retire(struct datagram *datagram, bool is_given_up)
{
	struct flight *flight = &datagram->peer->flight;

	set_overdue(datagram, flight->first, is_given_up);
	return flight_pop(flight);
}

static void retire_answered(struct datagram *datagram)
{
	struct flight *flight = &datagram->peer->flight;

	while (!flight_is_empty(flight) &&
	       flight_at(flight, flight->first)->n_left == 0)
		(void)retire(datagram, false);
}

/* Whole, and one of those that were sent. */
static void take_message(struct datagram *datagram, uint64_t sequence,
			 uint64_t now_ns)
{
	struct peer *peer = datagram->peer;
	struct result_datagrams *counts = &peer->load->result->datagrams;
	struct datagrams *all = peer->load->own;
	bool counts_now = is_measured(peer->load, now_ns);
	struct stamp *stamp = flight_at(&peer->flight, sequence);

	datagram->n_unheard = 0;
	datagram->unheard_ns = 0;
	all->n_unheard = 0;
	if (sequence < peer->flight.first && is_overdue(datagram, sequence)) {
		counts->n_overdue += counts_now;
		set_overdue(datagram, sequence, false);
	} else if (sequence < peer->flight.first || stamp->n_left == 0) {
		counts->n_repeated += counts_now;
	} else {
		stamp->n_left = 0;
		datagram->n_waiting--;
		record_answer(peer, stamp, now_ns);
		counts->n_reordered +=
			counts_now && sequence < datagram->newest;
		if (sequence >= datagram->newest)
			datagram->newest = sequence + 1;
		retire_answered(datagram);
	}
}

static void take(struct datagram *datagram,
		 const struct weir_dgram_received *in, uint64_t now_ns)
{
	struct peer *peer = datagram->peer;
	const struct message_kit *kit = &peer->load->kit;
	uint64_t sequence;
	size_t at = 0;

	if (in->true_size == kit->size &&
	    message_find(kit, in->data, in->n, peer->number, peer->flight.next,
			 &at, &sequence))
		take_message(datagram, sequence, now_ns);
	else
		checker_count(&peer->checker, CHECKER_CHANGED, 1,
			      peer->flight.first);
}

static void on_datagram(struct weir_dgram *d,
			const struct weir_dgram_received *in)
{
	struct datagram *datagram =
		weir_container_of(d, struct datagram, dgram);
	struct peer *peer = datagram->peer;
	struct load *load = peer->load;
	uint64_t now_ns = clock_now();

	if (datagram_is_hello(peer, in)) {
		/* if it was sent again, the other echoes are nothing */
		if (!datagram->is_connected)
			datagram_be_connected(datagram);
		return;
	}
	if (!datagram->is_connected)
		return;
	record_received(load, in->n, now_ns);
	take(datagram, in, now_ns);
	timers_check(&load->timers, now_ns);
	if (!load->is_open_loop)
		refill(peer, now_ns);
	if (!load->is_sending)
		load_check_end(load);
}

const struct weir_dgram_events datagram_events = {.on_datagram = on_datagram};

/* -- what has no answer -- */

static void time_out(struct peer *peer, uint64_t now_ns)
{
	struct datagram *datagram = peer->datagram;
	struct weir_dgram_stats stats;

	/* what ICMP tells about a datagram that has left */
	weir_dgram_stats(&datagram->dgram, &stats);
	if (stats.n_errors > 0)
		failure_count(peer->load, &peer->has_failed, FAILURE_CLOSED,
			      stats.last_error);
	while (record_is_late(peer, now_ns)) {
		datagram->n_waiting--;
		datagram->n_unheard++;
		record_timed_out(peer->load, retire(datagram, true), now_ns);
		retire_answered(datagram);
	}
	if (!peer->load->is_open_loop)
		refill(peer, now_ns);
}

/* A few that are lost at the end are no silence. In a closed loop each
 * connection may have so few, and all of them enough. */
static bool is_silent(const struct datagram *datagram)
{
	const struct datagrams *all = datagram->peer->load->own;

	return datagram->unheard_ns > 0 &&
	       (all->n_unheard >= LEAST_UNHEARD ||
		datagram->n_unheard + datagram->n_waiting >= LEAST_UNHEARD);
}

static void give_up(struct peer *peer)
{
	struct datagram *datagram = peer->datagram;
	uint64_t now_ns = clock_now();

	if (is_silent(datagram))
		collect_silence(peer, datagram->unheard_ns, now_ns);
	datagram->n_waiting = 0;
	while (!flight_is_empty(&peer->flight)) {
		const struct stamp *stamp = flight_pop(&peer->flight);

		if (stamp->n_left > 0)
			record_unanswered(peer->load, stamp, now_ns);
	}
}

bool datagram_is_open(const struct peer *peer)
{
	return peer->datagram->is_connected &&
	       weir_dgram_is_open(&peer->datagram->dgram);
}

int datagram_fd(const struct peer *peer)
{
	return weir_dgram_fd(&peer->datagram->dgram);
}

void datagram_counters(const struct peer *peer, struct weir_progress *progress)
{
	uint64_t size = peer->load->kit.size;
	struct weir_dgram_stats stats;

	weir_dgram_stats(&peer->datagram->dgram, &stats);
	*progress = (struct weir_progress){.sent = stats.n_sent * size,
					   .queued = stats.n_queued * size,
					   .kernel_unacked = -1};
}

void datagram_close(struct peer *peer)
{
	weir_timer_cancel(&peer->datagram->timer);
	weir_dgram_close(&peer->datagram->dgram);
}

uint64_t datagram_count_dropped(const struct load *load)
{
	uint32_t memory[MEMINFO_N];
	uint64_t n = 0;

	for (size_t i = 0; i < load->crew.n_peers; i++) {
		const struct peer *peer = &load->crew.peers[i];
		socklen_t size = sizeof memory;

		if (datagram_is_open(peer) &&
		    getsockopt(datagram_fd(peer), SOL_SOCKET, SO_MEMINFO,
			       memory, &size) == 0 &&
		    size == sizeof memory)
			n += memory[MEMINFO_DROPS];
	}
	return n;
}

static int open_all(struct load *load)
{
	size_t n = load->crew.n_peers;
	struct datagrams *all = calloc(1, sizeof *all + n * sizeof *all->all);

	load->own = all;
	for (size_t i = 0; all && i < n; i++) {
		all->all[i].peer = &load->crew.peers[i];
		load->crew.peers[i].datagram = &all->all[i];
	}
	return all ? 0 : -ENOMEM;
}

static void close_all(struct load *load)
{
	free(load->own);
}

const struct mode datagram_mode = {.dial = datagram_dial,
				   .start = start,
				   .send = send_one,
				   .time_out = time_out,
				   .give_up = give_up,
				   .open = open_all,
				   .close = close_all};
