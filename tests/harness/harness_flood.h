/* Measuring weir-flood: a server whose answers are known, since it writes down
 * itself what it did and when; and the program as a child.
 *
 *	struct known server;
 *	struct flooded run;
 *
 *	known_start(&server, &(struct known_plan){.size = 64});
 *	flood(&run, "-n", "100", "--json", "-", server.address, NULL);
 *	cr_assert_eq(run.status, 0);
 *	cr_assert_eq(flooded_number(&run, "latency_ns", "count"), 100);
 *	flooded_end(&run, &server);
 */
#ifndef HARNESS_FLOOD_H
#define HARNESS_FLOOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	KNOWN_ADDRESS_SIZE = 64,
	KNOWN_MAX_DELAYS = 4,
	KNOWN_MAX_SAMPLES = 65536
};

/* What becomes of one message, the one that comes as number fault_at. */
enum known_fault {
	KNOWN_RIGHT,
	KNOWN_CHANGES,	       /* one byte of it */
	KNOWN_LOSES_BYTES,     /* three of its bytes */
	KNOWN_LOSES,	       /* all of it */
	KNOWN_REPEATS_BYTES,   /* ten of its bytes */
	KNOWN_REPEATS,	       /* all of it */
	KNOWN_REORDERS,	       /* it comes after the next of its connection */
	KNOWN_SWAPS_BYTES,     /* two of its bytes */
	KNOWN_FALLS_SILENT,    /* nothing is answered any more */
	KNOWN_RESETS,	       /* its connection */
	KNOWN_CLOSES,	       /* its connection, by a FIN */
	KNOWN_ENDS_AND_RESETS, /* a FIN, and half a second later a reset */
	KNOWN_STALLS,	       /* its connection gets no answer any more */
	KNOWN_ZEROES,	 /* this and all that follow: as many zeros instead */
	KNOWN_MISSES,	 /* lines: not passed on, and "# missed 1" instead */
	KNOWN_TURNS_AWAY /* lines: the subscriber, by a FIN */
};

struct known_plan {
	size_t size; /* of each message */
	/* lines, each passed on to all others; else they come back */
	bool is_broadcast;
	/* the answer to message i of a connection waits for delay i, and then
	 * from the first again; all 0: not at all */
	uint64_t delays_ns[KNOWN_MAX_DELAYS];
	size_t n_delays;
	/* with the message of that number (from 1 on) all stands still */
	uint64_t freeze_at;
	uint64_t freeze_ns;
	uint64_t work_ns; /* each message takes that long, one by one */
	enum known_fault fault;
	uint64_t fault_at;    /* from 1 on */
	uint64_t fault_every; /* again so many messages later; 0: once */
	/* a FIN ends the connection at once, whatever it still owes, as many
	 * event loops do by default */
	bool closes_at_fin;
	size_t answer_size; /* bytes of it come back; 0: all */
	/* a connection is closed instead of its answer number n_answers + 1;
	 * 0: never */
	uint64_t n_answers;
};

/* One message, as the server saw it. */
struct known_sample {
	uint64_t arrived_ns;  /* CLOCK_MONOTONIC */
	uint64_t answered_ns; /* just before the answer is sent */
	uint32_t connection;  /* in the order in which they were accepted */
};

/* Shared by the server, which writes it, and the test. */
struct known_truth {
	uint64_t n_accepted;
	uint64_t n_samples;
	uint64_t n_resets; /* connections that ended by one */
	struct known_sample samples[KNOWN_MAX_SAMPLES];
};

struct known {
	pid_t pid;
	char address[KNOWN_ADDRESS_SIZE];
	struct known_truth *truth;
};

/* Be it, at a listening socket, for ever; known_start makes a child that is. */
_Noreturn void known_serve(int listener, const struct known_plan *plan,
			   struct known_truth *truth);
void known_start(struct known *known, const struct known_plan *plan);
/* Wait until it has accepted so many, and counted so many resets, which may be
 * later than the peer believes. */
void known_await(const struct known *known, uint64_t n_accepted,
		 uint64_t n_resets);
/* It is ended; its truth stays until known_forget. */
void known_stop(struct known *known);
void known_forget(struct known *known);

/* -- the program -- */

/* A run that has ended: all that it has said, and its exit status, or 128 + the
 * signal that ended it. */
struct flooded {
	int status;
	char *out;
	char *err;
};

/* Run $WEIR_BUILD/weir-flood with these arguments, NULL behind the last. */
void flood(struct flooded *run, ...) __attribute__((sentinel));
void flooded_forget(struct flooded *run);
/* Forget both; the server is stopped before. */
void flooded_end(struct flooded *run, struct known *known);
/* A number in the JSON that it printed: that of key, inside of the object that
 * within names ("": anywhere; "bad_peers/reset": one in another). NaN for null;
 * dies if there is no such key. */
double flooded_number(const struct flooded *run, const char *within,
		      const char *key);
/* Whether this is in what it said to standard error, or printed. */
bool flooded_says(const struct flooded *run, const char *part);

/* The same in two steps, with something in between. */
struct flooding {
	pid_t pid;
	int out;
	int err;
};
void flood_start(struct flooding *flooding, const char *const *arguments);
void flood_wait(struct flooding *flooding, struct flooded *run);

#endif
