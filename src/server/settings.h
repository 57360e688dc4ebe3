/* The command line of weir-server, understood and checked; constant from the
 * moment the server opens. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

struct service;

enum {
	MAX_ADDRESSES = 16, /* of one name */
	MAX_WORKERS = 256
};

/* --slow: what happens to a subscriber of broadcast at its max. */
enum slow_policy {
	SLOW_DROP_NEWEST, /* the new line is not queued for it */
	SLOW_DROP_OLDEST, /* its oldest wholly unsent lines go */
	SLOW_DISCONNECT	  /* it is closed */
};

/* One SERVICE=ADDRESS[,TARGET], or the inherited sockets of one name. */
struct offer {
	const struct service *service;
	struct weir_address addresses[MAX_ADDRESSES];
	size_t n_addresses;
	/* what follows the comma, of a service that takes an address there */
	struct weir_address targets[MAX_ADDRESSES];
	size_t n_targets;
	const char *target_text; /* as it was typed; NULL: none */
	/* at the addresses there are sockets that listen already: these */
	bool is_inherited;
	int sockets[MAX_ADDRESSES];
};

struct settings {
	struct weir_conn_limits limits;
	struct weir_listener_options listener;
	size_t n_workers;
	size_t budget;	    /* of the process, in bytes; 0: the default */
	uint64_t max_conns; /* of the process; 0: no limit */
	uint64_t grace_ns;  /* serving goes on so long after SIGTERM */
	uint64_t drain_ns;  /* then connections may take so long to end */
	enum slow_policy slow;
	bool accepts_proxy; /* a PROXY header comes before everything else */
	bool sends_proxy;   /* relay sends one to the target */
	bool has_metrics;
	bool is_traced;
	bool is_quiet;
	bool is_default; /* no SERVICE was named */
	size_t n_offers;
	struct offer *offers; /* metrics among them */
};

enum options_outcome {
	OPTIONS_RUN,
	OPTIONS_INFORMED, /* --help or --version was printed */
	OPTIONS_REFUSED,  /* the reason was printed */
	OPTIONS_FAILED	  /* standard output took no help */
};

enum options_outcome options_parse(struct settings *settings, int argc,
				   char **argv);

/* -- offers.c -- */

/* Understand --metrics (NULL: not given) and the n SERVICE=ADDRESS arguments,
 * and take the sockets of systemd; or offer every service that has an address
 * of its own if there is none of these. False: the reason was printed. */
bool offers_parse(struct settings *settings, const char *metrics, int n,
		  char **texts);
void offers_free(struct settings *settings);

#endif
