/* The same bytes sent twice, event by event: by send, where the caller keeps
 * what the kernel did not take and waits for on_writable, and by sendall,
 * where Weir keeps it. What sendall does is seen through weir_observer. */
#ifndef DEMO_TRACE_H
#define DEMO_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	TRACE_SIZE = 1048576,
	TRACE_N_EVENTS = 64,
	TRACE_WORDS_SIZE = 160
};

enum trace_kind {
	TRACE_CALL,	/* n: offered by send or sendall */
	TRACE_TAKEN,	/* n: the kernel took; left: of what was offered */
	TRACE_KEPT,	/* n: the caller has still to send */
	TRACE_QUEUED,	/* n: the library has still to send */
	TRACE_RETURNED, /* sendall did, with n: 0 */
	TRACE_ARMED,
	TRACE_WRITABLE, /* the caller is told */
	TRACE_MOVED,	/* n: from the queue to the kernel; left: in it */
	TRACE_DRAINED,
	TRACE_DISARMED
};

struct trace_event {
	enum trace_kind kind;
	size_t n;
	size_t left;
};

struct trace {
	bool is_sendall;
	struct trace_event events[TRACE_N_EVENTS];
	size_t n_events;
	size_t n_received; /* by the reader */
	bool is_intact;	   /* and all of them right */
};

/* Run one: 0, or the errno of what could not be set up. */
int trace_send(struct trace *trace);
int trace_sendall(struct trace *trace);
/* Both beside each other, in 80 columns. */
void trace_print(FILE *out, const struct trace *send,
		 const struct trace *sendall);
/* Event i in words: "kernel took 261,932: short". Returns text. */
const char *trace_words(const struct trace *trace, size_t i,
			char text[TRACE_WORDS_SIZE]);

#endif
