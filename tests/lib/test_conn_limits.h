/* A connection that is to outlive or to meet a limit, in virtual time.
 *
 *	static const struct weir_conn_limits ten = {.stall_ns = 10 * SECOND};
 *
 *	open_owing(&ten);
 *	conn_pass(10 * SECOND - 1);
 *	expect_open();
 *	conn_pass(SECOND * 5 / 2 + 1 + ROUNDING_NS);
 *	expect_end_by(WEIR_REASON_STALLED); */
#ifndef TEST_CONN_LIMITS_H
#define TEST_CONN_LIMITS_H

#include <weir/conn.h>

#include "fault.h"
#include "harness_conn.h"

#define SECOND UINT64_C(1000000000)
/* Looks come every quarter of a limit, rounded up. */
#define ROUNDING_NS 8

enum {
	SNDBUF = 4608,
	MUCH = 900000, /* more than the kernel takes */
	RATE = 1000
};

/* Which is under test. */
extern struct conn_probe p;

/* Open it and let it owe MUCH, less what the kernel took. */
void open_owing(const struct weir_conn_limits *limits);

void expect_open(void);
/* Without an error, and no timer is left. */
void expect_end_by(enum weir_reason reason);

#endif
