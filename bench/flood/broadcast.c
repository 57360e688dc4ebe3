/* Mode broadcast: publishers send lines, and the target passes each of them on
 * to every subscriber.
 *
 * A line is answered once by each subscriber that gets it; its stamp stays in
 * its publisher's flight until all have. In a closed loop that is when the
 * publisher sends another. Each subscriber knows what is next from each
 * publisher. What the target says it has dropped ("# missed N") is no loss.
 *
 * That a connection is made does not mean that the target knows of it yet: so
 * the first publisher sends a line now and then until every subscriber has got
 * one, and only then the load begins. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collect.h"
#include "line.h"
#include "load.h"
#include "peer.h"
#include "record.h"

static const uint64_t hello_ns = 20000000;

/* Until all subscribers have joined. */
struct gathering {
	struct load *load;
	struct weir_timer timer;
	size_t n_joined;
};

/* Of one subscriber. */
struct subscription {
	bool has_joined;       /* it has got its first line */
	bool has_gone;	       /* it is owed nothing any more */
	uint64_t n_excused;    /* lines whose absence is accounted for */
	struct checker from[]; /* each publisher */
};

static bool is_publisher(const struct peer *peer)
{
	return peer->number < peer->load->settings->n_publishers;
}

static int open_subscription(struct peer *peer)
{
	const struct load *load = peer->load;
	size_t n = load->settings->n_publishers;
	struct subscription *s = calloc(1, sizeof *s + n * sizeof *s->from);

	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		s->from[i] = peer->checker;
		s->from[i].connection = peer->number;
	}
	peer->own = s;
	return 0;
}

/* -- publishing -- */

/* Subscribers that are connected. */
static uint64_t count_open(const struct load *load)
{
	return load->crew.n_open - load->crew.n_senders;
}

/* False: it could not be. */
static bool publish(struct peer *peer, uint64_t intended_ns, uint64_t now_ns)
{
	struct load *load = peer->load;
	struct line line = {peer->number, peer->flight.next};
	struct stamp *stamp = flight_push(&peer->flight);

	if (!stamp) {
		peer_refuse(peer, -ENOMEM);
		return false;
	}
	record_stamp(load, stamp, intended_ns, now_ns);
	stamp->n_left = count_open(load);
	record_sent(load, stamp, load->kit.size);
	return peer_send(peer, line_compose(&load->kit, &line), load->kit.size);
}

static void refill(struct peer *publisher)
{
	const struct load *load = publisher->load;

	while (load->is_sending &&
	       flight_count(&publisher->flight) < load->settings->pipeline) {
		uint64_t now_ns = clock_now();

		if (!publish(publisher, now_ns, now_ns))
			return;
	}
}

static void send_one(struct peer *peer, uint64_t intended_ns)
{
	publish(peer, intended_ns, clock_now());
}

/* Lines that all have got are out of flight. */
static void retire(struct peer *publisher)
{
	struct flight *flight = &publisher->flight;

	while (!flight_is_empty(flight) &&
	       flight_at(flight, flight->first)->n_left == 0)
		flight->first++;
	if (!publisher->load->is_open_loop &&
	    weir_conn_is_open(&publisher->conn))
		refill(publisher);
}

/* -- subscribing -- */

/* Subscriber will not get lines from up to before to. */
static void skip(struct peer *subscriber, struct peer *publisher, uint64_t from,
		 uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		flight_at(&publisher->flight, i)->n_left--;
	subscriber->load->counters.n_owed -= to - from;
}

/* Lines before the first that comes were sent before it was there. */
static void join(struct peer *subscriber, uint64_t sequence)
{
	struct gathering *gathering = subscriber->load->own;
	struct subscription *s = subscriber->own;

	s->has_joined = true;
	s->n_excused += sequence;
	gathering->n_joined++;
}

static void deliver(struct peer *subscriber, const struct line *line,
		    uint64_t now_ns)
{
	struct peer *publisher = &subscriber->load->crew.peers[line->publisher];
	struct subscription *s = subscriber->own;
	struct checker *checker = &s->from[line->publisher];
	uint64_t next = checker->expected;
	struct checker_step step = {0};
	struct stamp *stamp;

	if (!s->has_joined)
		join(subscriber, line->sequence);
	checker_take_whole(checker, line->sequence, s->n_excused, &step);
	if (!step.is_answer)
		return;
	s->n_excused -=
		step.n_skipped < s->n_excused ? step.n_skipped : s->n_excused;
	skip(subscriber, publisher, next, line->sequence);
	stamp = flight_at(&publisher->flight, line->sequence);
	stamp->n_left--;
	record_answer(subscriber, stamp, now_ns);
	retire(publisher);
}

/* When all that a subscriber is still owed is accounted for, none of it will
 * come, and no publisher is to wait for it. */
static void let_go(struct peer *subscriber)
{
	struct load *load = subscriber->load;
	struct subscription *s = subscriber->own;
	uint64_t n_owed = 0;

	for (size_t i = 0; i < load->settings->n_publishers; i++)
		n_owed += load->crew.peers[i].flight.next - s->from[i].expected;
	if (!s->has_joined || s->n_excused < n_owed)
		return;
	s->n_excused -= n_owed;
	for (size_t i = 0; i < load->settings->n_publishers; i++) {
		uint64_t next = load->crew.peers[i].flight.next;

		skip(subscriber, &load->crew.peers[i], s->from[i].expected,
		     next);
		s->from[i].expected = next;
		s->from[i].missing = 0;
	}
	for (size_t i = 0; i < load->settings->n_publishers; i++)
		retire(&load->crew.peers[i]);
}

/* One line, of n bytes with its end. */
static void take_line(struct peer *peer, const unsigned char *text, size_t n,
		      uint64_t now_ns)
{
	struct load *load = peer->load;
	struct subscription *s = peer->own;
	struct line line;
	uint64_t n_missed;

	if (line_read_missed(text, n, &n_missed)) {
		s->n_excused += n_missed;
		load->result->n_missed += n_missed;
		let_go(peer);
		return;
	}
	if (line_read(&load->kit, text, n, load->settings->is_verified,
		      &line) &&
	    line.publisher < load->settings->n_publishers &&
	    line.sequence < load->crew.peers[line.publisher].flight.next) {
		deliver(peer, &line, now_ns);
		return;
	}
	/* whichever it was, it will be found missing */
	s->n_excused++;
	checker_count(&peer->checker, CHECKER_CHANGED, 1, peer->n_answered);
	let_go(peer);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct peer *peer = peer_of(c);
	struct load *load = peer->load;
	const unsigned char *text = data;
	uint64_t now_ns = clock_now();
	const unsigned char *end;
	size_t n_used = 0;

	if (is_publisher(peer)) {
		record_received(load, n, now_ns);
		return n;
	}
	while ((end = memchr(text + n_used, '\n', n - n_used))) {
		size_t n_line = (size_t)(end + 1 - text) - n_used;

		take_line(peer, text + n_used, n_line, now_ns);
		n_used += n_line;
	}
	record_received(load, n_used, now_ns);
	timers_check(&load->timers, now_ns);
	if (!load->is_sending)
		load_check_end(load);
	return n_used;
}

/* What a subscriber that goes has not got it never will. A publisher's lines
 * may still arrive when it is gone. */
static void give_up(struct peer *peer)
{
	struct load *load = peer->load;
	struct subscription *s = peer->own;
	uint64_t now_ns = clock_now();
	uint64_t sent_ns = UINT64_MAX;

	if (!s || !peer->was_open || s->has_gone)
		return;
	s->has_gone = true;
	for (size_t i = 0; i < load->settings->n_publishers; i++) {
		struct peer *publisher = &load->crew.peers[i];
		const struct flight *flight = &publisher->flight;
		uint64_t at = s->from[i].expected;

		if (at < flight->next &&
		    flight_at(flight, at)->sent_ns < sent_ns)
			sent_ns = flight_at(flight, at)->sent_ns;
		for (; at < flight->next; at++) {
			struct stamp *stamp = flight_at(flight, at);

			record_unanswered(load, stamp, now_ns);
			stamp->n_left--;
		}
		s->from[i].expected = at;
		retire(publisher);
	}
	if (sent_ns < UINT64_MAX)
		collect_silence(peer, sent_ns, now_ns);
}

/* -- gathering -- */

static void on_hello(struct weir_timer *timer)
{
	struct gathering *gathering =
		weir_container_of(timer, struct gathering, timer);
	struct load *load = gathering->load;
	uint64_t now_ns = clock_now();

	if (gathering->n_joined >= count_open(load) ||
	    load->crew.n_senders == 0 || now_ns > load->crew.deadline_ns) {
		load_start(load);
		return;
	}
	publish(load->crew.senders[0], now_ns, now_ns);
	weir_timer_arm(timer, load->loop, now_ns + hello_ns, on_hello);
}

static void prepare(struct load *load)
{
	struct gathering *gathering = load->own;

	weir_timer_arm(&gathering->timer, load->loop, clock_now(), on_hello);
}

static void stop(struct load *load)
{
	struct gathering *gathering = load->own;

	if (gathering)
		weir_timer_cancel(&gathering->timer);
}

/* -- the whole -- */

static int open_all(struct load *load)
{
	struct gathering *gathering = calloc(1, sizeof *gathering);
	int error = gathering ? 0 : -ENOMEM;

	load->own = gathering;
	if (gathering)
		gathering->load = load;
	for (size_t i = load->settings->n_publishers;
	     i < load->crew.n_peers && error == 0; i++)
		error = open_subscription(&load->crew.peers[i]);
	return error;
}

static void close_all(struct load *load)
{
	for (size_t i = 0; load->crew.peers && i < load->crew.n_peers; i++)
		free(load->crew.peers[i].own);
	free(load->own);
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_end = peer_on_end, .on_close = peer_on_close};

const struct mode broadcast_mode = {.events = &events,
				    .prepare = prepare,
				    .start = refill,
				    .send = send_one,
				    .give_up = give_up,
				    .open = open_all,
				    .close = close_all,
				    .stop = stop,
				    .is_ended_by_fin = true};
