/* What the options of weir-server take, and what --help says. */
#include "options_table.h"

#include <string.h>

#include "clock.h"
#include "nats_protocol.h"
#include "settings.h"

enum {
	MAX_URL = 255 /* of what is written into an answer */
};

static const struct quantity_kind workers = {
	.expected = "a number from 1 to 256",
	.units = quantity_counts,
	.min = 1,
	.max = MAX_WORKERS,
};

const struct quantity_kind options_budget = {
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

/* Of datagrams or connections. */
static const struct quantity_kind rate = {
	.expected = "a number from 1 to 1000000",
	.units = quantity_counts,
	.min = 1,
	.max = 1000000,
};

static const struct quantity_kind ipv6_prefix = {
	.expected = "a number from 1 to 128",
	.units = quantity_counts,
	.min = 1,
	.max = 128,
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

static const struct quantity_kind heartbeat = {
	.expected = "a time from 100ms to 1h, such as 15s",
	.units = quantity_times,
	.min = 100 * CLOCK_NS_PER_MS,
	.max = CLOCK_NS_PER_HOUR,
};

static bool is_printable(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return n > 0 && n <= MAX_URL;
}

static const char *take_path(void *context, const char *text)
{
	(void)context;
	return text[0] == '/' && is_printable(text) && !strchr(text, '?')
		       ? NULL
		       : "a path, such as /events";
}

/* As browsers write it: a scheme and a host, no path (RFC 6454, 6.2). */
static bool is_origin(const char *text)
{
	const char *host = strstr(text, "://");

	return is_printable(text) && host && host > text && host[3] != '\0' &&
	       !strchr(host + 3, '/');
}

static const char *take_origin(void *context, const char *text)
{
	(void)context;
	return is_origin(text) || strcmp(text, "*") == 0 ||
			       strcmp(text, "null") == 0
		       ? NULL
		       : "an origin, such as https://example.com, or *";
}

static const char *take_mode(void *context, const char *text)
{
	bool is_right = strspn(text, "01234567") == strlen(text) &&
			strlen(text) <= 4 && strlen(text) >= 3 &&
			(strlen(text) == 3 || text[0] == '0');

	(void)context;
	return is_right ? NULL : "permissions in octal, such as 0660";
}

static const char *take_subject(void *context, const char *text)
{
	(void)context;
	return nats_protocol_is_subject(text)
		       ? NULL
		       : "a subject without blanks and wildcards, such as "
			 "weir.hall";
}

static const char *take_trusted(void *context, const char *text)
{
	struct networks *trusted = &((struct option_values *)context)->trusted;

	if (trusted->n == MAX_NETWORKS)
		return "at most 16 networks";
	if (!network_parse(&trusted->list[trusted->n], text))
		return "a network, such as 10.0.0.0/8 or fd00::/8";
	trusted->n++;
	return NULL;
}

/* What a query and a field (RFC 6750) hold without escapes. */
static const char *take_token(void *context, const char *text)
{
	static const char right[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	size_t n = strlen(text);

	(void)context;
	return n >= 16 && n <= 256 && strspn(text, right) == n
		       ? NULL
		       : "16 to 256 letters, digits or -._~";
}

static const char *const untrusted_policies[] = {
	[UNTRUSTED_REFUSE] = "refuse", [UNTRUSTED_SERVE] = "serve", NULL};

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
	[OPTION_MODE] = {.name = "mode",
			 .argument = "MODE",
			 .help = "permissions of Unix sockets, such as 0660",
			 .take = take_mode,
			 .shown = "as umask has it"},
	[OPTION_MAX_CONNS] = {.name = "max-conns",
			      .argument = "N",
			      .help = "clients at a time; more are closed",
			      .kind = &quantity_count,
			      .shown = "no limit"},
	[OPTION_MAX_PER_ADDRESS] = {.name = "max-per-address",
				    .argument = "N",
				    .help = "clients of one address at a time",
				    .kind = &quantity_count,
				    .shown = "no limit"},
	[OPTION_RATE_PER_ADDRESS] = {.name = "rate-per-address",
				     .argument = "N",
				     .help = "new ones of it a second",
				     .kind = &rate,
				     .shown = "no limit"},
	[OPTION_ADDRESS_PREFIX] = {.name = "address-prefix",
				   .argument = "BITS",
				   .help = "of IPv6, that are one address",
				   .kind = &ipv6_prefix,
				   .initial = 64},
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
			   .help = "all send queues and kept input together",
			   .kind = &options_budget,
			   .initial = WEIR_LOOP_DEFAULT_BUDGET},
	[OPTION_SLOW] = {.name = "slow",
			 .argument = "POLICY",
			 .help = "at max, broadcast and events drop-newest, "
				 "drop-oldest or disconnect",
			 .words = policies,
			 .initial = SLOW_DROP_OLDEST,
			 .shown = "drop-oldest"},
	[OPTION_CHANNEL] = {.name = "channel",
			    .argument = "NAME",
			    .help = "share lines with others of that NAME",
			    .expected = "a name",
			    .shown = "its own"},
	[OPTION_PATH] = {.name = "path",
			 .argument = "PATH",
			 .help = "where events are, in their URL",
			 .take = take_path,
			 .shown = "/"},
	[OPTION_CORS] = {.name = "cors",
			 .argument = "ORIGIN",
			 .help = "whose pages may use events; * for all",
			 .take = take_origin,
			 .shown = "their own"},
	[OPTION_REPLAY] = {.name = "replay",
			   .argument = "SIZE",
			   .help = "of last events, for browsers that return",
			   .kind = &quantity_size,
			   .shown = "high"},
	[OPTION_HEARTBEAT] = {.name = "heartbeat",
			      .argument = "TIME",
			      .help = "between comments to browsers",
			      .kind = &heartbeat,
			      .initial = 15 * CLOCK_NS_PER_S},
	[OPTION_NATS] = {.name = "nats",
			 .argument = "HOST:PORT",
			 .help = "share lines with other servers through "
				 "NATS; user=, password= and token= may follow",
			 .expected = "an address, such as 127.0.0.1:4222"},
	[OPTION_SUBJECT] = {.name = "subject",
			    .argument = "SUBJECT",
			    .help = "of NATS, to share lines under",
			    .take = take_subject},
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
	[OPTION_HALF_CLOSE] = {.name = "half-close",
			       .argument = "TIME",
			       .help = "finish a relay's pair of which one "
				       "side has ended and the other is silent",
			       .kind = &quantity_time,
			       .shown = "no limit"},
	[OPTION_CONNECT_TIMEOUT] = {.name = "connect-timeout",
				    .argument = "TIME",
				    .help = "of relay to one TARGET",
				    .kind = &quantity_time,
				    .initial = 10 * CLOCK_NS_PER_S},
	[OPTION_LEAVE_OUT] = {.name = "leave-out",
			      .argument = "TIME",
			      .help = "prefer other TARGETs to one that failed",
			      .kind = &quantity_time,
			      .initial = 10 * CLOCK_NS_PER_S},
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
	[OPTION_DRAIN_IDLE] = {.name = "drain-idle",
			       .argument = "TIME",
			       .help = "meanwhile end relay's pairs and "
				       "subscribers without traffic for TIME",
			       .kind = &quantity_time,
			       .shown = "not"},
	[OPTION_START_TIMEOUT] = {.name = "start-timeout",
				  .argument = "TIME",
				  .help = "of the new server that SIGUSR2 "
					  "starts, to listen",
				  .kind = &quantity_time,
				  .initial = 10 * CLOCK_NS_PER_S},
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
			     .kind = &rate,
			     .initial = 1000},
	[OPTION_METRICS] = {.name = "metrics",
			    .argument = "ADDRESS",
			    .help = "serve the live page, /metrics and "
				    "/healthz there",
			    .expected = "an address, such as 127.0.0.1:7070",
			    .shown = "127.0.0.1:7070 if no SERVICE is named"},
	[OPTION_METRICS_TOKEN] =
		{.name = "metrics-token",
		 .argument = "TOKEN",
		 .help = "must be named by each request there; best in "
			 "an @FILE",
		 .take = take_token,
		 .shown = "none: the page is for this machine alone"},
	[OPTION_ACCEPT_PROXY] =
		{.name = "accept-proxy",
		 .help = "expect a PROXY header from every client"},
	[OPTION_TRUSTED] = {.name = "trusted",
			    .argument = "NETWORK",
			    .help = "only from there; can be repeated",
			    .take = take_trusted,
			    .shown = "everywhere"},
	[OPTION_UNTRUSTED] = {.name = "untrusted",
			      .argument = "POLICY",
			      .help = "refuse the others, or serve them "
				      "without one",
			      .words = untrusted_policies,
			      .initial = UNTRUSTED_REFUSE,
			      .shown = "refuse"},
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
	[OPTION_PID_FILE] = {.name = "pid-file",
			     .argument = "FILE",
			     .help = "write the number of the process to FILE",
			     .expected = "a file",
			     .shown = "none"},
	[OPTION_CHECK] = {.name = "check",
			  .help = "print what would be opened and exit"},
};

const struct command_line options_command_line = {
	.program = "weir-server",
	.intro =
		"Usage: weir-server [OPTION]... "
		"[SERVICE=ADDRESS[,TARGET]...[,OPTION]...]...\n"
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
		"  events     by name only    the same for browsers, by HTTP\n"
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
	.notes =
		"\n"
		"SIZE takes K, M or G (1024); TIME needs ns, us, ms, s, m or "
		"h.\n"
		"SIGINT or SIGTERM finishes every connection, a second one "
		"resets "
		"them.\n"
		"@FILE stands for the lines of FILE, one argument each.\n"
		"SIGHUP opens the log again and resolves TARGET again; "
		"SIGUSR1 prints\n"
		"the longest queues; SIGUSR2 starts the program anew and hands "
		"it the\n"
		"sockets.\n"
		"Exit status: 0 nothing lost; 1 something lost; 2 not "
		"started.\n",
	.options = table,
	.n_options = N_OPTIONS,
};
