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
	LARGE = 20000,
	HUGE = 300000
};

static struct conn_probe p;
static bool is_peer_to_go;

/* libc's, but that the peer may go while the kernel sends: a part has left, and
 * the signal is raised all the same (splice_direct_to_actor in fs/splice.c). */
ssize_t sendfile(int fd, int file, off_t *offset, size_t n)
{
	if (is_peer_to_go && n > 1) {
		raise(SIGPIPE);
		n /= 2;
	}
	return syscall(SYS_sendfile, fd, file, offset, n);
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

static bool is_blocked(void)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, SIGPIPE) == 1;
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

Test(conn_sendfile, to_a_peer_that_goes_meanwhile_kills_nobody)
{
	conn_probe_open(&p, 0, NULL);
	is_peer_to_go = true;
	cr_assert_eq(sendfile_next(&p, HUGE), 0);
	conn_turns(1);
	is_peer_to_go = false;
	cr_assert_gt(fault_count(FAULT_SENDFILE), 0);
	sendfile_expect_received(&p);
	cr_assert_not(is_blocked());
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
