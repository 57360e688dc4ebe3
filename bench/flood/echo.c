/* Mode echo: what was sent comes back.
 *
 * In a closed loop every answer lets the next message go, in the same callback,
 * so that what one receive brought leaves in one send. */
#include <errno.h>

#include "clock.h"
#include "collect.h"
#include "load.h"
#include "peer.h"
#include "reconnect.h"
#include "record.h"
#include "request.h"

/* A message that is in flight, and not among the answers any more. */
static void drop(struct peer *peer, uint64_t n)
{
	peer->flight.first += n;
	peer->load->counters.n_owed -= n;
}

static const unsigned char *compose(const struct peer *peer, uint64_t number,
				    size_t *n)
{
	const struct load *load = peer->load;
	const struct settings *settings = load->settings;

	*n = load->kit.size;
	if (settings->is_verified)
		return message_compose(&load->kit, peer->number, number);
	if (settings->request && !settings->request->is_constant) {
		const struct request_number which = {
			number * settings->n_all_connections + peer->number,
			peer->number, settings->seed};

		*n = request_compose(settings->request, load->kit.text, &which);
	}
	return load->kit.text;
}

/* As many as may be in flight. */
static void refill(struct peer *peer, uint64_t now_ns)
{
	struct load *load = peer->load;
	size_t n;

	while (load->is_sending && peer->flight.next < peer->renew_at &&
	       flight_count(&peer->flight) < load->settings->pipeline) {
		const unsigned char *message =
			compose(peer, peer->flight.next, &n);
		struct stamp *stamp = flight_push(&peer->flight);
		int error = -ENOMEM;

		if (stamp)
			error = weir_conn_sendall(&peer->conn, message, n);
		if (error < 0) {
			peer->flight.next -= stamp != NULL;
			peer_refuse(peer, error);
			return;
		}
		record_stamp(load, stamp, now_ns, now_ns);
		record_sent(load, stamp, n);
	}
}

static void start(struct peer *peer)
{
	refill(peer, clock_now());
}

static void send_one(struct peer *peer, uint64_t intended_ns)
{
	struct load *load = peer->load;
	size_t n;
	const unsigned char *message = compose(peer, peer->flight.next, &n);
	struct stamp *stamp = flight_push(&peer->flight);

	if (!stamp) {
		peer_refuse(peer, -ENOMEM);
		return;
	}
	record_stamp(load, stamp, intended_ns, clock_now());
	record_sent(load, stamp, n);
	if (!peer->is_away && peer->flight.next <= peer->renew_at)
		peer_send(peer, message, n);
}

static void resume(struct peer *peer)
{
	uint64_t now_ns = clock_now();
	const unsigned char *message;
	size_t n;

	for (uint64_t i = peer->flight.first;
	     i < peer->flight.next && i < peer->renew_at; i++) {
		flight_at(&peer->flight, i)->sent_ns = now_ns;
		message = compose(peer, i, &n);
		if (!peer_send(peer, message, n))
			return;
	}
	if (!peer->load->is_open_loop)
		refill(peer, now_ns);
}

/* -- answers -- */

/* One that is whole. */
static void take_answer(struct peer *peer, uint64_t now_ns)
{
	if (flight_is_empty(&peer->flight))
		checker_count(&peer->checker, CHECKER_REPEATED, 1,
			      peer->flight.next);
	else
		record_answer(peer, flight_pop(&peer->flight), now_ns);
}

/* Unverified: bytes are as good as their number. */
static size_t take_counted(struct peer *peer, size_t n, uint64_t now_ns)
{
	size_t size = peer->load->kit.size;

	for (peer->n_partial += n; peer->n_partial >= size;
	     peer->n_partial -= size)
		take_answer(peer, now_ns);
	return n;
}

/* The next answer begins at data: the length of its head, and what follows it;
 * 0: more is needed. */
static size_t begin_answer(struct peer *peer, const unsigned char *data,
			   size_t n)
{
	const struct answer *answer = &peer->load->settings->answer;

	if (answer->kind == ANSWER_UNTIL)
		return answer_find_head(answer, data, n, &peer->n_partial);
	peer->n_partial = answer->n_bytes;
	return 0;
}

/* Of their own form; n_partial is what is still to come of the one under way. */
static size_t take_formed(struct peer *peer, const unsigned char *data,
			  size_t n, uint64_t now_ns)
{
	size_t n_used = 0;

	while (n_used < n) {
		size_t n_head = 0;
		size_t n_body;

		if (peer->n_partial == 0)
			n_head = begin_answer(peer, data + n_used, n - n_used);
		if (peer->n_partial == 0 && n_head == 0)
			break;
		n_used += n_head;
		n_body = peer->n_partial < n - n_used ? peer->n_partial
						      : n - n_used;
		n_used += n_body;
		peer->n_partial -= n_body;
		if (peer->n_partial == 0)
			take_answer(peer, now_ns);
	}
	return n_used;
}

/* The message at data is not the one that is due. False: more is needed. */
static bool take_odd(struct peer *peer, const unsigned char *data, size_t n,
		     uint64_t now_ns, size_t *n_used)
{
	struct checker_step step;

	if (!checker_search(&peer->checker, data, n, peer->flight.next, &step))
		return false;
	drop(peer, step.n_skipped);
	if (step.is_answer)
		record_answer(peer, flight_pop(&peer->flight), now_ns);
	*n_used += step.n_used;
	return true;
}

static size_t take_checked(struct peer *peer, const unsigned char *data,
			   size_t n, uint64_t now_ns)
{
	size_t size = peer->load->kit.size;
	size_t n_used = 0;

	while (n - n_used >= size) {
		const unsigned char *at = data + n_used;

		if (!flight_is_empty(&peer->flight) &&
		    checker_take(&peer->checker, at)) {
			record_answer(peer, flight_pop(&peer->flight), now_ns);
			n_used += size;
		} else if (!take_odd(peer, at, n - n_used, now_ns, &n_used)) {
			break;
		}
	}
	return n_used;
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct peer *peer = peer_of(c);
	struct load *load = peer->load;
	uint64_t now_ns = clock_now();
	size_t n_used;

	if (load->settings->is_verified)
		n_used = take_checked(peer, data, n, now_ns);
	else if (load->settings->answer.kind != ANSWER_ECHO)
		n_used = take_formed(peer, data, n, now_ns);
	else
		n_used = take_counted(peer, n, now_ns);
	record_received(load, n_used, now_ns);
	timers_check(&load->timers, now_ns);
	if (peer->flight.first >= peer->renew_at)
		reconnect_renew(peer);
	if (!load->is_open_loop)
		refill(peer, now_ns);
	if (!load->is_sending)
		load_check_end(load);
	return n_used;
}

/* We have ended our side, and so the target its own. */
static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct peer *peer = peer_of(c);

	if (reconnect_at_end(peer))
		return;
	if (peer->load->phase == LOAD_ENDING &&
	    peer->load->settings->is_verified)
		drop(peer,
		     checker_end(&peer->checker, rest, n, peer->flight.next));
	peer_on_end(c, rest, n);
}

static void give_up(struct peer *peer)
{
	uint64_t now_ns = clock_now();

	if (!flight_is_empty(&peer->flight))
		collect_silence(
			peer,
			flight_at(&peer->flight, peer->flight.first)->sent_ns,
			now_ns);
	while (!flight_is_empty(&peer->flight))
		record_unanswered(peer->load, flight_pop(&peer->flight),
				  now_ns);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	if (!reconnect_at_close(peer_of(c), result))
		peer_on_close(c, result);
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_end = on_end, .on_close = on_close};

/* Verified messages are composed there instead. */
static int take_request(struct load *load)
{
	const struct request_number none = {0};

	if (load->settings->request)
		(void)request_compose(load->settings->request, load->kit.text,
				      &none);
	return 0;
}

const struct mode echo_mode = {.events = &events,
			       .open = take_request,
			       .start = start,
			       .send = send_one,
			       .resume = resume,
			       .give_up = give_up,
			       .time_out = reconnect_time_out,
			       .is_ended_by_fin = true};
