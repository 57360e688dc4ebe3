/* weir-flood: what its files share.
 *
 *	main.c	     from the command line to the exit status
 *	options.c    the command line: settings, or one line of refusal
 *	generator.c  one run against one target, from connecting to the result
 *	...	     (the rest of the load; see each file's first lines)
 *	histogram.c  what is recorded: counts by value, nothing censored
 *	report.c     what is printed: table, JSON, HTML, progress
 *
 * Times are monotonic ns. A message is counted when it was to be sent after
 * the warm-up and before the end, so every figure is about the same messages.
 */
#ifndef FLOOD_H
#define FLOOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

struct histogram;

/* The exit status of the program. */
enum flood_status {
	FLOOD_DONE = 0,
	FLOOD_FAILED = 1,   /* corrupt bytes, or the run broke down */
	FLOOD_REFUSED = 2,  /* wrong usage, or no connection at all */
	FLOOD_INVALID = 3,  /* the measurement is not valid */
	FLOOD_BREACHED = 4, /* an --expect was not met */
	FLOOD_GO_ON = -1    /* of a step: nothing to exit for */
};

/* -- what is asked -- */

enum flood_mode {
	FLOOD_ECHO,
	FLOOD_SOURCE,	 /* the target talks, we listen */
	FLOOD_SINK,	 /* we talk, the target listens */
	FLOOD_CONNECT,	 /* connect, one echo, close */
	FLOOD_BROADCAST, /* publishers talk, subscribers listen */
	FLOOD_N_MODES
};

/* Peers that behave badly, beside the measured ones. */
enum flood_bad {
	FLOOD_STALLED,	  /* asks, never reads */
	FLOOD_TRICKLE,	  /* asks, and reads a few bytes a second */
	FLOOD_RESET,	  /* resets in mid-message, again and again */
	FLOOD_HALF_CLOSE, /* asks, ends its side, reads to the end; again */
	FLOOD_N_BAD
};

enum {
	FLOOD_MAX_ADDRESSES = 16 /* of one name */
};

/* Where to. */
struct flood_target {
	const char *text; /* as it was typed; NULL: none */
	struct weir_address addresses[FLOOD_MAX_ADDRESSES];
	size_t n_addresses;
};

/* The command line, understood and checked; constant from then on. */
struct flood_settings {
	int argc; /* as main's */
	char **argv;
	enum flood_mode mode;
	struct flood_target target;
	struct flood_target rival; /* --compare; its text NULL: none */
	size_t n_connections;
	size_t n_publishers; /* of them, in mode broadcast */
	size_t message_size; /* in bytes */
	size_t pipeline;     /* messages in flight on each connection */
	uint64_t rate; /* messages a second in all, open loop; 0: closed */
	bool is_poisson;
	bool is_verified;
	uint64_t n_messages; /* end after so many; 0: by time alone */
	uint64_t duration_ns;
	uint64_t warmup_ns;
	uint64_t connect_ns; /* the deadline of each connect */
	uint64_t drain_ns;   /* how long to wait at the end for answers */
	uint64_t late_ns;  /* a message sent later than that missed its time */
	uint64_t max_owed; /* messages without an answer, at any time */
	uint64_t seed;	   /* of arrivals, and of the order of rounds */
	size_t n_bad[FLOOD_N_BAD];
	uint64_t trickle_rate; /* bytes a second */
	const char *expect;    /* NULL: nothing is */
	/* where to write; "-" is standard output, NULL nowhere */
	const char *json_path;
	const char *html_path;
	const char *hgrm_path;
	const char *hlog_path;
};

/* -- what came of it -- */

/* Why a healthy connection failed, or could not be made. */
enum flood_error {
	FLOOD_CONNECT_REFUSED,
	FLOOD_CONNECT_TIMEOUT,
	FLOOD_CONNECT_OTHER,
	FLOOD_ERROR_RESET,  /* by the target */
	FLOOD_ERROR_CLOSED, /* the target ended it in mid-run */
	FLOOD_ERROR_MEMORY, /* ours: no room for what is to be sent */
	FLOOD_ERROR_OTHER,
	FLOOD_N_ERRORS
};

/* What happened to messages that did not come back as they went; counted in
 * messages. */
enum flood_corruption {
	FLOOD_LOST,
	FLOOD_REPEATED,
	FLOOD_REORDERED,
	FLOOD_CHANGED,
	FLOOD_N_CORRUPTIONS
};

/* One second of the run (the last may be shorter): what was answered in it. */
struct flood_second {
	double at_s;	 /* its end, from the end of the warm-up */
	double length_s; /* of it */
	uint64_t n_messages;
	uint64_t n_bytes_out;
	uint64_t n_bytes_in;
	uint64_t n_owed;    /* messages without an answer, at its end */
	uint64_t n_queued;  /* bytes in our own queues, at its end */
	uint64_t n_samples; /* of the latency; 0: the three are 0 */
	uint64_t p50_ns, p99_ns, max_ns;
};

/* Bytes of the healthy connections after the warm-up; on TCP what the target's
 * kernel has acknowledged, -1 where that cannot be known (Unix sockets). */
struct flood_bytes {
	uint64_t accepted; /* by the library, from us */
	uint64_t sent;	   /* by the kernel, from the library */
	int64_t acknowledged;
	uint64_t received;
};

struct flood_fairness {
	uint64_t *counts; /* messages of each connection, n of them */
	size_t n;
	double jain; /* 1: all alike; 1/n: one had all; NaN: no message */
	uint64_t least, most;
	size_t slowest, fastest; /* the connections that had those */
};

/* One kind of bad peer, all of them together. */
struct flood_bad_result {
	size_t n_peers;
	uint64_t n_connects;
	uint64_t n_connect_errors;
	uint64_t n_rounds;    /* resets sent, or half-closes answered in full */
	uint64_t n_short;     /* half-closes that were not */
	uint64_t n_bytes_out; /* taken by the kernel */
	uint64_t n_bytes_in;
	uint64_t n_cut; /* connections that the target ended */
};

/* Of one socket of ours, and what it shows of the target's. */
struct flood_socket {
	bool is_known; /* false: no connection was made */
	bool is_tcp;
	int sndbuf, rcvbuf; /* as the kernel says them, doubled */
	bool is_nodelay;
	int mss;
	char congestion[16];
	/* negotiated by both ends; TCP only */
	bool has_timestamps, has_sack, has_ecn, has_scaling;
	unsigned own_scale, peer_scale; /* bits of window scaling */
};

struct flood_environment {
	char kernel[400];    /* uname: name, release, version, machine */
	char machine[128];   /* the CPU's model; "" where unknown */
	long n_cpus;	     /* that we may run on */
	double load_average; /* over a minute, at the start; NaN: unknown */
	double steal;	     /* share of all CPUs' time; NaN: unknown */
	char started[32];    /* UTC, "2026-01-31T12:00:00Z" */
	double started_s;    /* the same, in seconds since 1970 */
	char *command;	     /* the command line, quoted for a shell */
	struct flood_socket socket;
};

enum {
	FLOOD_MAX_REASONS = 12,
	FLOOD_REASON_SIZE = 200
};

/* valid if and only if there is no reason against it. */
struct flood_verdict {
	bool is_valid;
	size_t n_reasons;
	char reasons[FLOOD_MAX_REASONS][FLOOD_REASON_SIZE];
};

/* --compare: the same figure of many short rounds on both targets. */
struct flood_comparison {
	const char *figure;  /* "messages_per_s", "latency p50", ... */
	bool is_more_better; /* of the figure */
	size_t n_rounds;     /* on each; 0: nothing was compared */
	double *a, *b;	     /* n_rounds each: target's, rival's */
	double ratio;	     /* rival to target */
	double low, high;    /* its confidence interval */
	double confidence;   /* of that, 0.95 say */
	double p_value;
	bool is_significant;
	const char *method; /* "Mann-Whitney", ... */
	/* what speaks against the rival's rounds */
	struct flood_verdict rival;
	uint64_t n_rival_errors;
	uint64_t n_rival_corrupt;
};

/* Everything that is reported of one run. Figures that do not exist are NaN,
 * and histograms without a sample are empty. */
struct flood_result {
	const struct flood_settings *settings;
	/* what these figures are, for people: "closed loop: capacity, not
	 * what users feel" */
	const char *label;
	bool is_interrupted;   /* by ctrl-C */
	bool is_owed_too_much; /* more than settings->max_owed: cut short */
	double seconds;	       /* measured: without warm-up and drain */
	/* of n_sent messages n_messages were answered in the measured time,
	 * n_drained while draining, and n_unanswered never; the rest was lost
	 * or changed. In mode broadcast n_sent lines are answered by each
	 * subscriber. */
	uint64_t n_messages;
	uint64_t n_drained;
	uint64_t n_unanswered;
	uint64_t n_sent;
	double messages_per_s;
	double bytes_out_per_s;
	double bytes_in_per_s;
	/* in ns; in modes without answers (source, sink) empty. Latency is
	 * from the intended start, service from the actual send, lateness
	 * from the one to the other; in a closed loop there is no intended
	 * start: lateness is empty, and latency and service are the same. */
	struct histogram *latency;
	struct histogram *service;
	struct histogram *lateness;
	struct flood_second *timeline;
	size_t n_timeline;
	struct flood_bytes bytes;
	struct flood_fairness fairness;
	uint64_t errors[FLOOD_N_ERRORS];
	uint64_t n_errors;		     /* their sum */
	char first_error[FLOOD_REASON_SIZE]; /* "" if none */
	uint64_t corrupt[FLOOD_N_CORRUPTIONS];
	uint64_t n_corrupt; /* their sum */
	char first_corruption[FLOOD_REASON_SIZE];
	/* mode broadcast: lines that the server said it dropped ("# missed
	 * N"), and subscribers who were to get each that was sent */
	uint64_t n_missed;
	size_t n_subscribers;
	size_t n_connected; /* healthy ones, of settings->n_connections */
	struct flood_bad_result bad[FLOOD_N_BAD];
	uint64_t n_late;    /* sent later than settings->late_ns */
	uint64_t n_unsent;  /* due, and never sent, for want of time */
	uint64_t peak_owed; /* the most messages without an answer */
	double cpu_user_s;  /* of this process, while measuring */
	double cpu_system_s;
	double cpu_share; /* of one CPU; NaN: too short to tell */
	struct flood_environment environment;
	struct flood_verdict verdict;
	struct flood_comparison comparison;
};

/* -- names, for reports: the enumerator's, in lower case -- */

const char *flood_mode_name(enum flood_mode mode);
const char *flood_bad_name(enum flood_bad bad);
const char *flood_error_name(enum flood_error error);
const char *flood_corruption_name(enum flood_corruption corruption);

/* Whether messages get an answer in this mode, and so latencies are known. */
bool flood_mode_has_answers(enum flood_mode mode);

enum {
	FLOOD_CAUSE_SIZE = 128
};

/* A negative errno in the middle of a line, "connection refused". */
const char *flood_cause(int error, char text[FLOOD_CAUSE_SIZE]);

/* One line on standard error, "weir-flood: ...". */
void flood_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
