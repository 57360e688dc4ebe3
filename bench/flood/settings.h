/* The command line, understood and checked; constant from then on. */
#ifndef FLOOD_SETTINGS_H
#define FLOOD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

#include "answer.h"
#include "bad.h"
#include "mode.h"

enum {
	SETTINGS_MAX_ADDRESSES = 16, /* of one name */
	SETTINGS_MAX_SOURCES = 64,
	SETTINGS_MAX_RATE = 10000000
};

struct request;

/* Where to. */
struct target {
	const char *text; /* as it was typed; NULL: none */
	struct weir_address addresses[SETTINGS_MAX_ADDRESSES];
	size_t n_addresses;
};

struct settings {
	char **argv; /* as main's */
	int argc;
	enum mode_kind mode;
	struct target target;
	struct target rival; /* --compare; its text NULL: none */
	bool is_datagram;    /* both */
	size_t n_connections;
	size_t n_threads;
	/* a thread's share: which it is, the first of its connections, and its
	 * first message's time from the beginning */
	uint64_t share;
	uint32_t first_connection;
	uint64_t first_ns;
	size_t n_all_connections; /* of all threads */
	size_t n_publishers;	  /* of them, in mode broadcast */
	size_t message_size;	  /* in bytes */
	/* what a message is, of message_size bytes at most; NULL: what can be
	 * verified */
	const struct request *request;
	struct answer answer;
	size_t pipeline;    /* messages in flight on each connection */
	uint64_t rate;	    /* messages a second in all, open loop; 0: closed */
	uint64_t ramp_rate; /* at the end of it; 0: the same all the time */
	uint64_t n_steps;   /* of that; 0: evenly */
	const char *expect; /* of the result; NULL: nothing */
	bool expects_loss;  /* that says how much may be lost */
	bool stops_early;   /* when that is breached */
	bool finds_rate;    /* the highest at which it holds */
	bool is_poisson;
	bool is_verified;
	bool reconnects;     /* where the target ends a connection */
	uint64_t n_renew;    /* messages of a connection; 0: any number */
	uint64_t timeout_ns; /* of a message; 0: none */
	uint64_t n_messages; /* end after so many; 0: by time alone */
	uint64_t duration_ns;
	uint64_t warmup_ns;
	uint64_t connect_rate; /* connections a second, at most; 0: any */
	uint64_t connect_ns;   /* the deadline of each connect */
	/* how long to wait at the end for answers; longer where answers have
	 * taken longer, unless it was asked for */
	uint64_t drain_ns;
	bool is_drain_fixed;
	uint64_t late_ns; /* a message sent later than that missed its time */
	/* of the time, at most, for a CPU; closed loop */
	uint64_t wait_percent;
	uint64_t max_owed; /* messages without an answer, at any time */
	uint64_t seed;	   /* of arrivals, and of the order of rounds */
	/* where from, in turns */
	struct weir_address sources[SETTINGS_MAX_SOURCES];
	size_t n_sources; /* 0: the kernel's choice */
	int sndbuf;	  /* bytes, of each socket; 0: the kernel's choice */
	int rcvbuf;
	size_t n_bad[BAD_N_KINDS];
	uint64_t trickle_rate; /* bytes a second */
	/* where to write; "-" is standard output, NULL nowhere */
	const char *json_path;
	const char *json_lines_path;
	const char *html_path;
	const char *hgrm_path;
	const char *hlog_path;
};

#endif
