/* One run of the load against one target. */
#ifndef FLOOD_GENERATOR_H
#define FLOOD_GENERATOR_H

#include "flood.h"

/* What was recorded in a second; the latter two only in an open loop. */
struct generator_interval {
	struct histogram *latency;
	struct histogram *service;
	struct histogram *lateness;
};

/* What is told while it runs. NULL ones are skipped. */
struct generator_events {
	void (*on_second)(void *user, const struct flood_second *second,
			  const struct generator_interval *interval);
	/* each second before the measurement begins, and when it does */
	void (*on_warmup)(void *user, double left_s);
	void (*on_start)(void *user);
	void *user;
};

/* Connect to target, load it as the settings say, and fill in result, which
 * flood_result_free empties also after a failure. FLOOD_GO_ON; or FLOOD_REFUSED
 * or FLOOD_FAILED, and one line has said why there is no result. events may be
 * NULL. */
enum flood_status generator_run(const struct flood_settings *settings,
				const struct flood_target *target,
				const struct generator_events *events,
				struct flood_result *result);

/* An empty one, with histograms. -ENOMEM. */
int flood_result_init(struct flood_result *result,
		      const struct flood_settings *settings);
void flood_result_free(struct flood_result *result);

/* Derive the rest of fairness from its counts. */
void flood_result_judge_fairness(struct flood_fairness *fairness);

#endif
