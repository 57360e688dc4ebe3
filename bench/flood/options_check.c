/* Which options go together, and which values: what makes no sense is refused,
 * since an option that would change nothing misleads. */
#include <inttypes.h>

#include "complain.h"
#include "line.h"
#include "message.h"
#include "options_inside.h"

/* What may be in flight on one connection, in bytes: the library queues no
 * more than twice that. */
static const uint64_t max_in_flight = UINT64_C(512) << 20;

/* -- options -- */

enum {
	ECHO = 1 << MODE_ECHO,
	SOURCE = 1 << MODE_SOURCE,
	SINK = 1 << MODE_SINK,
	CONNECT = 1 << MODE_CONNECT,
	BROADCAST = 1 << MODE_BROADCAST
};

/* Of those that are not for all of them. */
static const unsigned modes_of[N_OPTIONS] = {
	[OPTION_THREADS] = ECHO | SOURCE | SINK | CONNECT,
	[OPTION_SEND] = ECHO,
	[OPTION_EXPECT_BYTES] = ECHO,
	[OPTION_EXPECT_UNTIL] = ECHO,
	[OPTION_EXPECT_LINE] = ECHO,
	[OPTION_RECONNECT] = ECHO,
	[OPTION_RENEW] = ECHO,
	[OPTION_TIMEOUT] = ECHO | CONNECT,
	[OPTION_CONNECT_RATE] = ECHO | SOURCE | SINK | BROADCAST,
	[OPTION_PIPELINE] = ECHO | BROADCAST,
	[OPTION_PUBLISHERS] = BROADCAST,
	[OPTION_NO_VERIFY] = ECHO | CONNECT | BROADCAST,
	[OPTION_RATE] = ECHO | SINK | CONNECT | BROADCAST,
	[OPTION_FIND_RATE] = ECHO | CONNECT | BROADCAST,
};

static bool fits_mode(const struct options *options)
{
	enum mode_kind mode =
		(enum mode_kind)options_number(options, OPTION_MODE);

	for (int i = 0; i < N_OPTIONS; i++) {
		enum option_number number = (enum option_number)i;

		if (!options_has(options, number) || modes_of[i] == 0 ||
		    (modes_of[i] & 1U << mode))
			continue;
		complain("--%s: expected another mode than %s",
			 options_name(number), mode_name(mode));
		return false;
	}
	return true;
}

/* Those of an open loop, which needs a rate; and of a closed one. */
static bool fits_loop(const struct options *options)
{
	static const enum option_number open[] = {OPTION_POISSON, OPTION_LATE,
						  OPTION_RAMP};
	bool is_open = options_has(options, OPTION_RATE) ||
		       options_has(options, OPTION_FIND_RATE);

	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		if (options_has(options, open[i]) && !is_open) {
			complain("--%s: expected an open loop, --rate",
				 options_name(open[i]));
			return false;
		}
	if (options_has(options, OPTION_STEPS) &&
	    !options_has(options, OPTION_RAMP)) {
		complain("--steps: expected what has them, --ramp");
		return false;
	}
	if (options_has(options, OPTION_PIPELINE) && is_open) {
		complain("--pipeline: expected a closed loop, "
			 "without --rate");
		return false;
	}
	return true;
}

/* Those that make many short runs, and what is of one. */
static bool fits_runs(const struct options *options)
{
	static const struct {
		enum option_number many, one;
	} clashes[] = {{OPTION_COMPARE, OPTION_MESSAGES},
		       {OPTION_COMPARE, OPTION_HLOG},
		       {OPTION_COMPARE, OPTION_JSON_LINES},
		       {OPTION_COMPARE, OPTION_STOP_EARLY},
		       {OPTION_COMPARE, OPTION_RAMP},
		       {OPTION_FIND_RATE, OPTION_RAMP},
		       {OPTION_FIND_RATE, OPTION_MESSAGES},
		       {OPTION_FIND_RATE, OPTION_HLOG},
		       {OPTION_FIND_RATE, OPTION_JSON_LINES},
		       {OPTION_FIND_RATE, OPTION_STOP_EARLY},
		       {OPTION_FIND_RATE, OPTION_COMPARE},
		       {OPTION_FIND_RATE, OPTION_EXPECT}};

	for (size_t i = 0; i < sizeof clashes / sizeof *clashes; i++)
		if (options_has(options, clashes[i].many) &&
		    options_has(options, clashes[i].one)) {
			complain("--%s: expected no --%s, which "
				 "makes many short runs",
				 options_name(clashes[i].one),
				 options_name(clashes[i].many));
			return false;
		}
	if (options_has(options, OPTION_STOP_EARLY) &&
	    !options_has(options, OPTION_EXPECT)) {
		complain("--stop-early: expected what to stop at, --expect");
		return false;
	}
	return true;
}

static bool fits_threads(const struct options *options)
{
	uint64_t n = options_number(options, OPTION_THREADS);

	if (n > options_number(options, OPTION_CONNECTIONS)) {
		complain("--threads %" PRIu64 ": expected no more than "
			 "--connections, which is %" PRIu64,
			 n, options_number(options, OPTION_CONNECTIONS));
		return false;
	}
	if (n > 1 && options_has(options, OPTION_STOP_EARLY)) {
		complain("--stop-early: expected one thread");
		return false;
	}
	return true;
}

bool options_fit(const struct options *options)
{
	return fits_mode(options) && fits_loop(options) && fits_runs(options) &&
	       fits_threads(options);
}

/* -- sizes -- */

static uint64_t smallest_size(const struct settings *settings)
{
	if (settings->mode == MODE_BROADCAST)
		return LINE_SHORTEST;
	return settings->is_verified ? MESSAGE_MIN : 1;
}

static bool fits_size(const struct settings *settings)
{
	uint64_t least = smallest_size(settings);

	if (settings->message_size < least) {
		complain("--size %zu: expected at least %" PRIu64
			 " in mode %s%s",
			 settings->message_size, least,
			 mode_name(settings->mode),
			 settings->mode == MODE_BROADCAST ? ""
							  : ", or --no-verify");
		return false;
	}
	if (settings->mode == MODE_BROADCAST &&
	    settings->message_size > LINE_LONGEST) {
		complain("--size %zu: expected at most 64K in mode "
			 "broadcast",
			 settings->message_size);
		return false;
	}
	if (settings->pipeline > max_in_flight / settings->message_size) {
		complain("--pipeline %zu: expected at most %" PRIu64
			 " messages of %zu bytes",
			 settings->pipeline,
			 max_in_flight / settings->message_size,
			 settings->message_size);
		return false;
	}
	return true;
}

static bool fits_publishers(const struct settings *settings)
{
	if (settings->mode != MODE_BROADCAST ||
	    (settings->n_publishers < settings->n_connections &&
	     settings->n_publishers <= LINE_MAX_PUBLISHERS))
		return true;
	complain("--publishers %zu: expected fewer than --connections, "
		 "which is %zu, and at most %d",
		 settings->n_publishers, settings->n_connections,
		 LINE_MAX_PUBLISHERS);
	return false;
}

bool options_fit_sizes(const struct settings *settings)
{
	return fits_size(settings) && fits_publishers(settings);
}

/* -- datagrams -- */

/* They make sense of a stream alone. */
static bool fits_no_stream(const struct options *options)
{
	static const enum option_number streams[] = {
		OPTION_SEND,	    OPTION_EXPECT_BYTES, OPTION_EXPECT_UNTIL,
		OPTION_EXPECT_LINE, OPTION_RECONNECT,	 OPTION_RENEW,
		OPTION_NO_VERIFY,   OPTION_STALLED,	 OPTION_TRICKLE,
		OPTION_RESET,	    OPTION_HALF_CLOSE,	 OPTION_IDLE,
		OPTION_SOURCE};

	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
		if (options_has(options, streams[i])) {
			complain("--%s: expected a stream, not datagrams",
				 options_name(streams[i]));
			return false;
		}
	return true;
}

/* What a datagram holds at most; Unix sockets say themselves. */
static uint64_t largest_size(const struct settings *settings)
{
	switch (settings->target.addresses[0].sa.any.sa_family) {
	case AF_INET:
		return 65507;
	case AF_INET6:
		return WEIR_DGRAM_MAX;
	default:
		return UINT64_MAX;
	}
}

bool options_fit_datagrams(const struct options *options,
			   const struct settings *settings)
{
	if (!settings->is_datagram)
		return true;
	if (settings->mode != MODE_ECHO) {
		complain("%s: expected a stream in mode %s, not datagrams",
			 settings->target.text, mode_name(settings->mode));
		return false;
	}
	if (options->sizes[1] > 0) {
		complain("--size: expected one size, for datagrams");
		return false;
	}
	if (settings->message_size > largest_size(settings)) {
		complain("--size %zu: expected at most %" PRIu64
			 ", which a datagram holds",
			 settings->message_size, largest_size(settings));
		return false;
	}
	return fits_no_stream(options);
}
