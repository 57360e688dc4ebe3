/* Faults and a clock on request: the test binary's stand-in for sys.o.
 *
 * Every weir_sys_* function is here, and calls the shipped one of
 * src/lib/sys.c underneath, unless a script says otherwise. Scripts touch the
 * library's calls only: a test's own read(2) is never hit.
 *
 *	fault_next(FAULT_RECV, -ECONNRESET);	   the next recv of anybody
 *	fault_result(FAULT_ANY_SEND, fd, 3, -EAGAIN);  the third send on fd
 *	fault_result(FAULT_ACCEPT, FAULT_ANY_FD, FAULT_ALWAYS, -EMFILE);
 *	fault_at_most(FAULT_ANY_SEND, fd, 1, 7);   a short send: 7 bytes at most
 *	fault_clear();				   no more of that
 *
 * A sweep makes every call of a scenario fail in turn:
 *
 *	for (uint64_t k = 1;; k++) {
 *		fault_reset();
 *		fault_fail_call(k);
 *		outcome = scenario();
 *		if (fault_hit() == FAULT_NONE)
 *			break;	(it has fewer than k calls: the end)
 *		cr_assert_eq(outcome, expected[fault_hit()]);
 *	}
 *
 * The state is one for the process (Criterion forks for each test) and not
 * locked: loops in several threads need the real sys.o. It belongs to the test
 * alone; harness_begin prepares it, with virtual time.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The functions of sys.h, in its order. */
enum fault_call {
	FAULT_ALLOC, /* its scripts need a negative errno too; it gives NULL */
	FAULT_NOW,   /* counted, never fails */
	FAULT_THREAD_CPU,     /* as that */
	FAULT_RELEASE_MEMORY, /* as that */
	FAULT_EPOLL_OPEN,
	FAULT_EPOLL_ADD,
	FAULT_EPOLL_MOD,
	FAULT_EPOLL_DEL,
	FAULT_EPOLL_WAIT, /* 0: a signal came */
	FAULT_TIMERFD_OPEN,
	FAULT_TIMERFD_SET,
	FAULT_SIGNALFD_OPEN,
	FAULT_SIGNALFD_TAKE,
	FAULT_SIGNAL_UNBLOCK,
	FAULT_EVENTFD_OPEN,
	FAULT_EVENTFD_RAISE, /* not to be scripted: it cannot fail */
	FAULT_EVENTFD_TAKE,
	FAULT_WAIT_WRITABLE, /* 0: a signal came */
	FAULT_SOCKET,
	FAULT_BIND,
	FAULT_LISTEN,
	FAULT_ACCEPT,
	FAULT_CONNECT,
	FAULT_SOCKET_ERROR,
	FAULT_SET_NONBLOCKING,
	FAULT_GETSOCKNAME,
	FAULT_GETPEERNAME,
	FAULT_SETSOCKOPT,
	FAULT_GETSOCKOPT,
	FAULT_RESET_ON_CLOSE,
	FAULT_RECV,
	FAULT_SEND,
	FAULT_SENDV,
	FAULT_RECVMMSG,
	FAULT_SENDMMSG,
	FAULT_TAKE_ERROR,
	FAULT_PREAD,
	FAULT_SENDFILE,
	FAULT_PIPE,
	FAULT_SPLICE,	 /* by the descriptor that it goes to */
	FAULT_READ,	 /* not to be scripted: a pipe has what was put there */
	FAULT_SEND_ROOM, /* its scripts give bytes */
	FAULT_SHUTDOWN_WRITE,
	FAULT_CLOSE, /* closes whatever its script says */
	FAULT_UNREAD,
	FAULT_UNACKED,
	FAULT_UNSENT,
	FAULT_LSTAT,
	FAULT_FSTAT,
	FAULT_UNLINK,
	FAULT_OPEN_LOCK,
	FAULT_LOCK,
	FAULT_GETADDRINFO,
	FAULT_N_CALLS,

	/* in scripts and counts: any of these */
	FAULT_ANY_SEND,	     /* send and sendv */
	FAULT_ANY_EPOLL_CTL, /* epoll_add, epoll_mod and epoll_del */
	FAULT_NONE
};

enum {
	/* epoll calls go by the descriptor that is added; alloc, now, socket,
	 * the opens, getaddrinfo and files have none */
	FAULT_ANY_FD = -1,
	/* as nth: each call until fault_clear or fault_reset */
	FAULT_ALWAYS = 0
};

/* Forget scripts, sweep and counts. What is allocated stays on the account,
 * and the clock goes on. */
void fault_reset(void);

/* -- scripts -- */

/* The nth matching call from now on (1: the next) returns result, as a rule a
 * negative errno, and does nothing. Scripts are independent: each counts all
 * matching calls, and of several that hit one call the oldest decides. */
void fault_result(enum fault_call call, int fd, uint64_t nth, int result);
/* fault_result for the next call on any descriptor. */
void fault_next(enum fault_call call, int result);
/* For recv and sends: that call moves at most n_bytes; 0 gives -EAGAIN. For
 * recvmmsg and sendmmsg: so many datagrams. */
void fault_at_most(enum fault_call call, int fd, uint64_t nth, size_t n_bytes);
/* Forget all scripts. */
void fault_clear(void);
/* Scripts for one call that have not hit yet: assert that there is none, lest
 * a test passes because its fault never came. */
size_t fault_n_pending(void);

/* -- sweeps -- */

/* Of all calls from now on that can fail, the kth (from 1) fails with its
 * natural error, once. */
void fault_fail_call(uint64_t k);
/* Which kind that was; FAULT_NONE: fewer than k have been made. */
enum fault_call fault_hit(void);
/* What fault_fail_call lets call return: a negative errno; 0: it cannot fail
 * but by a programmer's error, and is not counted. */
int fault_natural(enum fault_call call);

/* -- counts -- */

/* Calls made since fault_reset, scripted ones too. */
uint64_t fault_count(enum fault_call call);
/* All that enter the kernel: everything but alloc and now. */
uint64_t fault_count_kernel(void);
/* "recv", ...: for messages. */
const char *fault_call_name(enum fault_call call);

/* -- memory -- */

/* What weir_sys_alloc gave and weir_sys_free did not get back (an answer of
 * getaddrinfo is a piece of 0 bytes); the peak is since the process began.
 * Memory comes filled with 0xA5, is filled with 0x5A when freed, and freeing
 * what is not allocated aborts. */
size_t fault_n_live(void);
size_t fault_n_live_bytes(void);
size_t fault_n_peak_bytes(void);

/* -- virtual time -- */

/* From now on time stands still, and moves only when the library waits: a
 * wait that finds nothing ready goes at once to the earliest of its time-out
 * and the timers' deadlines. One that would never end aborts the test with a
 * message; so it is for weir_sys_wait_writable, but for the timers. Loops
 * initialised before keep their real timerfd: call it first. */
void fault_time_virtual(uint64_t start_ns);
/* Real clock, timers and waits, for tests whose peer is another process. */
void fault_time_real(void);
/* The virtual clock, or the real one. */
uint64_t fault_time_now(void);
/* Let virtual time pass while the loop is away: deadlines that it reaches are
 * due in the next wait. */
void fault_time_advance(uint64_t ns);
/* In virtual time the thread computes for so long: both clocks go on. At any
 * other time the thread's own stands still. */
void fault_time_compute(uint64_t ns);
/* Before it is decided that nothing is ready, give the kernel so many real ms:
 * TCP on loopback can hand bytes over from a kernel thread, Unix sockets never
 * do. harness_tcp_pair sets it. */
void fault_time_settle(int ms);

#endif
