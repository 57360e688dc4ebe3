/* What the connections do: one implementation for each kind of load.
 *
 *	echo.c datagram.c source.c sink.c connect.c broadcast.c
 */
#ifndef FLOOD_MODE_H
#define FLOOD_MODE_H

#include <stdbool.h>
#include <stdint.h>

struct load;
struct peer;
struct weir_conn_events;

enum mode_kind {
	MODE_ECHO,
	MODE_SOURCE,	/* the target talks, we listen */
	MODE_SINK,	/* we talk, the target listens */
	MODE_CONNECT,	/* connect, one echo, close */
	MODE_BROADCAST, /* publishers talk, subscribers listen */
	MODE_N_KINDS
};

/* What a mode does with the connections; constant. */
struct mode {
	const struct weir_conn_events *events;
	/* begin to connect, and call crew_take later, or a negative errno;
	 * NULL: to a stream, with these events */
	int (*dial)(struct peer *peer);
	/* all connections are made: see to it that load_start is called; NULL:
	 * it can be at once */
	void (*prepare)(struct load *load);
	/* the first messages of a closed loop */
	void (*start)(struct peer *peer);
	/* one message, intended at that time */
	void (*send)(struct peer *peer, uint64_t intended_ns);
	/* a connection has been made again: send again what is in flight;
	 * NULL: none ever is */
	void (*resume)(struct peer *peer);
	/* what is in flight on a connection that has gone, or for it, is
	 * answered no more: record_unanswered for each; NULL: nothing is */
	void (*give_up)(struct peer *peer);
	/* give up what has waited for --timeout by now; NULL: nothing ever
	 * does */
	void (*time_out)(struct peer *peer, uint64_t now_ns);
	/* its own state: -ENOMEM, or 0; NULL: none. close comes after the
	 * last connection, and if open has failed */
	int (*open)(struct load *load);
	void (*close)(struct load *load);
	/* close what it has opened in the loop; NULL: nothing */
	void (*stop)(struct load *load);
	/* the target ends its side when we end ours */
	bool is_ended_by_fin;
};

/* The mode of that kind, over streams. */
const struct mode *mode_of(enum mode_kind kind);

/* In lower case; a NULL ends them. */
extern const char *const mode_names[MODE_N_KINDS + 1];
const char *mode_name(enum mode_kind kind);

/* Whether messages get an answer in this mode, and so latencies are known. */
bool mode_has_answers(enum mode_kind kind);

extern const struct mode echo_mode;
extern const struct mode source_mode;
extern const struct mode sink_mode;
extern const struct mode connect_mode;
extern const struct mode broadcast_mode;

#endif
