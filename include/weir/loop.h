/* The loop: waits for descriptors with epoll, calls their owners, keeps time.
 *
 * A turn goes: commit interest, wait, harvest, dispatch each ready watch, run
 * the timers that are due, the closes, the flushes. User code is called from
 * there and nowhere else: no weir function that you call ever calls you back.
 *
 * Level-triggered: a watch whose event still holds is called again next turn.
 * A change of interest reaches epoll just before the next wait, so that one
 * undone within a turn costs nothing; opening and closing reach it at once.
 * A watch may be closed, and freed, in any callback: events already harvested
 * for it are forgotten, and a new owner of its descriptor's number cannot get
 * them.
 *
 * Several loops may live in one process, each used by one thread at a time;
 * they share nothing. Errors are negative errno.
 *
 * Example:
 *
 *	#include <unistd.h>
 *	#include <weir.h>
 *
 *	static void on_readable(struct weir_watch *watch, uint32_t events)
 *	{
 *		weir_watch_close(watch);
 *	}
 *
 *	int main(void)
 *	{
 *		struct weir_watch watch = {0};
 *		struct weir_loop loop;
 *		int fd[2];
 *
 *		if (weir_loop_init(&loop) < 0 || pipe(fd) < 0)
 *			return 1;
 *		// all send queues of this loop together: 64 MiB at most
 *		weir_loop_budget(&loop, 64 << 20, 56 << 20);
 *		weir_watch_open(&watch, &loop, fd[0], EPOLLIN, on_readable);
 *		close(fd[1]);
 *		weir_loop_run(&loop);
 *		close(fd[0]);
 *		return weir_loop_deinit(&loop);
 *	}
 */
#ifndef WEIR_LOOP_H
#define WEIR_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <weir/budget.h>
#include <weir/list.h>
#include <weir/pool.h>
#include <weir/stopwatch.h>
#include <weir/timer.h>

enum {
	/* the most that is received from one connection in one turn */
	WEIR_READ_SIZE = 65536,
	/* the most that one callback's small sends gather for one send(2) */
	WEIR_GATHER_SIZE = 65536,
	/* the most that one wait harvests; the rest waits for the next */
	WEIR_MAX_EVENTS = 256
};

/* Not an event of epoll's: the kernel refused a change of interest (no
 * memory); the watch is out of epoll until weir_watch_set puts it back. */
#define WEIR_REFUSED 0x20U

struct weir_conn;
struct weir_debt;
struct weir_observer;
struct weir_watch;

/* What a watch waits for in the work lists of its loop. */
enum weir_due {
	WEIR_DUE_NOTHING,
	WEIR_DUE_COMMIT,
	WEIR_DUE_FLUSH,
	WEIR_DUE_CLOSE
};

/* What may have to be done around a wait; in most turns there is nothing. */
enum weir_chores {
	WEIR_CHORE_COMMIT = 1, /* changed is not empty */
	WEIR_CHORE_FLUSH = 2,  /* flushes is not empty */
	WEIR_CHORE_CLOSE = 4,  /* closes is not empty */
	WEIR_CHORE_TIMERS = 8, /* timers are due, or the timerfd to be set */
	WEIR_CHORE_TIMING = 16 /* always, while turns are timed */
};

/* events is what epoll_wait(2) reported. */
typedef void weir_watch_fn(struct weir_watch *watch, uint32_t events);

/* Interest in one descriptor. Embedded by its owner; zeroed is closed.
 *
 * 1. open: loop is set, and fd is in loop's epoll if and only if committed
 *    is not 0
 * 2. harvested: loop->events[slot].data.ptr is this watch
 * 3. in loop->changed only while wanted and committed may differ */
struct weir_watch {
	struct weir_loop *loop; /* NULL: closed */
	weir_watch_fn *on_ready;
	struct weir_list work; /* in changed, flushes or closes of the loop */
	int fd;
	uint16_t slot;
	uint8_t due;  /* which of the three: enum weir_due */
	uint8_t kind; /* of thing that it is part of: enum weir_work */
	uint32_t wanted;
	uint32_t committed;
};

/* What one callback of one connection has gathered to send (see conn.h): the
 * bytes from start to next. Without a buffer all four pointers are NULL.
 *
 * 1. start <= next <= end <= limit
 * 2. next is start while nobody owns it */
struct weir_gather {
	struct weir_conn *owner; /* whose callback runs; NULL: nobody's */
	unsigned char *next;	 /* where the next message goes */
	unsigned char *end;	 /* start: nothing may be gathered */
	unsigned char *start;	 /* the bytes of segment */
	unsigned char *limit;
	struct weir_sendq_segment *segment;
	struct weir_debt *spare; /* for the owner, should it need one; there
				  * whenever segment is */
};

struct weir_loop_stats {
	uint64_t n_turns;
	/* heap held by send queues: payload, nodes and unused room; now, the
	 * most there ever was, and what weir_loop_budget allows */
	size_t n_queue_bytes;
	size_t n_queue_bytes_peak;
	size_t budget_high;
	size_t budget_low;
	/* by weir_loop_time_turns: the CPU time of the longest turn in ns,
	 * and the kind of work that took most of it; 0: none was timed */
	uint64_t longest_turn_ns;
	enum weir_work longest_turn_in;
};

struct weir_loop {
	int epoll_fd;
	bool is_stopping;
	bool is_in_turn;
	bool knows_now;
	bool is_timerfd_done;	    /* expired, and not set since */
	int n_events;		    /* harvested in this turn */
	struct epoll_event *events; /* the harvest; forgotten ones are NULL */
	unsigned chores;	    /* enum weir_chores; 0: just wait */
	struct weir_list changed;   /* watches whose interest may differ */
	struct weir_list flushes;   /* watches to call after the closes */
	struct weir_list closes;    /* watches to call after the timers */
	size_t n_open;		    /* watches, but for our own timerfd's */
	struct weir_timer *timers;  /* the heap's root */
	uint64_t timerfd_ns;	    /* what the timerfd is set to; 0: nothing */
	uint64_t timers_ran_ns;	    /* in the timers' phase: its time, else 0 */
	uint64_t now_ns;
	struct weir_watch timer_watch;
	unsigned char *input; /* WEIR_READ_SIZE bytes for the current receive */
	struct weir_gather gather;
	struct weir_pool pool;
	struct weir_budget budget;
	struct weir_observer *observer;
	struct weir_stopwatch stopwatch;
	uint64_t n_turns;
};

/* Take two descriptors (epoll and a timerfd) and 67 KiB; the gather buffer,
 * another 64 KiB, comes with the first connection. Most of it is not resident
 * until used. -EMFILE, -ENFILE, -ENOMEM. */
int weir_loop_init(struct weir_loop *loop);

/* -EBUSY, and nothing is done, while a watch or a connection is open or a
 * timer armed; an armed timer does not outlive its loop either. */
int weir_loop_deinit(struct weir_loop *loop);

/* Turn until weir_loop_stop, or until nothing is open and no timer armed: 0.
 * An error of epoll_wait, which only a programmer's error can bring: that. */
int weir_loop_run(struct weir_loop *loop);

/* One turn, which waits at most timeout_ns (< 0: without end), and not at all
 * while work is left over from the turn before. Returns how many watches were
 * ready; 0 after a time-out or a signal. Not from inside a callback. */
int weir_loop_turn(struct weir_loop *loop, int64_t timeout_ns);

/* weir_loop_run returns after the current turn; called outside of it, the
 * next run returns at once. */
void weir_loop_stop(struct weir_loop *loop);

/* CLOCK_MONOTONIC in ns. During a turn it is read once, when first asked for,
 * and then the same to the turn's end; between turns it is read each time. */
uint64_t weir_loop_now(struct weir_loop *loop);

/* How much heap the send queues of all connections may hold together: their
 * payload (a shared one once, from its first queueing to its last), nodes and
 * unused room. Beyond high the largest debtors (within a factor of two) are
 * closed by reset, reason budget, until low is reached. Their queues are freed
 * at once, so the sum never passes high by more than what one call reserves;
 * on_close follows from the loop. When it is the caller himself who owes most,
 * his sendall returns -ENOBUFS.
 *
 * Closing a debtor frees a shared payload only if nobody else owes it: where
 * all owe the same, many may go. Kept input (bounded for each connection) and
 * the kernel's own buffers (up to net.ipv4.tcp_wmem[2] for each stalled peer)
 * come on top.
 *
 * It is kept whenever something is to be queued; lowering it closes nobody by
 * itself. 0 is the default: 1 GiB, and seven eighths of high. -EINVAL: low is
 * above high. */
int weir_loop_budget(struct weir_loop *loop, size_t high, size_t low);

/* No system call; costs the same whatever the number of connections. */
void weir_loop_stats(const struct weir_loop *loop,
		     struct weir_loop_stats *stats);

/* Find the longest turn, from the next turn on, or stop looking for it; asked
 * again while it looks it forgets the longest so far, for a gauge "since the
 * last look". Stopping forgets nothing.
 *
 * A turn's length is CPU time of the loop's own thread
 * (CLOCK_THREAD_CPUTIME_ID) from the end of the turn before, so waiting, and
 * what other processes took, does not count; what a caller of weir_loop_turn
 * does between two turns does. Which kind of work took most of it is told by
 * CLOCK_MONOTONIC around each callback, added up by kind: a callback that
 * waits for something (a disk, a lock) does count there, and its turn is only
 * as long as what it computed.
 *
 * It costs one system call a turn and a clock read a callback. Unasked it
 * costs nothing. */
void weir_loop_time_turns(struct weir_loop *loop, bool is_wanted);

/* Watch any descriptor that epoll accepts; a regular file and /dev/null give
 * -EPERM. events are EPOLLIN, EPOLLOUT, EPOLLPRI and EPOLLRDHUP; EPOLLERR and
 * EPOLLHUP come unasked (epoll_ctl(2)). With events 0 the watch is open but
 * not in epoll, and hears of nothing. The descriptor stays the caller's, who
 * closes it after the watch. On failure watch is as it was.
 *
 * EPOLLIN | EPOLLEXCLUSIVE, for one file that several loops watch, can only be
 * set to 0 and back: Linux changes no other interest of that kind, and the
 * watch would get WEIR_REFUSED. */
int weir_watch_open(struct weir_watch *watch, struct weir_loop *loop, int fd,
		    uint32_t events, weir_watch_fn *on_ready);

/* Change the interest. -ENOMEM, -ENOSPC: only when it was 0 until now, and
 * then nothing has changed. */
int weir_watch_set(struct weir_watch *watch, uint32_t events);

/* Complete on return; a closed watch stays so. */
void weir_watch_close(struct weir_watch *watch);

/* -- for the library's own rooms -- */

/* Call watch's on_ready with no events in this turn's closes or flushes; if
 * those have begun, in the next turn's, which then does not wait. Asking for a
 * close overrides asking for a flush, never the other way. */
void weir_watch_defer_close(struct weir_watch *watch);
void weir_watch_defer_flush(struct weir_watch *watch);

#endif
