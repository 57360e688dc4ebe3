/* The command line. Whatever makes no sense is refused by one line that says
 * what, where, and what was expected; nothing has been started by then. */
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_number {
	/* with a value */
	OPTION_BACKLOG,
	OPTION_LOW,
	OPTION_HIGH,
	OPTION_MAX,
	OPTION_LINGER,
	OPTION_STALL,
	OPTION_SNDBUF,
	OPTION_RCVBUF,
	/* without */
	OPTION_TRACE,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_VERSION,
	N_OPTIONS
};

static const struct option long_options[] = {
	{"backlog", required_argument, NULL, OPTION_BACKLOG},
	{"low", required_argument, NULL, OPTION_LOW},
	{"high", required_argument, NULL, OPTION_HIGH},
	{"max", required_argument, NULL, OPTION_MAX},
	{"linger", required_argument, NULL, OPTION_LINGER},
	{"stall", required_argument, NULL, OPTION_STALL},
	{"sndbuf", required_argument, NULL, OPTION_SNDBUF},
	{"rcvbuf", required_argument, NULL, OPTION_RCVBUF},
	{"trace", no_argument, NULL, OPTION_TRACE},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0}};

static const char help[] =
	"Usage: weir-server [OPTION]... [SERVICE=ADDRESS]...\n"
	"Serve any number of clients from one thread, however slow they are.\n"
	"\n"
	"SERVICE, and its ADDRESS when none is named:\n"
	"  greet    127.0.0.1:6789  logs the first words, and answers\n"
	"  echo     127.0.0.1:7007  sends back what comes (RFC 862)\n"
	"  discard  127.0.0.1:7009  throws away what comes (RFC 863)\n"
	"  chargen  127.0.0.1:7019  sends characters for ever (RFC 864)\n"
	"\n"
	"ADDRESS is HOST:PORT, [V6]:PORT, :PORT (every interface),\n"
	"unix:PATH or unix:@NAME; the kernel chooses port 0. For echo and\n"
	"discard also udp:HOST:PORT and unixgram:PATH.\n"
	"\n"
	"  --backlog N    clients that may wait to be accepted (511)\n"
	"  --low SIZE     send queue back to normal (a quarter of high)\n"
	"  --high SIZE    send queue under pressure: no more is read (256K)\n"
	"  --max SIZE     send queue full (high + 768K)\n"
	"  --stall TIME   cut off who takes nothing for so long (60s)\n"
	"  --linger TIME  wait so long for a FIN after ours (30s)\n"
	"  --sndbuf SIZE  the kernel's send buffers (tuned by itself)\n"
	"  --rcvbuf SIZE  the kernel's receive buffers (tuned by itself)\n"
	"  --trace        print what the send path does\n"
	"  --quiet        print errors only\n"
	"  --help         print this and exit\n"
	"  --version      print the version and exit\n"
	"\n"
	"SIZE takes K, M or G (1024); TIME needs ns, us, ms, s or m.\n"
	"SIGINT or SIGTERM finishes every connection, a second one aborts.\n"
	"Exit status: 0 all finished; 1 aborted or failed; 2 not started.\n";

/* -- numbers -- */

struct unit {
	const char *name;
	uint64_t factor;
};

struct kind {
	const char *expected;
	const struct unit *units;
	uint64_t max;
};

static const struct kind count = {
	.expected = "a number from 1 to 2147483647",
	.units = (const struct unit[]){{"", 1}, {NULL, 0}},
	.max = INT_MAX,
};

static const struct kind size = {
	.expected = "a size from 1 to 1G, such as 65536, 64K or 1M",
	.units = (const struct unit[]){{"", 1},
				       {"K", 1024},
				       {"M", 1048576},
				       {"G", 1073741824},
				       {NULL, 0}},
	.max = 1073741824,
};

static const struct kind duration = {
	.expected = "a time from 1ns to 1000000m, such as 500ms, 60s or 2m",
	.units = (const struct unit[]){{"ns", 1},
				       {"us", 1000},
				       {"ms", 1000000},
				       {"s", 1000000000},
				       {"m", 60000000000},
				       {NULL, 0}},
	.max = UINT64_C(1000000) * 60000000000,
};

static const struct kind *const kinds[N_OPTIONS] = {
	[OPTION_BACKLOG] = &count,   [OPTION_LOW] = &size,
	[OPTION_HIGH] = &size,	     [OPTION_MAX] = &size,
	[OPTION_LINGER] = &duration, [OPTION_STALL] = &duration,
	[OPTION_SNDBUF] = &size,     [OPTION_RCVBUF] = &size,
};

/* Digits alone, then a unit: strtoull(3) would also take signs and spaces.
 * False: not from 1 to the most. */
static bool parse(const struct kind *kind, const char *text, uint64_t *value)
{
	const struct unit *unit = kind->units;
	uint64_t n = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		n = 10 * n + (uint64_t)(*text - '0');
		if (n > kind->max)
			return false;
	}
	while (unit->name && strcmp(unit->name, text) != 0)
		unit++;
	if (!unit->name || n == 0 || n > kind->max / unit->factor)
		return false;
	*value = n * unit->factor;
	return true;
}

/* -- options -- */

/* Derive what was not given as <weir/conn.h> does, and see that all fits. */
static bool set_marks(struct weir_conn_limits *limits, const uint64_t *values)
{
	const uint64_t room = WEIR_READ_SIZE;
	uint64_t high = values[OPTION_HIGH] ? values[OPTION_HIGH] : 262144;
	uint64_t low = values[OPTION_LOW] ? values[OPTION_LOW] : high / 4;
	uint64_t max = values[OPTION_MAX] ? values[OPTION_MAX] : high + 786432;

	if (max > size.max && !values[OPTION_MAX])
		max = size.max;
	if (low > high) {
		complain("--low %" PRIu64 ": expected at most --high, "
			 "which is %" PRIu64,
			 low, high);
		return false;
	}
	if (high + room > size.max) {
		complain("--high %" PRIu64 ": expected at most %" PRIu64, high,
			 size.max - room);
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

static bool apply(struct settings *settings, const uint64_t *values)
{
	settings->listener.backlog = (int)values[OPTION_BACKLOG];
	settings->listener.sndbuf = (int)values[OPTION_SNDBUF];
	settings->listener.rcvbuf = (int)values[OPTION_RCVBUF];
	settings->limits.stall_ns = values[OPTION_STALL];
	settings->limits.linger_ns = values[OPTION_LINGER];
	settings->is_traced = values[OPTION_TRACE] != 0;
	settings->is_quiet = values[OPTION_QUIET] != 0;
	return set_marks(&settings->limits, values);
}

/* What getopt_long(3) returned '?' or ':' for. */
static void refuse_option(int outcome, const char *text)
{
	if (outcome == ':')
		complain("%s: expected a value: %s", text,
			 kinds[optopt]->expected);
	else if (optopt >= N_OPTIONS)
		complain("-%c: there are no short options, see --help", optopt);
	else if (optopt > 0)
		complain("%s: expected no value", text);
	else
		complain("%s: there is no such option, see --help", text);
}

static enum options_outcome print(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return OPTIONS_INFORMED;
	complain("standard output: %s", strerror(errno));
	return OPTIONS_FAILED;
}

static enum options_outcome parse_options(uint64_t *values, int argc,
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
		if (kinds[number] &&
		    !parse(kinds[number], optarg, &values[number])) {
			complain("--%s %s: expected %s",
				 long_options[number].name, optarg,
				 kinds[number]->expected);
			return OPTIONS_REFUSED;
		}
	}
	return OPTIONS_RUN;
}

/* -- services -- */

enum {
	N_SERVICES = 4
};

static const struct service *const services[N_SERVICES] = {
	&greet_service, &echo_service, &discard_service, &chargen_service};

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

static bool is_served_at(const struct service *service,
			 const struct weir_address *address)
{
	return address->type == SOCK_STREAM || service->datagrams.on_datagram;
}

static bool resolve(struct offer *offer, const char *address)
{
	int n = weir_address_resolve(address, WEIR_ADDRESS_LISTEN,
				     offer->addresses, MAX_ADDRESSES);

	if (n == -EINVAL) {
		complain("%s=%s: expected HOST:PORT, [V6]:PORT, :PORT, "
			 "unix:PATH or unix:@NAME",
			 offer->service->name, address);
		return false;
	}
	if (n > 0 && !is_served_at(offer->service, &offer->addresses[0])) {
		complain("%s=%s: expected a stream: only echo and discard "
			 "serve datagrams",
			 offer->service->name, address);
		return false;
	}
	if (n < 0) {
		complain("%s=%s: %s", offer->service->name, address,
			 weir_address_error(n));
		return false;
	}
	offer->n_addresses = (size_t)n;
	return true;
}

static bool parse_offer(struct offer *offer, const char *text)
{
	size_t n_name = strcspn(text, "=");

	if (text[n_name] != '=') {
		complain("%s: expected SERVICE=ADDRESS, "
			 "such as echo=127.0.0.1:7007",
			 text);
		return false;
	}
	offer->service = find_service(text, n_name);
	if (!offer->service) {
		complain("%s: expected a service: greet, echo, discard or "
			 "chargen",
			 text);
		return false;
	}
	return resolve(offer, text + n_name + 1);
}

/* All that are named, or all there are. */
static bool parse_offers(struct settings *settings, int n, char **texts)
{
	bool is_right = true;

	settings->is_default = n == 0;
	settings->n_offers = n > 0 ? (size_t)n : N_SERVICES;
	settings->offers = calloc(settings->n_offers, sizeof *settings->offers);
	if (!settings->offers) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	for (size_t i = 0; i < settings->n_offers && is_right; i++) {
		struct offer *offer = &settings->offers[i];

		if (!settings->is_default) {
			is_right = parse_offer(offer, texts[i]);
			continue;
		}
		offer->service = services[i];
		is_right = resolve(offer, services[i]->address);
	}
	return is_right;
}

enum options_outcome options_parse(struct settings *settings, int argc,
				   char **argv)
{
	uint64_t values[N_OPTIONS] = {
		[OPTION_BACKLOG] = 511,
		[OPTION_LINGER] = UINT64_C(30) * 1000000000,
		[OPTION_STALL] = UINT64_C(60) * 1000000000,
	};
	enum options_outcome outcome = parse_options(values, argc, argv);

	*settings = (struct settings){0};
	if (outcome != OPTIONS_RUN)
		return outcome;
	if (apply(settings, values) &&
	    parse_offers(settings, argc - optind, argv + optind))
		return OPTIONS_RUN;
	options_free(settings);
	return OPTIONS_REFUSED;
}

void options_free(struct settings *settings)
{
	free(settings->offers);
}
