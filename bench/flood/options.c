/* The table of options, and what only weir-flood's take. options_check.c sees
 * whether what was typed makes sense together, options_settings.c goes by it. */
#include "options.h"

#include <string.h>

#include "clock.h"
#include "command_line.h"
#include "options_inside.h"
#include "quantity.h"

/* -- what an option takes -- */

static const char a_size[] = "a size from 1 to 16M, such as 64 or 4K";
static const struct quantity_kind size_kind = {a_size, quantity_sizes, 1,
					       16777216};
static const struct quantity_kind rate_kind = {
	"messages a second, from 1 to 10000000", quantity_rates, 1,
	SETTINGS_MAX_RATE};
static const struct quantity_kind connect_rate_kind = {
	"connections a second, from 1 to 10000000", quantity_rates, 1,
	SETTINGS_MAX_RATE};
static const struct quantity_kind duration_kind = {
	"a time from 1ms to 1440m, such as 500ms, 10s or 2m", quantity_times,
	CLOCK_NS_PER_MS, 24 * CLOCK_NS_PER_HOUR};
static const struct quantity_kind wait_kind = {
	"a time from 0 to 60m, such as 500ms or 10s", quantity_times, 0,
	CLOCK_NS_PER_HOUR};
static const struct quantity_kind timeout_kind = {
	"a time from 1ms to 60m, such as 500ms or 10s", quantity_times,
	CLOCK_NS_PER_MS, CLOCK_NS_PER_HOUR};
static const struct quantity_kind late_kind = {
	"a time from 1ns to 60m, such as 1ms", quantity_times, 1,
	CLOCK_NS_PER_HOUR};
static const struct quantity_unit percents[] = {{"%", 1}, {NULL, 0}};
static const struct quantity_kind share_kind = {"a share from 1% to 100%",
						percents, 1, 100};
static const struct quantity_kind peers_kind = {"a number from 1 to 1000000",
						quantity_counts, 1, 1000000};
static const struct quantity_kind threads_kind = {"a number from 1 to 256",
						  quantity_counts, 1, 256};
static const struct quantity_kind steps_kind = {"a number from 2 to 1000",
						quantity_counts, 2, 1000};
static const struct quantity_kind messages_kind = {
	"a number from 1 to 1000000000000", quantity_counts, 1,
	UINT64_C(1000000000000)};
static const struct quantity_kind seed_kind = {
	"a number from 0 to 1000000000000", quantity_counts, 0,
	UINT64_C(1000000000000)};
static const char a_trickle[] =
	"N:RATE, such as 2:100/s; RATE from 1 to 160K/s";
static const struct quantity_kind trickle_kind = {
	a_trickle, quantity_byte_rates, 1, 163840};

static const char a_text[] =
	"a text of 1 to 65536 bytes, such as 'PING\\r\\n', or @FILE";
static const char a_short_text[] = "a text of 1 to 256 bytes, such as '\\r\\n'";
static const char a_list[] = "a list such as 'p99<5ms,errors=0'";
static const char an_address[] = "an address";
static const char a_source[] = "at most 64 addresses, such as 127.0.0.2:0";
static const char a_file[] = "a file, or - for standard output";

/* "FIRST" or "FIRST:SECOND" */
static bool parse_pair(const struct quantity_kind *first,
		       const struct quantity_kind *second, const char *text,
		       uint64_t values[2])
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);

	return quantity_parse_part(first, text, n, &values[0]) &&
	       (!colon || quantity_parse(second, colon + 1, &values[1]));
}

/* "SIZE" or "SIZE:SIZE" */
static const char *take_sizes(void *context, const char *text)
{
	struct options *options = context;

	return parse_pair(&size_kind, &size_kind, text, options->sizes)
		       ? NULL
		       : a_size;
}

/* "N:RATE" */
static const char *take_trickle(void *context, const char *text)
{
	struct options *options = context;

	return strchr(text, ':') && parse_pair(&peers_kind, &trickle_kind, text,
					       options->trickle)
		       ? NULL
		       : a_trickle;
}

/* -- the table -- */

static const struct command_line_option table[N_OPTIONS] = {
	[OPTION_MODE] =
		{.name = "mode",
		 .letter = 'm',
		 .argument = "MODE",
		 .help = "echo, source (the target talks), sink (we talk), "
			 "connect (connect, one echo, close) or broadcast",
		 .words = mode_names,
		 .shown = "echo"},
	[OPTION_CONNECTIONS] = {.name = "connections",
				.letter = 'c',
				.argument = "N",
				.help = "measured connections",
				.kind = &peers_kind,
				.initial = 50},
	[OPTION_THREADS] = {.name = "threads",
			    .letter = 't',
			    .argument = "N",
			    .help = "share them and the load among N threads",
			    .kind = &threads_kind,
			    .initial = 1},
	[OPTION_SIZE] = {.name = "size",
			 .letter = 's',
			 .argument = "SIZE",
			 .help = "of a message; 16 at least to verify an echo, "
				 "25 in broadcast; A:B if answers have B",
			 .take = take_sizes,
			 .expected = a_size,
			 .shown = "64"},
	[OPTION_SEND] =
		{.name = "send",
		 .argument = "TEXT",
		 .help = "what is sent instead, with \\r, \\n, \\0, \\xHH and "
			 "{i}, {conn}, {random:N}, {bytes:N}; or @FILE",
		 .expected = a_text},
	[OPTION_EXPECT_BYTES] = {.name = "expect-bytes",
				 .argument = "N",
				 .help = "its answer has N bytes,",
				 .kind = &size_kind},
	[OPTION_EXPECT_UNTIL] =
		{.name = "expect-until",
		 .argument = "TEXT",
		 .help = "or ends with TEXT (\\r\\n\\r\\n: of HTTP),",
		 .expected = a_short_text},
	[OPTION_EXPECT_LINE] = {.name = "expect-line", .help = "or is a line"},
	[OPTION_RECONNECT] = {.name = "reconnect",
			      .help = "connect again where the target ends a "
				      "connection; always with HTTP"},
	[OPTION_RENEW] = {.name = "renew",
			  .argument = "N",
			  .help = "connect again after N messages on a "
				  "connection",
			  .kind = &messages_kind},
	[OPTION_PIPELINE] = {.name = "pipeline",
			     .letter = 'p',
			     .argument = "N",
			     .help = "messages in flight on each connection",
			     .kind = &peers_kind,
			     .initial = 1},
	[OPTION_RATE] = {.name = "rate",
			 .letter = 'r',
			 .argument = "RATE",
			 .help = "open loop: messages a second in all, "
				 "whatever the target does",
			 .kind = &rate_kind},
	[OPTION_RAMP] = {.name = "ramp",
			 .argument = "RATE",
			 .help = "from --rate to this one while measuring",
			 .kind = &rate_kind},
	[OPTION_STEPS] = {.name = "steps",
			  .argument = "N",
			  .help = "in N steps, not evenly",
			  .kind = &steps_kind},
	[OPTION_POISSON] = {.name = "poisson",
			    .help = "at random times instead of even ones"},
	[OPTION_DURATION] = {.name = "duration",
			     .letter = 'd',
			     .argument = "TIME",
			     .help = "measure for this long",
			     .kind = &duration_kind,
			     .initial = 10 * CLOCK_NS_PER_S,
			     .shown = "10s; with -n at most 1m"},
	[OPTION_MESSAGES] = {.name = "messages",
			     .letter = 'n',
			     .argument = "N",
			     .help = "end after N messages",
			     .kind = &messages_kind},
	[OPTION_WARMUP] = {.name = "warmup",
			   .argument = "TIME",
			   .help = "before that, unmeasured",
			   .kind = &wait_kind,
			   .initial = CLOCK_NS_PER_S},
	[OPTION_PUBLISHERS] = {.name = "publishers",
			       .argument = "N",
			       .help = "broadcast: connections that talk",
			       .kind = &peers_kind,
			       .initial = 1},
	[OPTION_NO_VERIFY] = {.name = "no-verify",
			      .help = "do not look at what comes back"},
	[OPTION_STALLED] = {.name = "stalled",
			    .argument = "N",
			    .help = "ask, never read",
			    .kind = &peers_kind,
			    .heading = "Bad peers beside the measured ones:"},
	[OPTION_TRICKLE] = {.name = "trickle",
			    .argument = "N:RATE",
			    .help = "ask, read RATE bytes a second",
			    .take = take_trickle,
			    .expected = a_trickle},
	[OPTION_RESET] = {.name = "reset",
			  .argument = "N",
			  .help = "reset in mid-message, again and again",
			  .kind = &peers_kind},
	[OPTION_HALF_CLOSE] = {.name = "half-close",
			       .argument = "N",
			       .help = "end their side, read to the end; again",
			       .kind = &peers_kind},
	[OPTION_IDLE] = {.name = "idle",
			 .argument = "N",
			 .help = "connect, and are silent",
			 .kind = &peers_kind},
	[OPTION_CONNECT_RATE] = {.name = "connect-rate",
				 .argument = "RATE",
				 .help = "connections made a second, at most",
				 .kind = &connect_rate_kind,
				 .heading = "Sockets:"},
	[OPTION_SOURCE] = {.name = "source",
			   .argument = "LIST",
			   .help = "connect from there in turns, such as "
				   "127.0.0.2:0,127.0.0.3:0",
			   .expected = a_source},
	[OPTION_SNDBUF] = {.name = "sndbuf",
			   .argument = "SIZE",
			   .help = "buffer of each socket, to send",
			   .kind = &quantity_size},
	[OPTION_RCVBUF] = {.name = "rcvbuf",
			   .argument = "SIZE",
			   .help = "and to receive",
			   .kind = &quantity_size},
	[OPTION_CONNECT_TIMEOUT] = {.name = "connect-timeout",
				    .argument = "TIME",
				    .help = "for all connections to be made",
				    .kind = &timeout_kind,
				    .initial = 10 * CLOCK_NS_PER_S,
				    .heading = "Bounds:"},
	[OPTION_DRAIN] = {.name = "drain",
			  .argument = "TIME",
			  .help = "wait for answers at the end",
			  .kind = &wait_kind,
			  .initial = CLOCK_NS_PER_S},
	[OPTION_TIMEOUT] = {.name = "timeout",
			    .argument = "TIME",
			    .help = "give a message up, and its connection",
			    .kind = &timeout_kind,
			    .shown = "none; 1s for datagrams"},
	[OPTION_LATE] = {.name = "late",
			 .argument = "TIME",
			 .help = "sent later is a missed schedule",
			 .kind = &late_kind,
			 .initial = CLOCK_NS_PER_MS},
	[OPTION_CPU_WAIT] = {.name = "cpu-wait",
			     .argument = "SHARE",
			     .help = "closed loop: of our time, for a CPU",
			     .kind = &share_kind,
			     .initial = 10},
	[OPTION_MAX_OWED] = {.name = "max-owed",
			     .argument = "N",
			     .help = "messages without an answer",
			     .kind = &messages_kind,
			     .initial = 1000000,
			     .shown = "1000000"},
	[OPTION_SEED] = {.name = "seed",
			 .argument = "N",
			 .help = "of random times and orders",
			 .kind = &seed_kind,
			 .initial = 1},
	[OPTION_EXPECT] =
		{.name = "expect",
		 .argument = "LIST",
		 .help = "such as 'p99<5ms,throughput>10000,errors=0'",
		 .expected = a_list,
		 .heading = "Results:"},
	[OPTION_STOP_EARLY] = {.name = "stop-early",
			       .help = "end when that is breached"},
	[OPTION_FIND_RATE] =
		{.name = "find-rate",
		 .argument = "LIST",
		 .help = "find the highest --rate at which that holds",
		 .expected = a_list},
	[OPTION_COMPARE] = {.name = "compare",
			    .argument = "ADDRESS",
			    .help = "measure both in turns, and tell the ratio",
			    .expected = an_address},
	[OPTION_JSON] = {.name = "json",
			 .argument = "FILE",
			 .help = "all figures; - is standard output",
			 .expected = a_file},
	[OPTION_JSON_LINES] = {.name = "json-lines",
			       .argument = "FILE",
			       .help = "a line of JSON each second, while it "
				       "runs",
			       .expected = a_file},
	[OPTION_HTML] = {.name = "html",
			 .argument = "FILE",
			 .help = "a page with curves",
			 .expected = a_file},
	[OPTION_HGRM] = {.name = "hgrm",
			 .argument = "FILE",
			 .help = "the percentiles of the latency",
			 .expected = a_file},
	[OPTION_HLOG] = {.name = "hlog",
			 .argument = "FILE",
			 .help = "its histogram of each second",
			 .expected = a_file},
};

static const struct command_line command_line = {
	.program = "weir-flood",
	.intro = "Usage: weir-flood [OPTION]... ADDRESS\n"
		 "Load a server, and measure it without flattering it.\n"
		 "\n",
	.notes =
		"\n"
		"ADDRESS is HOST:PORT, [V6]:PORT, :PORT (localhost), unix:PATH "
		"or\n"
		"unix:@NAME; for datagrams udp:HOST:PORT, unixgram:PATH or\n"
		"unixgram:@NAME.\n"
		"SIZE takes K, M or G (1024), a number k (1000); TIME needs "
		"ns, "
		"us,\n"
		"ms, s, m or h: 0.5s. Ctrl-C ends the measurement and prints "
		"the\n"
		"result so far.\n"
		"Exit status: 0 done; 1 bytes were corrupt, or it failed; 2 "
		"wrong usage\n"
		"or no server; 3 the measurement is not valid; 4 an "
		"expectation was\n"
		"not met.\n",
	.options = table,
	.n_options = N_OPTIONS,
};

const char *options_name(enum option_number number)
{
	return table[number].name;
}

enum status options_parse(struct settings *settings, struct expect *expect,
			  int argc, char **argv)
{
	struct options options = {.sizes = {64, 0}};
	int status = command_line_read(&command_line, &options.line, &options,
				       argc, argv);

	if (status != COMMAND_LINE_GO_ON)
		return (enum status)status;
	*settings = (struct settings){.argc = argc, .argv = argv};
	*expect = (struct expect){0};
	return options_apply(settings, expect, &options);
}
