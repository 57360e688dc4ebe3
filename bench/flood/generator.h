/* One run of the load against one target. */
#ifndef FLOOD_GENERATOR_H
#define FLOOD_GENERATOR_H

#include "settings.h"
#include "status.h"

struct expect;
struct histogram;
struct result;
struct result_second;

/* What was recorded in a second; the latter two only in an open loop. */
struct generator_interval {
	struct histogram *latency;
	struct histogram *service;
	struct histogram *lateness;
};

/* What is told while it runs. NULL ones are skipped. */
struct generator_events {
	void (*on_second)(void *user, const struct result_second *second,
			  const struct generator_interval *interval);
	/* each second before the measurement begins, and when it does */
	void (*on_warmup)(void *user, double left_s);
	void (*on_start)(void *user);
	/* where it is breached at the end of a second, the run ends */
	struct expect *stops_at;
	void *user;
};

/* Connect to target, load it as the settings say, and fill in result, which
 * result_free frees also after a failure. STATUS_GO_ON; or STATUS_REFUSED
 * or STATUS_FAILED, and one line has said why there is no result. events may be
 * NULL. */
enum status generator_run(const struct settings *settings,
			  const struct target *target,
			  const struct generator_events *events,
			  struct result *result);

/* Between two runs, ctrl-C is the next one's to take. */
void generator_hold_interrupts(void);

#endif
