/* Random operations on connections that end in every way there is: by their
 * peers, by the kernel, by limits, by the budget, and by their owners, who act
 * in any callback of any of them. With fences, links and files among it.
 *
 * The probes check bytes and accounts at every call, and the library's own
 * check what is true of a settled connection after every turn; this adds what
 * is said of the dead. WEIR_SEED=n tries another life. */
#include "test_conn_model_ends.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

#include <weir/timer.h>

#include "conn_inside.h"

#include "fault.h"

enum {
	N_STEPS = 20000,
	MS = 1000000
};

TestSuite(conn_model_ends, .init = conn_begin, .fini = conn_end);

static struct weir_timer timer;
static struct weir_conn_events events;

static size_t below(size_t n)
{
	return harness_random_below(n);
}

/* -- callbacks -- */

static void on_timer(struct weir_timer *t)
{
	(void)t;
	ends_do_anything(&owners[below(N_OWNERS)]);
}

static void then(struct conn_probe *p, char call)
{
	struct owner *o = weir_container_of(p, struct owner, probe);

	if (call == CONN_CLOSED) {
		ends_want(!o->is_over || (o->first_reason == p->result.reason &&
					  o->first_error == p->result.error),
			  "an end changes its reason");
		ends_check_over(o);
	}
	ends_note(o);
	p->take = ends_are_calm || below(3) > 0 ? SIZE_MAX
						: below(p->n_offered + 1);
	ends_do_anything(o);
}

/* The probe takes it for closed. */
static void on_detach(struct weir_conn *c, int fd, const void *data, size_t n)
{
	struct conn_probe *p = weir_container_of(c, struct conn_probe, conn);
	struct owner *o = weir_container_of(p, struct owner, probe);

	ends_want(p->n_of[CONN_CLOSED] == 0, "on_detach after on_close");
	ends_want(!o->is_over, "what has ended otherwise is detached");
	ends_want(n >= p->n_kept, "kept input is lost at detach");
	harness_check(data, n, p->peer.seed, p->n_taken);
	p->n_of[CONN_CLOSED] = 1;
	close(fd);
	ends_check_over(o);
}

/* -- the world -- */

static uint64_t sometimes(uint64_t ns)
{
	return below(3) == 0 ? 1 + below(ns) : WEIR_NEVER;
}

static void open_one(struct owner *o)
{
	struct conn_probe *p = &o->probe;
	struct weir_conn_limits limits = {.stall_ns = sometimes(400 * MS),
					  .linger_ns = sometimes(400 * MS),
					  .idle_ns = sometimes(800 * MS),
					  .input = 1 + below(100000)};

	conn_probe_hang_up(p);
	fault_clear();
	limits.high = 1 + below(30000);
	limits.low = 1 + below(limits.high);
	limits.max = limits.high + WEIR_READ_SIZE + below(30000);
	limits.flags = below(4) == 0 ? WEIR_CONN_NO_THROTTLE : 0;
	limits.min_rate = below(4) == 0 ? 1 + below(10000) : 0;
	p->then = then;
	p->events = &events;
	o->has_fin = false;
	o->is_trimmed = false;
	o->is_over = false;
	ends_want(conn_probe_open(p, below(2) ? 4608 : 0, &limits) == 0,
		  "it does not open");
}

static void set_budget(void)
{
	size_t high = below(2) ? 20000 + below(200000) : 100000000;

	weir_loop_budget(conn_loop, high, high - below(10000));
}

static void do_anything(struct owner *o)
{
	if (!ends_is_open(o)) {
		open_one(o);
		return;
	}
	switch (below(10)) {
	case 0:
		fault_time_advance(below(40 * MS));
		break;
	case 1:
		if (!weir_timer_is_armed(&timer))
			weir_timer_arm(&timer, conn_loop,
				       fault_time_now() + below(10 * MS),
				       on_timer);
		break;
	case 2:
		ends_peer(o);
		break;
	case 3:
	case 4:
		ends_do_anything(o);
		break;
	default:
		conn_turns(1);
		break;
	}
}

/* Between turns, all that is not to be called again is settled. */
static void check_all(void)
{
	unsigned i;

	for (i = 0; i < N_OWNERS; i++) {
		const struct weir_conn *c = &owners[i].probe.conn;

		if (!ends_is_open(&owners[i]))
			continue;
		conn_probe_check(&owners[i].probe);
		ends_note(&owners[i]);
		if (c->watch.due != WEIR_DUE_DEFERRED)
			weir_conn_check_settled(c);
	}
}

static void flow(struct owner *o)
{
	do {
		harness_turn_until_idle(conn_loop, 100000);
	} while (o->probe.peer.fd >= 0 && ends_read(o, SIZE_MAX) > 0);
}

/* Without faults and with a peer that reads, what c has accepted arrives. */
static void settle(struct owner *o)
{
	struct conn_probe *p = &o->probe;

	if (!ends_is_open(o))
		return;
	p->take = SIZE_MAX;
	weir_conn_pause(&p->conn);
	weir_conn_resume(&p->conn);
	flow(o);
	conn_pass(20 * MS);
	flow(o);
	if (!ends_is_open(o))
		return;
	ends_want(!weir_conn_is_dead(&p->conn), "the dead are not closed");
	if (p->peer.fd >= 0)
		ends_want(p->peer.n_received ==
				  p->n_accepted -
					  conn_probe_progress(p).dropped,
			  "accepted bytes are missing");
	ends_want(!conn_probe_is_armed(p) || p->peer.fd < 0,
		  "EPOLLOUT is armed for nothing");
}

static void settle_all(void)
{
	unsigned i;

	ends_are_calm = true;
	fault_clear();
	for (i = 0; i < N_OWNERS; i++)
		settle(&owners[i]);
	ends_are_calm = false;
}

Test(conn_model_ends, keeps_every_promise_however_they_end)
{
	unsigned i;

	/* sendfile takes no MSG_NOSIGNAL */
	signal(SIGPIPE, SIG_IGN);
	events = conn_probe_events;
	events.on_detach = on_detach;
	for (i = 0; i < N_OWNERS; i++) {
		owners[i].probe.peer.fd = -1;
		open_one(&owners[i]);
	}
	for (ends_step = 0; ends_step < N_STEPS; ends_step++) {
		if (ends_step % 500 == 0)
			set_budget();
		do_anything(&owners[below(N_OWNERS)]);
		check_all();
		if (ends_step % 1000 == 999)
			settle_all();
	}
	settle_all();
	weir_timer_cancel(&timer);
	conn_close_all();
	ends_want(conn_loop->pool.n_used_bytes == 0,
		  "queues still hold memory");
}
