/* Random operations on several connections at once, in and out of callbacks,
 * under short sends and failing allocations, against what conn.h promises.
 *
 * The probes check the bytes and the account at every call; this adds which
 * results and callbacks may come when. WEIR_SEED=n tries another life. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	N = 3,
	N_STEPS = 30000,
	LEAST_BUF = 64 /* below, a shared buffer weighs more than its bytes */
};

/* What the model knows of a connection. */
struct model {
	struct conn_probe probe;
	bool wants_writable; /* a send was short */
	bool was_refused;    /* a sendall, since on_pressure was told */
	bool has_ended;	     /* by end, finish or abort: sends are refused */
	bool is_finished;    /* by finish: no more on_data */
	bool is_lost;	     /* an error, or an abort, may lose bytes */
};

TestSuite(conn_model, .init = conn_begin, .fini = conn_end);

static struct model models[N];
static unsigned step;
static bool is_calm; /* no more random doings in callbacks */

static void want(bool is_true, const char *what)
{
	if (!is_true)
		harness_die("step %u: %s", step, what);
}

static size_t below(size_t n)
{
	return harness_random_below(n);
}

/* Mostly small, sometimes large, now and then more than fits. */
static size_t some_size(const struct model *m)
{
	switch (below(8)) {
	case 0:
		return below(30000);
	case 1:
		return m->probe.limits.max + 2 - below(4);
	case 2:
		return 4090 + below(12);
	default:
		return 1 + below(300);
	}
}

/* There was no memory for input, which ends a connection. */
static void note_error(struct model *m)
{
	if (m->probe.conn.error == -ENOMEM)
		m->is_lost = true;
}

/* -- sending -- */

/* May a call for n bytes be refused so? */
static void check_refusal(struct model *m, size_t n, int error, size_t queued,
			  bool had_alloc_fault)
{
	size_t max = m->probe.limits.max;

	note_error(m);
	if (m->has_ended) {
		want(error < 0, "a send after the end is accepted");
	} else if (m->is_lost) {
		return;
	} else if (error == -ENOMEM) {
		want(had_alloc_fault, "-ENOMEM though there is memory");
		m->was_refused = true;
	} else if (n > max) {
		want(error == -EMSGSIZE, "more than max is not -EMSGSIZE");
	} else if (error == -ENOBUFS) {
		want(queued + n > max, "-ENOBUFS though there is room");
		m->was_refused = true;
	} else {
		want(error == 0, "refused without a reason");
	}
}

static void do_sendall(struct model *m, bool is_shared)
{
	size_t n = some_size(m) + (is_shared ? LEAST_BUF : 0);
	struct weir_progress before = conn_probe_progress(&m->probe);
	struct weir_progress after;
	bool had_alloc_fault = fault_n_pending() > 0;
	int error;

	if (is_shared)
		error = conn_probe_sendbuf(&m->probe, n);
	else
		error = conn_probe_sendall(&m->probe, n);
	check_refusal(m, n, error, before.queued, had_alloc_fault);
	after = conn_probe_progress(&m->probe);
	want(after.queued <= m->probe.limits.max, "more than max is queued");
	want(error == 0 ? after.accepted == before.accepted + n
			: after.accepted == before.accepted,
	     "neither all nor none was accepted");
}

static void do_send(struct model *m)
{
	size_t n = below(3) > 0 ? 1 + below(200) : below(100000);
	ssize_t n_sent = conn_probe_send(&m->probe, n);

	note_error(m);
	if (n_sent < 0) {
		want(m->has_ended || m->is_lost, "send fails for no reason");
		return;
	}
	want(!m->has_ended, "a send after the end is taken");
	want((size_t)n_sent <= n, "more is sent than offered");
	if (n_sent > 0)
		want(conn_probe_progress(&m->probe).queued == 0,
		     "a send overtakes what is queued");
	if (n == 0 || (size_t)n_sent < n)
		m->wants_writable = true;
}

/* -- ends -- */

static void do_end(struct model *m)
{
	m->has_ended = true;
	m->wants_writable = false;
	switch (below(6)) {
	case 0:
		m->is_lost = true;
		weir_conn_abort(&m->probe.conn, below(2));
		break;
	case 1:
		weir_conn_shutdown(&m->probe.conn);
		break;
	default:
		m->is_finished = true;
		weir_conn_finish(&m->probe.conn);
		break;
	}
}

/* What the library can be asked for anywhere. */
static void do_call(struct model *m)
{
	if (!weir_conn_is_open(&m->probe.conn))
		return;
	switch (below(40)) {
	case 0:
	case 1:
	case 2:
		weir_conn_pause(&m->probe.conn);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		weir_conn_resume(&m->probe.conn);
		break;
	case 7:
		if (below(12) == 0)
			do_end(m);
		break;
	default:
		if (below(3) == 0)
			do_send(m);
		else
			do_sendall(m, below(3) == 0);
		break;
	}
}

/* -- callbacks -- */

static void check_callback(struct model *m, char call)
{
	struct weir_progress is = conn_probe_progress(&m->probe);

	switch (call) {
	case CONN_DATA:
	case CONN_AT_END:
		want(!m->is_finished, "input is offered after finish");
		break;
	case CONN_WRITABLE:
		want(m->wants_writable, "nobody waits for on_writable");
		m->wants_writable = false;
		break;
	case CONN_ABOVE:
		want(m->was_refused || is.queued >= m->probe.limits.high,
		     "on_pressure above, and it is not");
		m->was_refused = false;
		break;
	case CONN_BELOW:
		want(is.queued <= m->probe.limits.low,
		     "on_pressure not above, and it is");
		break;
	default:
		note_error(m);
		want(m->is_lost || m->probe.result.progress.dropped == 0,
		     "bytes are dropped for no reason");
		want(m->has_ended || m->is_lost, "closed for no reason");
		break;
	}
}

static void note(struct conn_probe *p, char call)
{
	struct model *m = weir_container_of(p, struct model, probe);

	check_callback(m, call);
	if (is_calm)
		return;
	p->take = below(3) > 0 ? SIZE_MAX : below(p->n_offered + 1);
	while (below(3) == 0)
		do_call(below(2) ? m : &models[below(N)]);
}

/* -- the world -- */

static void open_model(struct model *m)
{
	struct weir_conn_limits limits = {.stall_ns = WEIR_NEVER,
					  .linger_ns = WEIR_NEVER,
					  .input = 200000};

	conn_probe_hang_up(&m->probe);
	limits.high = 1 + below(30000);
	limits.low = 1 + below(limits.high);
	limits.max = limits.high + WEIR_READ_SIZE + below(30000);
	limits.flags = below(4) == 0 ? WEIR_CONN_NO_THROTTLE : 0;
	*m = (struct model){.probe.peer.fd = -1, .probe.next = m->probe.next};
	m->probe.then = note;
	want(conn_probe_open(&m->probe, below(2) ? 4608 : 0, &limits) == 0,
	     "it does not open");
}

static void write_some(struct conn_probe *p)
{
	if (p->n_written - p->n_taken < 100000)
		conn_probe_write(p, 1 + below(3000));
}

static void shorten_next_send(const struct conn_probe *p)
{
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p->conn), 1, below(400));
}

static void do_anything(struct model *m)
{
	struct conn_probe *p = &m->probe;

	if (!weir_conn_is_open(&p->conn)) {
		open_model(m);
		return;
	}
	switch (below(16)) {
	case 0:
	case 1:
		write_some(p);
		break;
	case 2:
		harness_peer_read(&p->peer, below(20000));
		break;
	case 3:
		shorten_next_send(p);
		break;
	case 4:
		if (below(4) == 0)
			fault_next(FAULT_ALLOC, -ENOMEM);
		break;
	case 5:
		fault_time_advance(below(20000000));
		break;
	case 6:
	case 7:
	case 8:
		conn_turns(1);
		break;
	default:
		do_call(m);
		break;
	}
}

static void check_all(void)
{
	unsigned i;

	for (i = 0; i < N; i++)
		if (weir_conn_is_open(&models[i].probe.conn))
			conn_probe_check(&models[i].probe);
}

/* Without faults, with readers that read and nobody pausing, all that was
 * accepted arrives and all that was written is consumed. */
static void settle(struct model *m)
{
	struct conn_probe *p = &m->probe;

	if (!weir_conn_is_open(&p->conn))
		return;
	p->take = SIZE_MAX;
	/* a resume offers again what on_data has left */
	weir_conn_pause(&p->conn);
	weir_conn_resume(&p->conn);
	conn_flow(p);
	conn_pass(20000000);
	if (m->is_finished && weir_conn_is_open(&p->conn)) {
		conn_probe_write_end(p);
		conn_flow(p);
		want(p->result.reason == WEIR_REASON_FINISHED, "not finished");
	}
	if (m->is_lost)
		return;
	want(p->peer.n_received == p->n_accepted, "accepted bytes are missing");
	want(m->is_finished || p->n_taken == p->n_written,
	     "input was not consumed");
	want(!m->wants_writable, "on_writable never came");
	want(m->is_finished || !p->is_above, "it is still above");
	want(!conn_probe_is_armed(p), "EPOLLOUT is armed for nothing");
}

static void settle_all(void)
{
	unsigned i;

	is_calm = true;
	fault_clear();
	for (i = 0; i < N; i++)
		settle(&models[i]);
	is_calm = false;
}

Test(conn_model, keeps_every_promise_under_random_operations)
{
	unsigned i;

	for (i = 0; i < N; i++) {
		models[i].probe.peer.fd = -1;
		open_model(&models[i]);
	}
	for (step = 0; step < N_STEPS; step++) {
		do_anything(&models[below(N)]);
		check_all();
		if (step % 1000 == 999)
			settle_all();
	}
	settle_all();
	conn_close_all();
	want(conn_loop->pool.n_used_bytes == 0, "queues still hold memory");
}
