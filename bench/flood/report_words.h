/* What table, JSON and page say alike: the reasons for the verdict, and which
 * percentiles are told. */
#ifndef REPORT_WORDS_H
#define REPORT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct expect;
struct result;
struct histogram;

enum {
	REPORT_TEXT_SIZE = 512
};

/* What is said where no reason speaks against a run. */
#define REPORT_NO_REASON "nothing speaks against this measurement"

/* The i-th sentence that speaks against the run, into REPORT_TEXT_SIZE bytes;
 * false: there are no more. */
bool report_reason(const struct result *result, const struct expect *expect,
		   size_t i, char *text);

/* "echo to localhost:7000, 50 connections, ..."; returns text, which has
 * REPORT_TEXT_SIZE bytes. */
const char *report_description(const struct result *result, char *text);

/* One that is told of each histogram. */
struct report_percentile {
	const char *name; /* for people: "p99.9" */
	const char *key;  /* for programs: "p999" */
	double percent;
};

enum {
	REPORT_N_PERCENTILES = 7
};

extern const struct report_percentile report_percentiles[REPORT_N_PERCENTILES];

enum {
	REPORT_N_TIMES = 3
};

/* The i-th of latency, service and lateness. */
struct report_time {
	const char *name;
	const char *key;
	const struct histogram *histogram;
};

struct report_time report_time(const struct result *result, size_t i);

/* Whether people are told of it: not of what is empty, nor of the service in a
 * closed loop, where it is the latency again. */
bool report_time_is_told(const struct result *result, size_t i);

/* What --compare found, as a sentence; returns text, which has
 * REPORT_TEXT_SIZE bytes. */
const char *report_comparison(const struct result *result, char *text);

/* The same in numbers: "1.083 (99 % interval 1.041 to 1.127, p = 0.0004)". */
const char *report_ratio(const struct result *result, char *text);

/* What --find-rate found: "12,345/s, at which p99<5ms held twice"; likewise. */
const char *report_search(const struct result *result, char *text);

/* Counts that are not 0, with their names: "reset 2, closed 1"; returns text,
 * which has REPORT_TEXT_SIZE bytes. */
const char *report_errors(const struct result *result, char *text);
const char *report_corruptions(const struct result *result, char *text);

#endif
