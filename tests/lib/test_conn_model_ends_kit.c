/* What owners, peers and kernels do at random, in callbacks and out of them,
 * and what the library may answer. */
#include "test_conn_model_ends.h"

#include <errno.h>

#include <weir/fence.h>
#include <weir/link.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_sendfile.h"

enum {
	N_FENCES = 6,
	N_LINKS = 4
};

struct owned_fence {
	struct weir_fence fence;
	struct owner *of;
};

struct owner owners[N_OWNERS];
unsigned ends_step;
bool ends_are_calm;

static struct owned_fence fences[N_FENCES];
static struct weir_link links[N_LINKS];

void ends_want(bool is_true, const char *what)
{
	if (!is_true)
		harness_die("step %u: %s", ends_step, what);
}

static size_t below(size_t n)
{
	return harness_random_below(n);
}

bool ends_is_open(const struct owner *o)
{
	return weir_conn_is_open(&o->probe.conn);
}

/* The first end wins. */
void ends_note(struct owner *o)
{
	const struct weir_conn *c = &o->probe.conn;

	if (o->is_over || (!weir_conn_is(c, WEIR_PHASE_FAILED) &&
			   !weir_conn_is(c, WEIR_PHASE_CLOSING)))
		return;
	o->is_over = true;
	o->first_reason = (enum weir_reason)c->reason;
	o->first_error = c->error;
}

/* -- what is asked of the library -- */

/* Law 5: result is that of a call which asked c to accept something. */
static void check_answer(const struct weir_conn *c, bool was_open,
			 ssize_t result)
{
	bool is_refusal =
		result == -ENOBUFS || result == -ENOMEM || result == -EMSGSIZE;

	if (weir_conn_is(c, WEIR_PHASE_OPEN))
		ends_want(result >= 0 || is_refusal,
			  "a refusal that reads like the end");
	else
		ends_want(result < 0 && !is_refusal,
			  "an end that reads like a refusal");
	ends_want(was_open || result < 0, "the dead accept");
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
		/* or for the file's object */
		if (result == -ENOMEM)
			return;
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

	ends_want(ends_is_open(f->of), "a fence fires after on_close");
	ends_want(n_dropped <= conn_probe_progress(&f->of->probe).dropped,
		  "a fence tells of more than was dropped");
	ends_want(!weir_fence_is_open(fence), "a fence fires and is open");
	ends_do_anything(f->of);
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
	ends_want(is_dead ? error < 0 && error != -ENOMEM
			  : error == 0 || error == -ENOMEM,
		  "a fence is opened on the dead, or refused by the living");
}

static void do_link(struct owner *source, struct owner *sink)
{
	struct weir_link *link = &links[below(N_LINKS)];

	if (weir_link_is_open(link))
		weir_link_close(link);
	else if (source != sink && ends_is_open(source) && ends_is_open(sink))
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

void ends_call(struct owner *o)
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
		do_link(o, &owners[below(N_OWNERS)]);
		break;
	default:
		do_send(o);
		break;
	}
}

/* -- what peers and kernels do -- */

size_t ends_read(struct owner *o, size_t n)
{
	static unsigned char data[100000];
	struct harness_peer *peer = &o->probe.peer;

	if (!o->is_trimmed)
		return harness_peer_read(peer, n);
	n = harness_drain(peer->fd, data, n < sizeof data ? n : sizeof data);
	peer->n_received += n;
	return n;
}

void ends_peer(struct owner *o)
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
		ends_read(o, below(20000));
		break;
	default:
		if (ends_is_open(o) && !o->has_fin &&
		    p->n_written - p->conn.received < 60000)
			conn_probe_write(p, 1 + below(3000));
		break;
	}
}

void ends_fault(const struct owner *o)
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
void ends_do_anything(struct owner *o)
{
	if (ends_are_calm)
		return;
	while (below(3) > 0) {
		struct owner *other = below(2) ? o : &owners[below(N_OWNERS)];

		if (!ends_is_open(other))
			continue;
		if (below(4) == 0)
			ends_peer(other);
		else if (below(8) == 0)
			ends_fault(other);
		else
			ends_call(other);
		ends_note(other);
	}
}

void ends_check_over(const struct owner *o)
{
	unsigned i;

	for (i = 0; i < N_FENCES; i++)
		ends_want(fences[i].fence.conn != &o->probe.conn,
			  "a fence outlives its connection");
	for (i = 0; i < N_LINKS; i++)
		ends_want(links[i].source != &o->probe.conn &&
				  links[i].sink != &o->probe.conn,
			  "a link outlives its connection");
}
