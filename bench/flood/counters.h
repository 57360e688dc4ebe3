/* What a run has counted so far. */
#ifndef FLOOD_COUNTERS_H
#define FLOOD_COUNTERS_H

#include <stdint.h>

#include "generator.h"
#include "result.h"

struct counters {
	struct generator_interval interval; /* this second */
	uint64_t n_sent;		    /* measured messages, */
	uint64_t n_asked;		    /* the answers to them, */
	uint64_t n_measured;		    /* of them answered, */
	uint64_t n_in_time;		    /* and that before the end */
	uint64_t n_answered;  /* answers in the measured time, to any message */
	uint64_t n_owed;      /* all messages without an answer */
	uint64_t n_bytes_out; /* while measuring: of messages that were sent */
	uint64_t n_bytes_in;
	uint64_t n_taken; /* bytes, by the kernel, of closed connections */
	uint64_t n_taken_start;	   /* of all, when the measurement began */
	uint64_t n_dropped_start;  /* datagrams, by our own kernel */
	uint64_t slowest_ns;	   /* answer, by the end of draining */
	struct result_second last; /* the counters at the last tick */
	uint64_t tick_ns;	   /* when that was */
	double cpu_user_s;	   /* when the measurement began */
	double cpu_system_s;
	double cpu_wait_s;
};

#endif
