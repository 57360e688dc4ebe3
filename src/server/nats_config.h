/* Understanding --nats and subject=. */
#ifndef NATS_CONFIG_H
#define NATS_CONFIG_H

#include <stdbool.h>

#include "nats_protocol.h"
#include "target.h"

struct settings;

/* --nats */
struct nats_config {
	struct target target;
	struct nats_login login;
	char *text;	  /* of the argument, cut into its parts */
	char *secrets[2]; /* read from files */
};

/* Understand HOST:PORT[,user=NAME][,password=TEXT][,token=TEXT], NULL for none,
 * and check that it fits the endpoints, which are known. False: the reason was
 * printed. */
bool nats_config_parse(struct settings *settings, const char *text);
void nats_config_free(struct settings *settings);

#endif
