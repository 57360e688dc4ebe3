/* Lives of several connections that have to do with each other, with each
 * call failing in turn. */
#include "test_conn_sweep.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include <weir/buf.h>
#include <weir/listener.h>

#include "harness_net.h"

TestSuite(conn_sweep_many, .init = conn_begin, .fini = conn_end);

enum {
	SNDBUF = 4608,
	N_READERS = 3,
	N_NEWS = 20,
	NEWS = 3000,
	CARGO = 120000,
	REQUEST = 5000,
	N_CLIENTS = 3
};

static const struct weir_conn_limits small = {
	.low = 5000, .high = 20000, .max = 20000 + WEIR_READ_SIZE};

static bool is_open(const struct conn_probe *p)
{
	return weir_conn_is_open(&p->conn);
}

static bool has_closed(const struct conn_probe *p)
{
	return p->n_of[(int)CONN_CLOSED] > 0;
}

/* -- broadcast -- */

static struct conn_probe *const source = &scenario_conns[0];
static struct conn_probe *const readers = &scenario_conns[1];

static struct {
	struct weir_buf *news[N_NEWS];
	size_t n_news; /* that have come from the source */
	size_t n_sent[N_READERS];
	bool is_over; /* no more will come */
} desk;

/* What is above its mark gets the rest when it is back below. */
static void publish(size_t reader)
{
	struct conn_probe *p = &readers[reader];
	size_t *n = &desk.n_sent[reader];

	while (is_open(p) && *n < desk.n_news && !p->is_above &&
	       weir_conn_sendbuf(&p->conn, desk.news[*n]) == 0) {
		p->n_accepted += NEWS;
		++*n;
	}
}

/* Without memory for a piece of news it is left in the source's input. */
static void take_news(struct conn_probe *p, char call)
{
	size_t i;

	if (call == CONN_AT_END)
		weir_conn_finish(&p->conn);
	if (call == CONN_AT_END || call == CONN_CLOSED)
		desk.is_over = true;
	if (call != CONN_DATA)
		return;
	for (p->take = 0; p->take < p->n_offered; p->take++) {
		struct weir_buf *buf = weir_buf_new(NEWS);

		if (!buf)
			break;
		harness_fill(weir_buf_data(buf), NEWS, 1,
			     desk.n_news * (uint64_t)NEWS);
		desk.news[desk.n_news++] = buf;
	}
	for (i = 0; i < N_READERS; i++)
		publish(i);
}

static void start_broadcast(void)
{
	size_t i;

	desk.n_news = 0;
	desk.is_over = false;
	source->then = take_news;
	scenario_open(0, 0, NULL);
	desk.is_over = !is_open(source);
	for (i = 0; i < N_READERS; i++) {
		desk.n_sent[i] = 0;
		scenario_open(i + 1, SNDBUF, &small);
		/* all get the same, so the pattern is one */
		readers[i].peer.seed = 1;
	}
}

static void step_broadcast(void)
{
	static const size_t pace[N_READERS] = {SIZE_MAX, 5000, 2000};
	size_t i;

	/* one piece of news for each byte; what was left comes with it */
	if (desk.n_news < N_NEWS) {
		size_t left = N_NEWS - source->n_written;

		scenario_write(source, left < 3 ? left : 3);
		if (left == 0 && is_open(source)) {
			weir_conn_pause(&source->conn);
			weir_conn_resume(&source->conn);
		}
	} else {
		scenario_write_end(source);
	}
	for (i = 0; i < N_READERS; i++) {
		struct conn_probe *p = &readers[i];

		publish(i);
		if (desk.is_over && desk.n_sent[i] == desk.n_news && is_open(p))
			weir_conn_finish(&p->conn);
		if (is_open(p))
			harness_peer_read(&p->peer, pace[i]);
		if (p->peer.has_ended)
			scenario_write_end(p);
	}
}

static void stop_broadcast(void)
{
	while (desk.n_news > 0)
		weir_buf_unref(desk.news[--desk.n_news]);
}

const struct scenario scenario_broadcast = {
	.name = "broadcast",
	.start = start_broadcast,
	.step = step_broadcast,
	.stop = stop_broadcast,
	.n_conns = 1 + N_READERS,
	.n_sent = {0, NEWS *N_NEWS, NEWS *N_NEWS, NEWS *N_NEWS},
	.n_taken = {N_NEWS, 0, 0, 0},
	.traits = SCENARIO_KEEPS_INPUT | SCENARIO_IS_CHAIN,
};

Test(conn_sweep_many, broadcast)
{
	scenario_sweep(&scenario_broadcast);
}

/* -- relay -- */

static struct conn_probe *const in = &scenario_conns[0];
static struct conn_probe *const out = &scenario_conns[1];

static void relay(struct conn_probe *p, char call)
{
	if (call == CONN_DATA) {
		bool is_sent = is_open(out) &&
			       conn_probe_sendall(out, p->n_offered) == 0;

		p->take = is_sent ? SIZE_MAX : 0;
		if (!is_sent)
			weir_conn_pause(&p->conn);
	} else if (call == CONN_AT_END) {
		weir_conn_finish(&p->conn);
	} else if (call == CONN_CLOSED && is_open(out)) {
		weir_conn_finish(&out->conn);
	}
}

static void let_in(struct conn_probe *p, char call)
{
	(void)p;
	if (call == CONN_BELOW && is_open(in))
		weir_conn_resume(&in->conn);
	if (call == CONN_CLOSED && is_open(in))
		weir_conn_abort(&in->conn, false);
}

static void start_relay(void)
{
	in->then = relay;
	out->then = let_in;
	scenario_open(1, SNDBUF, &small);
	scenario_open(0, 0, NULL);
	if (!is_open(out) && is_open(in))
		weir_conn_abort(&in->conn, false);
	if (!is_open(in) && is_open(out))
		weir_conn_finish(&out->conn);
}

static void step_relay(void)
{
	scenario_write(in, CARGO - in->n_written);
	if (in->n_written == CARGO)
		scenario_write_end(in);
	if (is_open(out))
		harness_peer_read(&out->peer, 10000);
	if (out->peer.has_ended)
		scenario_write_end(out);
}

const struct scenario scenario_relay = {
	.name = "relay",
	.start = start_relay,
	.step = step_relay,
	.n_conns = 2,
	.n_sent = {0, CARGO},
	.n_taken = {CARGO, 0},
	.traits = SCENARIO_KEEPS_INPUT | SCENARIO_IS_CHAIN,
};

Test(conn_sweep_many, relay)
{
	scenario_sweep(&scenario_relay);
}

/* -- serve -- */

static struct weir_listener listener;
static int clients[N_CLIENTS];
static size_t n_accepted;

static void serve(struct weir_listener *l, int fd,
		  const struct weir_address *peer)
{
	const int pair[2] = {fd, clients[n_accepted]};

	(void)l;
	(void)peer;
	scenario_conns[n_accepted].is_echo = true;
	scenario_open_pair(n_accepted++, pair);
}

static void start_serve(void)
{
	struct weir_address name = harness_unix_name();
	int error =
		weir_listener_open(&listener, conn_loop, &name, NULL, serve);
	size_t i;

	n_accepted = 0;
	if (error < 0) {
		scenario_fail(error);
		return;
	}
	for (i = 0; i < N_CLIENTS; i++)
		clients[i] = harness_connect(&name);
}

static void step_serve(void)
{
	size_t i;

	for (i = 0; i < n_accepted; i++) {
		struct conn_probe *p = &scenario_conns[i];

		scenario_write(p, REQUEST - p->n_written);
		if (p->n_written == REQUEST)
			scenario_write_end(p);
		if (is_open(p) && !has_closed(p))
			harness_peer_read(&p->peer, SIZE_MAX);
	}
}

static void stop_serve(void)
{
	weir_listener_close(&listener);
}

const struct scenario scenario_serve = {
	.name = "serve",
	.start = start_serve,
	.step = step_serve,
	.stop = stop_serve,
	.n_conns = N_CLIENTS,
	.n_sent = {REQUEST, REQUEST, REQUEST},
	.n_taken = {REQUEST, REQUEST, REQUEST},
};

Test(conn_sweep_many, serve)
{
	scenario_sweep(&scenario_serve);
}
