/* Which calls can fail by what, and what must come of it. */
#include "harness_scenario.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum expected {
	/* every byte arrives, every connection finishes */
	TRANSPARENT,
	/* one connection ends by it, the others go on */
	ENDS,
	/* only when EPOLLOUT asked for the flush; a first offer is repeated */
	ENDS_UNDER_EPOLLOUT,
	/* no connection comes of it; later, one ends by it */
	OPEN_FAILS,
	/* a large answer is put off; input that cannot be kept ends it */
	NO_MEMORY,
	/* it may concern a connection that has ended anyway */
	ENDS_UNLESS_DEAD
};

/* A result in a script that means: so many bytes and no more. */
enum {
	AT_MOST_1 = 1
};

/* EAGAIN stands for EINTR too, by sys.h; 0 bytes ready is what it makes
 * of an interrupted wait. epoll_del and a get of the clock cannot fail. */
static const struct sweep_row {
	enum fault_call call;
	int error;
	enum expected expected;
	int closes_with; /* if it ends with another error than this; else 0 */
} table[] = {
	{FAULT_RECV, -EAGAIN, TRANSPARENT, 0},
	{FAULT_RECV, AT_MOST_1, TRANSPARENT, 0},
	{FAULT_RECV, -ECONNRESET, ENDS, 0},
	{FAULT_RECV, -ETIMEDOUT, ENDS, 0},
	{FAULT_RECV, -ENOBUFS, ENDS, 0},
	{FAULT_RECV, -ENOMEM, ENDS, 0},
	{FAULT_RECV, -ENOTCONN, ENDS, 0},
	{FAULT_SEND, -EAGAIN, TRANSPARENT, 0},
	{FAULT_SEND, AT_MOST_1, TRANSPARENT, 0},
	{FAULT_SEND, -ENOBUFS, TRANSPARENT, 0},
	{FAULT_SEND, -ENOMEM, TRANSPARENT, 0},
	{FAULT_SEND, -ECONNRESET, ENDS, 0},
	{FAULT_SEND, -EPIPE, ENDS, 0},
	{FAULT_SEND, -ETIMEDOUT, ENDS, 0},
	{FAULT_SENDV, -EAGAIN, TRANSPARENT, 0},
	{FAULT_SENDV, AT_MOST_1, TRANSPARENT, 0},
	{FAULT_SENDV, -ENOBUFS, ENDS_UNDER_EPOLLOUT, 0},
	{FAULT_SENDV, -ENOMEM, ENDS_UNDER_EPOLLOUT, 0},
	{FAULT_SENDV, -ECONNRESET, ENDS, 0},
	{FAULT_SENDV, -EPIPE, ENDS, 0},
	{FAULT_SENDV, -ETIMEDOUT, ENDS, 0},
	{FAULT_SENDFILE, -EAGAIN, TRANSPARENT, 0},
	{FAULT_SENDFILE, AT_MOST_1, TRANSPARENT, 0},
	/* then it is read */
	{FAULT_SENDFILE, 0, TRANSPARENT, 0},
	{FAULT_SENDFILE, -EINVAL, TRANSPARENT, 0},
	{FAULT_PREAD, AT_MOST_1, TRANSPARENT, 0},
	{FAULT_SENDFILE, -ENOMEM, ENDS_UNDER_EPOLLOUT, 0},
	{FAULT_SENDFILE, -EIO, ENDS, 0},
	{FAULT_SENDFILE, -EPIPE, ENDS, 0},
	{FAULT_SENDFILE, -ECONNRESET, ENDS, 0},
	{FAULT_SHUTDOWN_WRITE, -ENOTCONN, ENDS, -ECONNRESET},
	{FAULT_SHUTDOWN_WRITE, -ENOBUFS, ENDS, 0},
	{FAULT_EPOLL_ADD, -ENOMEM, OPEN_FAILS, 0},
	{FAULT_EPOLL_ADD, -ENOSPC, OPEN_FAILS, 0},
	{FAULT_EPOLL_MOD, -ENOMEM, ENDS_UNLESS_DEAD, 0},
	{FAULT_EPOLL_WAIT, 0, TRANSPARENT, 0},
	{FAULT_TIMERFD_SET, -ENOMEM, TRANSPARENT, 0},
	{FAULT_GETSOCKOPT, -ENOBUFS, OPEN_FAILS, 0},
	{FAULT_SETSOCKOPT, -ENOBUFS, TRANSPARENT, 0},
	{FAULT_CLOSE, -EIO, TRANSPARENT, 0},
	{FAULT_UNREAD, -EINVAL, TRANSPARENT, 0},
	{FAULT_UNACKED, -EINVAL, TRANSPARENT, 0},
	{FAULT_UNSENT, -EINVAL, TRANSPARENT, 0},
	{FAULT_ALLOC, -ENOMEM, NO_MEMORY, 0},
	{FAULT_SOCKET, -EMFILE, OPEN_FAILS, 0},
	{FAULT_BIND, -EADDRINUSE, OPEN_FAILS, 0},
	{FAULT_LISTEN, -EADDRINUSE, OPEN_FAILS, 0},
	{FAULT_GETSOCKNAME, -ENOBUFS, OPEN_FAILS, 0},
	{FAULT_ACCEPT, -EAGAIN, TRANSPARENT, 0},
	{FAULT_ACCEPT, -ECONNABORTED, TRANSPARENT, 0},
	{FAULT_ACCEPT, -EMFILE, TRANSPARENT, 0},
	{FAULT_ACCEPT, -ENFILE, TRANSPARENT, 0},
	{FAULT_ACCEPT, -ENOBUFS, TRANSPARENT, 0},
	{FAULT_ACCEPT, -ENOMEM, TRANSPARENT, 0},
};

enum {
	N_ROWS = sizeof table / sizeof *table
};

static void place(const struct sweep_row *row, uint64_t nth)
{
	if (row->error == AT_MOST_1)
		fault_at_most(row->call, FAULT_ANY_FD, nth, 1);
	else
		fault_result(row->call, FAULT_ANY_FD, nth, row->error);
}

static bool is_all_well(const struct scenario *s,
			const struct scenario_outcome *o)
{
	return o->n_complete == s->n_conns && o->open_error == 0;
}

static enum weir_reason reason_of(int error)
{
	if (error == -EPIPE)
		return WEIR_REASON_PEER_CLOSED;
	return error == -ECONNRESET ? WEIR_REASON_RESET : WEIR_REASON_ERROR;
}

/* One has ended by error, and no other because of it. */
static bool has_one_ended(const struct scenario *s,
			  const struct scenario_outcome *o, int error)
{
	return o->n_failed == 1 && o->n_complete + o->n_cut + 1 == s->n_conns &&
	       o->open_error == 0 && o->failures[0].error == error &&
	       o->failures[0].reason == reason_of(error);
}

static bool has_open_failed(const struct scenario *s,
			    const struct scenario_outcome *o, int error)
{
	return o->open_error == error && o->n_failed == 0 &&
	       o->n_complete + o->n_cut < s->n_conns;
}

static bool is_expected(const struct scenario *s, const struct sweep_row *row,
			const struct scenario_outcome *o)
{
	int error = row->closes_with ? row->closes_with : row->error;
	bool is_well = is_all_well(s, o);
	bool has_ended = has_one_ended(s, o, error);

	switch (row->expected) {
	case TRANSPARENT:
		return is_well;
	case ENDS:
		return has_ended;
	case ENDS_UNDER_EPOLLOUT:
		if (s->n_conns > 1 || row->call == FAULT_SENDFILE)
			return is_well || (o->was_armed && has_ended);
		return o->was_under_epollout ? has_ended : is_well;
	case OPEN_FAILS:
		return o->open_error != 0 ? has_open_failed(s, o, error)
					  : has_ended;
	case NO_MEMORY:
		return is_well || ((s->traits & SCENARIO_KEEPS_INPUT) &&
				   has_one_ended(s, o, -ENOMEM));
	case ENDS_UNLESS_DEAD:
		return has_ended || (o->was_dead && is_well);
	default:
		return false;
	}
}

static void expect(bool is_right, const struct scenario_outcome *o)
{
	cr_expect(is_right,
		  "%s: %zu complete, %zu cut, %zu failed (%s, %s), open: %s",
		  scenario_description(), o->n_complete, o->n_cut, o->n_failed,
		  o->n_failed ? weir_reason_name(o->failures[0].reason) : "",
		  o->n_failed ? strerror(-o->failures[0].error) : "",
		  strerror(-o->open_error));
}

/* With the nth of row's calls failing; false: there are not so many. */
static bool try(const struct scenario *s, const struct sweep_row *row,
		uint64_t nth)
{
	struct scenario_outcome outcome;

	scenario_describe("%s, %s %llu: %s", s->name,
			  fault_call_name(row->call), (unsigned long long)nth,
			  row->error == AT_MOST_1 ? "at most 1 byte"
						  : strerror(-row->error));
	place(row, nth);
	outcome = scenario_run(s, nth);
	expect(outcome.was_hit ? is_expected(s, row, &outcome)
			       : is_all_well(s, &outcome),
	       &outcome);
	/* a new loop for the next one */
	conn_end();
	conn_begin();
	return outcome.was_hit;
}

void scenario_sweep(const struct scenario *s)
{
	size_t i;

	for (i = 0; i < N_ROWS; i++) {
		uint64_t nth = 1;

		while (try(s, &table[i], nth))
			nth++;
	}
}

/* -- storms -- */

enum {
	N_HARMLESS = 40, /* scripts in one run, at most */
	N_OF_ANY_KIND = 6
};

static uint64_t storm_random;

/* splitmix64; the harness's numbers begin anew with each loop. */
static size_t draw(size_t n)
{
	uint64_t x = storm_random += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (size_t)((x ^ (x >> 31)) % n);
}

/* What a storm has placed. */
struct storm {
	const struct sweep_row *rows[N_HARMLESS];
	uint64_t nth[N_HARMLESS];
	size_t n;
};

static void brew(struct storm *storm, const uint64_t *n_calls, bool is_harmless)
{
	storm->n = 1 + draw(is_harmless ? N_HARMLESS : N_OF_ANY_KIND);
	for (size_t i = 0; i < storm->n;) {
		const struct sweep_row *row = &table[draw(N_ROWS)];

		if (n_calls[row->call] == 0 ||
		    (is_harmless && row->expected != TRANSPARENT))
			continue;
		storm->rows[i] = row;
		/* faults make a run longer */
		storm->nth[i++] = 1 + draw(n_calls[row->call] + 2);
	}
}

static void describe(const struct scenario *s, const struct storm *storm,
		     unsigned number)
{
	char text[1800] = "";
	size_t n = 0;

	for (size_t i = 0; i < storm->n && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
				      "; %s %llu: %d",
				      fault_call_name(storm->rows[i]->call),
				      (unsigned long long)storm->nth[i],
				      storm->rows[i]->error);
	scenario_describe("%s, storm %u%s", s->name, number, text);
}

static bool is_among(const struct storm *storm, int error)
{
	for (size_t i = 0; i < storm->n; i++) {
		const struct sweep_row *row = storm->rows[i];

		if ((row->closes_with ? row->closes_with : row->error) == error)
			return true;
	}
	return false;
}

/* Nothing ended by an error that was not sent. */
static bool is_explained(const struct storm *storm,
			 const struct scenario_outcome *o)
{
	bool is_right = o->open_error == 0 || is_among(storm, o->open_error);

	for (size_t i = 0; i < o->n_failed; i++) {
		const struct weir_result *r = &o->failures[i];

		is_right &= is_among(storm, r->error) &&
			    r->reason == reason_of(r->error);
	}
	return is_right;
}

static void count_calls(const struct scenario *s, uint64_t *n_calls)
{
	int i;

	scenario_describe("%s, undisturbed", s->name);
	scenario_run(s, 0);
	for (i = 0; i < FAULT_N_CALLS; i++)
		n_calls[i] = fault_count((enum fault_call)i);
	conn_end();
	conn_begin();
}

void scenario_storm(const struct scenario *s, unsigned n_runs)
{
	const char *seed = getenv("WEIR_SEED");
	uint64_t n_calls[FAULT_N_CALLS];
	unsigned number;

	storm_random = seed ? strtoull(seed, NULL, 10) : 1;
	count_calls(s, n_calls);
	for (number = 1; number <= n_runs; number++) {
		bool is_harmless = number % 2 == 0;
		struct scenario_outcome outcome;
		struct storm storm;

		brew(&storm, n_calls, is_harmless);
		describe(s, &storm, number);
		for (size_t i = 0; i < storm.n; i++)
			place(storm.rows[i], storm.nth[i]);
		outcome = scenario_run(s, 0);
		expect(is_harmless ? is_all_well(s, &outcome)
				   : is_explained(&storm, &outcome),
		       &outcome);
		conn_end();
		conn_begin();
	}
}
