/* SIGPIPE: sendfile(2) raises it, and nobody sees it. The suite is declared in
 * test_conn_sendfile.c. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	SMALL = 100,
	LARGE = 20000
};

static struct conn_probe p;
static bool goes_in_mid_call; /* the peer */
static bool was_blocked;      /* SIGPIPE, in the last call */

static bool is_blocked(void)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, SIGPIPE) == 1;
}

/* In front of libc's: the kernel's answer when the peer goes in mid-call. */
ssize_t sendfile(int fd, int file, off_t *offset, size_t n)
{
#ifdef SYS_sendfile64
	const long number = SYS_sendfile64;
#else
	const long number = SYS_sendfile;
#endif

	was_blocked = is_blocked();
	if (goes_in_mid_call) {
		raise(SIGPIPE);
		n /= 2;
	}
	return syscall(number, fd, file, offset, n);
}

static void send_to_nobody(size_t n)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_pause(&p.conn);
	conn_probe_hang_up(&p);
	cr_assert_eq(sendfile_next(&p, n), 0);
	conn_turns(3);
	cr_assert_eq(p.result.reason, WEIR_REASON_PEER_CLOSED);
	cr_assert_eq(p.result.error, -EPIPE);
	conn_close_all();
}

static bool is_pending(void)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, SIGPIPE) == 1;
}

static void block(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(how, &set, NULL);
}

/* Here its disposition is the default, which is death. */
Test(conn_sendfile, to_a_peer_that_has_gone_kills_nobody)
{
	send_to_nobody(SMALL);
	send_to_nobody(LARGE);
	cr_assert_not(is_blocked());
	cr_assert_not(is_pending());
}

/* Blocking it would cost two calls a file. It counts from turn to turn. */
Test(conn_sendfile, blocks_no_sigpipe_that_is_ignored)
{
	signal(SIGPIPE, SIG_IGN);
	send_to_nobody(LARGE);
	cr_assert_not(was_blocked);
	signal(SIGPIPE, SIG_DFL);
	send_to_nobody(LARGE);
	cr_assert(was_blocked);
	cr_assert_not(is_blocked());
	cr_assert_not(is_pending());
}

/* What was found in the turn before need not hold any more. */
Test(conn_sendfile, asks_anew_between_two_turns_whether_sigpipe_is_ignored)
{
	signal(SIGPIPE, SIG_IGN);
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(sendfile_next(&p, LARGE), 0);
	conn_turns(1);
	cr_assert_not(was_blocked);
	signal(SIGPIPE, SIG_DFL);
	cr_assert_eq(sendfile_next(&p, LARGE), 0);
	weir_conn_abort(&p.conn, false);
	cr_assert(was_blocked);
}

/* The kernel keeps a signal that is blocked, though it is ignored. */
Test(conn_sendfile, leaves_none_that_is_ignored_and_blocked)
{
	signal(SIGPIPE, SIG_IGN);
	block(SIG_BLOCK);
	send_to_nobody(LARGE);
	cr_assert(is_blocked());
	cr_assert_not(is_pending());
}

static volatile sig_atomic_t n_signals;

static void on_signal(int signo)
{
	(void)signo;
	n_signals++;
}

Test(conn_sendfile, to_a_peer_that_has_gone_calls_no_handler)
{
	signal(SIGPIPE, on_signal);
	send_to_nobody(LARGE);
	cr_assert_eq(n_signals, 0);
	raise(SIGPIPE);
	cr_assert_eq(n_signals, 1);
}

Test(conn_sendfile, leaves_a_blocked_sigpipe_as_it_was)
{
	block(SIG_BLOCK);
	send_to_nobody(LARGE);
	cr_assert(is_blocked());
	cr_assert_not(is_pending());
	raise(SIGPIPE);
	send_to_nobody(LARGE);
	cr_assert(is_pending());
	signal(SIGPIPE, on_signal);
	block(SIG_UNBLOCK);
	cr_assert_eq(n_signals, 1);
}

/* The kernel then returns the bytes that went before. */
Test(conn_sendfile, to_a_peer_that_goes_in_mid_call_kills_nobody)
{
	goes_in_mid_call = true;
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(sendfile_next(&p, LARGE), 0);
	conn_turns(1);
	cr_assert_eq(conn_probe_progress(&p).sent, LARGE / 2);
	cr_assert_not(is_blocked());
	cr_assert_not(is_pending());
}
