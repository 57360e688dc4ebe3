/* What the lessons are made with: a connection over loopback whose buffers are
 * small and fixed (autotuned ones would swallow megabytes and hide what the
 * lessons are about), bytes that can be checked, and a peer that reads only
 * when it is told to. What goes wrong here ends the program: one line on
 * stderr, status 2. */
#ifndef DEMO_LESSON_KIT_H
#define DEMO_LESSON_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir.h>

#include "lesson.h"

enum {
	/* SO_SNDBUF of the sender and SO_RCVBUF of the peer; Linux doubles
	 * both */
	LESSON_SNDBUF = 65536,
	LESSON_RCVBUF = 32768
};

/* The far end. It checks each byte that it reads. */
struct lesson_peer {
	int fd;			 /* non-blocking; -1: closed */
	struct weir_watch watch; /* when it reads from a loop */
	size_t per_turn;	 /* the most that it reads then at a time */
	uint64_t n_received;
	uint64_t first_wrong; /* at which byte; UINT64_MAX: all were right */
	bool has_ended;	      /* FIN */
	int error;	      /* errno of the recv that failed; 0: none did */
};

/* A TCP connection over loopback. */
struct lesson_pair {
	struct lesson_peer peer;
	struct weir_conn conn;	 /* open after lesson_conn_open */
	enum weir_reason reason; /* how that ended */
	int fd;			 /* ours, non-blocking; -1: conn's, or closed */
};

_Noreturn void lesson_die(const char *what, int error);
void lesson_pair_open(struct lesson_pair *pair);
void lesson_pair_close(struct lesson_pair *pair);

/* As realloc(3). */
void *lesson_alloc(void *old, size_t n);
/* n bytes, each told by its place; to be freed. */
unsigned char *lesson_data(size_t n);

/* Until poll(2) reports one of events on fd. */
void lesson_await(int fd, short events);
/* What has come by now, at most max of it. Returns how much. */
size_t lesson_peer_read(struct lesson_peer *peer, size_t max);
/* All that comes until it ends or fails. */
void lesson_peer_finish(struct lesson_peer *peer);
/* End our side, and let the peer read all that comes. */
void lesson_pair_finish(struct lesson_pair *pair);
/* From now on the peer reads whenever the loop finds it readable, per_turn
 * bytes at most; it leaves the loop when the stream ends. */
void lesson_peer_join(struct lesson_peer *peer, struct weir_loop *loop,
		      size_t per_turn);
/* The peer reads until there is room to send. */
void lesson_make_room(struct lesson_pair *pair);
/* One send(2) to a socket that has room: the peer has read until then. Returns
 * what send returns, which may be less than n. */
size_t lesson_send(struct lesson_pair *pair, const void *data, size_t n);

struct weir_loop *lesson_loop_open(void);
/* After all its pairs. */
void lesson_loop_close(struct weir_loop *loop);
/* Until the peer, which has joined the loop, has received n bytes. */
void lesson_loop_until(struct weir_loop *loop, const struct lesson_peer *peer,
		       uint64_t n);
/* Give the pair's descriptor to its weir connection, which reads and forgets
 * what the peer sends. */
void lesson_conn_open(struct lesson_pair *pair, struct weir_loop *loop,
		      const struct weir_conn_limits *limits);

/* By weir_conn_sendall, which must have room for all of it. */
void lesson_conn_sendall(struct lesson_pair *pair, const void *data, size_t n);

/* A figure, for a closer look than the text has. */
void lesson_note(struct lesson_result *result, const char *name,
		 uint64_t value);
/* The sentence; numbers in it get their thousands separated. */
__attribute__((format(printf, 2, 3))) void lesson_say(
	struct lesson_result *result, const char *format, ...);
/* "EAGAIN", for the few errors that the lessons meet. */
const char *lesson_error_name(int error);

/* lesson_short.c: what a short send does to a loop */
extern const struct lesson lesson_article_loop;
extern const struct lesson lesson_send_sends_all;
extern const struct lesson lesson_same_length;
extern const struct lesson lesson_slice_is_free;
/* lesson_sendall.c: a sendall that fails half-way */
extern const struct lesson lesson_sendall_nonblocking;
extern const struct lesson lesson_sendall_timeout;
/* lesson_many.c: what one slow client costs the others, and the server */
extern const struct lesson lesson_sendall_in_loop;
extern const struct lesson lesson_queue_without_cap;
/* lesson_end.c: what is known at the end of a connection */
extern const struct lesson lesson_success_is_delivery;
extern const struct lesson lesson_close_flushes;
extern const struct lesson lesson_sigpipe;
/* lesson_message.c: streams and datagrams */
extern const struct lesson lesson_message_boundaries;
extern const struct lesson lesson_recv_truncates;
/* lesson_epoll.c: waiting for room */
extern const struct lesson lesson_epollout_armed;
extern const struct lesson lesson_epollout_is_room;
extern const struct lesson lesson_eagain_loop;

#endif
