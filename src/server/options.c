/* The command line of weir-server: the table of options, and the settings that
 * follow from them. */
#include "options.h"

#include <inttypes.h>

#include "argument_file.h"
#include "clock.h"
#include "command_line.h"
#include "complain.h"
#include "endpoint_config.h"
#include "systemd.h"

enum option {
	OPTION_WORKERS,
	OPTION_BACKLOG,
	OPTION_MAX_CONNS,
	OPTION_LOW,
	OPTION_HIGH,
	OPTION_MAX,
	OPTION_BUDGET,
	OPTION_SLOW,
	OPTION_STALL,
	OPTION_MIN_RATE,
	OPTION_IDLE,
	OPTION_KEEPALIVE,
	OPTION_LINGER,
	OPTION_GRACE,
	OPTION_DRAIN,
	OPTION_SNDBUF,
	OPTION_RCVBUF,
	OPTION_NOTSENT_LOWAT,
	OPTION_UDP_RATE,
	OPTION_METRICS,
	OPTION_ACCEPT_PROXY,
	OPTION_PROXY_PROTOCOL,
	OPTION_PROXY_VERSION,
	OPTION_LOG,
	OPTION_LOG_FORMAT,
	OPTION_TRACE,
	OPTION_QUIET,
	OPTION_CHECK,
	N_OPTIONS
};

static const struct quantity_kind workers = {
	.expected = "a number from 1 to 256",
	.units = quantity_counts,
	.min = 1,
	.max = MAX_WORKERS,
};

static const struct quantity_kind budget = {
	.expected = "a size from 64K to 1024G, such as 64M",
	.units = quantity_sizes,
	.min = 65536,
	.max = UINT64_C(1) << 40,
};

/* What TCP_KEEPIDLE takes. */
static const struct quantity_kind keepalive = {
	.expected = "0, or a time up to 9h, such as 5m",
	.units = quantity_times,
	.max = 9 * CLOCK_NS_PER_HOUR,
};

static const struct quantity_kind udp_rate = {
	.expected = "a number from 1 to 1000000",
	.units = quantity_counts,
	.min = 1,
	.max = 1000000,
};

static const struct quantity_kind proxy_version = {
	.expected = "1 or 2",
	.units = quantity_counts,
	.min = 1,
	.max = 2,
};

static const struct quantity_kind grace = {
	.expected = "0, or a time up to 1000000m, such as 5s",
	.units = quantity_times,
	.max = 1000000 * CLOCK_NS_PER_MIN,
};

static const char *const policies[] = {[SLOW_DROP_NEWEST] = "drop-newest",
				       [SLOW_DROP_OLDEST] = "drop-oldest",
				       [SLOW_DISCONNECT] = "disconnect",
				       NULL};

static const char *const log_formats[] = {[LOG_FORMAT_PLAIN] = "plain",
					  [LOG_FORMAT_TIME] = "time",
					  [LOG_FORMAT_JOURNAL] = "journal",
					  NULL};

static const struct command_line_option table[N_OPTIONS] = {
	[OPTION_WORKERS] = {.name = "workers",
			    .argument = "N",
			    .help = "threads, each with its own clients",
			    .kind = &workers,
			    .initial = 1},
	[OPTION_BACKLOG] = {.name = "backlog",
			    .argument = "N",
			    .help = "clients that may wait to be accepted",
			    .kind = &quantity_count,
			    .initial = WEIR_LISTENER_DEFAULT_BACKLOG},
	[OPTION_MAX_CONNS] = {.name = "max-conns",
			      .argument = "N",
			      .help = "clients at a time; more are closed",
			      .kind = &quantity_count,
			      .shown = "no limit"},
	[OPTION_LOW] = {.name = "low",
			.argument = "SIZE",
			.help = "send queue back to normal",
			.kind = &quantity_size,
			.shown = "a quarter of high"},
	[OPTION_HIGH] = {.name = "high",
			 .argument = "SIZE",
			 .help = "send queue under pressure: no more is read",
			 .kind = &quantity_size,
			 .initial = WEIR_CONN_DEFAULT_HIGH},
	[OPTION_MAX] = {.name = "max",
			.argument = "SIZE",
			.help = "send queue full",
			.kind = &quantity_size,
			.shown = "high + 768K"},
	[OPTION_BUDGET] = {.name = "budget",
			   .argument = "SIZE",
			   .help = "all send queues together",
			   .kind = &budget,
			   .initial = WEIR_LOOP_DEFAULT_BUDGET},
	[OPTION_SLOW] = {.name = "slow",
			 .argument = "POLICY",
			 .help = "at max, broadcast will drop-newest, "
				 "drop-oldest or disconnect",
			 .words = policies,
			 .initial = SLOW_DROP_OLDEST,
			 .shown = "drop-oldest"},
	[OPTION_STALL] = {.name = "stall",
			  .argument = "TIME",
			  .help = "reset peers that accept nothing for TIME",
			  .kind = &quantity_time,
			  .initial = WEIR_CONN_DEFAULT_STALL_NS},
	[OPTION_MIN_RATE] =
		{.name = "min-rate",
		 .argument = "SIZE",
		 .help = "reset peers that accept less a second, over 10s",
		 .kind = &quantity_size},
	[OPTION_IDLE] = {.name = "idle",
			 .argument = "TIME",
			 .help = "close connections without traffic for TIME",
			 .kind = &quantity_time},
	[OPTION_KEEPALIVE] = {.name = "keepalive",
			      .argument = "TIME",
			      .help = "probe silent TCP peers after TIME; 0: "
				      "never",
			      .kind = &keepalive,
			      .initial = 5 * CLOCK_NS_PER_MIN},
	[OPTION_LINGER] = {.name = "linger",
			   .argument = "TIME",
			   .help = "wait for the peer's FIN after ours",
			   .kind = &quantity_time,
			   .initial = WEIR_CONN_DEFAULT_LINGER_NS},
	[OPTION_GRACE] = {.name = "grace",
			  .argument = "TIME",
			  .help = "keep serving for TIME when told to stop",
			  .kind = &grace,
			  .shown = "0"},
	[OPTION_DRAIN] = {.name = "drain",
			  .argument = "TIME",
			  .help = "then finish connections within TIME",
			  .kind = &quantity_time,
			  .initial = 30 * CLOCK_NS_PER_S},
	[OPTION_SNDBUF] = {.name = "sndbuf",
			   .argument = "SIZE",
			   .help = "the kernel's send buffers",
			   .kind = &quantity_size,
			   .shown = "tuned by itself"},
	[OPTION_RCVBUF] = {.name = "rcvbuf",
			   .argument = "SIZE",
			   .help = "the kernel's receive buffers",
			   .kind = &quantity_size,
			   .shown = "likewise"},
	[OPTION_NOTSENT_LOWAT] =
		{.name = "notsent-lowat",
		 .argument = "SIZE",
		 .help = "unsent bytes that the kernel accepts",
		 .kind = &quantity_size,
		 .shown = "no limit"},
	[OPTION_UDP_RATE] = {.name = "udp-rate",
			     .argument = "N",
			     .help = "answers a second to one UDP source",
			     .kind = &udp_rate,
			     .initial = 1000},
	[OPTION_METRICS] = {.name = "metrics",
			    .argument = "ADDRESS",
			    .help = "serve GET /metrics and /healthz there",
			    .expected = "an address, such as 127.0.0.1:7070",
			    .shown = "127.0.0.1:7070 if no SERVICE is named"},
	[OPTION_ACCEPT_PROXY] =
		{.name = "accept-proxy",
		 .help = "expect a PROXY header from every client"},
	[OPTION_PROXY_PROTOCOL] = {.name = "proxy-protocol",
				   .help = "let relay send one to TARGET"},
	[OPTION_PROXY_VERSION] = {.name = "proxy-version",
				  .argument = "N",
				  .help = "of that header: 1 or 2",
				  .kind = &proxy_version,
				  .initial = 2},
	[OPTION_LOG] = {.name = "log",
			.argument = "FILE",
			.help = "append the log to FILE; SIGHUP opens it again",
			.expected = "a file",
			.shown = "standard error"},
	[OPTION_LOG_FORMAT] = {.name = "log-format",
			       .argument = "FORMAT",
			       .help = "lines are plain, begin with the time, "
				       "or are for the journal",
			       .words = log_formats,
			       .shown = "time in a file, journal if it reads "
					"them, or plain"},
	[OPTION_TRACE] = {.name = "trace",
			  .help = "print what the send path does"},
	[OPTION_QUIET] = {.name = "quiet", .help = "print errors only"},
	[OPTION_CHECK] = {.name = "check",
			  .help = "print what would be opened and exit"},
};

static const struct command_line command_line = {
	.program = "weir-server",
	.intro =
		"Usage: weir-server [OPTION]... [SERVICE=ADDRESS[,TARGET]]...\n"
		"Serve any number of clients, however slow they are.\n"
		"\n"
		"SERVICE, and its ADDRESS when none is named:\n"
		"  greet      127.0.0.1:6789  logs what a client says, and "
		"answers\n"
		"  echo       127.0.0.1:7007  sends back what it receives (RFC "
		"862)\n"
		"  discard    127.0.0.1:7009  discards what it receives (RFC "
		"863)\n"
		"  chargen    127.0.0.1:7019  sends characters endlessly (RFC "
		"864)\n"
		"  broadcast  127.0.0.1:7011  sends each line to all other "
		"clients\n"
		"  relay      by name only    connects each client to TARGET\n"
		"\n"
		"ADDRESS and TARGET are HOST:PORT, [V6]:PORT, :PORT (every "
		"interface),\n"
		"unix:PATH or unix:@NAME; for port 0 the kernel chooses one. "
		"echo and\n"
		"discard also take udp:HOST:PORT and unixgram:PATH. fd:NAME "
		"means the\n"
		"sockets of that name from systemd; sockets named like a "
		"service need\n"
		"no argument.\n"
		"\n",
	.notes = "\n"
		 "SIZE takes K, M or G (1024); TIME needs ns, us, ms, s, m or "
		 "h.\n"
		 "SIGINT or SIGTERM finishes every connection, a second one "
		 "resets "
		 "them.\n"
		 "@FILE stands for the lines of FILE, one argument each.\n"
		 "SIGHUP opens the log again and resolves TARGET again; "
		 "SIGUSR1 prints\n"
		 "the longest queues.\n"
		 "Exit status: 0 nothing lost; 1 something lost; 2 not "
		 "started.\n",
	.options = table,
	.n_options = N_OPTIONS,
};

/* Defaults as in <weir/conn.h>; then check low <= high < max. */
static bool set_marks(struct weir_conn_limits *limits,
		      const struct command_line_value *values)
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
		complain("--low %" PRIu64 ": expected at most --high, "
			 "which is %" PRIu64,
			 low, high);
		return false;
	}
	if (high + room > most) {
		complain("--high %" PRIu64 ": expected at most %" PRIu64, high,
			 most - room);
		return false;
	}
	if (high + room > max) {
		complain("--max %" PRIu64 ": expected at least --high + 64K, "
			 "which is %" PRIu64,
			 max, high + room);
		return false;
	}
	limits->low = (size_t)low;
	limits->high = (size_t)high;
	limits->max = (size_t)max;
	return true;
}

static enum log_format log_format_of(const struct command_line_value *values)
{
	const struct command_line_value *value = &values[OPTION_LOG_FORMAT];

	if (value->is_given)
		return (enum log_format)value->number;
	if (values[OPTION_LOG].is_given)
		return LOG_FORMAT_TIME;
	return systemd_reads_log() ? LOG_FORMAT_JOURNAL : LOG_FORMAT_PLAIN;
}

static bool apply(struct settings *settings,
		  const struct command_line_value *values)
{
	*settings = (struct settings){
		.limits = {.stall_ns = values[OPTION_STALL].number,
			   .linger_ns = values[OPTION_LINGER].number,
			   .min_rate = values[OPTION_MIN_RATE].number,
			   .idle_ns = values[OPTION_IDLE].number},
		.listener = {.backlog = (int)values[OPTION_BACKLOG].number,
			     .sndbuf = (int)values[OPTION_SNDBUF].number,
			     .rcvbuf = (int)values[OPTION_RCVBUF].number,
			     .notsent_lowat =
				     (int)values[OPTION_NOTSENT_LOWAT].number},
		.n_workers = (size_t)values[OPTION_WORKERS].number,
		.budget = (size_t)values[OPTION_BUDGET].number,
		.max_conns = values[OPTION_MAX_CONNS].number,
		.keepalive_ns = values[OPTION_KEEPALIVE].number,
		.udp_rate = values[OPTION_UDP_RATE].number,
		.grace_ns = values[OPTION_GRACE].number,
		.drain_ns = values[OPTION_DRAIN].number,
		.slow = (enum slow_policy)values[OPTION_SLOW].number,
		.accepts_proxy = values[OPTION_ACCEPT_PROXY].is_given,
		.proxy_version =
			values[OPTION_PROXY_PROTOCOL].is_given
				? (int)values[OPTION_PROXY_VERSION].number
				: 0,
		.log_format = log_format_of(values),
		.log_path = values[OPTION_LOG].text,
		.is_traced = values[OPTION_TRACE].is_given,
		.is_check = values[OPTION_CHECK].is_given,
		.is_quiet = values[OPTION_QUIET].is_given,
	};
	return set_marks(&settings->limits, values);
}

/* What the shared memory leaves must be enough for each worker. */
static bool check_budget(const struct settings *settings)
{
	size_t least = endpoint_config_shared_memory(settings) +
		       settings->n_workers * (size_t)budget.min;

	if (settings->budget >= least)
		return true;
	complain("--budget %zu: expected at least %zu for %zu workers",
		 settings->budget, least, settings->n_workers);
	return false;
}

int options_read(struct settings *settings, int argc, char **argv)
{
	struct command_line_result result;
	int status;

	argv = argument_file_expand(&argc, argv);
	if (!argv)
		return OPTIONS_REFUSED;
	status = command_line_read(&command_line, &result, NULL, argc, argv);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	if (!apply(settings, result.values))
		return OPTIONS_REFUSED;
	if (endpoint_config_parse_all(
		    settings, result.values[OPTION_METRICS].text,
		    (int)result.n_operands, result.operands) &&
	    check_budget(settings))
		return OPTIONS_RUN;
	endpoint_config_free_all(settings);
	return OPTIONS_REFUSED;
}
