/* One strategy, tried: a server of one thread, a slow reader that is owed
 * megabytes, and twenty healthy clients that want 64 bytes echoed. All sockets
 * are TCP over loopback, with buffers of a fixed size: those that the kernel
 * tunes by itself would swallow the debt and hide what this is about.
 *
 * The calling thread is all the clients. It goes from one event to the next:
 *
 *	the reader asks		when the healthy clients have warmed up
 *	it reads slowly		until it has got slow_bytes
 *	it stops		until may_resume says so
 *	it reads on		until it gets a FIN, or twice what it asked for
 *	the last echoes come	for all that were due until then, or for 2 s
 */
#ifndef DEMO_CONTEST_H
#define DEMO_CONTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "series.h"
#include "strategy.h"

enum {
	/* SO_SNDBUF of the server, SO_RCVBUF of the reader */
	CONTEST_BUFFER = 65536
};

/* What has happened since the reader stopped. */
struct contest_view {
	uint64_t stopped_ns; /* how long ago that was */
	uint64_t n_echoes;   /* of healthy clients */
	uint64_t n_calls;    /* system calls of the server's thread */
	uint64_t n_wakeups;  /* EPOLLOUT events it was woken with */
};

typedef bool contest_resume_fn(const struct contest_view *view, void *user);

struct contest_plan {
	const struct strategy *strategy;
	const unsigned char *debt;
	size_t n_debt;
	bool is_calm;	   /* no slow reader: just the healthy clients */
	size_t slow_bytes; /* before the stop; 0: 64 KiB */
	/* called again and again during the stop; NULL: after hold_ns, when
	 * echoes were seen, or when there was no echo in all that time and for
	 * a second at least: a machine may be busy */
	contest_resume_fn *may_resume;
	void *user;
	uint64_t hold_ns;
	uint64_t patience_ns; /* then it is cut short; 0: 50 s */
};

struct contest_result {
	const struct strategy *strategy;
	uint64_t asked;
	uint64_t delivered;
	int64_t first_bad; /* -1: what came was right */
	double p50_ns;	   /* of the healthy clients' echoes, all of them */
	double p99_ns;
	uint64_t longest_silence_ns; /* without any echo */
	uint64_t cpu_ns;	     /* of the server's thread */
	size_t queue_peak;
	uint64_t n_calls;
	uint64_t n_wakeups;
	uint64_t n_echoes;
	uint64_t total_ns; /* from the request to the reader's end */
	/* the stop: when, and what happened during it */
	uint64_t stop_from_ns;
	struct contest_view stop;
	double stop_p99_ns; /* of the echoes that were due in it */
	bool is_calm;
	bool is_cut_short; /* patience was over first */
	int sndbuf;	   /* as the kernel has them */
	int rcvbuf;
	/* by ns since the request: */
	struct series received; /* bytes that the reader has got */
	struct series queue;	/* bytes that wait in the send queue */
	struct series latency;	/* ns, by when the echo was due */
	struct series cpu;	/* of the server's thread: share of a core */
};

/* Bytes to owe, none like its neighbours; NULL: no memory. To be freed. */
unsigned char *contest_debt_new(size_t n);

/* 0, or the errno of what could not be set up; then nothing is in result. */
int contest_run(const struct contest_plan *plan, struct contest_result *result);
void contest_free(struct contest_result *result);

#endif
