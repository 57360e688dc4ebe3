/* What has come of a run.
 *
 * Times are monotonic ns. A message is counted when it was to be sent after
 * the warm-up and before the end, so every figure is about the same messages.
 */
#ifndef FLOOD_RESULT_H
#define FLOOD_RESULT_H

#include "checker.h"
#include "environment.h"
#include "failure.h"
#include "search.h"
#include "settings.h"
#include "verdict.h"

struct histogram;

/* One second of the run (the last may be shorter): what was answered in it. */
struct result_second {
	double at_s;	 /* its end, from the end of the warm-up */
	double length_s; /* of it */
	uint64_t n_messages;
	uint64_t n_bytes_out;
	uint64_t n_bytes_in;
	uint64_t n_owed;    /* messages without an answer, at its end */
	uint64_t n_queued;  /* bytes in our own queues, at its end */
	uint64_t n_samples; /* of the latency; 0: the three are 0 */
	uint64_t p50_ns, p99_ns, max_ns;
	/* of datagrams: given up in it, and how answers came; else 0 */
	uint64_t n_lost, n_repeated, n_reordered;
};

/* Bytes of the healthy connections: accepted are those of the measured messages,
 * the others what went after the warm-up; on TCP what the target's
 * kernel has acknowledged, -1 where that cannot be known (Unix sockets). */
struct result_bytes {
	uint64_t accepted; /* by the library, from us */
	uint64_t sent;	   /* by the kernel, from the library */
	int64_t acknowledged;
	uint64_t received;
};

struct result_fairness {
	uint64_t *counts; /* messages of each connection, n of them */
	size_t n;
	double jain; /* 1: all alike; 1/n: one had all; NaN: no message */
	uint64_t least, most;
	size_t slowest, fastest; /* the connections that had those */
};

/* Connections that got no answer any more, for longer than any answer took, and
 * were owed some when the run ended. */
struct result_silence {
	size_t n;
	size_t connection; /* the one that was silent longest */
	uint64_t longest_ns;
};

/* What became of datagrams, in the measured time; how many were lost says
 * result_count_lost. */
struct result_datagrams {
	uint64_t n_repeated;  /* answers that had come already */
	uint64_t n_reordered; /* answers that came after a later one's */
	uint64_t n_overdue;   /* that came after --timeout */
	uint64_t n_unsent;    /* our socket had no room for them, */
	uint64_t n_dropped;   /* or had none for what had come */
};

/* One kind of bad peer, all of them together. */
struct result_bad {
	size_t n_peers;
	size_t n_made; /* of them, those that were ever connected */
	uint64_t n_connects;
	uint64_t n_connect_errors;
	uint64_t n_rounds;    /* resets sent, or half-closes answered in full */
	uint64_t n_short;     /* half-closes that were not */
	uint64_t n_bytes_out; /* taken by the kernel */
	uint64_t n_bytes_in;
	uint64_t n_cut; /* connections that the target ended */
};

/* --compare: the same figure of many short rounds on both targets. */
struct result_comparison {
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
	/* the target that could not be connected to any more; NULL: none */
	const char *lost;
	/* what speaks against the rival's rounds */
	struct verdict rival;
	uint64_t n_rival_errors;
	uint64_t n_rival_corrupt;
};

/* --find-rate: one run, and all of them. */
struct result_trial {
	uint64_t rate; /* a second, asked for */
	enum status status;
	double seconds;
	double messages_per_s;
	uint64_t n_samples; /* of the latency; 0: the four are 0 */
	uint64_t p50_ns, p99_ns, p999_ns, max_ns;
	char reason[VERDICT_REASON_SIZE]; /* that it does not hold; or "" */
};

struct result_search {
	struct result_trial trials[SEARCH_MAX_TRIALS]; /* in their order */
	size_t n_trials;			       /* 0: no search */
	uint64_t rate;		       /* the highest that held; 0: none did */
	enum search_end end;	       /* of the search */
	char why[VERDICT_REASON_SIZE]; /* none higher holds; "": none tried */
};

/* Everything that is reported of one run. Figures that do not exist are NaN,
 * and histograms without a sample are empty. */
struct result {
	const struct settings *settings;
	/* what these figures are, for people: "closed loop: capacity, not
	 * what users feel" */
	const char *label;
	bool is_interrupted;   /* by ctrl-C */
	bool is_stopped_early; /* by a breach */
	bool is_owed_too_much; /* more than settings->max_owed: cut short */
	bool is_drain_cut;     /* not all was answered within drain_ns */
	uint64_t drain_ns;
	double seconds; /* measured: without warm-up and drain */
	/* Of n_asked answers n_messages came in the measured time, n_drained
	 * while draining, n_unanswered (but those of the warm-up) never; the
	 * visits of n_failed broke; the rest was lost or changed. In mode
	 * broadcast n_sent lines ask an answer of each subscriber, in the
	 * others n_asked is n_sent. */
	uint64_t n_asked;
	uint64_t n_messages;
	/* to messages of the warm-up: answers in the measured time, which the
	 * rate counts, and what never came, which n_unanswered counts */
	uint64_t n_warmup;
	uint64_t n_warmup_unanswered;
	uint64_t n_timed_out; /* of n_unanswered: given up after --timeout */
	uint64_t n_drained;
	uint64_t n_unanswered;
	uint64_t n_sent;
	/* mode connect: of n_sent; and with those of the warm-up */
	uint64_t n_failed;
	uint64_t n_failed_visits;
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
	/* how long a message of the warm-up went on without an answer in the
	 * measured time, at most: it is in no histogram */
	uint64_t warmup_wait_ns;
	struct result_second *timeline;
	size_t n_timeline;
	struct result_bytes bytes;
	struct result_fairness fairness;
	struct result_silence silence;
	uint64_t errors[FAILURE_N];
	uint64_t n_errors;		       /* their sum */
	char first_error[VERDICT_REASON_SIZE]; /* "" if none */
	uint64_t corrupt[CHECKER_N_CORRUPTIONS];
	uint64_t n_corrupt; /* their sum */
	char first_corruption[VERDICT_REASON_SIZE];
	/* mode broadcast: lines that the server said it dropped ("# missed
	 * N"), and subscribers that were to get each line */
	uint64_t n_missed;
	size_t n_subscribers;
	struct result_datagrams datagrams;
	size_t n_connected;  /* healthy ones, of settings->n_connections */
	double connecting_s; /* how long that took */
	struct result_bad bad[BAD_N_KINDS];
	uint64_t n_late;       /* sent later than settings->late_ns */
	uint64_t n_reconnects; /* after the target had ended a connection */
	uint64_t n_renewals;   /* after as many messages as were asked for */
	uint64_t n_unsent;     /* due, and never sent, for want of time */
	uint64_t peak_owed;    /* the most messages without an answer */
	double cpu_user_s;     /* of this process, while measuring */
	double cpu_system_s;
	double cpu_wait_s; /* ready, and without a CPU; NaN: unknown */
	double cpu_share;  /* of one CPU; NaN: too short to tell */
	struct environment environment;
	struct verdict verdict;
	struct result_comparison comparison;
	struct result_search search;
};

/* Messages that were answered, but not as they were sent, or were lost. */
uint64_t result_count_spoilt(const struct result *result);

/* Answers to measured messages that never came, and their share of those that
 * are due; NaN: none are. */
uint64_t result_count_lost(const struct result *result);
double result_loss(const struct result *result);

/* An empty one, with histograms. -ENOMEM. */
int result_init(struct result *result, const struct settings *settings);
void result_free(struct result *result);

/* Derive the rest of fairness from its counts. */
void result_judge_fairness(struct result_fairness *fairness);

#endif
