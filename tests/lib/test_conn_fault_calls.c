/* All calls but sends and allocations: recv, shutdown, those at open and at
 * close, epoll's, and the ioctls that a look at the peer takes. */
#include "test_conn_fault.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(conn_fault_calls, .init = conn_begin, .fini = conn_end);

enum {
	SOME = 100,
	PART = 40 /* of it */
};

static struct conn_probe *const p = &fault_probe;

/* -- recv -- */

static int input_comes(void)
{
	conn_probe_open(p, 0, NULL);
	conn_probe_write(p, SOME);
	conn_fault_here();
	return 0;
}

/* After an error what had arrived is offered all the same. */
Test(conn_fault_calls, recv_of_input)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "d", GOES_ON, 0, 0, 0},
		{-ECONNRESET, 0, "dc", RESET, 0, 0, 0},
		{-EPIPE, 0, "dc", PEER_CLOSED, 0, 0, 0},
		{-ENOBUFS, 0, "dc", ERROR, 0, 0, 0},
		{-ENOMEM, 0, "dc", ERROR, 0, 0, 0},
		{-ENOTCONN, 0, "dc", ERROR, 0, 0, 0},
		{-ETIMEDOUT, 0, "dc", ERROR, 0, 0, 0},
		{0}};

	conn_fault_run(input_comes, FAULT_RECV, rows);
}

/* on_data takes PART each time, and has left the rest of SOME before. */
static int input_comes_behind_kept(void)
{
	conn_probe_open(p, 0, NULL);
	p->take = PART;
	conn_probe_write(p, SOME);
	conn_turns(1);
	conn_probe_write(p, SOME);
	conn_fault_here();
	return 0;
}

/* An error offers what was kept once more, before what has come meanwhile. */
Test(conn_fault_calls, recv_behind_kept_input)
{
	enum {
		LEFT = 2 * SOME - 2 * PART,
		LESS = LEFT - PART
	};
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "dd", GOES_ON, 0, 0, LEFT},
		{-ECONNRESET, 0, "dddc", RESET, 0, 0, LESS},
		{-ENOMEM, 0, "dddc", ERROR, 0, 0, LESS},
		{-ETIMEDOUT, 0, "dddc", ERROR, 0, 0, LESS},
		{0}};

	conn_fault_run(input_comes_behind_kept, FAULT_RECV, rows);
}

static int answer_in_on_data(void)
{
	input_comes();
	p->is_echo = true;
	return 0;
}

/* The answer to what is offered after an error is refused, and says so by
 * leaving the input unread. */
Test(conn_fault_calls, recv_of_an_echo)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "d", GOES_ON, SOME, 0, 0},
		{-ECONNRESET, 0, "dc", RESET, 0, 0, SOME},
		{-ENOMEM, 0, "dc", ERROR, 0, 0, SOME},
		{0}};

	conn_fault_run(answer_in_on_data, FAULT_RECV, rows);
}

static int input_is_discarded(void)
{
	conn_probe_open(p, 0, NULL);
	cr_expect_eq(conn_probe_sendall(p, SOME), 0);
	weir_conn_finish(&p->conn);
	conn_turns(1);
	conn_probe_write(p, PART);
	conn_probe_write_end(p);
	conn_fault_here();
	return 0;
}

Test(conn_fault_calls, recv_while_finishing)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "c", FINISHED, SOME, 0, PART},
		{-ECONNRESET, 0, "c", RESET, SOME, 0, PART},
		{-ENOMEM, 0, "c", ERROR, SOME, 0, PART},
		{-ETIMEDOUT, 0, "c", ERROR, SOME, 0, PART},
		{0}};

	conn_fault_run(input_is_discarded, FAULT_RECV, rows);
}

static int fin_comes(void)
{
	conn_probe_open(p, 0, NULL);
	conn_probe_write_end(p);
	conn_fault_here();
	return 0;
}

/* An error in place of the FIN is no end. */
Test(conn_fault_calls, recv_of_the_fin)
{
	static const struct fault_row rows[] = {
		{-EAGAIN, 0, "e", GOES_ON, 0, 0, 0},
		{-ECONNRESET, 0, "c", RESET, 0, 0, 0},
		{-ETIMEDOUT, 0, "c", ERROR, 0, 0, 0},
		{0}};

	conn_fault_run(fin_comes, FAULT_RECV, rows);
}

/* -- shutdown -- */

static int finish(void)
{
	conn_probe_open(p, 0, NULL);
	cr_expect_eq(conn_probe_sendall(p, SOME), 0);
	conn_probe_write(p, PART);
	conn_probe_write_end(p);
	weir_conn_finish(&p->conn);
	conn_fault_here();
	return 0;
}

/* ENOTCONN: it was reset before, and nothing is known but that. */
Test(conn_fault_calls, shutdown_of_a_finish)
{
	static const struct fault_row rows[] = {
		{-ENOTCONN, 0, "c", RESET, SOME, 0, PART},
		{-ECONNRESET, 0, "c", RESET, SOME, 0, PART},
		{-EPIPE, 0, "c", PEER_CLOSED, SOME, 0, PART},
		{-ENOBUFS, 0, "c", ERROR, SOME, 0, PART},
		{-ENOMEM, 0, "c", ERROR, SOME, 0, PART},
		{0}};

	conn_fault_run(finish, FAULT_SHUTDOWN_WRITE, rows);
}

static int end(void)
{
	conn_probe_open(p, 0, NULL);
	cr_expect_eq(conn_probe_sendall(p, SOME), 0);
	conn_turns(1);
	conn_probe_write(p, PART);
	weir_conn_shutdown(&p->conn);
	conn_fault_here();
	return 0;
}

/* An end goes on reading. */
Test(conn_fault_calls, shutdown_of_an_end)
{
	static const struct fault_row rows[] = {
		{-ENOTCONN, 0, "dc", RESET, SOME, 0, 0},
		{-ECONNRESET, 0, "dc", RESET, SOME, 0, 0},
		{-ENOBUFS, 0, "dc", ERROR, SOME, 0, 0},
		{0}};

	conn_fault_run(end, FAULT_SHUTDOWN_WRITE, rows);
}

static int finish_after_an_error(void)
{
	finish();
	fault_next(FAULT_SHUTDOWN_WRITE, -ENOTCONN);
	return 0;
}

/* What the socket's own error says, when it has one, is the cause. */
Test(conn_fault_calls, socket_error_after_a_shutdown)
{
	static const struct fault_row rows[] = {
		{-ECONNRESET, 0, "c", RESET, SOME, 0, PART},
		{-EPIPE, 0, "c", PEER_CLOSED, SOME, 0, PART},
		{-ETIMEDOUT, 0, "c", ERROR, SOME, 0, PART},
		{0}};

	conn_fault_run(finish_after_an_error, FAULT_SOCKET_ERROR, rows);
}

/* -- open -- */

static int open_it(void)
{
	conn_fault_here();
	return conn_probe_open(p, 0, NULL);
}

Test(conn_fault_calls, getsockopt_at_open)
{
	static const struct fault_row rows[] = {
		{-ENOTSOCK, -ENOTSOCK, "", NOT_OPEN, 0, 0, 0},
		{-ENOBUFS, -ENOBUFS, "", NOT_OPEN, 0, 0, 0},
		{-ENOMEM, -ENOMEM, "", NOT_OPEN, 0, 0, 0},
		{0}};

	conn_fault_run(open_it, FAULT_GETSOCKOPT, rows);
}

/* Then it is taken for no TCP socket, which changes its figures alone. */
Test(conn_fault_calls, setsockopt_at_open)
{
	static const struct fault_row rows[] = {
		{-EOPNOTSUPP, 0, "", GOES_ON, 0, 0, 0},
		{-ENOBUFS, 0, "", GOES_ON, 0, 0, 0},
		{-EINVAL, 0, "", GOES_ON, 0, 0, 0},
		{0}};

	conn_fault_run(open_it, FAULT_SETSOCKOPT, rows);
}

Test(conn_fault_calls, epoll_add_at_open)
{
	static const struct fault_row rows[] = {
		{-ENOMEM, -ENOMEM, "", NOT_OPEN, 0, 0, 0},
		{-ENOSPC, -ENOSPC, "", NOT_OPEN, 0, 0, 0},
		{-EPERM, -EPERM, "", NOT_OPEN, 0, 0, 0},
		{0}};

	conn_fault_run(open_it, FAULT_EPOLL_ADD, rows);
}

/* -- epoll, later -- */

/* Out of epoll, with input waiting. */
static void open_paused(void)
{
	conn_probe_open(p, 0, NULL);
	weir_conn_pause(&p->conn);
	conn_turns(2);
	conn_probe_write(p, SOME);
}

static int resume(void)
{
	open_paused();
	weir_conn_resume(&p->conn);
	conn_fault_here();
	return 0;
}

Test(conn_fault_calls, epoll_add_at_a_resume)
{
	static const struct fault_row rows[] = {
		{-ENOMEM, 0, "dc", ERROR, 0, 0, 0},
		{-ENOSPC, 0, "dc", ERROR, 0, 0, 0},
		{0}};

	conn_fault_run(resume, FAULT_EPOLL_ADD, rows);
}

static int arm_while_paused(void)
{
	open_paused();
	fault_at_most(FAULT_SENDV, FAULT_ANY_FD, 1, PART);
	conn_fault_here();
	return conn_probe_sendall(p, SOME);
}

Test(conn_fault_calls, epoll_add_to_arm)
{
	static const struct fault_row rows[] = {
		{-ENOMEM, 0, "c", ERROR, PART, SOME - PART, SOME},
		{-ENOSPC, 0, "c", ERROR, PART, SOME - PART, SOME},
		{0}};

	conn_fault_run(arm_while_paused, FAULT_EPOLL_ADD, rows);
}

static int arm(void)
{
	conn_probe_open(p, 0, NULL);
	fault_at_most(FAULT_SENDV, FAULT_ANY_FD, 1, PART);
	conn_fault_here();
	return conn_probe_sendall(p, SOME);
}

/* The interest cannot be had, so the rest could never be sent. */
Test(conn_fault_calls, epoll_mod_to_arm)
{
	static const struct fault_row rows[] = {
		{-ENOMEM, 0, "c", ERROR, PART, SOME - PART, 0}, {0}};

	conn_fault_run(arm, FAULT_EPOLL_MOD, rows);
}

static int disarm(void)
{
	conn_probe_open(p, 0, NULL);
	fault_at_most(FAULT_SENDV, FAULT_ANY_FD, 1, PART);
	conn_fault_at(2);
	return conn_probe_sendall(p, SOME);
}

/* With EPOLLOUT armed for ever it would spin. */
Test(conn_fault_calls, epoll_mod_to_disarm)
{
	static const struct fault_row rows[] = {
		{-ENOMEM, 0, "c", ERROR, SOME, 0, 0}, {0}};

	conn_fault_run(disarm, FAULT_EPOLL_MOD, rows);
}
