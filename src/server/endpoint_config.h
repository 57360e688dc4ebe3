/* What is served where: the SERVICE=ADDRESS[,TARGET] arguments, --metrics, and
 * the sockets that systemd has opened. */
#ifndef ENDPOINT_CONFIG_H
#define ENDPOINT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include <weir.h>

#include "settings.h"
#include "sources.h"
#include "systemd.h"
#include "target.h"

struct option_values;
struct service;

enum {
	MAX_ADDRESSES = 16, /* of one name */
	MAX_TARGETS = 8
};

/* One SERVICE=ADDRESS[,TARGET]..., or the inherited sockets of one name. */
struct endpoint_config {
	const struct service *service;
	struct endpoint_settings settings;
	char *text; /* of the argument, cut into its parts */
	/* connections here, of all workers */
	_Atomic uint64_t *n_conns;
	struct sources *sources; /* NULL: without limits for each address */
	struct weir_address addresses[MAX_ADDRESSES];
	size_t n_addresses;
	/* what follows the comma, of a service that takes an address there */
	struct target *targets; /* at most MAX_TARGETS */
	size_t n_targets;
	/* sockets listen at the addresses already: these */
	bool is_inherited;
	int sockets[MAX_ADDRESSES];
	char socket_name[INHERITED_NAME_SIZE];
};

/* Understand --metrics among the options and the n
 * SERVICE=ADDRESS arguments, and take the sockets of systemd. Without any of
 * these, configure every service that has a default address. False: the reason
 * was printed. */
bool endpoint_config_parse_all(struct settings *settings,
			       const struct option_values *options, int n,
			       char **texts);
/* What several workers share for all endpoints, in bytes. */
size_t endpoint_config_shared_memory(const struct settings *settings);
/* What each worker keeps for their clients. */
size_t endpoint_config_kept_memory(const struct settings *settings);
/* Print them to standard output, one address a line. */
void endpoint_config_print_all(const struct settings *settings);
void endpoint_config_free_all(struct settings *settings);

#endif
