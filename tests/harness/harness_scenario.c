/* Running one scenario once, and what holds in every run. */
#include "harness_scenario.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn_inside.h"

enum {
	MAX_TURNS = 3000,
	TURN_MS = 5,
	TURN_NS = 1000000 * TURN_MS,
	/* what a peer may have in the kernel without being read */
	IN_FLIGHT = 40000
};

struct conn_probe scenario_conns[SCENARIO_MAX_CONNS];

static struct {
	const struct scenario *scenario;
	bool is_opened[SCENARIO_MAX_CONNS];
	bool has_ended[SCENARIO_MAX_CONNS]; /* the peer sent its FIN */
	size_t n_refused;		    /* opens that failed */
	struct scenario_outcome outcome;
	char description[2048];
} run;

/* -- saying what was tried -- */

void scenario_describe(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run.description, sizeof run.description, format, args);
	va_end(args);
}

const char *scenario_description(void)
{
	return run.description;
}

static void tell(int signo)
{
	ssize_t n =
		write(STDERR_FILENO, run.description, strlen(run.description));

	n += write(STDERR_FILENO, "\n", 1);
	(void)n;
	(void)signo;
}

/* -- for scenarios -- */

void scenario_fail(int error)
{
	run.outcome.open_error = error;
	run.n_refused = run.scenario->n_conns;
}

static void note_open(size_t i, int error)
{
	if (error == 0) {
		run.is_opened[i] = true;
		return;
	}
	run.outcome.open_error = error;
	run.n_refused++;
}

void scenario_open(size_t i, int sndbuf, const struct weir_conn_limits *limits)
{
	struct conn_probe *p = &scenario_conns[i];

	if (run.scenario->traits & SCENARIO_IS_TCP) {
		note_open(i, conn_probe_open_tcp(p, sndbuf, limits));
		/* a thousand runs have no time for that */
		fault_time_settle(0);
	} else {
		note_open(i, conn_probe_open(p, sndbuf, limits));
	}
}

void scenario_open_pair(size_t i, const int fd[2])
{
	note_open(i, conn_probe_open_pair(&scenario_conns[i], fd, NULL));
}

static bool is_open(const struct conn_probe *p)
{
	return run.is_opened[p - scenario_conns] && weir_conn_is_open(&p->conn);
}

void scenario_write(struct conn_probe *p, size_t n)
{
	uint64_t n_ahead;

	if (!is_open(p))
		return;
	n_ahead = p->n_written - p->conn.received;
	if (n_ahead >= IN_FLIGHT)
		return;
	conn_probe_write(p, n < IN_FLIGHT - n_ahead ? n : IN_FLIGHT - n_ahead);
}

void scenario_write_end(struct conn_probe *p)
{
	bool *has_ended = &run.has_ended[p - scenario_conns];

	if (!is_open(p) || *has_ended)
		return;
	conn_probe_write_end(p);
	*has_ended = true;
}

/* -- one turn -- */

/* How many scripts are left, and what the turn begins with. */
static void turn(uint64_t nth)
{
	struct scenario_outcome *o = &run.outcome;
	uint64_t n_sendv = fault_count(FAULT_SENDV);
	bool is_pending = fault_n_pending() > 0;
	bool is_armed = false;
	bool is_dead = false;
	size_t i;

	for (i = 0; i < SCENARIO_MAX_CONNS; i++) {
		const struct conn_probe *p = &scenario_conns[i];

		is_armed |= is_open(p) && conn_probe_is_armed(p);
		is_dead |= is_open(p) && weir_conn_is_dead(&p->conn);
	}
	if (weir_loop_turn(conn_loop, TURN_NS) < 0)
		harness_die("a turn failed");
	if (!is_pending || fault_n_pending() > 0)
		return;
	o->was_armed = is_armed;
	o->was_dead = is_dead;
	o->was_under_epollout = is_armed && nth == n_sendv + 1;
}

/* -- the end of a run -- */

/* It is closed, and the peer has read all that there was. */
static bool is_past(struct conn_probe *p)
{
	struct pollfd peer = {.fd = p->peer.fd, .events = POLLIN};

	if (!run.is_opened[p - scenario_conns] || is_open(p))
		return false;
	harness_peer_read(&p->peer, SIZE_MAX);
	if (p->peer.has_ended || p->peer.error < 0)
		return true;
	/* TCP may be on its way still. */
	poll(&peer, 1, TURN_MS);
	return false;
}

static bool is_over(void)
{
	size_t n_past = 0;
	size_t i;

	for (i = 0; i < SCENARIO_MAX_CONNS; i++)
		n_past += is_past(&scenario_conns[i]);
	return n_past + run.n_refused >= run.scenario->n_conns;
}

static bool is_complete(const struct conn_probe *p, size_t i)
{
	return p->result.reason == WEIR_REASON_FINISHED &&
	       p->peer.n_received == run.scenario->n_sent[i] &&
	       p->n_taken == run.scenario->n_taken[i];
}

/* Finished before its time, or aborted, for another's sake. */
static bool is_cut(const struct conn_probe *p)
{
	if (!(run.scenario->traits & SCENARIO_IS_CHAIN))
		return false;
	return p->result.reason == WEIR_REASON_FINISHED ||
	       p->result.reason == WEIR_REASON_ABORTED;
}

/* Of what was sent nothing is lost on the way, nor of what came forgotten:
 * it was consumed or counts as unread. */
static void check_ends(const struct conn_probe *p)
{
	const struct weir_progress *is = &p->result.progress;
	bool may_lose = (run.scenario->traits & SCENARIO_IS_TCP) &&
			p->result.reason != WEIR_REASON_FINISHED;

	if (p->peer.n_received != is->sent && !may_lose)
		harness_die("%llu bytes were sent, the peer has %llu",
			    (unsigned long long)is->sent,
			    (unsigned long long)p->peer.n_received);
	if (p->n_taken + is->unread > p->n_written ||
	    p->n_taken + is->unread < is->received)
		harness_die("the peer wrote %llu bytes, %llu were received, "
			    "%llu consumed, %llu are unread",
			    (unsigned long long)p->n_written,
			    (unsigned long long)is->received,
			    (unsigned long long)p->n_taken,
			    (unsigned long long)is->unread);
	if (p->result.reason == WEIR_REASON_FINISHED && is->dropped > 0)
		harness_die("finished, and %llu bytes are dropped",
			    (unsigned long long)is->dropped);
}

static void judge(struct conn_probe *p, size_t i)
{
	struct scenario_outcome *o = &run.outcome;

	check_ends(p);
	if (is_complete(p, i)) {
		o->n_complete++;
	} else if (is_cut(p)) {
		o->n_cut++;
	} else {
		o->failures[o->n_failed++] = p->result;
	}
}

static void begin(const struct scenario *s)
{
	run.scenario = s;
	memset(run.is_opened, 0, sizeof run.is_opened);
	memset(run.has_ended, 0, sizeof run.has_ended);
	memset(scenario_conns, 0, sizeof scenario_conns);
	run.n_refused = 0;
	run.outcome = (struct scenario_outcome){0};
	signal(SIGABRT, tell);
}

struct scenario_outcome scenario_run(const struct scenario *s, uint64_t nth)
{
	unsigned n_turns = 0;
	size_t i;

	begin(s);
	s->start();
	while (!is_over()) {
		if (n_turns++ == MAX_TURNS)
			harness_die("it hangs");
		/* or TCP is slow, on a machine that is busy elsewhere */
		if (n_turns > MAX_TURNS / 2 && s->traits & SCENARIO_IS_TCP)
			fault_time_settle(TURN_MS);
		s->step();
		turn(nth);
	}
	for (i = 0; i < SCENARIO_MAX_CONNS; i++)
		if (run.is_opened[i])
			judge(&scenario_conns[i], i);
	run.outcome.was_hit = fault_n_pending() == 0;
	if (s->stop)
		s->stop();
	return run.outcome;
}
