/* A relay: two connections, each the sink of the other's link, under peers that
 * write, read, end and go, pauses, limits, time and faults. Every byte is in
 * its place; none is missing, and an end is passed on, unless something was
 * allowed to lose it; the memory of the marks is not exceeded; and what the
 * library dropped never looks like the whole. */
#include <weir/link.h>

#include <errno.h>
#include <sys/socket.h>

#include "fault.h"
#include "fuzz.h"
#include "harness_conn.h"

enum {
	N = 2,
	MAX_OPERATIONS = 300,
	MAX_PENDING = 16,
	MAX_WRITE = 60000,
	MAX_TURNS = 10000
};

struct side {
	struct conn_probe probe;
	struct weir_link link; /* its reading waits for the other's output */
	bool has_said_all;     /* its peer */
};

static struct side sides[N];
static bool is_tcp;
static bool uses_pass; /* weir_link_pass, not weir_conn_sendall */
static bool may_lose;  /* a fault, a limit, or a peer that is gone */
static struct fuzz script;

static struct side *side_of(struct weir_conn *c)
{
	return weir_container_of(c, struct side, probe.conn);
}

static struct side *other_of(const struct side *s)
{
	return &sides[s == &sides[0]];
}

/* -- the relay -- */

static void set_paused(struct side *s)
{
	if (!weir_conn_is_open(&s->probe.conn))
		return;
	if (fuzz_byte(&script) & 1)
		weir_conn_pause(&s->probe.conn);
	else
		weir_conn_resume(&s->probe.conn);
}

static bool pass(struct side *s, const void *data, size_t n)
{
	struct conn_probe *p = &s->probe;
	struct conn_probe *to = &other_of(s)->probe;

	harness_check(data, n, p->peer.seed, p->n_taken);
	if (weir_conn_sendall(&to->conn, data, n) != 0)
		return false;
	p->n_taken += n;
	to->n_accepted += n;
	conn_probe_check(to);
	fuzz_want(conn_probe_progress(to).queued <=
			  to->limits.high + WEIR_READ_SIZE,
		  "a link lets too much pass");
	return true;
}

/* What moves behind data counts as passed on, but for what a sink that breaks
 * loses, which is unread. */
static size_t pass_by_link(struct side *s, const void *data, size_t n)
{
	struct conn_probe *p = &s->probe;
	struct conn_probe *to = &other_of(s)->probe;
	struct weir_progress before = conn_probe_progress(p);
	struct weir_progress after;
	size_t n_passed;
	uint64_t n_moved;

	harness_check(data, n, p->peer.seed, p->n_taken);
	n_passed = weir_link_pass(&s->link, data, n);
	after = conn_probe_progress(p);
	n_moved = after.received - before.received;
	fuzz_want(n_passed == n || n_moved == 0, "it overtakes");
	p->n_taken += n_passed + n_moved;
	to->n_accepted += n_passed + n_moved - (after.unread - before.unread);
	conn_probe_check(to);
	fuzz_want(conn_probe_progress(to).queued <=
			  to->limits.high + WEIR_READ_SIZE,
		  "a link lets too much pass");
	return n_passed;
}

static size_t pass_on(struct weir_conn *c, const void *data, size_t n)
{
	struct side *s = side_of(c);

	if (uses_pass)
		n = pass_by_link(s, data, n);
	else if (!pass(s, data, n))
		n = 0;
	if (fuzz_byte(&script) % 8 == 1)
		set_paused(&sides[fuzz_below(&script, N)]);
	return n;
}

static void give_up(struct side *s)
{
	may_lose = true;
	if (weir_conn_is_open(&s->probe.conn))
		weir_conn_abort(&s->probe.conn, true);
}

/* When both peers have said all, that is all. */
static void pass_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct side *s = side_of(c);
	struct side *to = other_of(s);

	s->probe.n_of[(int)CONN_AT_END]++;
	if (n > 0 && !pass(s, rest, n)) {
		/* it has been told of, so it is not unread */
		s->probe.n_taken += n;
		give_up(s);
		give_up(to);
		return;
	}
	weir_conn_shutdown(&to->probe.conn);
	if (to->probe.n_of[(int)CONN_AT_END] == 0)
		return;
	weir_conn_finish(c);
	weir_conn_finish(&to->probe.conn);
}

static void pass_close(struct conn_probe *p, char letter)
{
	struct side *s = weir_container_of(p, struct side, probe);

	if (letter == CONN_CLOSED && p->result.reason != WEIR_REASON_FINISHED)
		give_up(other_of(s));
}

/* -- the world -- */

static void peer_acts(struct side *s)
{
	struct conn_probe *p = &s->probe;
	unsigned char data[MAX_WRITE];
	size_t n;
	ssize_t n_taken;

	if (p->peer.fd < 0)
		return;
	switch (fuzz_below(&script, 16)) {
	case 0:
		s->has_said_all = true;
		(void)shutdown(p->peer.fd, SHUT_WR);
		break;
	case 1:
		may_lose = true;
		conn_probe_hang_up(p);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
		harness_peer_read(&p->peer, fuzz_size(&script, SIZE_MAX - 1));
		break;
	default:
		n = 1 + fuzz_size(&script, sizeof data - 1);
		harness_fill(data, n, p->peer.seed, p->n_written);
		n_taken =
			send(p->peer.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n_taken > 0)
			p->n_written += (uint64_t)n_taken;
		break;
	}
}

static void fail(struct side *s)
{
	static const struct {
		enum fault_call call;
		int result;
	} faults[] = {
		{FAULT_ALLOC, -ENOMEM},	       {FAULT_RECV, -ECONNRESET},
		{FAULT_RECV, -EAGAIN},	       {FAULT_ANY_SEND, -EAGAIN},
		{FAULT_ANY_SEND, -ECONNRESET}, {FAULT_ANY_SEND, -ENOBUFS},
		{FAULT_EPOLL_MOD, -ENOMEM},    {FAULT_EPOLL_ADD, -ENOSPC},
		{FAULT_EPOLL_WAIT, 0},	       {FAULT_TIMERFD_SET, -ENOMEM},
		{FAULT_CLOSE, -EINTR},	       {FAULT_PIPE, -EMFILE},
		{FAULT_SPLICE, -EAGAIN},       {FAULT_SPLICE, -ECONNRESET},
		{FAULT_SEND_ROOM, 0},
	};
	size_t i = fuzz_below(&script, 2 * sizeof faults / sizeof faults[0]);
	size_t nth = 1 + fuzz_below(&script, 4);

	if (fault_n_pending() >= MAX_PENDING)
		return;
	if (i >= sizeof faults / sizeof faults[0]) {
		if (weir_conn_is_open(&s->probe.conn))
			fault_at_most(i % 2 ? FAULT_SPLICE : FAULT_ANY_SEND,
				      weir_conn_fd(&s->probe.conn), nth,
				      fuzz_size(&script, MAX_WRITE));
		return;
	}
	if (faults[i].result != -EAGAIN && faults[i].result != 0)
		may_lose = true;
	fault_result(faults[i].call, FAULT_ANY_FD, nth, faults[i].result);
}

static void operate(void)
{
	struct side *s = &sides[fuzz_below(&script, N)];

	switch (fuzz_below(&script, 16)) {
	case 0:
		fail(s);
		break;
	case 1:
		fault_time_advance(fuzz_below(&script, 1 << 24) * 64);
		break;
	case 2:
		set_paused(s);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		conn_turns(1);
		break;
	default:
		peer_acts(s);
		break;
	}
}

static void open_side(struct side *s, const struct weir_conn_events *events)
{
	uint8_t flags = fuzz_byte(&script);
	struct weir_conn_limits limits = {
		.flags = WEIR_CONN_NO_THROTTLE,
		.stall_ns = flags & 1 ? 1000000000 : WEIR_NEVER,
		.linger_ns = WEIR_NEVER,
		.high = 1 + fuzz_size(&script, 100000)};
	int sndbuf = flags & 2 ? 4608 : 0;

	limits.low = 1 + fuzz_below(&script, limits.high);
	limits.max = limits.high + WEIR_READ_SIZE;
	*s = (struct side){.probe = {.events = events, .then = pass_close}};
	must(is_tcp ? conn_probe_open_tcp(&s->probe, sndbuf, &limits)
		    : conn_probe_open(&s->probe, sndbuf, &limits),
	     "open");
}

static void begin(void)
{
	static struct weir_conn_events events;
	uint8_t flags = fuzz_byte(&script);

	conn_begin();
	/* it takes ten times as long */
	is_tcp = flags % 16 == 1;
	uses_pass = flags & 0x40;
	may_lose = false;
	if (flags & 0x80)
		weir_loop_budget(conn_loop, 200000, 100000);
	events = conn_probe_events;
	events.on_data = pass_on;
	events.on_end = pass_end;
	open_side(&sides[0], &events);
	open_side(&sides[1], &events);
	fault_time_settle(0);
	sides[1].probe.peer.seed = sides[0].probe.peer.seed;
	weir_link_open(&sides[0].link, &sides[0].probe.conn,
		       &sides[1].probe.conn);
	weir_link_open(&sides[1].link, &sides[1].probe.conn,
		       &sides[0].probe.conn);
}

static size_t read_all(void)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < N; i++)
		if (sides[i].probe.peer.fd >= 0)
			n += harness_peer_read(&sides[i].probe.peer, SIZE_MAX);
	return n;
}

/* Nobody pauses any more, and all read. */
static void flow(void)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < N; i++)
		if (weir_conn_is_open(&sides[i].probe.conn))
			weir_conn_resume(&sides[i].probe.conn);
	do
		fuzz_want(n++ < MAX_TURNS, "it never comes to rest");
	while (harness_turn_until_idle(conn_loop, MAX_TURNS) > 1 ||
	       read_all() > 0);
}

static void check(const struct side *s)
{
	const struct conn_probe *p = &s->probe;
	const struct side *from = other_of(s);
	bool is_closed = p->n_of[(int)CONN_CLOSED] > 0;

	if (is_tcp && is_closed && p->result.progress.dropped > 0)
		fuzz_want(!p->peer.has_ended, "a part looks like the whole");
	if (may_lose)
		return;
	fuzz_want(p->peer.n_received == from->probe.n_written,
		  "bytes are missing");
	fuzz_want(p->peer.has_ended == from->has_said_all,
		  "an end is not passed on");
	fuzz_want(is_closed == (s->has_said_all && from->has_said_all),
		  "it closes too soon, or not");
}

static void end(void)
{
	size_t i;

	fault_clear();
	script.n = 0;
	flow();
	/* loopback may be a little late */
	if (!is_tcp || may_lose)
		for (i = 0; i < N; i++)
			check(&sides[i]);
	for (i = 0; is_tcp && i < N; i++)
		if (sides[i].probe.peer.fd >= 0)
			conn_probe_reset(&sides[i].probe);
	conn_close_all();
	for (i = 0; i < N; i++)
		fuzz_want(!weir_link_is_open(&sides[i].link),
			  "a link outlives its connections");
	conn_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned n_operations = 0;

	script = (struct fuzz){data, n};
	begin();
	while (script.n > 0 && n_operations++ < MAX_OPERATIONS)
		operate();
	end();
	return 0;
}
