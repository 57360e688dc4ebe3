/* The scenarios of the sweeps. */
#ifndef TEST_CONN_SWEEP_H
#define TEST_CONN_SWEEP_H

#include "harness_scenario.h"

/* -- of one connection: test_conn_sweep.c -- */

/* Messages of all sizes, some of them before the answer to the one before. */
extern const struct scenario scenario_echo;
/* The same over TCP. */
extern const struct scenario scenario_echo_tcp;
/* Many short lines in one receive, cut anywhere, each answered by itself. */
extern const struct scenario scenario_lines;
/* A large answer in pieces, by the marks, to a slow reader. */
extern const struct scenario scenario_pour;
/* Finish with much queued and input that nobody reads. */
extern const struct scenario scenario_finish;
/* The peer ends first, and we answer then. */
extern const struct scenario scenario_half_close;
/* We end first, and the peer answers then. */
extern const struct scenario scenario_end;
/* As much as the reader takes, by send and on_writable. */
extern const struct scenario scenario_stream;

/* -- of several: test_conn_sweep_many.c -- */

/* What one says goes to three others, shared, who read at their own pace. */
extern const struct scenario scenario_broadcast;
/* From one to another, pausing by hand. */
extern const struct scenario scenario_relay;
/* Three clients of a listener, each echoed. */
extern const struct scenario scenario_serve;

/* -- of what goes beyond bytes: test_conn_sweep_more.c -- */

/* Message, file, message. */
extern const struct scenario scenario_file;
/* A large answer in pieces, a mark behind each. */
extern const struct scenario scenario_marks;
/* Two to one, held by links. */
extern const struct scenario scenario_links;

#endif
