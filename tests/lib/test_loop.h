/* A loop for each test of a suite, and a probe in it.
 *
 *	TestSuite(loop, .init = loop_begin, .fini = loop_end); */
#ifndef TEST_LOOP_H
#define TEST_LOOP_H

#include "loop.h"

#include "harness_probe.h"

extern struct weir_loop *loop;
/* loop_end closes it if it is open. */
extern struct probe probe;

/* harness_begin and harness_end around the loop's life. Aborts if something
 * of the loop is open in the end. */
void loop_begin(void);
void loop_end(void);

/* Turns that do not wait. */
void turns(unsigned n);

#endif
