/* Accepting: a bounded number per turn, skipping clients that are gone already,
 * with a pause when descriptors or memory run out. A pause takes the socket out
 * of epoll: the backlog keeps it readable, so a watch would spin. */
#include "listener.h"
#include "loop.h"
#include "size.h"
#include "socket_file.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

enum {
	RETRY_NS = 100000000
};

/* A switch, not a table: -Wswitch-enum then reports a missing failure. */
const char *weir_accept_failure_name(enum weir_accept_failure failure)
{
	switch (failure) {
	case WEIR_ACCEPT_EMFILE:
		return "emfile";
	case WEIR_ACCEPT_ENFILE:
		return "enfile";
	case WEIR_ACCEPT_ENOBUFS:
		return "enobufs";
	case WEIR_ACCEPT_ENOMEM:
		return "enomem";
	case WEIR_ACCEPT_OTHER:
		return "other";
	case WEIR_ACCEPT_ABORTED:
		return "aborted";
	case WEIR_ACCEPT_NETWORK:
		return "network";
	case WEIR_ACCEPT_FIREWALL:
		return "firewall";
	case WEIR_N_ACCEPT_FAILURES:
		break;
	}
	return NULL;
}

static enum weir_accept_failure failure_of(int error)
{
	switch (error) {
	case -EMFILE:
		return WEIR_ACCEPT_EMFILE;
	case -ENFILE:
		return WEIR_ACCEPT_ENFILE;
	case -ENOBUFS:
		return WEIR_ACCEPT_ENOBUFS;
	case -ENOMEM:
		return WEIR_ACCEPT_ENOMEM;
	case -ECONNABORTED:
	case -EPROTO:
		return WEIR_ACCEPT_ABORTED;
	case -ENETDOWN:
	case -ENOPROTOOPT:
	case -EHOSTDOWN:
	case -ENONET:
	case -EHOSTUNREACH:
	case -EOPNOTSUPP:
	case -ENETUNREACH:
		return WEIR_ACCEPT_NETWORK;
	case -EPERM:
		return WEIR_ACCEPT_FIREWALL;
	default:
		return WEIR_ACCEPT_OTHER;
	}
}

/* The client gave up while it waited, or the network did for it: accept(2)
 * asks to treat these as if it had never connected. */
static bool is_skipped(int error)
{
	return error < 0 && failure_of(error) >= WEIR_ACCEPT_ABORTED;
}

static int accept_one(struct weir_listener *l, struct weir_address *peer)
{
	socklen_t len = sizeof peer->sa;
	int fd;

	memset(peer, 0, sizeof *peer);
	fd = weir_sys_accept(l->watch.fd, &peer->sa.any, &len);
	if (fd < 0) {
		if (fd != -EAGAIN)
			l->stats.n_failures[failure_of(fd)]++;
		return fd;
	}
	peer->type = SOCK_STREAM;
	peer->len = (socklen_t)weir_smaller(len, sizeof peer->sa);
	l->stats.n_accepted++;
	/* a size that the kernel does not take is no reason to lose it */
	if (l->unix_sndbuf > 0)
		(void)weir_sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF,
					  l->unix_sndbuf);
	return fd;
}

static void try_again(struct weir_timer *timer);

/* A socket that was shut down gives nothing but -EINVAL for ever: there is no
 * other cause for it, since it has listened. */
static void pause_itself(struct weir_listener *l, int error)
{
	struct weir_loop *loop = l->watch.loop;

	weir_watch_set(&l->watch, 0);
	if (error != -EINVAL)
		weir_timer_arm(&l->retry, loop, weir_loop_now(loop) + RETRY_NS,
			       try_again);
	l->stats.n_pauses++;
}

/* Last of all, since the callback may free the listener. */
static void pause_and_tell(struct weir_listener *l, int error)
{
	bool is_told = l->is_pause_told;

	pause_itself(l, error);
	l->is_pause_told = true;
	if (!is_told && l->on_pause)
		l->on_pause(l, error);
}

static void try_again(struct weir_timer *timer)
{
	struct weir_listener *l =
		weir_container_of(timer, struct weir_listener, retry);
	int error = weir_watch_set(&l->watch, l->interest);

	if (error < 0)
		pause_and_tell(l, error);
}

/* None waits. A Unix socket that was shut down says so too, and not EINVAL,
 * while epoll reports it for ever: with EPOLLHUP, or, shut down for reading
 * alone, just as if somebody else were always faster (measured on Linux
 * 6.18). */
static void take_nothing(struct weir_listener *l, uint32_t events,
			 bool has_accepted)
{
	if (events & EPOLLHUP) {
		pause_and_tell(l, -EINVAL);
	} else if (!has_accepted && ++l->n_empty == WEIR_ACCEPTS_PER_TURN) {
		l->n_empty = 0;
		pause_and_tell(l, -EAGAIN);
	}
}

/* How many to accept in this turn. An accept that finds nobody is a system call
 * for nothing, and epoll reports those who still wait anyway: as many as came
 * last time, and twice as many if the turn before has left some. */
static int begin_accepting(struct weir_listener *l)
{
	uint32_t turn = (uint32_t)l->watch.loop->n_turns;

	if (turn - l->ready_in_turn == 1)
		l->n_at_once = (uint8_t)weir_smaller((size_t)2 * l->n_at_once,
						     WEIR_ACCEPTS_PER_TURN);
	l->ready_in_turn = turn;
	return l->n_at_once;
}

void weir_listener_on_ready(struct weir_watch *watch, uint32_t events)
{
	struct weir_listener *l =
		weir_container_of(watch, struct weir_listener, watch);
	bool is_closed = false;
	int n_skipped = 0;
	int n_at_once;
	int fd = 0;
	int i;

	if (l->watch.wanted == 0)
		return; /* paused after this was harvested */
	n_at_once = begin_accepting(l);
	for (i = 0; i < n_at_once; i++) {
		struct weir_address peer;

		fd = accept_one(l, &peer);
		if (fd == -EAGAIN) {
			l->n_at_once = (uint8_t)(i > 0 ? i : 1);
			take_nothing(l, events, i > 0);
			return;
		}
		if (is_skipped(fd)) {
			n_skipped++;
			n_at_once = WEIR_ACCEPTS_PER_TURN;
			continue;
		}
		if (fd < 0) {
			pause_and_tell(l, fd);
			return;
		}
		l->is_pause_told = false;
		l->n_empty = 0;
		l->closed_inside = &is_closed;
		l->on_accept(l, fd, &peer);
		if (is_closed)
			return;
		l->closed_inside = NULL;
		if (l->watch.wanted == 0)
			return; /* paused inside */
	}
	/* only clients that are gone: a persistent error would spin */
	if (n_skipped == WEIR_ACCEPTS_PER_TURN)
		pause_and_tell(l, fd);
}

int weir_listener_take(struct weir_listener *l, struct weir_address *peer)
{
	int fd = accept_one(l, peer);
	int i;

	for (i = 1; i < WEIR_ACCEPTS_PER_TURN && is_skipped(fd); i++)
		fd = accept_one(l, peer);
	return fd;
}

void weir_listener_pause(struct weir_listener *l)
{
	if (!l->watch.loop)
		return;
	weir_timer_cancel(&l->retry);
	weir_watch_set(&l->watch, 0);
}

void weir_listener_resume(struct weir_listener *l)
{
	int error;

	if (!l->watch.loop || l->watch.wanted != 0)
		return;
	weir_timer_cancel(&l->retry);
	error = weir_watch_set(&l->watch, l->interest);
	if (error < 0)
		pause_itself(l, error);
}

int weir_listener_own_file(struct weir_listener *l, bool is_owner)
{
	return weir_socket_file_own(&l->file, &l->address, is_owner);
}

void weir_listener_close(struct weir_listener *l)
{
	if (!l->watch.loop)
		return;
	if (l->closed_inside)
		*l->closed_inside = true;
	l->closed_inside = NULL;
	weir_timer_cancel(&l->retry);
	weir_watch_close(&l->watch);
	/* before the close, so that no process finds the file stale */
	weir_socket_file_remove(&l->file, &l->address);
	weir_sys_close(l->watch.fd);
}

void weir_listener_stats(const struct weir_listener *l,
			 struct weir_listener_stats *stats)
{
	*stats = l->stats;
}
