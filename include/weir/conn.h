/* A connection: a stream socket that is sent to without blocking, losing,
 * reordering or hoarding a byte.
 *
 * The core of an echo server, correct under every fault:
 *
 *	static size_t on_data(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		return weir_conn_sendall(c, data, n) == 0 ? n : 0;
 *	}
 *
 *	static void on_end(struct weir_conn *c, const void *rest, size_t n)
 *	{
 *		weir_conn_finish(c);
 *	}
 *
 * States, and what you may call in them:
 *
 *	closed	    zeroed, or after on_close: weir_conn_open, free
 *	open	    everything
 *	ended	    after shutdown: everything but detach; sends return -EPIPE
 *	detaching   after detach: progress, abort; sends return -EPIPE
 *	finishing   after finish: progress, abort; sends return -EPIPE
 *	failed	    an error was found: progress, abort; sends return it
 *	            (input that had arrived is still offered)
 *	closing	    after abort or a limit: progress; sends return -EPIPE
 *
 * From open on, the object must stay where it is until on_close. The loop calls
 * on_close last and exactly once; the object may be freed then, also inside the
 * callback. Calling any function from any callback is safe.
 *
 * The first end wins: a finish or abort after an error only changes how soon
 * on_close comes.
 *
 * An error or a limit that drops accepted bytes, or input that on_data has not
 * consumed, ends a TCP connection by reset: the peer must not take a part for
 * the whole. A Unix socket cannot reset; its peer sees an end.
 *
 * The complete echo:
 *
 * Example:
 *
 *	#include <stdio.h>
 *	#include <sys/socket.h>
 *	#include <weir.h>
 *
 *	static size_t on_data(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		return weir_conn_sendall(c, data, n) == 0 ? n : 0;
 *	}
 *
 *	static void on_close(struct weir_conn *c, const struct weir_result *r)
 *	{
 *		puts(weir_reason_name(r->reason)); // finished
 *	}
 *
 *	static const struct weir_conn_events echo = {.on_data = on_data,
 *						     .on_close = on_close};
 *
 *	int main(void)
 *	{
 *		struct weir_conn c = {0};
 *		struct weir_loop *loop;
 *		char text[6];
 *		int fd[2];
 *
 *		weir_loop_new(&loop);
 *		socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
 *		weir_conn_open(&c, loop, fd[0], &echo, NULL);
 *		send(fd[1], "Hey~~~", 6, 0);
 *		shutdown(fd[1], SHUT_WR);
 *		weir_loop_run(loop);
 *		return recv(fd[1], text, 6, 0) != 6 ||
 *		       weir_loop_free(loop) < 0;
 *	}
 *
 * Text followed by part of a file:
 *
 * Example:
 *
 *	#include <fcntl.h>
 *	#include <sys/socket.h>
 *	#include <weir.h>
 *
 *	static size_t skip(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		return n;
 *	}
 *
 *	static void on_close(struct weir_conn *c, const struct weir_result *r)
 *	{
 *	}
 *
 *	static const struct weir_conn_events events = {.on_data = skip,
 *						       .on_close = on_close};
 *
 *	int main(void)
 *	{
 *		struct weir_conn c = {0};
 *		struct weir_loop *loop;
 *		struct weir_file *file;
 *		char text[1024];
 *		int fd[2];
 *
 *		weir_loop_new(&loop);
 *		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd);
 *		weir_conn_open(&c, loop, fd[0], &events, NULL);
 *		weir_conn_sendall(&c, "a program: ", 11);
 *		weir_file_new(&file, open("/proc/self/exe", O_RDONLY));
 *		weir_conn_sendfile(&c, file, 0, 1000);
 *		weir_file_unref(file);
 *		shutdown(fd[1], SHUT_WR);
 *		weir_loop_run(loop);
 *		return recv(fd[1], text, sizeof text, 0) != 1011 ||
 *		       weir_loop_free(loop) < 0;
 *	}
 *
 * Keeping only the newest whole frames for a slow viewer, and telling it how
 * many it missed once it keeps up again:
 *
 * Example:
 *
 *	#include <stdio.h>
 *	#include <string.h>
 *	#include <sys/socket.h>
 *	#include <weir.h>
 *
 *	static size_t n_untold, n_told;
 *
 *	static size_t skip(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		return n;
 *	}
 *
 *	static void on_close(struct weir_conn *c, const struct weir_result *r)
 *	{
 *	}
 *
 *	static const struct weir_conn_events events = {.on_data = skip,
 *						       .on_close = on_close};
 *
 *	static void tell(struct weir_conn *c)
 *	{
 *		char text[40];
 *		int n = sprintf(text, "missed %zu\n", n_untold);
 *
 *		if (weir_conn_sendall(c, text, (size_t)n) < 0)
 *			return;
 *		n_told += n_untold;
 *		n_untold = 0;
 *	}
 *
 *	static void send_frame(struct weir_conn *c, struct weir_buf *frame)
 *	{
 *		size_t n_dropped = weir_conn_trim(c, 131072);
 *
 *		n_untold += n_dropped;
 *		if (n_dropped == 0 && n_untold > 0)
 *			tell(c);
 *		if (weir_conn_sendbuf(c, frame) < 0)
 *			n_untold++;
 *	}
 *
 *	int main(void)
 *	{
 *		static char screen[65536];
 *		struct weir_conn c = {0};
 *		struct weir_loop *loop;
 *		int fd[2];
 *
 *		weir_loop_new(&loop);
 *		socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
 *		weir_conn_open(&c, loop, fd[0], &events, NULL);
 *		for (int i = 0; i < 200; i++) {
 *			struct weir_buf *frame = weir_buf_new(16384);
 *
 *			memset(weir_buf_data(frame), i, 16384);
 *			send_frame(&c, frame);
 *			weir_buf_unref(frame);
 *			weir_loop_turn(loop, 0);
 *			if (i > 100)
 *				recv(fd[1], screen, 65536, MSG_DONTWAIT);
 *		}
 *		weir_conn_abort(&c, true);
 *		weir_loop_run(loop);
 *		return n_told == 0 || weir_loop_free(loop) < 0;
 *	}
 */
#ifndef WEIR_CONN_H
#define WEIR_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/buf.h>
#include <weir/declare.h>
#include <weir/file.h>
#include <weir/loop.h>
#include <weir/reason.h>
#include <weir/timer.h>

WEIR_DECLARE_BEGIN

struct weir_backlog;
struct weir_conn;
struct weir_input;
struct weir_link;
struct weir_listener;

/* Bytes, in the life of one connection.
 *
 *	accepted = sent + queued + dropped, always */
struct weir_progress {
	uint64_t received; /* read from the kernel */
	uint64_t unread;   /* part of received that on_data has not consumed */
	uint64_t accepted; /* by send, sendall, sendbuf and sendfile */
	uint64_t sent;	   /* the kernel took them */
	uint64_t queued;   /* gathered, or in the send queue */
	uint64_t dropped;  /* trimmed, or given up when the connection ended */
	/* How often the kernel took less than it was offered; how often it
	 * took nothing (counted in the first, too); how often EPOLLOUT was
	 * armed. */
	uint32_t n_short_sends;
	uint32_t n_would_blocks;
	uint32_t n_arms;
	uint64_t queue_peak;	/* most bytes ever queued after a send */
	uint64_t stalled_ns;	/* total time with the kernel full */
	uint64_t full_ns;	/* the current such time; 0: it is not full */
	uint64_t oldest_age_ns; /* of the oldest queued byte; 0: no such byte */
	/* the part of sent that the kernel still holds; -1: unknown */
	int64_t kernel_unsent;	/* TCP: not yet on the wire */
	int64_t kernel_unacked; /* TCP: not yet acknowledged */
};

/* How it ended. */
struct weir_result {
	enum weir_reason reason;
	int error; /* negative errno where there is one, else 0 */
	/* progress.dropped counts the bytes that were accepted and never sent;
	 * progress.unread includes the bytes that are left in the kernel and
	 * those that came after finish and were discarded */
	struct weir_progress progress;
};

/* What the loop calls. Many connections may share it, and it stays until the
 * last on_close. All but on_data and on_close may be NULL. */
struct weir_conn_events {
	/* n bytes arrived. Loop to consume every complete message; return the
	 * bytes consumed, counted from the front. The rest is kept and offered
	 * again: with what follows, and whenever reading resumes. data is valid
	 * during the call, and must not be changed.
	 *
	 * When n has reached the input limit, nothing is consumed, and reading
	 * is not held, the connection is closed (input_limit). */
	size_t (*on_data)(struct weir_conn *c, const void *data, size_t n);
	/* The peer has sent its FIN; rest is what on_data never consumed.
	 * Sending goes on until finish. NULL: finish. */
	void (*on_end)(struct weir_conn *c, const void *rest, size_t n);
	/* Called once after a short weir_conn_send, or one with n = 0, when the
	 * queue is empty and the kernel has room for something, not always
	 * for everything. */
	void (*on_writable)(struct weir_conn *c);
	/* above: the queue reached high or its limit of files, or a send was
	 * refused with -ENOBUFS or -ENOMEM; not above: it is back at low, and
	 * at a quarter of its files. They alternate. Judged after the kernel
	 * was offered the bytes: what the kernel takes immediately does not
	 * count. */
	void (*on_pressure)(struct weir_conn *c, bool above);
	/* After weir_conn_detach, instead of on_close: fd and the kept input
	 * (n bytes of data, valid during the call) are yours. The connection
	 * is closed; the last call. */
	void (*on_detach)(struct weir_conn *c, int fd, const void *data,
			  size_t n);
	/* The descriptor is closed, the memory released. The last call. */
	void (*on_close)(struct weir_conn *c, const struct weir_result *result);
	/* TCP: an option that you have set (SO_TIMESTAMPING, IP_RECVERR) has
	 * put entries on the socket's error queue: read them by recvmsg(2) with
	 * MSG_ERRQUEUE on weir_conn_fd. The entries that you leave there are
	 * discarded, up to 64 a turn; NULL: all of them. */
	void (*on_error_queue)(struct weir_conn *c);
};

enum weir_conn_flags {
	/* go on reading while this connection's output is above high */
	WEIR_CONN_NO_THROTTLE = 1
};

/* What 0 stands for in some of the limits below. */
#define WEIR_CONN_DEFAULT_HIGH	     262144
#define WEIR_CONN_DEFAULT_ABOVE_HIGH 786432 /* max, beyond high */
#define WEIR_CONN_DEFAULT_FILES	     64
#define WEIR_CONN_DEFAULT_STALL_NS   UINT64_C(60000000000)
#define WEIR_CONN_DEFAULT_LINGER_NS  UINT64_C(30000000000)
#define WEIR_CONN_DEFAULT_WINDOW_NS  UINT64_C(10000000000)

/* Many connections may share it, and it stays until the last on_close. 0 is
 * the default in parentheses; WEIR_NEVER is for times only. Sizes in bytes. */
struct weir_conn_limits {
	/* watermarks of the send queue; low <= high and
	 * high + WEIR_READ_SIZE <= max <= 1 GiB */
	size_t low;  /* back to normal (a quarter of high) */
	size_t high; /* on_pressure; reading pauses (256 KiB) */
	size_t max;  /* sendall refuses beyond (high + 768 KiB) */
	/* kept input (64 KiB); at most 1 GiB */
	size_t input;
	/* files in the send queue (64), each of which can hold a descriptor:
	 * reaching this is pressure, as high is; sendfile refuses beyond */
	size_t files;
	/* the peer's kernel accepts nothing for this long while bytes are
	 * queued or on_writable is owed: closed by reset, reason stalled
	 * (60 s). Time during which the loop itself was away is not charged.
	 * Checked four times per period, so up to a quarter late, never early.
	 * On Unix sockets the kernel shows progress only when the peer has
	 * read one of its buffers (32 KiB or so) to the end. */
	uint64_t stall_ns;
	/* time from our FIN, or from finish if that is later, to the peer's
	 * FIN; after that closed, reason linger (30 s). Time during which the
	 * loop itself was away is not charged. */
	uint64_t linger_ns;
	/* bytes a second that the peer's kernel must take over any
	 * rate_window_ns (10 s) during which bytes are queued all the time;
	 * else closed by reset, reason too_slow. 0: off. An autotuned buffer
	 * is acknowledged in lumps, every 4 s by a healthy reader of
	 * 100 KiB/s: let the window hold several of them. */
	uint64_t min_rate;
	uint64_t rate_window_ns;
	/* nothing is received or sent for this long while nothing is queued
	 * and reading is on: closed, reason idle. Checked four times per
	 * period, so up to half a period late, never early. 0: off */
	uint64_t idle_ns;
	/* TCP: a peer that has gone without a word is found out by the kernel,
	 * also while the connection is paused or owes nothing: closed, error
	 * (-ETIMEDOUT, -EHOSTUNREACH), or reset if its machine is back. Set at
	 * open, as tcp(7) says; rounded up to what the kernel counts in. */
	uint64_t keepalive_idle_ns; /* silence before the first probe, at most
				     * 32767 s. 0: no keepalive */
	uint64_t keepalive_interval_ns; /* between probes, at most 32767 s
					 * (tcp_keepalive_intvl: 75 s) */
	unsigned keepalive_count;	/* unanswered probes, at most 127
				   * (tcp_keepalive_probes: 9) */
	/* TCP_USER_TIMEOUT, at most INT_MAX ms: what was sent waits so long to
	 * be acknowledged, and with keepalive a silent peer is waited for so
	 * long, whatever the count. 0: the kernel's (tcp_retries2) */
	uint64_t user_timeout_ns;
	unsigned flags; /* enum weir_conn_flags; others: -EINVAL */
};

/* What the connection has to send. The fields are the library's. */
struct weir_outbox {
	struct weir_backlog *backlog; /* the queue; NULL until first needed */
	uint64_t sent;
	uint32_t n_short_sends;
	uint32_t n_would_blocks;
};

/* The connection's state; all 0: open, reading, nothing owed. The fields are
 * the library's. */
struct weir_conn_state {
	uint8_t phase;	/* moves forward only */
	uint8_t holds;	/* what holds reading; a bit each */
	uint16_t facts; /* everything else that is not ordinary; a bit each */
};

/* Embedded by its owner. Zeroed is closed: every function may be called on it,
 * with the same result as after on_close. The fields are the library's. */
struct weir_conn {
	struct weir_watch watch;
	const struct weir_conn_events *events;
	const struct weir_conn_limits *limits;
	struct weir_input *input; /* kept bytes; NULL: nothing is kept */
	struct weir_outbox out;
	struct weir_timer timer; /* the earliest limit to look at */
	struct weir_conn_state state;
	int error; /* why it failed; 0: it has not failed */
	uint64_t received;
	uint64_t discarded;
	struct weir_link *links; /* those in which it is source or sink */
	uint32_t n_held_by;	 /* how many of them hold its reading */
	uint32_t read_size;	 /* what a recv asks for when nothing is kept */
	uint32_t idle_mark;	 /* received and sent, at the last check */
	uint8_t n_quarters;	 /* of idle or linger, that have passed */
	uint8_t timer_for;	 /* which limit */
	bool is_tcp;
	uint8_t reason;
};

/* Take over fd, a connected stream socket, and read from it. events and
 * limits (NULL: all defaults) are not copied. fd may be blocking: every call
 * passes MSG_DONTWAIT. TCP_NODELAY is set; who wants Nagle's algorithm unsets
 * it afterwards.
 *
 * Bytes that the peer sends out of band (MSG_OOB) are not delivered, unless
 * you set SO_OOBINLINE; the bytes before and after them are. Descriptors that
 * it sends along (SCM_RIGHTS, on a Unix socket) are closed by the kernel, and
 * only the bytes arrive.
 *
 * -EINVAL: a limit out of its range; -ENOTSOCK, -EPROTOTYPE: not a stream
 * socket; -EEXIST: this loop watches fd already; -ENOMEM, -ENOSPC
 * (epoll_ctl(2)). On failure fd stays the caller's and c is unchanged; on
 * success the library closes fd before on_close. */
int weir_conn_open(struct weir_conn *c, struct weir_loop *loop, int fd,
		   const struct weir_conn_events *events,
		   const struct weir_conn_limits *limits);

/* As weir_conn_open, in the loop of listener, for an fd that this listener has
 * accepted: what the listener knows of it is not asked or set again, which
 * saves a system call. TCP_NODELAY is inherited from the listening socket. For
 * a listener that was adopted it is the same as weir_conn_open. The listener
 * must be open; it may be closed afterwards. */
int weir_conn_accept(struct weir_conn *c, struct weir_listener *listener,
		     int fd, const struct weir_conn_events *events,
		     const struct weir_conn_limits *limits);

/* Use other callbacks from now on, for example after a login; they are not
 * copied either. Input that the old on_data has left unconsumed is offered to
 * the new one soon, whether more arrives or not. On a closed connection this
 * does nothing. */
void weir_conn_set_events(struct weir_conn *c,
			  const struct weir_conn_events *events);

/* Use other limits from now on (NULL: all defaults; not copied); returns 0.
 * Watermarks are judged anew, and on_pressure follows where they are crossed.
 * idle and min_rate start anew, linger if it differs; for stall the time that
 * has passed counts. A queue, or kept input, that is above a lowered limit is
 * not dropped: more is refused until it has shrunk. keepalive and user_timeout
 * are set as at open, and taken back where 0 replaces them; the interval and
 * the count then stay. -EINVAL: a limit out of its range; -EPIPE: the
 * connection is closed; setsockopt(2)'s error. On failure the limits stay the
 * old ones. */
int weir_conn_set_limits(struct weir_conn *c,
			 const struct weir_conn_limits *limits);

/* How many bytes weir_conn_sendall takes now even if the kernel takes nothing:
 * the room left below max. 0 when sendall takes nothing. */
size_t weir_conn_room(const struct weir_conn *c);

/* Offer data to the kernel once, and return how many of the n bytes it took.
 * This never queues and never overtakes: it returns 0 while bytes are queued
 * or the kernel is full. When the kernel took less than n, on_writable follows
 * once, when the queue is empty and the kernel has room; n = 0 sends nothing
 * and only requests on_writable. From inside on_writable it follows in the next
 * turn, so a source that sends one piece and asks again lets the loop serve
 * others in between. Errors are those of weir_conn_sendall from -EPIPE on. */
ssize_t weir_conn_send(struct weir_conn *c, const void *data, size_t n);

/* Accept all n bytes, to be sent in order behind all before them, or accept
 * nothing.
 *
 * Inside the connection's own callbacks, small messages gather and leave in one
 * send(2) when the callback returns; elsewhere they leave at the end of the
 * turn. A message larger than 4 KiB leaves at once, behind what waits, and only
 * what the kernel did not take is copied and queued.
 *
 * 0		all n bytes are accepted; data may be reused
 * -EMSGSIZE	n > max: it can never succeed
 * -ENOBUFS	no room below max now, even after offering the kernel what
 *		was gathered
 * -ENOMEM	no memory for what the kernel might leave
 * -EPIPE	after shutdown, finish, detach or abort; after a limit; when the
 *		loop's budget closed this very connection; and when one of the
 *		errors above ended the connection (its result says which)
 * others	the connection's error; the same from now on
 *
 * On failure the library has taken no byte of the n. After -ENOBUFS and -ENOMEM
 * on_pressure follows, and unless WEIR_CONN_NO_THROTTLE is set, reading is held
 * until the queue has shrunk and is back at low, or after -ENOMEM for at most
 * 10 ms, so input left unconsumed for this reason is offered again. */
int weir_conn_sendall(struct weir_conn *c, const void *data, size_t n);

/* As sendall, but it shares buf instead of copying: it takes a reference, and
 * the reference is dropped once it is sent. The bytes always leave at the end
 * of the callback or turn. A buffer counts at least 64 bytes against the
 * watermarks. An empty one does nothing. */
int weir_conn_sendbuf(struct weir_conn *c, struct weir_buf *buf);

/* As sendall, but the bytes are n of file's from offset on. It takes a
 * reference, and the reference is dropped once they are sent. They leave at the
 * end of the callback or turn, in the same flush as what is in front of them.
 *
 * -EINVAL: no file has such a place. -ENOBUFS: limits.files files are queued,
 * even after offering the kernel what waits, or no room below max. -ENOMEM,
 * -EPIPE and the connection's error, as sendall.
 *
 * The bytes count as accepted, queued and sent, but not against watermarks and
 * budget: they are not in memory until their turn comes. A file counts there
 * with up to 64 bytes, for its place in the queue. Small files are read, and
 * so are, in pieces, those that sendfile(2) cannot send (some file systems) or
 * would wait for (a blocking socket). A file that ends before n bytes is an
 * error of the connection, -ENODATA; so is one whose reading fails. */
int weir_conn_sendfile(struct weir_conn *c, struct weir_file *file,
		       int64_t offset, uint64_t n);

/* Drop the oldest whole shared buffers (sendbuf) that have not begun to leave,
 * until the queue's weight is at most target or no such buffer is left. The
 * stream goes on with whole buffers. Returns how many were dropped;
 * progress.dropped counts their bytes.
 *
 * If you trim before each send, to below high, on_pressure never comes, since
 * the queue does not get there. If you trim only after -ENOBUFS it has come;
 * then keep target at low or more, or on_pressure(c, false) follows although
 * the peer has read nothing. Add up what trim returns, and tell the peer when a
 * trim drops nothing any more (see the example above): a text for each drop
 * would itself fill the queue, from which only buffers are dropped. */
size_t weir_conn_trim(struct weir_conn *c, size_t target);

/* Hold reading: on_data and on_end do not come until resume. Calls do not nest:
 * one resume undoes any number of pauses. A connection that does not read and
 * owes nothing leaves epoll, and learns of its peer's death only at resume or
 * by a limit. */
void weir_conn_pause(struct weir_conn *c);
void weir_conn_resume(struct weir_conn *c);

/* Flush, then send a FIN; input comes as before. Sends return -EPIPE from here
 * on. After both directions have ended you must still call finish (an on_end of
 * NULL does) or abort. This is for clients that half-close; servers finish. */
void weir_conn_shutdown(struct weir_conn *c);

/* End it and lose nothing: flush, send a FIN, discard input until the peer's
 * FIN or the linger limit, close. Pauses no longer hold, and on_data no longer
 * comes. */
void weir_conn_finish(struct weir_conn *c);

/* Give the connection up without closing it: reading stops, what is queued is
 * flushed, and on_detach hands over the descriptor and the kept input. An
 * error, a limit or an abort before that ends it by on_close. This hands a
 * connection to another protocol's library. events must have an on_detach. */
void weir_conn_detach(struct weir_conn *c);

/* End it now. What waits is offered to the kernel once, unless that is known to
 * be full, and what it does not take is dropped; so last words that are sent
 * just before leave. They are lost all the same if the peer has sent what
 * nobody has read: closing with unread input is a reset. Use finish for words
 * that must arrive.
 *
 * with_reset: nothing is offered, and a TCP connection ends by RST, which also
 * throws away what the kernel still holds. A Unix socket cannot reset. */
void weir_conn_abort(struct weir_conn *c, bool with_reset);

/* The connection's counters. It asks the kernel for what it holds, which costs
 * up to two system calls. */
void weir_conn_progress(struct weir_conn *c, struct weir_progress *progress);
/* The same without a system call: kernel_unsent and kernel_unacked are
 * unknown. For reading many connections at once. */
void weir_conn_counters(const struct weir_conn *c,
			struct weir_progress *progress);

/* True while the kernel accepts no more. */
bool weir_conn_is_full(const struct weir_conn *c);

/* The socket of an open connection, to set options or to ask for names. It stays
 * the connection's. */
static inline int weir_conn_fd(const struct weir_conn *c)
{
	return weir_watch_fd(&c->watch);
}

/* The loop of an open connection; NULL: it is closed. */
static inline struct weir_loop *weir_conn_loop(const struct weir_conn *c)
{
	return weir_watch_loop(&c->watch);
}

/* True from a successful open until on_close; false inside it. */
bool weir_conn_is_open(const struct weir_conn *c);

WEIR_DECLARE_END

#endif
