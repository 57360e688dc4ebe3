/* Understanding SERVICE=ADDRESS[,TARGET][,OPTION=VALUE]... arguments, --metrics
 * and inherited sockets. */
#include "endpoint_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "endpoint_settings.h"
#include "endpoint_sockets.h"
#include "handover.h"
#include "nats_config.h"
#include "options_table.h"
#include "service.h"
#include "settings.h"

enum {
	N_SERVICES = 7,
	WHERE_SIZE = 512
};

static const struct service *const services[N_SERVICES] = {
	&greet_service,	    &echo_service,   &discard_service, &chargen_service,
	&broadcast_service, &events_service, &relay_service};

static const char expected_services[] =
	"greet, echo, discard, chargen, broadcast, events or relay";

/* What an argument is understood with. */
struct context {
	struct settings *settings;
	const struct option_values *options;
	struct endpoint_sockets sockets;
};

static const struct service *find_service(const char *name, size_t n_name)
{
	for (size_t i = 0; i < N_SERVICES; i++) {
		const struct service *service = services[i];

		if (strlen(service->name) == n_name &&
		    memcmp(service->name, name, n_name) == 0)
			return service;
	}
	return NULL;
}

/* With the settings of the whole server. */
static struct endpoint_config *new_config(struct settings *settings,
					  const struct service *service)
{
	struct endpoint_config *config =
		&settings->endpoints[settings->n_endpoints++];

	*config = (struct endpoint_config){.service = service,
					   .settings = settings->defaults};
	return config;
}

/* -- inherited sockets -- */

/* Sockets that no argument names must be named like a service. */
static bool adopt_rest(struct context *context)
{
	struct settings *settings = context->settings;
	struct endpoint_sockets *sockets = &context->sockets;

	for (int i = 0; i < sockets->n; i++) {
		struct inherited *socket = &sockets->inherited[i];
		const char *name = socket->name;
		const struct service *service =
			strcmp(name, metrics_service.name) == 0
				? &metrics_service
				: find_service(name, strlen(name));

		if (socket->fd < 0)
			continue;
		if (!service || service->takes_target) {
			complain("descriptor %d: its name is %s: expected "
				 "that of a service, or an argument "
				 "SERVICE=fd:%s",
				 socket->fd, name, name);
			return false;
		}
		if (!endpoint_sockets_adopt(new_config(settings, service),
					    sockets, name))
			return false;
		if (service == &metrics_service)
			settings->has_metrics = true;
	}
	return true;
}

/* -- addresses -- */

static bool is_served_at(const struct service *service,
			 const struct weir_address *address)
{
	return address->type == SOCK_STREAM || service->datagrams.on_datagram;
}

static bool resolve(struct endpoint_config *config, const char *address)
{
	const char *name = config->service->name;
	int n = weir_address_resolve(address, WEIR_ADDRESS_LISTEN,
				     config->addresses, MAX_ADDRESSES);

	if (n == -EINVAL) {
		complain("%s=%s: expected HOST:PORT, [V6]:PORT, :PORT, "
			 "unix:PATH or unix:@NAME",
			 name, address);
		return false;
	}
	if (n < 0) {
		complain("%s=%s: %s", name, address, weir_address_error(n));
		return false;
	}
	if (!is_served_at(config->service, &config->addresses[0])) {
		complain("%s=%s: expected a stream: only echo and discard "
			 "serve datagrams",
			 name, address);
		return false;
	}
	config->n_addresses = (size_t)n;
	return true;
}

static bool resolve_target(struct endpoint_config *config, const char *text)
{
	const char *name = config->service->name;
	struct target *target;
	int error;

	if (config->n_targets == MAX_TARGETS) {
		complain("%s=...,%s: expected at most %d targets", name, text,
			 MAX_TARGETS);
		return false;
	}
	if (!config->targets)
		config->targets = calloc(MAX_TARGETS, sizeof *config->targets);
	if (!config->targets) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	target = &config->targets[config->n_targets];
	error = target_init(target, text);
	config->n_targets += error == 0;
	if (error == -EINVAL) {
		complain("%s=...,%s: expected HOST:PORT, [V6]:PORT, unix:PATH "
			 "or unix:@NAME",
			 name, text);
		return false;
	}
	if (error < 0)
		complain("%s=...,%s: %s", name, text,
			 weir_address_error(error));
	return error == 0;
}

static bool open_at(struct endpoint_config *config,
		    struct endpoint_sockets *sockets, const char *address)
{
	if (strncmp(address, "fd:", 3) == 0)
		return endpoint_sockets_adopt(config, sockets, address + 3);
	return resolve(config, address);
}

/* What follows the address: targets and options. */
static bool take_part(struct endpoint_config *config,
		      struct option_values *options, char *part,
		      const char *where)
{
	if (endpoint_settings_is_option(part))
		return endpoint_settings_take(options, part, config->service,
					      where);
	if (config->service->takes_target)
		return resolve_target(config, part);
	complain("%s%s: expected an option of an endpoint, such as idle=5m",
		 where, part);
	return false;
}

static bool take_parts(struct context *context, struct endpoint_config *config,
		       char *rest, const char *where)
{
	struct option_values options = *context->options;
	char *part;

	/* networks of its own take the place of the others */
	options.trusted.n = 0;
	while ((part = strsep(&rest, ",")))
		if (!take_part(config, &options, part, where))
			return false;
	if (options.trusted.n == 0)
		options.trusted = context->options->trusted;
	return endpoint_settings_apply(&config->settings, &options, where);
}

/* ADDRESS[,TARGET][,OPTION=VALUE]... */
static bool place(struct context *context, struct endpoint_config *config,
		  const char *text)
{
	const char *name = config->service->name;
	char where[WHERE_SIZE];
	char *rest;
	const char *address;

	config->text = strdup(text);
	if (!config->text) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	(void)snprintf(where, sizeof where, "%s=%s: ", name, text);
	rest = config->text;
	address = strsep(&rest, ",");
	if (!take_parts(context, config, rest, where))
		return false;
	if (config->service->takes_target &&
	    (config->n_targets == 0 || !*address)) {
		complain("%s=%s: expected ADDRESS,TARGET", name, text);
		return false;
	}
	return open_at(config, &context->sockets, address);
}

/* -- arguments -- */

static bool parse_endpoint(struct context *context, const char *text)
{
	size_t n_name = strcspn(text, "=");
	const struct service *service = find_service(text, n_name);

	if (text[n_name] != '=') {
		complain("%s: expected SERVICE=ADDRESS, "
			 "such as echo=127.0.0.1:7007",
			 text);
		return false;
	}
	if (!service) {
		complain("%s: expected a service: %s", text, expected_services);
		return false;
	}
	return place(context, new_config(context->settings, service),
		     text + n_name + 1);
}

static bool add_default(struct settings *settings,
			const struct service *service)
{
	return !service->address ||
	       resolve(new_config(settings, service), service->address);
}

/* The services that are named, or all of them if none is. */
static bool add_services(struct context *context, int n, char **texts)
{
	bool is_right = true;

	if (!context->settings->is_default) {
		for (int i = 0; i < n && is_right; i++)
			is_right = parse_endpoint(context, texts[i]);
		return is_right && adopt_rest(context);
	}
	for (size_t i = 0; i < N_SERVICES && is_right; i++)
		is_right = add_default(context->settings, services[i]);
	return is_right;
}

static bool add_metrics(struct context *context)
{
	struct settings *settings = context->settings;
	const char *address = context->options->values[OPTION_METRICS].text;

	if (!address && settings->is_default)
		address = metrics_service.address;
	settings->has_metrics = address != NULL;
	return !address ||
	       place(context, new_config(settings, &metrics_service), address);
}

static bool limits_sources(const struct endpoint_config *config)
{
	return config->settings.max_per_address > 0 ||
	       config->settings.rate_per_address > 0;
}

/* Counters that all workers share. */
static bool add_counters(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_endpoints; i++) {
		struct endpoint_config *config = &settings->endpoints[i];

		config->n_conns = calloc(1, sizeof *config->n_conns);
		if (limits_sources(config))
			config->sources = sources_new();
		if (!config->n_conns ||
		    (limits_sources(config) && !config->sources)) {
			complain("%s", strerror(ENOMEM));
			return false;
		}
	}
	return true;
}

static bool add_all(struct context *context, int n, char **texts)
{
	struct settings *settings = context->settings;
	size_t n_most = (size_t)n + (size_t)context->sockets.n + N_SERVICES + 1;

	settings->is_default = n == 0 && context->sockets.n == 0;
	settings->endpoints = calloc(n_most, sizeof *settings->endpoints);
	if (!settings->endpoints) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	return add_metrics(context) && add_services(context, n, texts) &&
	       add_counters(settings);
}

bool endpoint_config_parse_all(struct settings *settings,
			       const struct option_values *options, int n,
			       char **texts)
{
	struct context context = {.settings = settings, .options = options};
	bool is_right =
		endpoint_sockets_take(&context.sockets, &settings->handover,
				      n > 0) == 0 &&
		add_all(&context, n, texts);

	endpoint_sockets_free(&context.sockets);
	return is_right;
}

static void free_config(struct endpoint_config *config)
{
	for (size_t i = 0; i < config->n_targets; i++)
		target_deinit(&config->targets[i]);
	free(config->targets);
	sources_free(config->sources);
	free(config->n_conns);
	free(config->text);
}

void endpoint_config_free_all(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_endpoints; i++)
		free_config(&settings->endpoints[i]);
	free(settings->endpoints);
	nats_config_free(settings);
	handover_free(settings->handover);
}

size_t endpoint_config_shared_memory(const struct settings *settings)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_endpoints; i++) {
		const struct endpoint_config *config = &settings->endpoints[i];

		if (settings->n_workers > 1 || config->settings.subject)
			n += config->service->shared_memory;
	}
	return n;
}

size_t endpoint_config_kept_memory(const struct settings *settings)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_endpoints; i++)
		if (settings->endpoints[i].service->keeps_lines)
			n += settings->endpoints[i].settings.replay;
	return n;
}

static void print_target(const struct target *target)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < target->list->n; i++)
		(void)printf("%s%s", i == 0 ? "," : " or ",
			     weir_address_format(&target->list->addresses[i],
						 text, sizeof text));
}

static void print(const struct endpoint_config *config)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < config->n_addresses; i++) {
		(void)printf("%s=%s", config->service->name,
			     weir_address_format(&config->addresses[i], text,
						 sizeof text));
		for (size_t j = 0; j < config->n_targets; j++)
			print_target(&config->targets[j]);
		(void)printf("%s\n", config->is_inherited ? " (open)" : "");
	}
}

void endpoint_config_print_all(const struct settings *settings)
{
	for (size_t i = 0; i < settings->n_endpoints; i++)
		print(&settings->endpoints[i]);
}
