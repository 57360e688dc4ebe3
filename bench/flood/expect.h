/* What a run is expected to show: --expect 'p99<5ms,throughput>10000'.
 *
 * Terms are separated by commas; each is a figure, one of < <= = >= >, and a
 * value with its unit, and spaces do not matter. All of them must be met.
 *
 *	p50 p99.9 ... max mean	latency; with "service." or "lateness." before
 *				it, of the other two histograms; p999 is p99.9
 *	throughput		messages a second
 *	bytes			bytes a second, both ways together: 50M/s
 *	errors corrupt missed unanswered timeouts late
 *				how many of them, or what share of the answers
 *				that are due: errors<0.1%
 *	loss repeated reordered	the same, of datagrams
 *	fairness		Jain's index, from 0 to 1
 *	cpu			our own share of a CPU: 0.9 or 90%
 *
 * A figure that the run does not have (a latency where nothing was answered)
 * meets no expectation.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct result;

enum {
	EXPECT_MAX_TERMS = 16,
	/* a percentile stands on so many */
	EXPECT_SAMPLES_BEYOND = 10,
	EXPECT_TEXT_SIZE = 64
};

enum expect_histogram {
	EXPECT_LATENCY,
	EXPECT_SERVICE,
	EXPECT_LATENESS
};

/* Of figure to limit. */
enum expect_relation {
	EXPECT_AT_MOST,
	EXPECT_AT_LEAST,
	EXPECT_LESS,
	EXPECT_EQUAL,
	EXPECT_MORE
};

struct expect_term {
	char text[EXPECT_TEXT_SIZE]; /* as typed, without spaces */
	enum expect_histogram histogram;
	const struct expect_figure *figure;
	double percentile; /* from 0 to 100, where the figure is one */
	enum expect_relation relation;
	bool is_share;	   /* of the answers that are due; else as it is */
	double limit;	   /* in ns, bytes, ... as the result has it */
	double actual;	   /* NaN: the run has none */
	bool was_breached; /* while it ran, which has ended it */
	bool is_met;
};

struct expect {
	struct expect_term terms[EXPECT_MAX_TERMS];
	size_t n_terms;
};

/* True, or false with one sentence in error: what is wrong, and what was
 * expected. */
bool expect_parse(struct expect *expect, const char *text, char *error,
		  size_t size);

/* The highest percentile that is asked for, 0 if none is. */
double expect_percentile(const struct expect *expect);

/* Judge every term by the result; returns how many are breached. */
size_t expect_judge(struct expect *expect, const struct result *result);

/* Whether one is breached by what has been measured so far, which counts from
 * then on; what cannot be told yet is not. */
bool expect_is_breached(struct expect *expect, const struct result *result);

/* Whether one of them says how many datagrams may be lost. */
bool expect_has_loss(const struct expect *expect);

/* Whether it is about a latency, and the limit so in ns. */
bool expect_is_latency(const struct expect_term *term);

/* A sentence about a term that was judged: "p99<5ms: 7.31 ms, breached by
 * 2.31 ms". */
void expect_explain(const struct expect_term *term, char *text, size_t size);

#endif
