/* The runner of test_conn_fault.h. */
#include "test_conn_fault.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum {
	/* more than the pause after -ENOMEM */
	PATIENCE_NS = 50000000,
	MORE = 10
};

struct conn_probe fault_probe;

static struct {
	enum fault_call call;
	const struct fault_row *row;
} now;

void conn_fault_at(uint64_t nth)
{
	fault_result(now.call, FAULT_ANY_FD, nth, now.row->error);
}

void conn_fault_here(void)
{
	conn_fault_at(1);
}

static int error_of(const struct fault_row *row)
{
	if (row->end == RESET)
		return -ECONNRESET;
	if (row->end == PEER_CLOSED)
		return -EPIPE;
	return row->end == ERROR ? row->error : 0;
}

static void expect(const char *what, uint64_t is, uint64_t wanted)
{
	cr_expect_eq(is, wanted, "%s (%s): %s is %llu, not %llu",
		     fault_call_name(now.call), strerror(-now.row->error), what,
		     (unsigned long long)is, (unsigned long long)wanted);
}

static void expect_calls(void)
{
	const char *calls = fault_probe.calls;

	cr_expect_str_eq(calls, now.row->calls,
			 "%s (%s): the callbacks are \"%s\", not \"%s\"",
			 fault_call_name(now.call), strerror(-now.row->error),
			 calls, now.row->calls);
}

/* It sends as if nothing had happened. */
static void expect_to_go_on(void)
{
	uint64_t n = fault_probe.peer.n_received;

	cr_expect_eq(conn_probe_sendall(&fault_probe, MORE), 0);
	conn_flow(&fault_probe);
	expect("what follows", fault_probe.peer.n_received - n, MORE);
}

static void judge(int result)
{
	const struct fault_row *row = now.row;
	struct conn_probe *p = &fault_probe;
	bool is_closed = p->n_of[(int)CONN_CLOSED] > 0;

	expect("the fault that has not come", fault_n_pending(), 0);
	cr_expect_eq(result, row->result, "%s (%s): the result is %d, not %d",
		     fault_call_name(now.call), strerror(-row->error), result,
		     row->result);
	if (row->end == NOT_OPEN)
		return;
	if (!is_closed)
		p->result.progress = conn_probe_progress(p);
	expect_calls();
	expect("the peer's share", p->peer.n_received, row->n_received);
	expect("sent", p->result.progress.sent, row->n_received);
	expect("dropped", p->result.progress.dropped, row->n_dropped);
	expect("unread", p->result.progress.unread, row->n_unread);
	expect("closed", is_closed, row->end != GOES_ON);
	if (!is_closed) {
		expect_to_go_on();
		return;
	}
	expect("the reason", p->result.reason, row->end);
	expect("the error", (uint64_t)-p->result.error,
	       (uint64_t)-error_of(row));
}

static void run_row(int (*situation)(void))
{
	int result;

	fault_probe = (struct conn_probe){.peer.fd = -1};
	result = situation();
	if (now.row->end != NOT_OPEN) {
		conn_flow(&fault_probe);
		conn_pass(PATIENCE_NS);
		conn_flow(&fault_probe);
	}
	judge(result);
	/* the next row has a loop that keeps nothing of this one's */
	conn_end();
	conn_begin();
}

void conn_fault_run(int (*situation)(void), enum fault_call call,
		    const struct fault_row *rows)
{
	now.call = call;
	for (now.row = rows; now.row->calls; now.row++)
		run_row(situation);
}
