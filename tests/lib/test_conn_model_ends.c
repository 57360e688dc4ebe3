/* Random operations on connections that end in every way there is: by their
 * peers, by the kernel, by limits, by the budget, and by their owners, who act
 * in any callback of any of them. With fences, links and files among it.
 *
 * The probes check bytes and accounts at every call, and the library's own
 * check what is true of a settled connection after every turn; this adds what
 * is said of the dead. WEIR_SEED=n tries another life. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <weir/fence.h>
#include <weir/link.h>
#include <weir/timer.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	N = 4,
	N_FENCES = 6,
	N_LINKS = 4,
	N_STEPS = 20000,
	MS = 1000000
};

struct owner {
	struct conn_probe probe;
	bool has_fin;	 /* of the peer */
	bool is_trimmed; /* what arrives is not the pattern any more */
};

struct owned_fence {
	struct weir_fence fence;
	struct owner *of;
};

TestSuite(conn_model_ends, .init = conn_begin, .fini = conn_end);

static struct owner owners[N];
static struct owned_fence fences[N_FENCES];
static struct weir_link links[N_LINKS];
static struct weir_timer timer;
static struct weir_conn_events events;
static unsigned step;
static bool is_calm; /* nobody does anything any more */

static void do_anything_within(struct owner *o);

static void want(bool is_true, const char *what)
{
	if (!is_true)
		harness_die("step %u: %s", step, what);
}

static size_t below(size_t n)
{
	return harness_random_below(n);
}

static bool is_open(const struct owner *o)
{
	return weir_conn_is_open(&o->probe.conn);
}

/* -- what is asked of the library -- */

/* Law 5: result is that of a call which asked c to accept something. */
static void check_answer(const struct weir_conn *c, bool was_open,
			 ssize_t result)
{
	bool is_refusal =
		result == -ENOBUFS || result == -ENOMEM || result == -EMSGSIZE;

	if (weir_conn_is(c, WEIR_PHASE_OPEN))
		want(result >= 0 || is_refusal,
		     "a refusal that reads like the end");
	else
		want(result < 0 && !is_refusal,
		     "an end that reads like a refusal");
	want(was_open || result < 0, "the dead accept");
}

static size_t some_size(const struct owner *o)
{
	switch (below(8)) {
	case 0:
		return below(30000);
	case 1:
		return o->probe.limits.max + 2 - below(4);
	case 2:
		return 4090 + below(12);
	default:
		return 1 + below(300);
	}
}

static void do_send(struct owner *o)
{
	struct conn_probe *p = &o->probe;
	bool was_open = weir_conn_is(&p->conn, WEIR_PHASE_OPEN);
	size_t n = some_size(o);
	ssize_t result;

	switch (below(6)) {
	case 0:
		result = conn_probe_send(p, n);
		break;
	case 1:
		result = conn_probe_sendbuf(p, n);
		/* perhaps there was no memory for the buffer itself */
		if (result == -ENOMEM)
			return;
		break;
	case 2:
		result = sendfile_next(p, n);
		break;
	default:
		result = conn_probe_sendall(p, n);
		break;
	}
	check_answer(&p->conn, was_open, result);
}

static void on_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	struct owned_fence *f =
		weir_container_of(fence, struct owned_fence, fence);

	want(is_open(f->of), "a fence fires after on_close");
	want(n_dropped <= conn_probe_progress(&f->of->probe).dropped,
	     "a fence tells of more than was dropped");
	want(!weir_fence_is_open(fence), "a fence fires and is open");
	do_anything_within(f->of);
}

static void do_fence(struct owner *o)
{
	struct owned_fence *f = &fences[below(N_FENCES)];
	bool is_dead = weir_conn_is_dead(&o->probe.conn);
	int error;

	if (weir_fence_is_open(&f->fence)) {
		weir_fence_close(&f->fence);
		return;
	}
	f->of = o;
	error = weir_fence_open(&f->fence, &o->probe.conn, on_fence);
	want(is_dead ? error < 0 && error != -ENOMEM
		     : error == 0 || error == -ENOMEM,
	     "a fence is opened on the dead, or refused by the living");
}

static void do_link(struct owner *source, struct owner *sink)
{
	struct weir_link *link = &links[below(N_LINKS)];

	if (weir_link_is_open(link))
		weir_link_close(link);
	else if (source != sink && is_open(source) && is_open(sink))
		weir_link_open(link, &source->probe.conn, &sink->probe.conn);
}

static void do_end(struct owner *o)
{
	struct weir_conn *c = &o->probe.conn;

	switch (below(5)) {
	case 0:
		weir_conn_shutdown(c);
		break;
	case 1:
		weir_conn_finish(c);
		break;
	case 2:
		weir_conn_detach(c);
		break;
	default:
		weir_conn_abort(c, below(2));
		break;
	}
}

static void do_call(struct owner *o)
{
	struct weir_conn *c = &o->probe.conn;

	switch (below(24)) {
	case 0:
	case 1:
		weir_conn_pause(c);
		break;
	case 2:
	case 3:
	case 4:
		weir_conn_resume(c);
		break;
	case 5:
		if (below(3) == 0)
			do_end(o);
		break;
	case 6:
		if (weir_conn_trim(c, below(20000)) > 0)
			o->is_trimmed = true;
		break;
	case 7:
	case 8:
		do_fence(o);
		break;
	case 9:
		do_link(o, &owners[below(N)]);
		break;
	default:
		do_send(o);
		break;
	}
}

/* -- what peers and kernels do -- */

static size_t read_some(struct owner *o, size_t n)
{
	static unsigned char data[100000];
	struct harness_peer *peer = &o->probe.peer;

	if (!o->is_trimmed)
		return harness_peer_read(peer, n);
	n = harness_drain(peer->fd, data, n < sizeof data ? n : sizeof data);
	peer->n_received += n;
	return n;
}

static void do_peer(struct owner *o)
{
	struct conn_probe *p = &o->probe;

	if (p->peer.fd < 0)
		return;
	switch (below(12)) {
	case 0:
		if (below(4) == 0)
			conn_probe_hang_up(p);
		break;
	case 1:
		if (below(4) == 0) {
			conn_probe_write_end(p);
			o->has_fin = true;
		}
		break;
	case 2:
	case 3:
	case 4:
		read_some(o, below(20000));
		break;
	default:
		if (is_open(o) && !o->has_fin &&
		    p->n_written - p->conn.received < 60000)
			conn_probe_write(p, 1 + below(3000));
		break;
	}
}

static void do_fault(const struct owner *o)
{
	static const int send_errors[] = {-EPIPE, -ECONNRESET, -ENOBUFS,
					  -ENOMEM, -EMSGSIZE};
	int fd = weir_conn_fd(&o->probe.conn);

	switch (below(20)) {
	case 0:
		fault_result(FAULT_ANY_SEND, fd, 1, send_errors[below(5)]);
		break;
	case 1:
		fault_result(FAULT_RECV, fd, 1, -ECONNRESET);
		break;
	case 2:
		fault_result(FAULT_EPOLL_MOD, fd, 1, -ENOMEM);
		break;
	case 3:
		fault_result(FAULT_EPOLL_ADD, fd, 1, -ENOSPC);
		break;
	case 4:
		fault_result(FAULT_SENDFILE, fd, 1, -EIO);
		break;
	case 5:
		fault_result(FAULT_SHUTDOWN_WRITE, fd, 1, -ENOTCONN);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		fault_next(FAULT_ALLOC, -ENOMEM);
		break;
	case 10:
		fault_clear();
		break;
	default:
		fault_at_most(FAULT_ANY_SEND, fd, 1, below(400));
		break;
	}
}

/* In a callback, or out of one: its owner acts, or those around it. */
static void do_anything_within(struct owner *o)
{
	if (is_calm)
		return;
	while (below(3) > 0) {
		struct owner *other = below(2) ? o : &owners[below(N)];

		if (!is_open(other))
			continue;
		if (below(4) == 0)
			do_peer(other);
		else if (below(8) == 0)
			do_fault(other);
		else
			do_call(other);
	}
}

static void on_timer(struct weir_timer *t)
{
	(void)t;
	do_anything_within(&owners[below(N)]);
}

/* -- callbacks -- */

static void check_over(const struct owner *o)
{
	unsigned i;

	for (i = 0; i < N_FENCES; i++)
		want(fences[i].fence.conn != &o->probe.conn,
		     "a fence outlives its connection");
	for (i = 0; i < N_LINKS; i++)
		want(links[i].source != &o->probe.conn &&
			     links[i].sink != &o->probe.conn,
		     "a link outlives its connection");
}

static void then(struct conn_probe *p, char call)
{
	struct owner *o = weir_container_of(p, struct owner, probe);

	if (call == CONN_CLOSED)
		check_over(o);
	p->take = is_calm || below(3) > 0 ? SIZE_MAX : below(p->n_offered + 1);
	do_anything_within(o);
}

/* The probe takes it for closed. */
static void on_detach(struct weir_conn *c, int fd, const void *data, size_t n)
{
	struct conn_probe *p = weir_container_of(c, struct conn_probe, conn);

	want(p->n_of[CONN_CLOSED] == 0, "on_detach after on_close");
	want(n >= p->n_kept, "kept input is lost at detach");
	harness_check(data, n, p->peer.seed, p->n_taken);
	p->n_of[CONN_CLOSED] = 1;
	close(fd);
	check_over(weir_container_of(p, struct owner, probe));
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
	want(conn_probe_open(p, below(2) ? 4608 : 0, &limits) == 0,
	     "it does not open");
}

static void set_budget(void)
{
	size_t high = below(2) ? 20000 + below(200000) : 100000000;

	weir_loop_budget(conn_loop, high, high - below(10000));
}

static void do_anything(struct owner *o)
{
	if (!is_open(o)) {
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
		do_peer(o);
		break;
	case 3:
	case 4:
		do_anything_within(o);
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

	for (i = 0; i < N; i++) {
		const struct weir_conn *c = &owners[i].probe.conn;

		if (!is_open(&owners[i]))
			continue;
		conn_probe_check(&owners[i].probe);
		if (c->watch.due != WEIR_DUE_DEFERRED)
			weir_conn_check_settled(c);
	}
}

static void flow(struct owner *o)
{
	do {
		harness_turn_until_idle(conn_loop, 100000);
	} while (o->probe.peer.fd >= 0 && read_some(o, SIZE_MAX) > 0);
}

/* Without faults and with a peer that reads, what c has accepted arrives. */
static void settle(struct owner *o)
{
	struct conn_probe *p = &o->probe;

	if (!is_open(o))
		return;
	p->take = SIZE_MAX;
	weir_conn_pause(&p->conn);
	weir_conn_resume(&p->conn);
	flow(o);
	conn_pass(20 * MS);
	flow(o);
	if (!is_open(o))
		return;
	want(!weir_conn_is_dead(&p->conn), "the dead are not closed");
	if (p->peer.fd >= 0)
		want(p->peer.n_received ==
			     p->n_accepted - conn_probe_progress(p).dropped,
		     "accepted bytes are missing");
	want(!conn_probe_is_armed(p) || p->peer.fd < 0,
	     "EPOLLOUT is armed for nothing");
}

static void settle_all(void)
{
	unsigned i;

	is_calm = true;
	fault_clear();
	for (i = 0; i < N; i++)
		settle(&owners[i]);
	is_calm = false;
}

Test(conn_model_ends, keeps_every_promise_however_they_end)
{
	unsigned i;

	/* sendfile takes no MSG_NOSIGNAL */
	signal(SIGPIPE, SIG_IGN);
	events = conn_probe_events;
	events.on_detach = on_detach;
	for (i = 0; i < N; i++) {
		owners[i].probe.peer.fd = -1;
		open_one(&owners[i]);
	}
	for (step = 0; step < N_STEPS; step++) {
		if (step % 500 == 0)
			set_budget();
		do_anything(&owners[below(N)]);
		check_all();
		if (step % 1000 == 999)
			settle_all();
	}
	settle_all();
	weir_timer_cancel(&timer);
	conn_close_all();
	want(conn_loop->pool.n_used_bytes == 0, "queues still hold memory");
}
