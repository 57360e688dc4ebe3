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

#include "conn_inside.h"
#include "sys.h"

#define SECOND UINT64_C(1000000000)

enum {
	DEFAULT_HIGH = 262144,
	DEFAULT_ABOVE_HIGH = 786432,
	LARGEST = 1073741824,
	NO_MEMORY_RETRY_NS = 10000000
};

static const uint64_t DEFAULT_STALL_NS = 60 * SECOND;
static const uint64_t DEFAULT_LINGER_NS = 30 * SECOND;
static const uint64_t DEFAULT_WINDOW_NS = 10 * SECOND;

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

	if (high > LARGEST || max_of(limits) > LARGEST ||
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

static uint64_t window_ns(const struct weir_conn *c)
{
	if (c->limits->min_rate == 0)
		return WEIR_NEVER;
	return c->limits->rate_window_ns ? c->limits->rate_window_ns
					 : DEFAULT_WINDOW_NS;
}

/* A quarter of a limit; four of them are no less than all of it. */
static uint64_t quarter(uint64_t limit_ns)
{
	return limit_ns == WEIR_NEVER ? WEIR_NEVER : limit_ns / 4 + 1;
}

/* How often a peer that is waited for is looked at. */
static uint64_t look_every_ns(const struct weir_conn *c)
{
	uint64_t stall = quarter(stall_ns(c));
	uint64_t window = quarter(window_ns(c));

	return stall < window ? stall : window;
}

static bool is_waiting_for_peer(const struct weir_conn *c)
{
	return c->state & (WEIR_CONN_OWES | WEIR_CONN_WANTS_ROOM);
}

/* -- looking at what the peer's kernel has taken -- */

/* Since the last look: how many bytes, and whether anything at all. On TCP
 * that is what it acknowledged. Elsewhere SIOCOUTQ counts overhead too, so
 * that only its fall says something, and bytes are known when they move. */
static uint64_t take_stock(struct weir_conn *c, bool *has_moved)
{
	struct weir_debt *debt = c->debt;
	int unacked = weir_sys_unacked(c->watch.fd);
	int64_t taken = (int64_t)(c->sent - debt->look_sent);
	int64_t fallen;

	if (unacked < 0)
		unacked = debt->look_unacked;
	fallen = (int64_t)debt->look_unacked - unacked;
	debt->look_sent = c->sent;
	debt->look_unacked = unacked;
	if (c->is_tcp)
		taken += fallen;
	*has_moved = taken > 0 || (!c->is_tcp && fallen > 0);
	return taken > 0 ? (uint64_t)taken : 0;
}

static bool is_too_slow(struct weir_conn *c, uint64_t passed_ns,
			uint64_t n_taken)
{
	struct weir_debt *debt = c->debt;
	double taken;
	double wanted;

	debt->window_ns += passed_ns;
	debt->window_taken += n_taken;
	/* Who has drained the queue was fast enough. */
	if (!debt->has_drained && debt->window_ns < window_ns(c))
		return false;
	taken = (double)debt->window_taken * (double)SECOND;
	wanted = (double)c->limits->min_rate * (double)debt->window_ns;
	if (debt->has_drained)
		wanted = 0;
	debt->has_drained = false;
	debt->window_ns = 0;
	debt->window_taken = 0;
	return taken < wanted;
}

/* Of the time since the last look at most one period is charged: the rest was
 * the loop's own absence. */
static void look(struct weir_conn *c)
{
	struct weir_debt *debt = c->debt;
	uint64_t now_ns = weir_loop_now(c->watch.loop);
	uint64_t passed_ns = now_ns - debt->look_ns;
	uint64_t n_taken;
	bool has_moved;

	if (passed_ns > look_every_ns(c))
		passed_ns = look_every_ns(c);
	/* Who only waits for room has nothing queued to be slow with. */
	if (!(c->state & WEIR_CONN_OWES))
		debt->has_drained = true;
	debt->look_ns = now_ns;
	n_taken = take_stock(c, &has_moved);
	debt->unmoved_ns = has_moved ? 0 : debt->unmoved_ns + passed_ns;
	if (debt->unmoved_ns >= stall_ns(c))
		weir_conn_end_for(c, WEIR_REASON_STALLED, 0, true);
	else if (is_too_slow(c, passed_ns, n_taken))
		weir_conn_end_for(c, WEIR_REASON_TOO_SLOW, 0, true);
}

static void start_looking(struct weir_conn *c)
{
	bool has_moved;

	c->debt->look_ns = weir_loop_now(c->watch.loop);
	c->debt->unmoved_ns = 0;
	c->debt->window_ns = 0;
	c->debt->window_taken = 0;
	c->debt->has_drained = false;
	take_stock(c, &has_moved);
}

/* One flush before the judgement: the kernel may have had room for less than
 * EPOLLOUT waits for. */
static void try_flush(struct weir_conn *c)
{
	struct weir_debt *debt = c->debt;
	uint64_t sent = c->sent;
	uint64_t since_ns;

	if (!(c->state & WEIR_CONN_OWES))
		return;
	since_ns = debt->full_since_ns;
	weir_conn_has_room(c);
	weir_conn_flush(c, true);
	if (c->sent == sent)
		debt->full_since_ns = since_ns;
}

/* -- idle -- */

static bool may_idle(const struct weir_conn *c)
{
	return c->limits->idle_ns > 0 && c->limits->idle_ns != WEIR_NEVER &&
	       !is_waiting_for_peer(c) && weir_conn_is_reading(c);
}

/* Every quarter the byte counters are compared. Four quarters of silence are
 * no less than the limit; an earlier firing, for another reason, is none. */
static void look_for_silence(struct weir_conn *c)
{
	uint32_t mark = (uint32_t)(c->received + c->sent);
	bool is_silent = mark == c->idle_mark && may_idle(c);

	c->idle_mark = mark;
	if (!is_silent)
		c->n_silent_looks = 0;
	else if (c->is_timer_for_idle)
		c->n_silent_looks++;
	if (c->n_silent_looks == 4)
		weir_conn_end_for(c, WEIR_REASON_IDLE, 0, false);
}

/* -- the timer -- */

static void look_around(struct weir_conn *c)
{
	c->state &= ~(uint32_t)WEIR_CONN_NO_MEMORY;
	try_flush(c);
	if (c->state & WEIR_CONN_DEAD)
		return;
	if (c->debt && is_waiting_for_peer(c))
		look(c);
	else if (c->debt)
		c->debt->look_ns = 0;
	if (c->limits->idle_ns > 0 && !(c->state & WEIR_CONN_DEAD))
		look_for_silence(c);
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
	look_around(c);
	if (!(c->state & WEIR_CONN_DEAD))
		weir_conn_settle(c);
}

/* Unless it is armed for something earlier. */
static bool arm_by(struct weir_conn *c, uint64_t in_ns)
{
	struct weir_loop *loop = c->watch.loop;
	uint64_t now_ns = weir_loop_now(loop);
	uint64_t at_ns =
		in_ns < WEIR_NEVER - now_ns ? now_ns + in_ns : WEIR_NEVER;

	if (weir_timer_is_armed(&c->timer) && c->timer.deadline_ns <= at_ns)
		return false;
	c->is_timer_for_idle = false;
	weir_timer_arm(&c->timer, loop, at_ns, on_timer);
	return true;
}

static void schedule_looks(struct weir_conn *c)
{
	if (look_every_ns(c) == WEIR_NEVER)
		return;
	if (!weir_conn_debt(c)) {
		arm_by(c, NO_MEMORY_RETRY_NS);
		return;
	}
	if (c->debt->look_ns == 0)
		start_looking(c);
	if (!weir_timer_is_armed(&c->timer) || c->is_timer_for_idle)
		arm_by(c, look_every_ns(c));
}

static bool is_armed_for_idle(const struct weir_conn *c)
{
	return c->is_timer_for_idle && weir_timer_is_armed(&c->timer);
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
	if (is_waiting_for_peer(c))
		schedule_looks(c);
	if (may_idle(c) && !is_armed_for_idle(c) &&
	    arm_by(c, quarter(c->limits->idle_ns)))
		c->is_timer_for_idle = true;
}
