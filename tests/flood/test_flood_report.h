/* Results of runs that never took place, for the tests of weir-flood's
 * reports. */
#ifndef TEST_FLOOD_REPORT_H
#define TEST_FLOOD_REPORT_H

#include <stdio.h>

#include "result.h"

struct expect;

/* A result and all that it points to. */
struct made_run {
	struct settings settings;
	struct result result;
};

/* Nothing was measured: no connection, no message, NaN where there is no
 * figure. */
struct made_run *made_run_empty(void);
/* 10 s of open loop at 20,000/s on 50 connections: latencies from 20 us to
 * 3 ms, service a little less, lateness about 1 us. */
struct made_run *made_run_open(void);
/* The same, and the target stood still from 4 s to 5 s. */
struct made_run *made_run_frozen(void);
/* One message of 42 us in a closed loop. */
struct made_run *made_run_single(void);
/* A broadcast with everything wrong that can be. */
struct made_run *made_run_ugly(void);
void made_run_free(struct made_run *run);

typedef int report_function(FILE *out, const struct result *result,
			    const struct expect *expect);

/* What a report writes of a run, judged by what was expected (NULL: nothing);
 * to be freed, and the run is. It must have succeeded. */
char *made_report(report_function *report, struct made_run *run,
		  const char *expected);

#endif
