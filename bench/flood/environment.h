/* Where a measurement was made: without it no figure can be compared. */
#ifndef FLOOD_ENVIRONMENT_H
#define FLOOD_ENVIRONMENT_H

#include <stdbool.h>

struct settings;

/* Of one socket of ours, and what it shows of the target's. */
struct environment_socket {
	bool is_known; /* false: no connection was made */
	bool is_tcp;
	int sndbuf, rcvbuf; /* as the kernel says them, doubled */
	bool is_nodelay;
	int mss;
	char congestion[16];
	/* negotiated by both ends; TCP only */
	bool has_timestamps, has_sack, has_ecn, has_scaling;
	unsigned own_scale, peer_scale; /* bits of window scaling */
};

struct environment {
	char kernel[400];    /* uname: name, release, version, machine */
	char machine[128];   /* the CPU's model; "" where unknown */
	long n_cpus;	     /* that we may run on */
	double load_average; /* over a minute, at the start; NaN: unknown */
	double steal;	     /* share of all CPUs' time; NaN: unknown */
	char started[32];    /* UTC, "2026-01-31T12:00:00Z" */
	double started_s;    /* the same, in seconds since 1970 */
	char *command;	     /* the command line, quoted for a shell */
	struct environment_socket socket;
};

/* All CPUs together, in ticks since boot. */
struct environment_times {
	bool is_known;
	unsigned long long stolen; /* by other machines on this host */
	unsigned long long all;
};

/* All but steal and socket. What cannot be read is left empty or NaN. */
void environment_read(struct environment *environment,
		      const struct settings *settings);

/* The options of one connected socket of ours, and what the two ends agreed
 * on. */
void environment_read_socket(struct environment_socket *socket, int fd);

/* Seconds that this process was ready to run and waited for a CPU so far; NaN
 * where the kernel does not tell. */
double environment_cpu_wait(void);

void environment_read_times(struct environment_times *times);
/* The share stolen between the two; NaN where that is unknown. */
double environment_steal(const struct environment_times *before,
			 const struct environment_times *after);

#endif
