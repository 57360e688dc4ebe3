/* What a peer may cost: marks, and how long it may take.
 *
 * One timer serves all of a connection's times. It is armed when there is
 * first something to look at and then only looked at when it fires, so a busy
 * connection never touches it.
 *
 * Stalled is judged by what the peer's kernel acknowledged: EPOLLOUT waits
 * for a third of the kernel's buffer to drain, which a healthy but slow reader
 * of an autotuned buffer may take a quarter of a minute for. */
#include <weir/conn.h>

#include <errno.h>

#include <weir/conn_inside.h>
#include <weir/sys.h>

#define SECOND UINT64_C(1000000000)

enum {
	DEFAULT_HIGH = 262144,
	DEFAULT_ABOVE_HIGH = 786432,
	LARGEST = 1073741824,
	NO_MEMORY_RETRY_NS = 10000000
};

static const uint64_t DEFAULT_STALL_NS = 60 * SECOND;
static const uint64_t DEFAULT_LINGER_NS = 30 * SECOND;

static size_t high_of(const struct weir_conn_limits *limits)
{
	return limits->high ? limits->high : DEFAULT_HIGH;
}

static size_t low_of(const struct weir_conn_limits *limits)
{
	return limits->low ? limits->low : high_of(limits) / 4;
}

static size_t max_of(const struct weir_conn_limits *limits)
{
	return limits->max ? limits->max : high_of(limits) + DEFAULT_ABOVE_HIGH;
}

int weir_conn_check_limits(const struct weir_conn_limits *limits)
{
	size_t high = high_of(limits);

	if (high > LARGEST - DEFAULT_ABOVE_HIGH || max_of(limits) > LARGEST ||
	    limits->input > LARGEST)
		return -EINVAL;
	if (low_of(limits) > high || high + WEIR_READ_SIZE > max_of(limits))
		return -EINVAL;
	return 0;
}

size_t weir_conn_low(const struct weir_conn *c)
{
	return low_of(c->limits);
}

size_t weir_conn_high(const struct weir_conn *c)
{
	return high_of(c->limits);
}

size_t weir_conn_max(const struct weir_conn *c)
{
	return max_of(c->limits);
}

static uint64_t stall_ns(const struct weir_conn *c)
{
	return c->limits->stall_ns ? c->limits->stall_ns : DEFAULT_STALL_NS;
}

static uint64_t linger_ns(const struct weir_conn *c)
{
	return c->limits->linger_ns ? c->limits->linger_ns : DEFAULT_LINGER_NS;
}

/* A quarter of the stall limit; four of them are no less than all of it. */
static uint64_t look_every_ns(const struct weir_conn *c)
{
	return stall_ns(c) / 4 + 1;
}

static bool is_waiting_for_peer(const struct weir_conn *c)
{
	return c->state & (WEIR_CONN_OWES | WEIR_CONN_WANTS_ROOM);
}

/* Has the peer's kernel taken anything since the last look? On TCP that is
 * what it acknowledged; elsewhere SIOCOUTQ counts overhead too, so that only
 * its fall says something. */
static bool has_moved(struct weir_conn *c)
{
	struct weir_debt *debt = c->debt;
	int unacked = weir_sys_unacked(c->watch.fd);
	uint64_t sent = c->sent - debt->look_sent;
	int64_t fallen;
	bool has;

	if (unacked < 0)
		unacked = debt->look_unacked;
	fallen = (int64_t)debt->look_unacked - unacked;
	if (c->is_tcp)
		has = (int64_t)sent + fallen > 0;
	else
		has = sent > 0 || fallen > 0;
	debt->look_sent = c->sent;
	debt->look_unacked = unacked;
	return has;
}

/* One flush before the judgement: the kernel may have had room for less than
 * EPOLLOUT waits for. */
static void try_flush(struct weir_conn *c)
{
	if (!(c->state & WEIR_CONN_OWES))
		return;
	weir_conn_has_room(c);
	weir_conn_flush(c, true);
}

/* Of the time since the last look at most one period is charged: the rest was
 * the loop's own absence. */
static void look(struct weir_conn *c)
{
	struct weir_debt *debt = c->debt;
	uint64_t now_ns = weir_loop_now(c->watch.loop);
	uint64_t passed_ns = now_ns - debt->look_ns;

	if (passed_ns > look_every_ns(c))
		passed_ns = look_every_ns(c);
	debt->look_ns = now_ns;
	debt->unmoved_ns += passed_ns;
	if (has_moved(c))
		debt->unmoved_ns = 0;
	if (debt->unmoved_ns >= stall_ns(c))
		weir_conn_end_for(c, WEIR_REASON_STALLED, 0, true);
}

static void on_timer(struct weir_timer *timer)
{
	struct weir_conn *c = weir_container_of(timer, struct weir_conn, timer);

	if (c->state & WEIR_CONN_DEAD)
		return;
	if (c->state & WEIR_CONN_LINGERING) {
		weir_conn_end_for(c, WEIR_REASON_LINGER, 0, false);
		return;
	}
	c->state &= ~(uint32_t)WEIR_CONN_NO_MEMORY;
	try_flush(c);
	if (c->state & WEIR_CONN_DEAD)
		return;
	if (c->debt && is_waiting_for_peer(c))
		look(c);
	else if (c->debt)
		c->debt->look_ns = 0;
	if (!(c->state & WEIR_CONN_DEAD))
		weir_conn_settle(c);
}

static void arm_by(struct weir_conn *c, uint64_t in_ns)
{
	struct weir_loop *loop = c->watch.loop;
	uint64_t now_ns = weir_loop_now(loop);
	uint64_t at_ns =
		in_ns < WEIR_NEVER - now_ns ? now_ns + in_ns : WEIR_NEVER;

	if (weir_timer_is_armed(&c->timer) && c->timer.deadline_ns <= at_ns)
		return;
	weir_timer_arm(&c->timer, loop, at_ns, on_timer);
}

static void start_looking(struct weir_conn *c)
{
	c->debt->look_ns = weir_loop_now(c->watch.loop);
	c->debt->unmoved_ns = 0;
	has_moved(c);
}

void weir_conn_schedule(struct weir_conn *c)
{
	const uint32_t after_fin = WEIR_CONN_FINISHING | WEIR_CONN_FIN_SENT;

	if ((c->state & after_fin) == after_fin) {
		if (c->state & WEIR_CONN_LINGERING)
			return;
		c->state |= WEIR_CONN_LINGERING;
		weir_timer_cancel(&c->timer);
		arm_by(c, linger_ns(c));
		return;
	}
	if (c->state & WEIR_CONN_NO_MEMORY)
		arm_by(c, NO_MEMORY_RETRY_NS);
	if (!is_waiting_for_peer(c) || stall_ns(c) == WEIR_NEVER)
		return;
	if (!weir_conn_debt(c)) {
		arm_by(c, NO_MEMORY_RETRY_NS);
		return;
	}
	if (c->debt->look_ns == 0)
		start_looking(c);
	if (!weir_timer_is_armed(&c->timer))
		arm_by(c, look_every_ns(c));
}
