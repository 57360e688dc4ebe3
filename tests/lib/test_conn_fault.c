/* Sends that fail: by each of the library's ways to offer bytes to the kernel,
 * each errno, and what must come of it. */
#include "test_conn_fault.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(conn_fault, .init = conn_begin, .fini = conn_end);

enum {
	SMALL = 100,	/* gathered, or one chunk */
	LARGE = 100000, /* leaves at once */
	ASIDE = 50	/* a second message */
};

static struct conn_probe *const p = &fault_probe;

/* What comes of a send. */
struct outcome {
	/* by an errno that says "not now": the callbacks, and what arrives */
	const char *goes_on;
	size_t n_received;
	/* by one that ends the connection; whether the call returns it */
	const char *ends;
	bool is_returned;
	size_t n_dropped;
	size_t n_unread;
};

static void run(int (*situation)(void), enum fault_call call,
		const struct outcome *what)
{
	static const struct {
		int error;
		enum fault_end end;
	} errors[] = {{-EAGAIN, GOES_ON},    {-ENOBUFS, GOES_ON},
		      {-ENOMEM, GOES_ON},    {-ECONNRESET, RESET},
		      {-EPIPE, PEER_CLOSED}, {-ENOTCONN, ERROR},
		      {-ETIMEDOUT, ERROR}};
	size_t i;

	for (i = 0; i < sizeof errors / sizeof *errors; i++) {
		const int error = errors[i].error;
		const struct fault_row goes_on[] = {{error, 0, what->goes_on,
						     GOES_ON, what->n_received,
						     0, 0},
						    {0}};
		const struct fault_row ends[] = {
			{error, what->is_returned ? error : 0, what->ends,
			 errors[i].end, 0, what->n_dropped, what->n_unread},
			{0}};

		conn_fault_run(situation, call,
			       errors[i].end == GOES_ON ? goes_on : ends);
	}
}

/* An error of the connection is the answer from now on, and takes nothing. */
static int sent(ssize_t first)
{
	ssize_t again = first < 0 ? conn_probe_sendall(p, ASIDE) : first;

	cr_expect_eq(again, first, "then it says %zd, not %zd", again, first);
	return (int)first;
}

/* -- weir_conn_send -- */

static int send_alone(void)
{
	conn_probe_open(p, 0, NULL);
	conn_fault_here();
	return sent(conn_probe_send(p, SMALL));
}

Test(conn_fault, send_that_the_kernel_refuses)
{
	run(send_alone, FAULT_SEND, &(struct outcome){"w", 0, "c", true, 0, 0});
}

/* Input waits in the kernel when the send fails: it is offered. */
static int send_with_input_waiting(void)
{
	conn_probe_open(p, 0, NULL);
	conn_probe_write(p, SMALL);
	conn_fault_here();
	return sent(conn_probe_send(p, SMALL));
}

Test(conn_fault, send_that_fails_while_input_waits)
{
	run(send_with_input_waiting, FAULT_SEND,
	    &(struct outcome){"dw", 0, "dc", true, 0, 0});
}

/* Nobody wants the input that waits: at the end it counts as unread. */
static int send_while_paused(void)
{
	conn_probe_open(p, 0, NULL);
	conn_probe_write(p, SMALL);
	weir_conn_pause(&p->conn);
	conn_turns(1);
	conn_fault_here();
	return sent(conn_probe_send(p, SMALL));
}

Test(conn_fault, send_that_fails_while_paused)
{
	run(send_while_paused, FAULT_SEND,
	    &(struct outcome){"w", 0, "c", true, 0, SMALL});
}

static int send_after_the_peers_end(void)
{
	conn_probe_open(p, 0, NULL);
	conn_probe_write_end(p);
	conn_turns(1);
	conn_fault_here();
	return sent(conn_probe_send(p, SMALL));
}

Test(conn_fault, send_that_fails_after_the_peers_fin)
{
	run(send_after_the_peers_end, FAULT_SEND,
	    &(struct outcome){"ew", 0, "ec", true, 0, 0});
}

/* -- gathered in on_data -- */

/* What the first on_data does; the result of its last send. */
static int (*reply)(void);
static int result;

static void do_reply(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		conn_fault_here();
		result = reply();
		probe->then = NULL;
	}
}

static int reply_in_on_data(void)
{
	conn_probe_open(p, 0, NULL);
	p->then = do_reply;
	conn_probe_write(p, 1);
	conn_turns(1);
	return result;
}

static void run_in_on_data(int (*its_reply)(void), enum fault_call call,
			   const struct outcome *what)
{
	reply = its_reply;
	run(reply_in_on_data, call, what);
}

static int gather(void)
{
	return conn_probe_sendall(p, SMALL);
}

/* It was accepted before the kernel was asked. */
Test(conn_fault, send_of_what_on_data_gathered)
{
	run_in_on_data(gather, FAULT_SEND,
		       &(struct outcome){"d", SMALL, "dc", false, SMALL, 0});
}

static int gather_then_send(void)
{
	cr_expect_eq(conn_probe_sendall(p, SMALL), 0);
	return sent(conn_probe_send(p, ASIDE));
}

/* What was gathered goes first; it is that call which fails. */
Test(conn_fault, send_behind_what_on_data_gathered)
{
	run_in_on_data(gather_then_send, FAULT_SEND,
		       &(struct outcome){"dw", SMALL, "dc", true, SMALL, 0});
}

/* -- large ones -- */

static int sendall_large(void)
{
	conn_probe_open(p, 0, NULL);
	conn_fault_here();
	return sent(conn_probe_sendall(p, LARGE));
}

Test(conn_fault, sendv_of_a_large_sendall)
{
	run(sendall_large, FAULT_SENDV,
	    &(struct outcome){"", LARGE, "c", true, 0, 0});
}

static int gather_then_large(void)
{
	cr_expect_eq(conn_probe_sendall(p, SMALL), 0);
	return sent(conn_probe_sendall(p, LARGE));
}

/* Of the large one nothing was taken; what was gathered before was. */
Test(conn_fault, sendv_of_a_large_sendall_behind_gathered_bytes)
{
	run_in_on_data(
		gather_then_large, FAULT_SENDV,
		&(struct outcome){"d", SMALL + LARGE, "dc", true, SMALL, 0});
}

/* -- the queue -- */

/* Outside of a callback it leaves at the end of the turn. */
static int sendall_outside(void)
{
	conn_probe_open(p, 0, NULL);
	conn_fault_here();
	return conn_probe_sendall(p, SMALL);
}

static int sendbuf_outside(void)
{
	conn_probe_open(p, 0, NULL);
	conn_fault_here();
	return conn_probe_sendbuf(p, SMALL);
}

Test(conn_fault, sendv_of_a_first_flush)
{
	static const struct outcome what = {"", SMALL, "c", false, SMALL, 0};

	run(sendall_outside, FAULT_SENDV, &what);
	run(sendbuf_outside, FAULT_SENDV, &what);
}

static int flush_when_writable(void)
{
	conn_probe_open(p, 0, NULL);
	fault_next(FAULT_SENDV, -EAGAIN);
	result = conn_probe_sendall(p, LARGE);
	conn_fault_here();
	return result;
}

/* Here ENOBUFS and ENOMEM end it: EPOLLOUT would come again at once. */
Test(conn_fault, sendv_under_epollout)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "", GOES_ON, LARGE, 0, 0},
		{-ENOBUFS, 0, "c", ERROR, 0, LARGE, 0},
		{-ENOMEM, 0, "c", ERROR, 0, LARGE, 0},
		{-ECONNRESET, 0, "c", RESET, 0, LARGE, 0},
		{-EPIPE, 0, "c", PEER_CLOSED, 0, LARGE, 0},
		{-ENOTCONN, 0, "c", ERROR, 0, LARGE, 0},
		{-ETIMEDOUT, 0, "c", ERROR, 0, LARGE, 0},
		{0}};

	conn_fault_run(flush_when_writable, FAULT_SENDV, rows);
}

/* Some of it is on its way: the peer has just that, as a prefix. */
static int flush_of_a_rest(void)
{
	conn_probe_open(p, 0, NULL);
	fault_at_most(FAULT_SENDV, FAULT_ANY_FD, 1, LARGE / 10);
	result = conn_probe_sendall(p, LARGE);
	fault_at_most(FAULT_SENDV, FAULT_ANY_FD, 1, LARGE / 10);
	conn_fault_at(2);
	return result;
}

Test(conn_fault, sendv_of_the_rest_of_a_message)
{
	enum {
		OUT = LARGE / 5,
		REST = LARGE - OUT
	};
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "", GOES_ON, LARGE, 0, 0},
		{-ENOBUFS, 0, "c", ERROR, OUT, REST, 0},
		{-ECONNRESET, 0, "c", RESET, OUT, REST, 0},
		{-EPIPE, 0, "c", PEER_CLOSED, OUT, REST, 0},
		{-ETIMEDOUT, 0, "c", ERROR, OUT, REST, 0},
		{0}};

	conn_fault_run(flush_of_a_rest, FAULT_SENDV, rows);
}

static int reply_by_buffer(void)
{
	return conn_probe_sendbuf(p, SMALL);
}

Test(conn_fault, sendv_at_the_end_of_on_data)
{
	run_in_on_data(reply_by_buffer, FAULT_SENDV,
		       &(struct outcome){"d", SMALL, "dc", false, SMALL, 0});
}
