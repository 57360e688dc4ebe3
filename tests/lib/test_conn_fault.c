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

/* The last send of the on_data that runs in a situation. */
static int result;

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
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "w", GOES_ON, 0, 0, 0},
		{-ENOBUFS, 0, "w", GOES_ON, 0, 0, 0},
		{-ENOMEM, 0, "w", GOES_ON, 0, 0, 0},
		{-ECONNRESET, -ECONNRESET, "c", RESET, 0, 0, 0},
		{-EPIPE, -EPIPE, "c", PEER_CLOSED, 0, 0, 0},
		{-ENOTCONN, -ENOTCONN, "c", ERROR, 0, 0, 0},
		{-ETIMEDOUT, -ETIMEDOUT, "c", ERROR, 0, 0, 0},
		{0}};

	conn_fault_run(send_alone, FAULT_SEND, rows);
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
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "dw", GOES_ON, 0, 0, 0},
		{-ECONNRESET, -ECONNRESET, "dc", RESET, 0, 0, 0},
		{-EPIPE, -EPIPE, "dc", PEER_CLOSED, 0, 0, 0},
		{-ETIMEDOUT, -ETIMEDOUT, "dc", ERROR, 0, 0, 0},
		{0}};

	conn_fault_run(send_with_input_waiting, FAULT_SEND, rows);
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
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "w", GOES_ON, 0, 0, 0},
		{-ECONNRESET, -ECONNRESET, "c", RESET, 0, 0, SMALL},
		{-EPIPE, -EPIPE, "c", PEER_CLOSED, 0, 0, SMALL},
		{-ETIMEDOUT, -ETIMEDOUT, "c", ERROR, 0, 0, SMALL},
		{0}};

	conn_fault_run(send_while_paused, FAULT_SEND, rows);
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
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "ew", GOES_ON, 0, 0, 0},
		{-ECONNRESET, -ECONNRESET, "ec", RESET, 0, 0, 0},
		{-EPIPE, -EPIPE, "ec", PEER_CLOSED, 0, 0, 0},
		{-ETIMEDOUT, -ETIMEDOUT, "ec", ERROR, 0, 0, 0},
		{0}};

	conn_fault_run(send_after_the_peers_end, FAULT_SEND, rows);
}

/* -- gathered in on_data -- */

/* In the first on_data: do it, and note what it says. */
static void in_on_data(void (*then)(struct conn_probe *probe, char call))
{
	conn_probe_open(p, 0, NULL);
	p->then = then;
	conn_probe_write(p, 1);
	conn_turns(1);
	p->then = NULL;
}

static void reply(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		conn_fault_here();
		result = conn_probe_sendall(probe, SMALL);
	}
}

static int reply_in_on_data(void)
{
	in_on_data(reply);
	return result;
}

/* It was accepted before the kernel was asked. */
Test(conn_fault, send_of_what_on_data_gathered)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "d", GOES_ON, SMALL, 0, 0},
		{-ENOBUFS, 0, "d", GOES_ON, SMALL, 0, 0},
		{-ENOMEM, 0, "d", GOES_ON, SMALL, 0, 0},
		{-ECONNRESET, 0, "dc", RESET, 0, SMALL, 0},
		{-EPIPE, 0, "dc", PEER_CLOSED, 0, SMALL, 0},
		{-ENOTCONN, 0, "dc", ERROR, 0, SMALL, 0},
		{-ETIMEDOUT, 0, "dc", ERROR, 0, SMALL, 0},
		{0}};

	conn_fault_run(reply_in_on_data, FAULT_SEND, rows);
}

static void reply_then_send(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		conn_fault_here();
		cr_expect_eq(conn_probe_sendall(probe, SMALL), 0);
		result = sent(conn_probe_send(probe, ASIDE));
	}
}

static int reply_then_send_in_on_data(void)
{
	in_on_data(reply_then_send);
	return result;
}

/* What was gathered goes first; it is that call which fails. */
Test(conn_fault, send_behind_what_on_data_gathered)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "dw", GOES_ON, SMALL, 0, 0},
		{-ENOBUFS, 0, "dw", GOES_ON, SMALL, 0, 0},
		{-ENOMEM, 0, "dw", GOES_ON, SMALL, 0, 0},
		{-ECONNRESET, -ECONNRESET, "dc", RESET, 0, SMALL, 0},
		{-EPIPE, -EPIPE, "dc", PEER_CLOSED, 0, SMALL, 0},
		{-ETIMEDOUT, -ETIMEDOUT, "dc", ERROR, 0, SMALL, 0},
		{0}};

	conn_fault_run(reply_then_send_in_on_data, FAULT_SEND, rows);
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
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "", GOES_ON, LARGE, 0, 0},
		{-ENOBUFS, 0, "", GOES_ON, LARGE, 0, 0},
		{-ENOMEM, 0, "", GOES_ON, LARGE, 0, 0},
		{-ECONNRESET, -ECONNRESET, "c", RESET, 0, 0, 0},
		{-EPIPE, -EPIPE, "c", PEER_CLOSED, 0, 0, 0},
		{-ENOTCONN, -ENOTCONN, "c", ERROR, 0, 0, 0},
		{-ETIMEDOUT, -ETIMEDOUT, "c", ERROR, 0, 0, 0},
		{0}};

	conn_fault_run(sendall_large, FAULT_SENDV, rows);
}

static void reply_then_large(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		conn_fault_here();
		cr_expect_eq(conn_probe_sendall(probe, SMALL), 0);
		result = sent(conn_probe_sendall(probe, LARGE));
	}
}

static int reply_then_large_in_on_data(void)
{
	in_on_data(reply_then_large);
	return result;
}

/* Of the large one nothing was taken; what was gathered before was. */
Test(conn_fault, sendv_of_a_large_sendall_behind_gathered_bytes)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "d", GOES_ON, SMALL + LARGE, 0, 0},
		{-ENOBUFS, 0, "d", GOES_ON, SMALL + LARGE, 0, 0},
		{-ENOMEM, 0, "d", GOES_ON, SMALL + LARGE, 0, 0},
		{-ECONNRESET, -ECONNRESET, "dc", RESET, 0, SMALL, 0},
		{-EPIPE, -EPIPE, "dc", PEER_CLOSED, 0, SMALL, 0},
		{-ETIMEDOUT, -ETIMEDOUT, "dc", ERROR, 0, SMALL, 0},
		{0}};

	conn_fault_run(reply_then_large_in_on_data, FAULT_SENDV, rows);
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
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "", GOES_ON, SMALL, 0, 0},
		{-ENOBUFS, 0, "", GOES_ON, SMALL, 0, 0},
		{-ENOMEM, 0, "", GOES_ON, SMALL, 0, 0},
		{-ECONNRESET, 0, "c", RESET, 0, SMALL, 0},
		{-EPIPE, 0, "c", PEER_CLOSED, 0, SMALL, 0},
		{-ENOTCONN, 0, "c", ERROR, 0, SMALL, 0},
		{-ETIMEDOUT, 0, "c", ERROR, 0, SMALL, 0},
		{0}};

	conn_fault_run(sendall_outside, FAULT_SENDV, rows);
	conn_fault_run(sendbuf_outside, FAULT_SENDV, rows);
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

static void reply_by_buffer(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		conn_fault_here();
		result = conn_probe_sendbuf(probe, SMALL);
	}
}

static int sendbuf_in_on_data(void)
{
	in_on_data(reply_by_buffer);
	return result;
}

Test(conn_fault, sendv_at_the_end_of_on_data)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "d", GOES_ON, SMALL, 0, 0},
		{-ENOBUFS, 0, "d", GOES_ON, SMALL, 0, 0},
		{-ENOMEM, 0, "d", GOES_ON, SMALL, 0, 0},
		{-ECONNRESET, 0, "dc", RESET, 0, SMALL, 0},
		{-EPIPE, 0, "dc", PEER_CLOSED, 0, SMALL, 0},
		{-ETIMEDOUT, 0, "dc", ERROR, 0, SMALL, 0},
		{0}};

	conn_fault_run(sendbuf_in_on_data, FAULT_SENDV, rows);
}
