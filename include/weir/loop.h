/* The loop: waits for descriptors with epoll, calls their owners, keeps time.
 *
 * A turn goes: commit interest, wait, harvest, dispatch each ready watch, run
 * the timers that are due, the closes, the deferred calls. User code is called from
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
 *		struct weir_loop *loop;
 *		int fd[2];
 *
 *		if (weir_loop_new(&loop) < 0 || pipe(fd) < 0)
 *			return 1;
 *		// all send queues of this loop together: 64 MiB at most
 *		weir_loop_budget(loop, 64 << 20, 56 << 20);
 *		weir_watch_open(&watch, loop, fd[0], EPOLLIN, on_readable);
 *		close(fd[1]);
 *		weir_loop_run(loop);
 *		close(fd[0]);
 *		return weir_loop_free(loop);
 *	}
 */
#ifndef WEIR_LOOP_H
#define WEIR_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <weir/declare.h>
#include <weir/list.h>

WEIR_DECLARE_BEGIN

enum {
	/* the most that is received from one connection in one turn */
	WEIR_READ_SIZE = 65536
};

/* Not an event of epoll's: the kernel refused a change of interest (no
 * memory); the watch is out of epoll until weir_watch_set puts it back. */
#define WEIR_REFUSED 0x20U

struct weir_loop;
struct weir_watch;

/* events is what epoll_wait(2) reported. */
typedef void weir_watch_fn(struct weir_watch *watch, uint32_t events);

/* Interest in one descriptor. Embedded by its owner; zeroed is closed. The
 * fields are the library's. */
struct weir_watch {
	struct weir_loop *loop; /* NULL: closed */
	weir_watch_fn *on_ready;
	struct weir_list work; /* what the loop has to do for it */
	int fd;
	uint16_t slot;
	uint8_t due;
	uint8_t kind; /* of thing that it is part of: enum weir_work */
	uint32_t wanted;
	uint32_t committed;
};

/* What a loop's thread works at: the closed list that statistics and metrics
 * share. The first ones are callbacks in a turn's dispatch. */
enum weir_work {
	WEIR_WORK_WATCH,      /* weir_watch of the user's own */
	WEIR_WORK_CONNECTION, /* on_data and what follows from it */
	WEIR_WORK_LISTENER,
	WEIR_WORK_CONNECTOR,
	WEIR_WORK_DGRAM,
	WEIR_WORK_SIGNAL,
	WEIR_WORK_WAKEUP,
	WEIR_WORK_TIMER,  /* the limits of connections, too */
	WEIR_WORK_CLOSE,  /* on_close, and input from before an error */
	WEIR_WORK_FLUSH,  /* connections that others wrote to */
	WEIR_WORK_COMMIT, /* changes of interest, going to epoll */
	WEIR_N_WORKS
};

/* "watch", "connection", ...: the enumerator's name in lower case, a static
 * string that metrics and logs may use as a label. NULL for a number that is
 * none. */
const char *weir_work_name(enum weir_work work);

/* Filled in by weir_loop_stats. */
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

/* Make a loop: 0, and *loop is to be given back by weir_loop_free. It takes
 * two descriptors (epoll and a timerfd) and 70 KiB; the gather buffer, another
 * 64 KiB, comes with the first connection. Most of it is not resident until
 * used. -EMFILE, -ENFILE, -ENOMEM; on failure *loop is as it was. */
int weir_loop_new(struct weir_loop **loop);

/* -EBUSY, and nothing is done, while a watch or a connection is open or a
 * timer armed; an armed timer does not outlive its loop either. NULL is
 * allowed: 0. */
int weir_loop_free(struct weir_loop *loop);

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
 * on_close follows from the loop. If the caller's own connection owes the
 * most, its sendall returns -EPIPE.
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

static inline bool weir_watch_is_open(const struct weir_watch *watch)
{
	return watch->loop != NULL;
}

/* The loop that an open watch is of; NULL: it is closed. */
static inline struct weir_loop *weir_watch_loop(const struct weir_watch *watch)
{
	return watch->loop;
}

/* The descriptor that it watches, or watched before it was closed. */
static inline int weir_watch_fd(const struct weir_watch *watch)
{
	return watch->fd;
}

WEIR_DECLARE_END

#endif
