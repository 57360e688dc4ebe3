/* A connection's limits: watermarks and times.
 *
 * One timer serves all of a connection's times. It is armed when there is first
 * something to check, and is left alone until it fires, so a busy connection
 * never touches it.
 *
 * Limits are armed by a fresh clock: the turn's stands still, and would charge
 * the peer for slow callbacks before. Idle and linger pass in four quarters,
 * each checked when it is over, so at most one quarter of a time in which the
 * loop was away is charged. Stalled and too slow are judged by the bytes that
 * the peer's kernel took: pace.h. */
#include <weir/conn.h>

#include <errno.h>

#include "conn_inside.h"
#include "size.h"
#include "sys.h"

enum {
	LARGEST = 1073741824,
	NO_MEMORY_RETRY_NS = 10000000
};

static size_t high_of(const struct weir_conn_limits *limits)
{
	return limits->high ? limits->high : WEIR_CONN_DEFAULT_HIGH;
}

static size_t low_of(const struct weir_conn_limits *limits)
{
	return limits->low ? limits->low : high_of(limits) / 4;
}

static size_t max_of(const struct weir_conn_limits *limits)
{
	return limits->max ? limits->max
			   : high_of(limits) + WEIR_CONN_DEFAULT_ABOVE_HIGH;
}

int weir_conn_check_limits(const struct weir_conn_limits *limits)
{
	size_t high = high_of(limits);

	if (limits->flags & ~(unsigned)WEIR_CONN_NO_THROTTLE)
		return -EINVAL;
	if (high > LARGEST || max_of(limits) > LARGEST ||
	    limits->input > LARGEST)
		return -EINVAL;
	if (low_of(limits) > high || high + WEIR_READ_SIZE > max_of(limits))
		return -EINVAL;
	return weir_conn_check_keepalive(limits);
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
	return c->limits->stall_ns ? c->limits->stall_ns
				   : WEIR_CONN_DEFAULT_STALL_NS;
}

static uint64_t linger_ns(const struct weir_conn *c)
{
	return c->limits->linger_ns ? c->limits->linger_ns
				    : WEIR_CONN_DEFAULT_LINGER_NS;
}

static uint64_t window_ns(const struct weir_conn *c)
{
	if (c->limits->min_rate == 0)
		return WEIR_NEVER;
	return c->limits->rate_window_ns ? c->limits->rate_window_ns
					 : WEIR_CONN_DEFAULT_WINDOW_NS;
}

static struct weir_pace_limits pace_limits(const struct weir_conn *c)
{
	return (struct weir_pace_limits){.stall_ns = stall_ns(c),
					 .window_ns = window_ns(c),
					 .min_rate = c->limits->min_rate};
}

/* How often to check a peer that we wait for. */
static uint64_t look_every_ns(const struct weir_conn *c)
{
	const struct weir_pace_limits limits = pace_limits(c);

	return weir_pace_period(&limits);
}

static bool is_waiting_for_peer(const struct weir_conn *c)
{
	return weir_conn_has(c, WEIR_FACT_OWES | WEIR_FACT_WANTS_ROOM);
}

/* -- checking what the peer's kernel has taken -- */

static void look(struct weir_conn *c)
{
	const struct weir_pace_limits limits = pace_limits(c);
	struct weir_pace *pace = &c->out.backlog->pace;
	enum weir_pace_verdict verdict;

	/* If it only waits for room, nothing is queued to judge a rate by. */
	if (!weir_conn_has(c, WEIR_FACT_OWES))
		pace->has_drained = true;
	verdict = weir_pace_look(pace, c->watch.fd, c->is_tcp, c->out.sent,
				 &limits, weir_loop_fresh_now(c->watch.loop));
	if (verdict == WEIR_PACE_STALLED)
		weir_conn_kill(c, WEIR_REASON_STALLED, 0, true);
	else if (verdict == WEIR_PACE_TOO_SLOW)
		weir_conn_kill(c, WEIR_REASON_TOO_SLOW, 0, true);
}

/* One flush before the judgement: the kernel may have room, but less than
 * EPOLLOUT waits for. If it takes nothing, it was full all the time. */
static void try_flush(struct weir_conn *c)
{
	struct weir_backlog *backlog = c->out.backlog;
	uint64_t sent = c->out.sent;
	uint64_t full_since_ns;
	uint64_t stalled_ns;

	if (!weir_conn_has(c, WEIR_FACT_OWES))
		return;
	full_since_ns = backlog->full_since_ns;
	stalled_ns = backlog->stalled_ns;
	weir_conn_clear_full(c);
	weir_conn_flush(c, true);
	if (weir_conn_has(c, WEIR_FACT_FULL) && c->out.sent == sent &&
	    full_since_ns > 0) {
		backlog->full_since_ns = full_since_ns;
		backlog->stalled_ns = stalled_ns;
	}
}

/* -- idle -- */

static bool may_idle(const struct weir_conn *c)
{
	return c->limits->idle_ns > 0 && c->limits->idle_ns != WEIR_NEVER &&
	       !is_waiting_for_peer(c) && weir_conn_is_reading(c);
}

/* Every quarter of the limit the byte counters are compared. Four silent
 * quarters are no less than the limit; a firing before the quarter is over, for
 * another reason, does not count. */
static void look_for_silence(struct weir_conn *c)
{
	uint32_t mark = (uint32_t)(c->received + c->out.sent);
	bool is_silent = mark == c->idle_mark && may_idle(c);

	c->idle_mark = mark;
	if (!is_silent)
		c->n_quarters = 0;
	else if (c->timer_for == WEIR_TIMER_IDLE)
		c->n_quarters++;
	/* bytes that came while the loop was away may wait to be read */
	if (c->n_quarters == 4 && weir_sys_unread(c->watch.fd) > 0)
		c->n_quarters = 0;
	if (c->n_quarters == 4)
		weir_conn_kill(c, WEIR_REASON_IDLE, 0, false);
}

/* -- linger -- */

/* The last quarter takes what the division has left. */
static uint64_t linger_quarter_ns(const struct weir_conn *c)
{
	uint64_t limit_ns = linger_ns(c);

	return c->n_quarters < 3 ? limit_ns / 4 : limit_ns - limit_ns / 4 * 3;
}

/* A check that is more than a quarter late means that the loop was away. What
 * the peer sent meanwhile, perhaps its FIN, is not read yet: this check is not
 * the last. */
static bool was_away(const struct weir_conn *c)
{
	uint64_t late_ns =
		weir_loop_fresh_now(c->watch.loop) - c->timer.deadline_ns;

	return late_ns > linger_quarter_ns(c);
}

static void look_for_end(struct weir_conn *c)
{
	bool is_last = c->n_quarters == 3;

	if (is_last && was_away(c)) {
		ssize_t n = weir_conn_read(c);

		if (n <= 0)
			weir_conn_take_no_data(c, n, 0);
		is_last = n == -EAGAIN;
	}
	if (weir_conn_is_dead(c))
		return;
	if (is_last)
		weir_conn_kill(c, WEIR_REASON_LINGER, 0, false);
	else if (c->n_quarters < 3)
		c->n_quarters++;
}

/* -- the timer -- */

static void look_around(struct weir_conn *c)
{
	weir_conn_clear(c, WEIR_FACT_NO_MEMORY);
	try_flush(c);
	if (weir_conn_is_dead(c))
		return;
	if (c->out.backlog && is_waiting_for_peer(c))
		look(c);
	else if (c->out.backlog)
		c->out.backlog->pace.look_ns = 0;
	if (c->limits->idle_ns > 0 && !weir_conn_is_dead(c))
		look_for_silence(c);
}

static void on_timer(struct weir_timer *timer)
{
	struct weir_conn *c = weir_container_of(timer, struct weir_conn, timer);

	if (weir_conn_is_dead(c))
		return;
	if (c->timer_for == WEIR_TIMER_LINGER)
		look_for_end(c);
	else
		look_around(c);
	if (!weir_conn_is_dead(c))
		weir_conn_settle(c);
}

/* Unless it is armed for something earlier. */
static void arm_by(struct weir_conn *c, uint64_t in_ns,
		   enum weir_conn_timer what)
{
	struct weir_loop *loop = c->watch.loop;
	uint64_t now_ns = weir_loop_fresh_now(loop);
	uint64_t at_ns =
		in_ns < WEIR_NEVER - now_ns ? now_ns + in_ns : WEIR_NEVER;

	if (weir_timer_is_armed(&c->timer) && c->timer.deadline_ns <= at_ns)
		return;
	c->timer_for = (uint8_t)what;
	weir_timer_arm(&c->timer, loop, at_ns, on_timer);
}

static bool is_armed_for_idle(const struct weir_conn *c)
{
	return c->timer_for == WEIR_TIMER_IDLE &&
	       weir_timer_is_armed(&c->timer);
}

static void schedule_looks(struct weir_conn *c)
{
	if (look_every_ns(c) == WEIR_NEVER)
		return;
	if (!weir_conn_backlog(c)) {
		arm_by(c, NO_MEMORY_RETRY_NS, WEIR_TIMER_LOOK);
		return;
	}
	if (c->out.backlog->pace.look_ns == 0)
		weir_pace_begin(&c->out.backlog->pace, c->watch.fd, c->out.sent,
				weir_loop_fresh_now(c->watch.loop));
	if (!weir_timer_is_armed(&c->timer) || is_armed_for_idle(c))
		arm_by(c, look_every_ns(c), WEIR_TIMER_LOOK);
}

static void schedule_linger(struct weir_conn *c)
{
	if (c->timer_for != WEIR_TIMER_LINGER) {
		weir_timer_cancel(&c->timer);
		c->timer_for = WEIR_TIMER_LINGER;
		c->n_quarters = 0;
	}
	if (linger_ns(c) != WEIR_NEVER && !weir_timer_is_armed(&c->timer))
		arm_by(c, linger_quarter_ns(c), WEIR_TIMER_LINGER);
}

void weir_conn_schedule(struct weir_conn *c)
{
	if (weir_conn_is(c, WEIR_PHASE_FINISHING) &&
	    weir_conn_has(c, WEIR_FACT_FIN_SENT)) {
		schedule_linger(c);
		return;
	}
	if (weir_conn_has(c, WEIR_FACT_NO_MEMORY))
		arm_by(c, NO_MEMORY_RETRY_NS, WEIR_TIMER_LOOK);
	if (is_waiting_for_peer(c))
		schedule_looks(c);
	if (may_idle(c) && !is_armed_for_idle(c))
		arm_by(c, c->limits->idle_ns / 4 + 1, WEIR_TIMER_IDLE);
}

/* -- changing them -- */

/* WEIR_CONN_NO_THROTTLE counts for a queue that is above high already, too. */
static void set_throttling(struct weir_conn *c)
{
	if (!weir_conn_has(c, WEIR_FACT_ABOVE))
		return;
	if (c->limits->flags & WEIR_CONN_NO_THROTTLE)
		weir_conn_let_go(c, WEIR_HOLD_OUTPUT);
	else
		weir_conn_hold(c, WEIR_HOLD_OUTPUT);
}

/* Only to an earlier time, or a connection whose limits change again and again
 * would never be checked. A check that comes early charges for less, and is no
 * quarter of idle. For the same reason linger starts anew only if it differs. */
static void move_timer(struct weir_conn *c, uint64_t old_linger_ns)
{
	if (c->timer_for == WEIR_TIMER_LINGER) {
		if (linger_ns(c) == old_linger_ns)
			return;
		weir_timer_cancel(&c->timer);
		c->n_quarters = 0;
		return;
	}
	c->timer_for = WEIR_TIMER_LOOK;
	c->n_quarters = 0;
	if (weir_timer_is_armed(&c->timer) && is_waiting_for_peer(c))
		arm_by(c, look_every_ns(c), WEIR_TIMER_LOOK);
}

int weir_conn_set_limits(struct weir_conn *c,
			 const struct weir_conn_limits *limits)
{
	static const struct weir_conn_limits defaults;
	uint64_t old_linger_ns;
	int error;

	if (!limits)
		limits = &defaults;
	error = weir_conn_check_limits(limits);
	if (error == 0)
		error = weir_conn_is_open(c)
				? weir_conn_change_keepalive(c, limits)
				: -EPIPE;
	if (error < 0)
		return error;
	old_linger_ns = linger_ns(c);
	c->limits = limits;
	if (weir_conn_is_dead(c))
		return 0;
	c->read_size = (uint32_t)weir_smaller(weir_conn_input_limit(c),
					      WEIR_READ_SIZE);
	set_throttling(c);
	weir_conn_clear(c, WEIR_FACT_NO_ROOM);
	if (c->out.backlog)
		c->out.backlog->pace.has_drained = true;
	move_timer(c, old_linger_ns);
	/* on_data may find more room below the input limit now, or less */
	weir_conn_set(c, WEIR_FACT_OFFER);
	weir_conn_settle_soon(c);
	return 0;
}
