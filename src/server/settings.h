/* The command line of weir-server, understood and checked; constant from the
 * moment the server opens. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

#include "network.h"

struct endpoint_config;
struct handover;
struct nats_config;

enum {
	MAX_WORKERS = 256
};

/* --slow: what happens to a subscriber of broadcast at its max. */
enum slow_policy {
	SLOW_DROP_NEWEST, /* the new line is not queued for it */
	SLOW_DROP_OLDEST, /* its oldest wholly unsent lines go */
	SLOW_DISCONNECT	  /* it is closed */
};

/* --untrusted: what happens to a client outside of the trusted networks. */
enum untrusted_policy {
	UNTRUSTED_REFUSE,
	UNTRUSTED_SERVE /* as itself: it has no PROXY header */
};

/* --log-format: what each line begins with. */
enum log_format {
	LOG_FORMAT_PLAIN,  /* "weir-server: " */
	LOG_FORMAT_TIME,   /* "2026-01-02T03:04:05.678Z info weir-server: " */
	LOG_FORMAT_JOURNAL /* "<6>weir-server: ", as sd-daemon(3) has it */
};

/* Of one endpoint: from the options in its argument, or else from those of the
 * whole server. */
struct endpoint_settings {
	struct weir_conn_limits limits;
	struct weir_listener_options listener;
	uint64_t max_conns;	   /* of this endpoint alone; 0: no limit */
	uint64_t max_per_address;  /* connections; 0: no limit */
	uint64_t rate_per_address; /* new ones a second; 0: no limit */
	unsigned ipv6_prefix;	   /* that counts as one address */
	int mode; /* of a Unix socket's file; -1: as umask has it */
	uint64_t keepalive_ns;	     /* 0: none */
	uint64_t half_close_ns;	     /* of a relay's pair; 0: no limit */
	uint64_t connect_timeout_ns; /* of a relay to one target */
	uint64_t leave_out_ns;	     /* a target that has failed */
	uint64_t udp_rate;	     /* answers a second to one source */
	enum slow_policy slow;
	const char *path;      /* of events */
	const char *cors;      /* an origin, or "*"; NULL: its own alone */
	uint64_t heartbeat_ns; /* for their subscribers */
	size_t replay;	       /* bytes of the last lines, for them */
	const char *channel;   /* shared with others by name; NULL: its own */
	bool accepts_proxy;    /* a PROXY header comes before everything else */
	const char *subject;   /* of NATS, for its channel; NULL: none */
	struct networks
		trusted; /* from where it does; empty: from everywhere */
	enum untrusted_policy untrusted;
	/* of the PROXY header that relay sends to the target; 0: none */
	int proxy_version;
};

struct settings {
	size_t n_workers;
	size_t budget;	    /* of the process, in bytes; 0: the default */
	uint64_t max_conns; /* of the process; 0: no limit */
	struct endpoint_settings defaults;
	struct nats_config *nats; /* NULL: there is no --nats */
	uint64_t grace_ns;	  /* serving goes on so long after SIGTERM */
	uint64_t drain_ns;	  /* then connections may take so long to end */
	uint64_t drain_idle_ns;	  /* without traffic for it they end; 0: no */
	uint64_t start_timeout_ns; /* of the process that replaces this one */
	char **argv;		   /* which it is started with */
	struct handover *handover; /* NULL: there was none before this one */
	enum log_format log_format;
	const char *log_path; /* NULL: standard error */
	const char *pid_path; /* NULL: no such file */
	bool has_metrics;
	const char *metrics_token; /* NULL: none */
	bool is_traced;
	bool is_quiet;
	bool is_check;	 /* print the endpoints instead of opening them */
	bool is_default; /* no SERVICE was named */
	size_t n_endpoints;
	struct endpoint_config *endpoints; /* metrics among them */
};

#endif
