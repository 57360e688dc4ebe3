/* What a service is to the server. Constant; shared by all workers. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include <weir.h>

struct endpoint;

struct service {
	const char *name;
	const char *address; /* where, when the command line names none */
	/* an ADDRESS follows a comma: relay's target */
	bool takes_target;
	/* its state is a struct channel_feed; channel=NAME is for it */
	bool has_channel;
	/* each worker keeps the last lines, of settings.replay bytes */
	bool keeps_lines;
	/* it ends when the peer goes away, which needs no log line */
	bool is_endless;
	/* input that was not read when a connection is aborted is lost */
	bool owes_input;
	/* the server's own: its clients are not counted among the others, nor
	 * ended with them */
	bool is_private;
	struct weir_conn_events events; /* on_close is client_on_close */
	unsigned flags; /* enum weir_conn_flags: of its connections */
	/* for datagrams; without on_datagram: streams only */
	struct weir_dgram_events datagrams;
	/* The connections that this service itself opens, to a relay's target
	 * for example, have an endpoint of their own, which does not listen.
	 * NULL: it opens none. */
	const struct service *target;
	/* Bytes that it keeps for each connection; zeroed before on_open. */
	size_t state_size;
	/* Bytes that several workers share for each SERVICE=ADDRESS; they are
	 * part of --budget. */
	size_t shared_memory;
	/* NULL in any of these: nothing to do. open sets endpoint->state,
	 * or returns -ENOMEM; close follows the last on_close. */
	int (*open)(struct endpoint *endpoint);
	void (*close)(struct endpoint *endpoint);
	/* a connection is there, nothing has been read from it */
	void (*on_open)(struct endpoint *endpoint, struct weir_conn *c);
	/* last call for a connection; it has been logged and counted */
	void (*on_close)(struct weir_conn *c, const struct weir_result *result);
	/* the worker's wakeup has fired */
	void (*on_wakeup)(struct endpoint *endpoint);
	/* instead of weir_conn_finish when the server drains */
	void (*on_drain)(struct weir_conn *c);
	/* bytes of the connection that the service has dropped by its own
	 * policy, which are no loss when the server stops */
	uint64_t (*n_trimmed)(const struct weir_conn *c);
};

extern const struct service greet_service;
extern const struct service echo_service;
extern const struct service discard_service;
extern const struct service chargen_service;
extern const struct service broadcast_service;
extern const struct service events_service;
extern const struct service relay_service;
extern const struct service metrics_service; /* private */

#endif
