/* Several results in one: of the rounds of a comparison, and of the threads of
 * a run. */
#ifndef FLOOD_RESULT_SUM_H
#define FLOOD_RESULT_SUM_H

struct result;

/* What is a sum in both: counts, bytes, CPU time and histograms. */
void result_add(struct result *all, const struct result *part);
/* That of the first stands for all. */
void result_take_environment(struct result *all, struct result *part);

/* A thread's part of one run, at the same time as all others. */
void result_add_share(struct result *all, struct result *share);
void result_finish_shares(struct result *all);

#endif
