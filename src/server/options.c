/* The command line. Each error is reported in one line: the option, its value
 * and what was expected. Nothing has been started by then. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "endpoint_config.h"
#include "log.h"
#include "quantity.h"

enum option_number {
	/* with a value */
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
	OPTION_LINGER,
	OPTION_GRACE,
	OPTION_DRAIN,
	OPTION_SNDBUF,
	OPTION_RCVBUF,
	OPTION_NOTSENT_LOWAT,
	OPTION_PROXY_VERSION,
	OPTION_METRICS,
	/* without */
	OPTION_ACCEPT_PROXY,
	OPTION_PROXY_PROTOCOL,
	OPTION_TRACE,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_VERSION,
	N_OPTIONS
};

static const struct option long_options[] = {
	{"workers", required_argument, NULL, OPTION_WORKERS},
	{"backlog", required_argument, NULL, OPTION_BACKLOG},
	{"max-conns", required_argument, NULL, OPTION_MAX_CONNS},
	{"low", required_argument, NULL, OPTION_LOW},
	{"high", required_argument, NULL, OPTION_HIGH},
	{"max", required_argument, NULL, OPTION_MAX},
	{"budget", required_argument, NULL, OPTION_BUDGET},
	{"slow", required_argument, NULL, OPTION_SLOW},
	{"stall", required_argument, NULL, OPTION_STALL},
	{"min-rate", required_argument, NULL, OPTION_MIN_RATE},
	{"idle", required_argument, NULL, OPTION_IDLE},
	{"linger", required_argument, NULL, OPTION_LINGER},
	{"grace", required_argument, NULL, OPTION_GRACE},
	{"drain", required_argument, NULL, OPTION_DRAIN},
	{"sndbuf", required_argument, NULL, OPTION_SNDBUF},
	{"rcvbuf", required_argument, NULL, OPTION_RCVBUF},
	{"notsent-lowat", required_argument, NULL, OPTION_NOTSENT_LOWAT},
	{"proxy-version", required_argument, NULL, OPTION_PROXY_VERSION},
	{"metrics", required_argument, NULL, OPTION_METRICS},
	{"accept-proxy", no_argument, NULL, OPTION_ACCEPT_PROXY},
	{"proxy-protocol", no_argument, NULL, OPTION_PROXY_PROTOCOL},
	{"trace", no_argument, NULL, OPTION_TRACE},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0}};

static const char help[] =
	"Usage: weir-server [OPTION]... [SERVICE=ADDRESS[,TARGET]]...\n"
	"Serve any number of clients, however slow they are.\n"
	"\n"
	"SERVICE, and its ADDRESS when none is named:\n"
	"  greet      127.0.0.1:6789  logs what a client says, and answers\n"
	"  echo       127.0.0.1:7007  sends back what it receives (RFC 862)\n"
	"  discard    127.0.0.1:7009  discards what it receives (RFC 863)\n"
	"  chargen    127.0.0.1:7019  sends characters endlessly (RFC 864)\n"
	"  broadcast  127.0.0.1:7011  sends each line to all other clients\n"
	"  relay      by name only    connects each client to TARGET\n"
	"\n"
	"ADDRESS and TARGET are HOST:PORT, [V6]:PORT, :PORT (every "
	"interface),\n"
	"unix:PATH or unix:@NAME; for port 0 the kernel chooses one. echo and\n"
	"discard also take udp:HOST:PORT and unixgram:PATH. fd:NAME means the\n"
	"sockets of that name from systemd; sockets named like a service need\n"
	"no argument.\n"
	"\n"
	"  --workers N           threads, each with its own clients (1)\n"
	"  --backlog N           clients that may wait to be accepted (511)\n"
	"  --max-conns N         clients at a time; more are closed (no "
	"limit)\n"
	"  --low SIZE            send queue back to normal (a quarter of "
	"high)\n"
	"  --high SIZE           send queue under pressure: no more is read "
	"(256K)\n"
	"  --max SIZE            send queue full (high + 768K)\n"
	"  --budget SIZE         all send queues together (1G)\n"
	"  --slow POLICY         at max, broadcast will drop-newest,\n"
	"                        drop-oldest or disconnect (drop-oldest)\n"
	"  --stall TIME          reset peers that accept nothing for TIME "
	"(60s)\n"
	"  --min-rate SIZE       reset peers that accept less a second, over "
	"10s\n"
	"  --idle TIME           close connections without traffic for TIME\n"
	"  --linger TIME         wait for the peer's FIN after ours (30s)\n"
	"  --grace TIME          keep serving for TIME when told to stop (0)\n"
	"  --drain TIME          then finish connections within TIME (30s)\n"
	"  --sndbuf SIZE         the kernel's send buffers (tuned by itself)\n"
	"  --rcvbuf SIZE         the kernel's receive buffers (likewise)\n"
	"  --notsent-lowat SIZE  unsent bytes the kernel takes (no limit)\n"
	"  --metrics ADDRESS     serve GET /metrics and /healthz there\n"
	"                        (127.0.0.1:7070 if no SERVICE is named)\n"
	"  --accept-proxy        expect a PROXY header from every client\n"
	"  --proxy-protocol      let relay send one to TARGET\n"
	"  --proxy-version N     of that header: 1 or 2 (2)\n"
	"  --trace               print what the send path does\n"
	"  --quiet               print errors only\n"
	"  --help                print this and exit\n"
	"  --version             print the version and exit\n"
	"\n"
	"SIZE takes K, M or G (1024); TIME needs ns, us, ms, s, m or h.\n"
	"SIGINT or SIGTERM finishes every connection, a second one resets "
	"them.\n"
	"SIGUSR1 prints the longest queues.\n"
	"Exit status: 0 nothing lost; 1 something lost; 2 not started.\n";

/* -- values -- */

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

static const struct quantity_kind proxy_version = {
	.expected = "1 or 2",
	.units = quantity_counts,
	.min = 1,
	.max = 2,
};

static const struct quantity_kind grace = {
	.expected = "0, or a time up to 1000000m, such as 5s",
	.units = quantity_times,
	.max = UINT64_C(1000000) * 60000000000,
};

static const struct quantity_kind *const kinds[N_OPTIONS] = {
	[OPTION_WORKERS] = &workers,
	[OPTION_BACKLOG] = &quantity_count,
	[OPTION_MAX_CONNS] = &quantity_count,
	[OPTION_LOW] = &quantity_size,
	[OPTION_HIGH] = &quantity_size,
	[OPTION_MAX] = &quantity_size,
	[OPTION_BUDGET] = &budget,
	[OPTION_STALL] = &quantity_time,
	[OPTION_MIN_RATE] = &quantity_size,
	[OPTION_IDLE] = &quantity_time,
	[OPTION_LINGER] = &quantity_time,
	[OPTION_GRACE] = &grace,
	[OPTION_DRAIN] = &quantity_time,
	[OPTION_SNDBUF] = &quantity_size,
	[OPTION_RCVBUF] = &quantity_size,
	[OPTION_NOTSENT_LOWAT] = &quantity_size,
	[OPTION_PROXY_VERSION] = &proxy_version,
};

static const char *const policies[] = {[SLOW_DROP_NEWEST] = "drop-newest",
				       [SLOW_DROP_OLDEST] = "drop-oldest",
				       [SLOW_DISCONNECT] = "disconnect"};

static const char *expected(int number)
{
	if (kinds[number])
		return kinds[number]->expected;
	if (number == OPTION_SLOW)
		return "drop-newest, drop-oldest or disconnect";
	return "an address, such as 127.0.0.1:7070";
}

static bool parse_policy(const char *text, uint64_t *value)
{
	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
		if (strcmp(policies[i], text) == 0) {
			*value = i;
			return true;
		}
	}
	return false;
}

/* The address of --metrics is parsed later. */
static bool parse(int number, const char *text, uint64_t *value)
{
	if (kinds[number])
		return quantity_parse(kinds[number], text, value);
	return number != OPTION_SLOW || parse_policy(text, value);
}

/* -- options -- */

/* Defaults as in <weir/conn.h>; then check low <= high < max. */
static bool set_marks(struct weir_conn_limits *limits, const uint64_t *values)
{
	const uint64_t room = WEIR_READ_SIZE;
	const uint64_t most = quantity_size.max;
	uint64_t high = values[OPTION_HIGH] ? values[OPTION_HIGH] : 262144;
	uint64_t low = values[OPTION_LOW] ? values[OPTION_LOW] : high / 4;
	uint64_t max = values[OPTION_MAX] ? values[OPTION_MAX] : high + 786432;

	if (max > most && !values[OPTION_MAX])
		max = most;
	if (low > high) {
		log_complain("--low %" PRIu64 ": expected at most --high, "
			     "which is %" PRIu64,
			     low, high);
		return false;
	}
	if (high + room > most) {
		log_complain("--high %" PRIu64 ": expected at most %" PRIu64,
			     high, most - room);
		return false;
	}
	if (high + room > max) {
		log_complain("--max %" PRIu64
			     ": expected at least --high + 64K, "
			     "which is %" PRIu64,
			     max, high + room);
		return false;
	}
	limits->low = (size_t)low;
	limits->high = (size_t)high;
	limits->max = (size_t)max;
	return true;
}

static bool apply(struct settings *settings, const uint64_t *values)
{
	*settings = (struct settings){
		.limits = {.stall_ns = values[OPTION_STALL],
			   .linger_ns = values[OPTION_LINGER],
			   .min_rate = values[OPTION_MIN_RATE],
			   .idle_ns = values[OPTION_IDLE]},
		.listener = {.backlog = (int)values[OPTION_BACKLOG],
			     .sndbuf = (int)values[OPTION_SNDBUF],
			     .rcvbuf = (int)values[OPTION_RCVBUF],
			     .notsent_lowat =
				     (int)values[OPTION_NOTSENT_LOWAT]},
		.n_workers = (size_t)values[OPTION_WORKERS],
		.budget = (size_t)values[OPTION_BUDGET],
		.max_conns = values[OPTION_MAX_CONNS],
		.grace_ns = values[OPTION_GRACE],
		.drain_ns = values[OPTION_DRAIN],
		.slow = (enum slow_policy)values[OPTION_SLOW],
		.accepts_proxy = values[OPTION_ACCEPT_PROXY] != 0,
		.proxy_version = values[OPTION_PROXY_PROTOCOL]
					 ? (int)values[OPTION_PROXY_VERSION]
					 : 0,
		.is_traced = values[OPTION_TRACE] != 0,
		.is_quiet = values[OPTION_QUIET] != 0,
	};
	return set_marks(&settings->limits, values);
}

/* getopt_long(3) has returned '?' or ':'. */
static void refuse_option(int outcome, const char *text)
{
	if (outcome == ':')
		log_complain("%s: expected a value: %s", text,
			     expected(optopt));
	else if (optopt >= N_OPTIONS)
		log_complain("-%c: there are no short options, see --help",
			     optopt);
	else if (optopt > 0)
		log_complain("%s: expected no value", text);
	else
		log_complain("%s: there is no such option, see --help", text);
}

static enum options_outcome print(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return OPTIONS_INFORMED;
	log_complain("standard output: %s", strerror(errno));
	return OPTIONS_FAILED;
}

static enum options_outcome parse_options(uint64_t *values,
					  const char **metrics, int argc,
					  char **argv)
{
	int number;

	opterr = 0;
	while ((number = getopt_long(argc, argv, ":", long_options, NULL)) !=
	       -1) {
		if (number >= N_OPTIONS) {
			refuse_option(number, argv[optind - 1]);
			return OPTIONS_REFUSED;
		}
		if (number == OPTION_HELP)
			return print(help);
		if (number == OPTION_VERSION)
			return print("weir-server " WEIR_VERSION "\n");
		values[number] = 1;
		if (number == OPTION_METRICS)
			*metrics = optarg;
		if (optarg && !parse(number, optarg, &values[number])) {
			log_complain("--%s %s: expected %s",
				     long_options[number].name, optarg,
				     expected(number));
			return OPTIONS_REFUSED;
		}
	}
	return OPTIONS_RUN;
}

/* What the shared memory leaves must be enough for each worker. */
static bool check_budget(const struct settings *settings)
{
	size_t least = endpoint_config_shared_memory(settings) +
		       settings->n_workers * (size_t)budget.min;

	if (settings->budget >= least)
		return true;
	log_complain("--budget %zu: expected at least %zu for %zu workers",
		     settings->budget, least, settings->n_workers);
	return false;
}

enum options_outcome options_parse(struct settings *settings, int argc,
				   char **argv)
{
	uint64_t values[N_OPTIONS] = {
		[OPTION_WORKERS] = 1,
		[OPTION_BACKLOG] = 511,
		[OPTION_BUDGET] = UINT64_C(1) << 30,
		[OPTION_SLOW] = SLOW_DROP_OLDEST,
		[OPTION_PROXY_VERSION] = 2,
		[OPTION_LINGER] = UINT64_C(30) * 1000000000,
		[OPTION_STALL] = UINT64_C(60) * 1000000000,
		[OPTION_DRAIN] = UINT64_C(30) * 1000000000,
	};
	const char *metrics = NULL;
	enum options_outcome outcome =
		parse_options(values, &metrics, argc, argv);

	if (outcome != OPTIONS_RUN)
		return outcome;
	if (!apply(settings, values))
		return OPTIONS_REFUSED;
	if (endpoint_config_parse_all(settings, metrics, argc - optind,
				      argv + optind) &&
	    check_budget(settings))
		return OPTIONS_RUN;
	endpoint_config_free_all(settings);
	return OPTIONS_REFUSED;
}
