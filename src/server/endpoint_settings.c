/* Options of one endpoint. */
#include "endpoint_settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "options_table.h"
#include "service.h"

static const enum option of_endpoints[] = {OPTION_BACKLOG,
					   OPTION_MODE,
					   OPTION_MAX_CONNS,
					   OPTION_LOW,
					   OPTION_HIGH,
					   OPTION_MAX,
					   OPTION_SLOW,
					   OPTION_CHANNEL,
					   OPTION_PATH,
					   OPTION_CORS,
					   OPTION_REPLAY,
					   OPTION_HEARTBEAT,
					   OPTION_SUBJECT,
					   OPTION_STALL,
					   OPTION_MIN_RATE,
					   OPTION_IDLE,
					   OPTION_KEEPALIVE,
					   OPTION_LINGER,
					   OPTION_SNDBUF,
					   OPTION_RCVBUF,
					   OPTION_NOTSENT_LOWAT,
					   OPTION_UDP_RATE,
					   OPTION_TRUSTED,
					   OPTION_HALF_CLOSE,
					   OPTION_CONNECT_TIMEOUT,
					   OPTION_LEAVE_OUT,
					   OPTION_MAX_PER_ADDRESS,
					   OPTION_RATE_PER_ADDRESS,
					   OPTION_ADDRESS_PREFIX,
					   OPTION_UNTRUSTED,
					   OPTION_ACCEPT_PROXY,
					   OPTION_PROXY_PROTOCOL,
					   OPTION_PROXY_VERSION};

/* The place of such an option in the table; N_OPTIONS: there is none. */
static size_t place_of(const char *name, size_t n_name)
{
	const struct command_line_option *option =
		command_line_find(&options_command_line, name, n_name);

	for (size_t i = 0; i < sizeof of_endpoints / sizeof *of_endpoints; i++)
		if (option == &options_command_line.options[of_endpoints[i]])
			return of_endpoints[i];
	return N_OPTIONS;
}

bool endpoint_settings_is_option(const char *part)
{
	size_t n = strcspn(part, ":=");

	return part[n] == '=' || place_of(part, n) < N_OPTIONS;
}

/* Some mean nothing to other services. */
static bool suits(size_t place, const struct service *service)
{
	switch (place) {
	case OPTION_CHANNEL:
	case OPTION_SUBJECT:
		return service->has_channel;
	case OPTION_PATH:
	case OPTION_CORS:
	case OPTION_REPLAY:
	case OPTION_HEARTBEAT:
		return service == &events_service;
	default:
		return true;
	}
}

static const char *take_flag(struct command_line_value *value, const char *text)
{
	value->is_given = !text || strcmp(text, "yes") == 0;
	return value->is_given || strcmp(text, "no") == 0 ? NULL : "yes or no";
}

bool endpoint_settings_take(struct option_values *options, char *part,
			    const struct service *service, const char *where)
{
	struct command_line_value *values = options->values;
	size_t n_name = strcspn(part, "=");
	const char *text = part[n_name] == '=' ? part + n_name + 1 : NULL;
	size_t place = place_of(part, n_name);
	const struct command_line_option *option =
		&options_command_line.options[place];
	char space[COMMAND_LINE_EXPECTED_SIZE];
	const char *expected;

	if (place == N_OPTIONS) {
		complain("%s%s: expected an option of an endpoint, such as "
			 "idle=5m",
			 where, part);
		return false;
	}
	if (!suits(place, service)) {
		complain("%s%s: expected an option that %s has", where, part,
			 service->name);
		return false;
	}
	if (!option->argument)
		expected = take_flag(&values[place], text);
	else
		expected = command_line_take(option, &values[place],
					     text ? text : "", options, space);
	if (expected)
		complain("%s%s: expected %s", where, part, expected);
	return !expected;
}

/* Defaults as in <weir/conn.h>; then check low <= high < max. */
static bool set_marks(struct weir_conn_limits *limits,
		      const struct command_line_value *values,
		      const char *where)
{
	const uint64_t room = WEIR_READ_SIZE;
	const uint64_t most = quantity_size.max;
	uint64_t high = values[OPTION_HIGH].number;
	uint64_t low = values[OPTION_LOW].number ? values[OPTION_LOW].number
						 : high / 4;
	uint64_t max = values[OPTION_MAX].number
			       ? values[OPTION_MAX].number
			       : high + WEIR_CONN_DEFAULT_ABOVE_HIGH;

	if (max > most && !values[OPTION_MAX].number)
		max = most;
	if (low > high) {
		complain("%slow %" PRIu64 ": expected at most --high, "
			 "which is %" PRIu64,
			 where, low, high);
		return false;
	}
	if (high + room > most) {
		complain("%shigh %" PRIu64 ": expected at most %" PRIu64, where,
			 high, most - room);
		return false;
	}
	if (high + room > max) {
		complain("%smax %" PRIu64 ": expected at least --high + 64K, "
			 "which is %" PRIu64,
			 where, max, high + room);
		return false;
	}
	limits->low = (size_t)low;
	limits->high = (size_t)high;
	limits->max = (size_t)max;
	return true;
}

/* What a subscriber is sent at once is not to be too much for it. */
static size_t replay_of(const struct command_line_value *value, size_t high)
{
	uint64_t n = value->number;

	return n > 0 && n < high ? (size_t)n : high;
}

static int mode_of(const struct command_line_value *value)
{
	return value->is_given ? (int)strtol(value->text, NULL, 8) : -1;
}

static struct weir_listener_options listener_of(
	const struct command_line_value *values)
{
	return (struct weir_listener_options){
		.backlog = (int)values[OPTION_BACKLOG].number,
		.sndbuf = (int)values[OPTION_SNDBUF].number,
		.rcvbuf = (int)values[OPTION_RCVBUF].number,
		.notsent_lowat = (int)values[OPTION_NOTSENT_LOWAT].number};
}

bool endpoint_settings_apply(struct endpoint_settings *settings,
			     const struct option_values *options,
			     const char *where)
{
	const struct command_line_value *values = options->values;

	*settings = (struct endpoint_settings){
		.limits = {.stall_ns = values[OPTION_STALL].number,
			   .linger_ns = values[OPTION_LINGER].number,
			   .min_rate = values[OPTION_MIN_RATE].number,
			   .idle_ns = values[OPTION_IDLE].number},
		.listener = listener_of(values),
		.mode = mode_of(&values[OPTION_MODE]),
		.max_conns = values[OPTION_MAX_CONNS].number,
		.max_per_address = values[OPTION_MAX_PER_ADDRESS].number,
		.rate_per_address = values[OPTION_RATE_PER_ADDRESS].number,
		.ipv6_prefix = (unsigned)values[OPTION_ADDRESS_PREFIX].number,
		.half_close_ns = values[OPTION_HALF_CLOSE].number,
		.connect_timeout_ns = values[OPTION_CONNECT_TIMEOUT].number,
		.leave_out_ns = values[OPTION_LEAVE_OUT].number,
		.keepalive_ns = values[OPTION_KEEPALIVE].number,
		.udp_rate = values[OPTION_UDP_RATE].number,
		.slow = (enum slow_policy)values[OPTION_SLOW].number,
		.channel = values[OPTION_CHANNEL].text,
		.path = values[OPTION_PATH].text ? values[OPTION_PATH].text
						 : "/",
		.cors = values[OPTION_CORS].text,
		.heartbeat_ns = values[OPTION_HEARTBEAT].number,
		.subject = values[OPTION_SUBJECT].text,
		.trusted = options->trusted,
		.untrusted =
			(enum untrusted_policy)values[OPTION_UNTRUSTED].number,
		.accepts_proxy = values[OPTION_ACCEPT_PROXY].is_given,
		.proxy_version =
			values[OPTION_PROXY_PROTOCOL].is_given
				? (int)values[OPTION_PROXY_VERSION].number
				: 0,
	};
	settings->replay = replay_of(&values[OPTION_REPLAY],
				     (size_t)values[OPTION_HIGH].number);
	return set_marks(&settings->limits, values, where);
}
