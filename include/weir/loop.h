/* The loop: waits for descriptors with epoll, calls their owners, keeps time.
 *
 * A turn goes: commit interest, wait, harvest, dispatch each ready watch, run
 * the timers that are due (in a long harvest also between its watches), then
 * the closes, then the deferred calls. User code is called from there alone: no
 * weir function that you call calls you back.
 *
 * A turn is bounded: it calls at most 256 ready watches, and once its
 * connections have written 1 MiB, long queues wait for the next turn, where
 * they go first. When callbacks themselves send that much at once, the watches
 * that are left wait too, and the next turn begins with them, without a wait.
 * Of timers that are due at once, and of closes, it has at most 256.
 *
 * It is level-triggered: a watch whose event still holds is called again next
 * turn. A change of interest reaches epoll just before the next wait, so a
 * change that is undone within a turn costs nothing; opening and closing reach
 * it at once. A watch may be closed, and freed, in any callback: events already
 * harvested for it are forgotten, and a new owner of its descriptor's number
 * cannot get them.
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
	/* how many bytes one connection receives in one turn, at most */
	WEIR_READ_SIZE = 65536,
	/* of weir_loop_budget's high */
	WEIR_LOOP_DEFAULT_BUDGET = 1073741824
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
	uint8_t kind; /* of its owner: enum weir_work */
	uint32_t wanted;
	uint32_t committed;
};

/* The kinds of work of a loop's thread: the closed list that statistics and
 * metrics share. Those up to WEIR_WORK_WAKEUP are callbacks in a turn's
 * dispatch. */
enum weir_work {
	WEIR_WORK_WATCH,      /* a weir_watch of the user's */
	WEIR_WORK_CONNECTION, /* on_data and its consequences */
	WEIR_WORK_LISTENER,
	WEIR_WORK_CONNECTOR,
	WEIR_WORK_DGRAM,
	WEIR_WORK_SIGNAL,
	WEIR_WORK_WAKEUP,
	WEIR_WORK_TIMER,  /* also the limits of connections */
	WEIR_WORK_CLOSE,  /* on_close, and input from before an error */
	WEIR_WORK_FLUSH,  /* deferred calls: connections that others wrote to */
	WEIR_WORK_COMMIT, /* telling epoll of changes of interest */
	WEIR_WORK_MEMORY, /* giving free pages back after a burst */
	WEIR_N_WORKS
};

/* "watch", "connection", ...: the enumerator's name in lower case, a static
 * string that metrics and logs may use as a label. NULL for a number that is
 * no kind of work. */
const char *weir_work_name(enum weir_work work);

/* Filled in by weir_loop_stats. */
struct weir_loop_stats {
	uint64_t n_turns;
	/* heap held by send queues (payload, nodes and unused room) and by
	 * kept input; now, its maximum so far, and what weir_loop_budget
	 * allows */
	size_t n_queue_bytes;
	size_t n_queue_bytes_peak;
	size_t budget_high;
	size_t budget_low;
	size_t n_input_bytes; /* the kept input's part of n_queue_bytes */
	/* by weir_loop_time_turns: the CPU time of the longest turn in ns,
	 * and the kind of work that took most of it; 0: no turn was timed */
	uint64_t longest_turn_ns;
	enum weir_work longest_turn_in;
};

/* Make a loop, to be freed by weir_loop_free. It takes two descriptors (epoll
 * and a timerfd) and 70 KiB; the gather buffer, another 64 KiB, comes with the
 * first connection. Most of it is not resident until used. -EMFILE, -ENFILE,
 * -ENOMEM; on failure *loop is unchanged.
 *
 * A program needs no care about SIGPIPE, and the library leaves its disposition
 * alone: sends pass MSG_NOSIGNAL, and around sendfile(2) and splice(2), which
 * have no such flag, the signal is blocked for the calling thread and taken if
 * it was raised. A program that ignores it, and does not block it, saves these
 * calls; a turn takes what it finds ignored at first for ignored to its end. */
int weir_loop_new(struct weir_loop **loop);

/* -EBUSY, and nothing is done, while a watch or a connection is open or a
 * timer is armed: these must end before their loop. Freeing NULL returns 0. */
int weir_loop_free(struct weir_loop *loop);

/* Run turns until weir_loop_stop, or until nothing is open and no timer is
 * armed; then return 0. Otherwise returns epoll_wait's error, which only a bug
 * in the caller can cause. */
int weir_loop_run(struct weir_loop *loop);

/* Run one turn. It waits at most timeout_ns (< 0: without end), and does not
 * wait while work is left over from the turn before. Returns how many watches
 * were ready; 0 after a time-out or a signal. Neither this nor weir_loop_run
 * may be called from inside a callback of the same loop: an assertion. */
int weir_loop_turn(struct weir_loop *loop, int64_t timeout_ns);

/* weir_loop_run returns after the current turn; called outside of it, the
 * next run returns at once. It only sets a flag: from another thread that is a
 * data race and does not end a wait. There, send a weir_wakeup whose callback
 * stops the loop. */
void weir_loop_stop(struct weir_loop *loop);

/* For a loop inside another one (GLib's, libuv's, a game's): the loop's
 * descriptor. poll(2) shows it as readable when the loop has something to do,
 * timers included. Call weir_loop_prepare before each poll, and after it run a
 * turn that does not wait:
 *
 *	struct pollfd poller = {.fd = weir_loop_fd(loop), .events = POLLIN};
 *	int64_t ns = weir_loop_prepare(loop);
 *
 *	poll(&poller, 1, ns < 0 ? -1 : (int)((ns + 999999) / 1000000));
 *	weir_loop_turn(loop, 0);
 *
 * The loop owns the descriptor: only poll it. -1 after weir_loop_after_fork. */
int weir_loop_fd(const struct weir_loop *loop);

/* Commit what the loop's own wait would commit. Returns how many ns the other
 * loop may wait for the descriptor: -1 without end, 0 while work is left over.
 * After any call on the loop's objects, prepare again before the next poll. Not
 * from inside a callback. */
int64_t weir_loop_prepare(struct weir_loop *loop);

/* For a child after fork(2) that goes on without exec: let go of the loop.
 *
 * The child shares the loop's descriptors with the parent. Until this call it
 * may only exec or _exit, and do nothing with the loop and its objects; closing
 * a watch would make the parent deaf to it. The call closes the child's copies
 * of the loop's two descriptors, and changes nothing for the parent. If the
 * fork was inside a callback, the child must not return from it: the turn
 * below it is the parent's.
 *
 * From then on the loop waits for nothing: opening anything fails with -EBADF,
 * weir_loop_run too, and weir_loop_turn only carries out closes. Watches,
 * timers, signals and wakeups can be closed; connections by weir_conn_abort
 * without reset, and one turn for their on_close; then weir_loop_free.
 *
 * The sockets are shared as well: abort with reset, finish, shutdown, sends
 * and weir_wakeup_send would act on the parent's, and closing a listener of a
 * Unix path removes the path. While the child holds a connection's descriptor
 * the parent's close sends no FIN by itself; finish does. */
void weir_loop_after_fork(struct weir_loop *loop);

/* CLOCK_MONOTONIC in ns. A turn reads it once, when it is first asked for, and
 * returns the same value to its end, or until a fresh one is asked for; between
 * turns every call reads it. */
uint64_t weir_loop_now(struct weir_loop *loop);

/* Reads the clock now; weir_loop_now returns this value for the rest of the
 * turn. Arm a timer by it wherever a callback before yours may have been slow:
 * by the older value the timer would fire too early by that time. The library
 * arms its own limits by it. */
uint64_t weir_loop_fresh_now(struct weir_loop *loop);

/* Bound the heap that all connections hold together: in send queues, their
 * payload (a shared one counts once, from its first queueing to its last),
 * nodes and unused room; and the input that on_data has not consumed. Beyond
 * high the connections that hold most of both together (within a factor of
 * two) are closed by reset, reason budget, until low is reached. What they hold
 * is freed at once, so the sum never passes high by more than what one call or
 * receive needs; on_close follows from the loop. If the caller's own connection
 * holds the most, its sendall returns -EPIPE; what its callback was given stays
 * readable until that returns.
 *
 * Closing a debtor frees a shared payload only if no other connection owes it:
 * where all owe the same payload, many may be closed. The kernel's own buffers
 * (up to net.ipv4.tcp_wmem[2] for each stalled peer) are not counted.
 *
 * It is enforced each time something is queued or kept; lowering it closes nothing by
 * itself. 0 is the default: 1 GiB, and seven eighths of high. -EINVAL: low is
 * above high. */
int weir_loop_budget(struct weir_loop *loop, size_t high, size_t low);

/* Costs no system call, and the same for any number of connections. */
void weir_loop_stats(const struct weir_loop *loop,
		     struct weir_loop_stats *stats);

/* Time the turns, from the next one on, to find the longest; or stop. Calling
 * it again resets the maximum, for a gauge "since the last reading". Stopping
 * keeps the maximum.
 *
 * A turn's length is CPU time of the loop's own thread
 * (CLOCK_THREAD_CPUTIME_ID) from the end of the turn before. So neither waiting
 * nor other processes count; what a caller of weir_loop_turn does between two
 * turns does count. The kind of work that took most of it is found by
 * CLOCK_MONOTONIC around each callback, added up by kind: there the waiting of
 * a callback (for a disk, a lock) counts, although the turn's length contains
 * only what the callback computed.
 *
 * It costs one system call a turn and a clock read a callback. Without it a
 * turn pays nothing. */
void weir_loop_time_turns(struct weir_loop *loop, bool is_wanted);

/* Watch any descriptor that epoll accepts; a regular file and /dev/null give
 * -EPERM. A descriptor that another watch (or connection) of this loop has in
 * epoll gives -EEXIST, and that one goes on: watch a dup(2) of it. events are
 * EPOLLIN, EPOLLOUT, EPOLLPRI and EPOLLRDHUP; EPOLLERR and EPOLLHUP are always
 * reported (epoll_ctl(2)). With events 0 the watch is open but not in epoll,
 * and gets no event. The descriptor stays the caller's, to close after the
 * watch. On failure the watch is unchanged.
 *
 * EPOLLIN | EPOLLEXCLUSIVE is for a file that several loops watch. It can only
 * be changed to 0 and back: Linux refuses any other change, and the watch would
 * get WEIR_REFUSED. */
int weir_watch_open(struct weir_watch *watch, struct weir_loop *loop, int fd,
		    uint32_t events, weir_watch_fn *on_ready);

/* Change the interest. -ENOMEM, -ENOSPC and -EEXIST are possible only when it
 * was 0 until now; on failure it is unchanged. */
int weir_watch_set(struct weir_watch *watch, uint32_t events);

/* Synchronous. Closing a closed watch does nothing. */
void weir_watch_close(struct weir_watch *watch);

/* True from a successful open until the close. */
static inline bool weir_watch_is_open(const struct weir_watch *watch)
{
	return watch->loop != NULL;
}

/* The loop of an open watch; NULL: it is closed. */
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
