/* What was typed, made into settings. */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "complain.h"
#include "options_inside.h"

static const uint64_t first_rate = 1000; /* of a search */

/* -- targets -- */

static bool resolve(struct target *target, const char *text)
{
	int n = weir_address_resolve(text, WEIR_ADDRESS_CONNECT,
				     target->addresses, SETTINGS_MAX_ADDRESSES);

	if (n == -EINVAL)
		complain("%s: expected HOST:PORT, [V6]:PORT, :PORT, "
			 "unix:PATH, unix:@NAME, udp:HOST:PORT, unixgram:PATH "
			 "or unixgram:@NAME",
			 text);
	else if (n < 0)
		complain("%s: %s", text, weir_address_error(n));
	else
		target->n_addresses = (size_t)n;
	target->text = text;
	return target->n_addresses > 0;
}

/* One of the list, which is n letters long. */
static bool add_source(struct settings *settings, const char *text, size_t n)
{
	struct weir_address *source = &settings->sources[settings->n_sources];
	char one[WEIR_ADDRESS_TEXT_SIZE];
	int error;

	if (settings->n_sources == SETTINGS_MAX_SOURCES || n >= sizeof one) {
		complain("--source: expected at most %d addresses",
			 SETTINGS_MAX_SOURCES);
		return false;
	}
	memcpy(one, text, n);
	one[n] = '\0';
	error = weir_address_resolve(one, WEIR_ADDRESS_LISTEN, source, 1);
	settings->n_sources += error > 0 && source->type == SOCK_STREAM;
	if (error < 0)
		complain("--source %s: %s", one, weir_address_error(error));
	else if (source->type != SOCK_STREAM)
		complain("--source %s: expected a stream", one);
	return error > 0 && source->type == SOCK_STREAM;
}

static bool resolve_sources(struct settings *settings,
			    const struct options *options)
{
	const char *text = options_text(options, OPTION_SOURCE);

	while (text) {
		size_t n = strcspn(text, ",");

		if (!add_source(settings, text, n))
			return false;
		text = text[n] != '\0' ? text + n + 1 : NULL;
	}
	return true;
}

/* What holds for datagrams where nothing else was asked for: else one that is
 * lost would stop a closed loop. */
static bool set_datagrams(struct settings *settings)
{
	int type = settings->target.addresses[0].type;

	if (settings->rival.text && settings->rival.addresses[0].type != type) {
		complain("--compare %s: expected %s, like %s",
			 settings->rival.text,
			 type == SOCK_DGRAM ? "datagrams" : "a stream",
			 settings->target.text);
		return false;
	}
	settings->is_datagram = type == SOCK_DGRAM;
	if (settings->is_datagram && settings->timeout_ns == 0)
		settings->timeout_ns = CLOCK_NS_PER_S;
	return true;
}

static bool resolve_targets(struct settings *settings,
			    const struct options *options)
{
	if (options->line.n_operands == 0) {
		complain("expected an ADDRESS, see --help");
		return false;
	}
	if (options->line.n_operands > 1) {
		complain("%s: expected no more than one ADDRESS",
			 options->line.operands[1]);
		return false;
	}
	return resolve_sources(settings, options) &&
	       resolve(&settings->target, options->line.operands[0]) &&
	       (!options_has(options, OPTION_COMPARE) ||
		resolve(&settings->rival,
			options_text(options, OPTION_COMPARE)));
}

/* -- the load -- */

static void set_load(struct settings *settings, const struct options *options)
{
	settings->mode = (enum mode_kind)options_number(options, OPTION_MODE);
	settings->n_connections =
		(size_t)options_number(options, OPTION_CONNECTIONS);
	settings->n_all_connections = settings->n_connections;
	settings->n_threads = (size_t)options_number(options, OPTION_THREADS);
	settings->n_publishers =
		(size_t)options_number(options, OPTION_PUBLISHERS);
	settings->message_size = (size_t)options->sizes[0];
	settings->pipeline = (size_t)options_number(options, OPTION_PIPELINE);
	settings->rate = options_number(options, OPTION_RATE);
	settings->ramp_rate = options_number(options, OPTION_RAMP);
	settings->n_steps = options_number(options, OPTION_STEPS);
	settings->is_poisson = options_has(options, OPTION_POISSON);
	settings->is_verified = !options_has(options, OPTION_NO_VERIFY) &&
				!options_has(options, OPTION_SEND) &&
				options->sizes[1] == 0 &&
				mode_has_answers(settings->mode);
	settings->reconnects = options_has(options, OPTION_RECONNECT);
	settings->n_renew = options_number(options, OPTION_RENEW);
	settings->timeout_ns = options_number(options, OPTION_TIMEOUT);
	settings->stops_early = options_has(options, OPTION_STOP_EARLY);
	settings->n_messages = options_number(options, OPTION_MESSAGES);
	settings->duration_ns = options_number(options, OPTION_DURATION);
	/* -n says when to end; this, when to stop waiting for that */
	if (options_has(options, OPTION_MESSAGES) &&
	    !options_has(options, OPTION_DURATION))
		settings->duration_ns = CLOCK_NS_PER_MIN;
	settings->warmup_ns = options_number(options, OPTION_WARMUP);
	settings->connect_rate = options_number(options, OPTION_CONNECT_RATE);
	settings->connect_ns = options_number(options, OPTION_CONNECT_TIMEOUT);
	settings->drain_ns = options_number(options, OPTION_DRAIN);
	settings->is_drain_fixed = options_has(options, OPTION_DRAIN);
	settings->late_ns = options_number(options, OPTION_LATE);
	settings->wait_percent = options_number(options, OPTION_CPU_WAIT);
	settings->max_owed = options_number(options, OPTION_MAX_OWED);
	settings->seed = options_number(options, OPTION_SEED);
	settings->n_bad[BAD_STALLED] =
		(size_t)options_number(options, OPTION_STALLED);
	settings->n_bad[BAD_TRICKLE] = (size_t)options->trickle[0];
	settings->n_bad[BAD_RESET] =
		(size_t)options_number(options, OPTION_RESET);
	settings->n_bad[BAD_IDLE] =
		(size_t)options_number(options, OPTION_IDLE);
	settings->sndbuf = (int)options_number(options, OPTION_SNDBUF);
	settings->rcvbuf = (int)options_number(options, OPTION_RCVBUF);
	settings->n_bad[BAD_HALF_CLOSE] =
		(size_t)options_number(options, OPTION_HALF_CLOSE);
	settings->trickle_rate = options->trickle[1];
}

/* A search begins at --rate, and makes shorter runs. */
static void set_search(struct settings *settings, const struct options *options)
{
	settings->finds_rate = options_has(options, OPTION_FIND_RATE);
	if (!settings->finds_rate)
		return;
	if (!options_has(options, OPTION_RATE))
		settings->rate = first_rate;
	if (!options_has(options, OPTION_DURATION))
		settings->duration_ns = 2 * CLOCK_NS_PER_S;
	if (!options_has(options, OPTION_WARMUP))
		settings->warmup_ns = CLOCK_NS_PER_S / 2;
}

static bool set_expect(struct settings *settings, struct expect *expect,
		       const struct options *options)
{
	enum option_number number =
		settings->finds_rate ? OPTION_FIND_RATE : OPTION_EXPECT;
	char error[256];

	settings->expect = options_text(options, number);
	if (!settings->expect)
		return true;
	if (expect_parse(expect, settings->expect, error, sizeof error)) {
		settings->expects_loss = expect_has_loss(expect);
		return true;
	}
	complain("--%s %s: %s", options_name(number), settings->expect, error);
	return false;
}

/* Of a message that is sent late the latency counts that too, so that what is
 * met all the same is met: a search need not give up for less than its limit. */
static void set_lateness(struct settings *settings, const struct expect *expect,
			 const struct options *options)
{
	if (!settings->finds_rate || options_has(options, OPTION_LATE))
		return;
	for (size_t i = 0; i < expect->n_terms; i++)
		if (expect_is_latency(&expect->terms[i]) &&
		    expect->terms[i].limit > (double)settings->late_ns)
			settings->late_ns = (uint64_t)expect->terms[i].limit;
}

enum status options_apply(struct settings *settings, struct expect *expect,
			  const struct options *options)
{
	bool is_right;

	settings->json_path = options_text(options, OPTION_JSON);
	settings->json_lines_path = options_text(options, OPTION_JSON_LINES);
	settings->html_path = options_text(options, OPTION_HTML);
	settings->hgrm_path = options_text(options, OPTION_HGRM);
	settings->hlog_path = options_text(options, OPTION_HLOG);
	set_load(settings, options);
	set_search(settings, options);
	is_right = options_fit(options) &&
		   options_set_request(settings, options) &&
		   options_fit_sizes(settings) &&
		   set_expect(settings, expect, options) &&
		   resolve_targets(settings, options) &&
		   set_datagrams(settings) &&
		   options_fit_datagrams(options, settings);
	set_lateness(settings, expect, options);
	return is_right ? STATUS_GO_ON : STATUS_REFUSED;
}
