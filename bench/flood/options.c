/* The command line: read into a table of values, one for each option, and then
 * understood; options_check.c sees whether it makes sense together. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "options_inside.h"
#include "quantity.h"

static const struct option long_options[] = {
	{"mode", required_argument, NULL, OPTION_MODE},
	{"connections", required_argument, NULL, OPTION_CONNECTIONS},
	{"size", required_argument, NULL, OPTION_SIZE},
	{"send", required_argument, NULL, OPTION_SEND},
	{"expect-bytes", required_argument, NULL, OPTION_EXPECT_BYTES},
	{"expect-until", required_argument, NULL, OPTION_EXPECT_UNTIL},
	{"expect-line", no_argument, NULL, OPTION_EXPECT_LINE},
	{"pipeline", required_argument, NULL, OPTION_PIPELINE},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"poisson", no_argument, NULL, OPTION_POISSON},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"messages", required_argument, NULL, OPTION_MESSAGES},
	{"warmup", required_argument, NULL, OPTION_WARMUP},
	{"publishers", required_argument, NULL, OPTION_PUBLISHERS},
	{"no-verify", no_argument, NULL, OPTION_NO_VERIFY},
	{"stalled", required_argument, NULL, OPTION_STALLED},
	{"trickle", required_argument, NULL, OPTION_TRICKLE},
	{"reset", required_argument, NULL, OPTION_RESET},
	{"half-close", required_argument, NULL, OPTION_HALF_CLOSE},
	{"connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT},
	{"drain", required_argument, NULL, OPTION_DRAIN},
	{"late", required_argument, NULL, OPTION_LATE},
	{"cpu-wait", required_argument, NULL, OPTION_CPU_WAIT},
	{"max-owed", required_argument, NULL, OPTION_MAX_OWED},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"expect", required_argument, NULL, OPTION_EXPECT},
	{"compare", required_argument, NULL, OPTION_COMPARE},
	{"json", required_argument, NULL, OPTION_JSON},
	{"html", required_argument, NULL, OPTION_HTML},
	{"hgrm", required_argument, NULL, OPTION_HGRM},
	{"hlog", required_argument, NULL, OPTION_HLOG},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0}};

/* The letters, and what they are short for. */
static const char letters[] = ":m:c:s:p:r:d:n:";

static const char help[] =
	"Usage: weir-flood [OPTION]... ADDRESS\n"
	"Load a server, and measure it without flattering it.\n"
	"\n"
	"  -m, --mode MODE         echo (default), source (the target talks),\n"
	"                          sink (we talk), connect (connect, one "
	"echo,\n"
	"                          close) or broadcast\n"
	"  -c, --connections N     measured connections (50)\n"
	"  -s, --size SIZE         of a message (64); 16 at least to verify "
	"an\n"
	"                          echo, 25 in broadcast; A:B if answers "
	"have B\n"
	"      --send TEXT         what is sent instead, with \\r, \\n, \\0, "
	"\\xHH\n"
	"      --expect-bytes N    its answer has N bytes,\n"
	"      --expect-until TEXT or ends with TEXT (\\r\\n\\r\\n: of HTTP),\n"
	"      --expect-line       or is a line\n"
	"  -p, --pipeline N        messages in flight on each connection (1)\n"
	"  -r, --rate RATE         open loop: messages a second in "
	"all,\n"
	"                          whatever the target does\n"
	"      --poisson           at random times instead of even ones\n"
	"  -d, --duration TIME     measure for this long (10s; with -n at "
	"most\n"
	"                          1m)\n"
	"  -n, --messages N        end after N messages\n"
	"      --warmup TIME       before that, unmeasured (1s)\n"
	"      --publishers N      broadcast: connections that talk (1)\n"
	"      --no-verify         do not look at what comes back\n"
	"\n"
	"Bad peers beside the measured ones:\n"
	"      --stalled N         ask, never read\n"
	"      --trickle N:RATE    ask, read RATE bytes a second\n"
	"      --reset N           reset in mid-message, again and again\n"
	"      --half-close N      end their side, read to the end; again\n"
	"\n"
	"Bounds:\n"
	"      --connect-timeout TIME  for all connections to be made (10s)\n"
	"      --drain TIME        wait for answers at the end (1s)\n"
	"      --late TIME         sent later is a missed schedule (1ms)\n"
	"      --cpu-wait SHARE    closed loop: of our time, for a CPU (10%)\n"
	"      --max-owed N        messages without an answer (1000000)\n"
	"      --seed N            of random times and orders (1)\n"
	"\n"
	"Results:\n"
	"      --expect LIST       such as "
	"'p99<5ms,throughput>10000,errors=0'\n"
	"      --compare ADDRESS   measure both in turns, and tell the ratio\n"
	"      --json FILE         all figures; - is standard output\n"
	"      --html FILE         a page with curves\n"
	"      --hgrm FILE         the percentiles of the latency\n"
	"      --hlog FILE         its histogram of each second\n"
	"      --help              print this and exit\n"
	"      --version           print the version and exit\n"
	"\n"
	"ADDRESS is HOST:PORT, [V6]:PORT, :PORT (localhost), unix:PATH or\n"
	"unix:@NAME. SIZE takes K, M or G (1024), a number k (1000); TIME\n"
	"needs ns, us, ms, s, m or h: 0.5s. Ctrl-C ends the measurement and\n"
	"prints the result so far.\n"
	"Exit status: 0 done; 1 bytes were corrupt, or it failed; 2 wrong "
	"usage\n"
	"or no server; 3 the measurement is not valid; 4 an expectation "
	"was\n"
	"not met.\n";

/* -- values -- */

#define MINUTE UINT64_C(60000000000)

static const struct quantity_kind size_kind = {
	"a size from 1 to 16M, such as 64 or 4K", quantity_sizes, 1, 16777216};
static const struct quantity_kind rate_kind = {
	"messages a second, from 1 to 10000000", quantity_rates, 1, 10000000};
static const struct quantity_kind duration_kind = {
	"a time from 1ms to 1440m, such as 500ms, 10s or 2m", quantity_times,
	1000000, 1440 * MINUTE};
static const struct quantity_kind wait_kind = {
	"a time from 0 to 60m, such as 500ms or 10s", quantity_times, 0,
	60 * MINUTE};
static const struct quantity_kind timeout_kind = {
	"a time from 1ms to 60m, such as 500ms or 10s", quantity_times, 1000000,
	60 * MINUTE};
static const struct quantity_kind late_kind = {
	"a time from 1ns to 60m, such as 1ms", quantity_times, 1, 60 * MINUTE};
static const struct quantity_unit percents[] = {{"%", 1}, {NULL, 0}};
static const struct quantity_kind share_kind = {"a share from 1% to 100%",
						percents, 1, 100};
static const struct quantity_kind peers_kind = {"a number from 1 to 1000000",
						quantity_counts, 1, 1000000};
static const struct quantity_kind messages_kind = {
	"a number from 1 to 1000000000000", quantity_counts, 1,
	UINT64_C(1000000000000)};
static const struct quantity_kind seed_kind = {
	"a number from 0 to 1000000000000", quantity_counts, 0,
	UINT64_C(1000000000000)};
static const struct quantity_kind trickle_kind = {
	"N:RATE, such as 2:100/s; RATE from 1 to 160K/s", quantity_byte_rates,
	1, 163840};

/* NULL: a text, or no value at all. */
static const struct quantity_kind *const kinds[N_OPTIONS] = {
	[OPTION_CONNECTIONS] = &peers_kind,
	[OPTION_SIZE] = &size_kind,
	[OPTION_EXPECT_BYTES] = &size_kind,
	[OPTION_PIPELINE] = &peers_kind,
	[OPTION_RATE] = &rate_kind,
	[OPTION_DURATION] = &duration_kind,
	[OPTION_MESSAGES] = &messages_kind,
	[OPTION_WARMUP] = &wait_kind,
	[OPTION_PUBLISHERS] = &peers_kind,
	[OPTION_STALLED] = &peers_kind,
	[OPTION_TRICKLE] = &trickle_kind,
	[OPTION_RESET] = &peers_kind,
	[OPTION_HALF_CLOSE] = &peers_kind,
	[OPTION_CONNECT_TIMEOUT] = &timeout_kind,
	[OPTION_DRAIN] = &wait_kind,
	[OPTION_LATE] = &late_kind,
	[OPTION_CPU_WAIT] = &share_kind,
	[OPTION_MAX_OWED] = &messages_kind,
	[OPTION_SEED] = &seed_kind,
};

/* Of those that take a text. */
static const char *const text_kinds[N_OPTIONS] = {
	[OPTION_MODE] = "echo, source, sink, connect or broadcast",
	[OPTION_SEND] = "a text of 1 to 65536 bytes, such as 'PING\\r\\n'",
	[OPTION_EXPECT_UNTIL] = "a text of 1 to 256 bytes, such as '\\r\\n'",
	[OPTION_EXPECT] = "a list such as 'p99<5ms,errors=0'",
	[OPTION_COMPARE] = "an address",
	[OPTION_JSON] = "a file, or - for standard output",
	[OPTION_HTML] = "a file, or - for standard output",
	[OPTION_HGRM] = "a file, or - for standard output",
	[OPTION_HLOG] = "a file, or - for standard output",
};

static const char *expected_of(enum option_number number)
{
	return kinds[number] ? kinds[number]->expected : text_kinds[number];
}

static bool parse_mode(const char *text, uint64_t *value)
{
	for (int mode = 0; mode < MODE_N_KINDS; mode++)
		if (strcmp(text, mode_name((enum mode_kind)mode)) == 0) {
			*value = (uint64_t)mode;
			return true;
		}
	return false;
}

/* "N:RATE" */
static bool parse_trickle(struct options *options, const char *text)
{
	const char *colon = strchr(text, ':');

	return colon &&
	       quantity_parse_part(&peers_kind, text, (size_t)(colon - text),
				   &options->values[OPTION_TRICKLE]) &&
	       quantity_parse(&trickle_kind, colon + 1, &options->trickle_rate);
}

/* "SIZE" or "SIZE:SIZE" */
static bool parse_sizes(struct options *options, const char *text)
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);

	return quantity_parse_part(&size_kind, text, n,
				   &options->values[OPTION_SIZE]) &&
	       (!colon ||
		quantity_parse(&size_kind, colon + 1, &options->answer_size));
}

static bool parse_value(struct options *options, enum option_number number,
			const char *text)
{
	uint64_t *value = &options->values[number];

	options->is_given[number] = true;
	options->texts[number] = text;
	if (number == OPTION_MODE)
		return parse_mode(text, value);
	if (number == OPTION_SIZE)
		return parse_sizes(options, text);
	if (number == OPTION_TRICKLE)
		return parse_trickle(options, text);
	return !kinds[number] || quantity_parse(kinds[number], text, value);
}

/* -- the line -- */

/* "-c 5" or "--connections=5" have the same number. */
static int number_of(int letter)
{
	static const struct {
		int letter;
		enum option_number number;
	} shorts[] = {{'m', OPTION_MODE},    {'c', OPTION_CONNECTIONS},
		      {'s', OPTION_SIZE},    {'p', OPTION_PIPELINE},
		      {'r', OPTION_RATE},    {'d', OPTION_DURATION},
		      {'n', OPTION_MESSAGES}};

	for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
		if (shorts[i].letter == letter)
			return (int)shorts[i].number;
	return letter;
}

const char *options_name(enum option_number number)
{
	return long_options[number].name;
}

/* What getopt_long(3) returned '?' or ':' for. */
static void refuse_option(int outcome, const char *text)
{
	int number = number_of(optopt);

	if (outcome == ':')
		complain("%s: expected a value: %s", text,
			 expected_of((enum option_number)number));
	else if (optopt >= N_OPTIONS)
		complain("-%c: there is no such option, see --help", optopt);
	else if (optopt > 0)
		complain("%s: expected no value", text);
	else
		complain("%s: there is no such option, see --help", text);
}

static enum status print(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return STATUS_DONE;
	complain("standard output: %s", strerror(errno));
	return STATUS_FAILED;
}

static enum status read_line(struct options *options, int argc, char **argv)
{
	int outcome;

	opterr = 0;
	optind = 1;
	while ((outcome = getopt_long(argc, argv, letters, long_options,
				      NULL)) != -1) {
		enum option_number number =
			(enum option_number)number_of(outcome);

		if (outcome == '?' || outcome == ':') {
			refuse_option(outcome, argv[optind - 1]);
			return STATUS_REFUSED;
		}
		if (number == OPTION_HELP)
			return print(help);
		if (number == OPTION_VERSION)
			return print("weir-flood " WEIR_VERSION "\n");
		if (!parse_value(options, number, optarg)) {
			complain("--%s %s: expected %s", options_name(number),
				 optarg, expected_of(number));
			return STATUS_REFUSED;
		}
	}
	return STATUS_GO_ON;
}

enum status options_parse(struct settings *settings, struct expect *expect,
			  int argc, char **argv)
{
	struct options options = {
		.values = {
			[OPTION_MODE] = MODE_ECHO,
			[OPTION_CONNECTIONS] = 50,
			[OPTION_SIZE] = 64,
			[OPTION_PIPELINE] = 1,
			[OPTION_DURATION] = UINT64_C(10000000000),
			[OPTION_WARMUP] = UINT64_C(1000000000),
			[OPTION_PUBLISHERS] = 1,
			[OPTION_CONNECT_TIMEOUT] = UINT64_C(10000000000),
			[OPTION_DRAIN] = UINT64_C(1000000000),
			[OPTION_LATE] = 1000000,
			[OPTION_CPU_WAIT] = 10,
			[OPTION_MAX_OWED] = 1000000,
			[OPTION_SEED] = 1,
		}};
	enum status status;

	*settings = (struct settings){.argc = argc, .argv = argv};
	*expect = (struct expect){0};
	status = read_line(&options, argc, argv);
	if (status != STATUS_GO_ON)
		return status;
	options.operands = argv + optind;
	options.n_operands = (size_t)(argc - optind);
	return options_apply(settings, expect, &options);
}
