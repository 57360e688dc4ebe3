/* The command line of weir-flood: what it refuses, and whether --help and the
 * manual know the same. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include <weir/version.h>

#include "harness.h"
#include "harness_flood.h"
#include "harness_help.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	MAX_ARGUMENTS = 8
};

TestSuite(flood_options, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct flooded run;

/* Nothing is printed but one line on standard error, and nothing is begun. */
static void expect_refusal(const char *const *arguments, const char *line)
{
	struct flooding flooding;
	char whole[512];

	snprintf(whole, sizeof whole, "weir-flood: %s\n", line);
	flood_start(&flooding, arguments);
	flood_wait(&flooding, &run);
	cr_expect_eq(run.status, 2, "%s: status %d", line, run.status);
	cr_expect_str_eq(run.err, whole);
	cr_expect_str_eq(run.out, "");
	flooded_forget(&run);
}

#define SEND                                                 \
	"--send: expected, without --size, and with one of " \
	"--expect-bytes, --expect-until and --expect-line"
#define TIMES "a time from 0 to 60m, such as 500ms or 10s"

static const struct {
	const char *arguments[MAX_ARGUMENTS];
	const char *line;
} refusals[] = {
	{{NULL}, "expected an ADDRESS, see --help"},
	{{":7007", ":7008"}, ":7008: expected no more than one ADDRESS"},
	{{"nonsense"},
	 "nonsense: expected HOST:PORT, [V6]:PORT, :PORT, unix:PATH, "
	 "unix:@NAME, udp:HOST:PORT, unixgram:PATH or unixgram:@NAME"},
	{{"--nonsense", ":7007"},
	 "--nonsense: there is no such option, see --help"},
	{{"-x", ":7007"}, "-x: there is no such option, see --help"},
	{{"--poisson=yes", ":7007"}, "--poisson=yes: expected no value"},
	{{":7007", "-r"},
	 "-r: expected a value: messages a second, from 1 to 10000000"},
	{{":7007", "--json"},
	 "--json: expected a value: a file, or - for standard output"},
	/* each by its own kind */
	{{"-m", "fast", ":7007"},
	 "--mode fast: expected echo, source, sink, connect or broadcast"},
	{{"-c", "0", ":7007"},
	 "--connections 0: expected a number from 1 to 1000000"},
	{{"-s", "17M", ":7007"},
	 "--size 17M: expected a size from 1 to 16M, such as 64 or 4K"},
	{{"-p", "-1", ":7007"},
	 "--pipeline -1: expected a number from 1 to 1000000"},
	{{"-r", "0", ":7007"},
	 "--rate 0: expected messages a second, from 1 to 10000000"},
	{{"-d", "10", ":7007"},
	 "--duration 10: expected a time from 1ms to 1440m, such as 500ms, "
	 "10s or 2m"},
	{{"-n", "0", ":7007"},
	 "--messages 0: expected a number from 1 to 1000000000000"},
	{{"--warmup", "61m", ":7007"}, "--warmup 61m: expected " TIMES},
	{{"--drain", "2h", ":7007"}, "--drain 2h: expected " TIMES},
	{{"--connect-timeout", "0", ":7007"},
	 "--connect-timeout 0: expected a time from 1ms to 60m, such as 500ms "
	 "or 10s"},
	{{"--late", "0", "-r", "1", ":7007"},
	 "--late 0: expected a time from 1ns to 60m, such as 1ms"},
	{{"--max-owed", "many", ":7007"},
	 "--max-owed many: expected a number from 1 to 1000000000000"},
	{{"--seed", "1.5", ":7007"},
	 "--seed 1.5: expected a number from 0 to 1000000000000"},
	{{"--publishers", "x", ":7007"},
	 "--publishers x: expected a number from 1 to 1000000"},
	{{"--stalled", "0", ":7007"},
	 "--stalled 0: expected a number from 1 to 1000000"},
	{{"--reset", "0", ":7007"},
	 "--reset 0: expected a number from 1 to 1000000"},
	{{"--half-close", "x", ":7007"},
	 "--half-close x: expected a number from 1 to 1000000"},
	{{"--trickle", "2", ":7007"},
	 "--trickle 2: expected N:RATE, such as 2:100/s; RATE from 1 to "
	 "160K/s"},
	{{"--trickle", "0:1K/s", ":7007"},
	 "--trickle 0:1K/s: expected N:RATE, such as 2:100/s; RATE from 1 to "
	 "160K/s"},
	{{"--trickle", "2:161K/s", ":7007"},
	 "--trickle 2:161K/s: expected N:RATE, such as 2:100/s; RATE from 1 "
	 "to 160K/s"},
	/* together */
	{{"-s", "15", ":7007"},
	 "--size 15: expected at least 16 in mode echo, or --no-verify"},
	{{"-m", "broadcast", "-s", "24", ":7007"},
	 "--size 24: expected at least 25 in mode broadcast"},
	{{"-m", "broadcast", "-s", "65K", ":7007"},
	 "--size 66560: expected at most 64K in mode broadcast"},
	{{"-p", "1000", "-s", "1M", ":7007"},
	 "--pipeline 1000: expected at most 512 messages of 1048576 bytes"},
	{{"--send", "x", ":7007"}, SEND},
	{{"--expect-line", ":7007"}, SEND},
	{{"--send", "x", "--expect-line", "-s", "5", ":7007"}, SEND},
	{{"--send", "x", "--expect-line", "--expect-bytes", "5", ":7007"},
	 SEND},
	{{"--send", "\\q", "--expect-line", ":7007"},
	 "--send \\q: expected @FILE of 1 byte to 16M, or a text of 1 to "
	 "65536 bytes, such as 'PING\\r\\n', with at most 64 pieces"},
	{{"--send", "@/dev/null/x", "--expect-line", ":7007"},
	 "--send @/dev/null/x: not a directory"},
	{{"--send", "x", "--expect-line", "-m", "sink", ":7007"},
	 "--send: expected another mode than sink"},
	{{"-p", "2", "-r", "5", ":7007"},
	 "--pipeline: expected a closed loop, without --rate"},
	{{"--poisson", ":7007"}, "--poisson: expected an open loop, --rate"},
	{{"--late", "1s", ":7007"}, "--late: expected an open loop, --rate"},
	{{"-m", "source", "-r", "5", ":7007"},
	 "--rate: expected another mode than source"},
	{{"-m", "sink", "-p", "5", ":7007"},
	 "--pipeline: expected another mode than sink"},
	{{"-m", "sink", "--no-verify", ":7007"},
	 "--no-verify: expected another mode than sink"},
	{{"--publishers", "2", ":7007"},
	 "--publishers: expected another mode than echo"},
	{{"-m", "broadcast", "-c", "2", "--publishers", "2", ":7007"},
	 "--publishers 2: expected fewer than --connections, which is 2, and "
	 "at most 65536"},
	{{"--compare", "nonsense", ":7007"},
	 "nonsense: expected HOST:PORT, [V6]:PORT, :PORT, unix:PATH, "
	 "unix:@NAME, udp:HOST:PORT, unixgram:PATH or unixgram:@NAME"},
	{{"--compare", ":7008", "--hlog", "x", ":7007"},
	 "--hlog: expected no --compare, which makes many short runs"},
	{{"--compare", ":7008", "-n", "5", ":7007"},
	 "--messages: expected no --compare, which makes many short runs"},
	{{"--connect-rate", "0", ":7007"},
	 "--connect-rate 0: expected connections a second, from 1 to "
	 "10000000"},
	{{"-m", "connect", "--connect-rate", "5", ":7007"},
	 "--connect-rate: expected another mode than connect"},
	{{"--source", "127.0.0.2:0,udp:127.0.0.3:0", ":7007"},
	 "--source udp:127.0.0.3:0: expected a stream"},
	{{"--source", "127.0.0.2:0,", ":7007"}, "--source : not an address"},
	{{"--find-rate", "p99<5ms", "--ramp", "5", ":7007"},
	 "--ramp: expected no --find-rate, which makes many short runs"},
	{{"--find-rate", "p99<5ms", "--messages", "5", ":7007"},
	 "--messages: expected no --find-rate, which makes many short runs"},
	{{"--find-rate", "p99<5ms", "--hlog", "x", ":7007"},
	 "--hlog: expected no --find-rate, which makes many short runs"},
	{{"--find-rate", "p99<5ms", "--json-lines", "x", ":7007"},
	 "--json-lines: expected no --find-rate, which makes many short runs"},
	{{"--find-rate", "p99<5ms", "--stop-early", ":7007"},
	 "--stop-early: expected no --find-rate, which makes many short runs"},
	{{"--find-rate", "p99<5ms", "--compare", ":7008", ":7007"},
	 "--compare: expected no --find-rate, which makes many short runs"},
	{{"--find-rate", "p99<5ms", "--expect", "errors=0", ":7007"},
	 "--expect: expected no --find-rate, which makes many short runs"},
	{{"--compare", ":7008", "-r", "5", "--ramp", "6", ":7007"},
	 "--ramp: expected no --compare, which makes many short runs"},
	{{"--stop-early", ":7007"},
	 "--stop-early: expected what to stop at, --expect"},
	{{"-t", "2", "--stop-early", "--expect", "errors=0", ":7007"},
	 "--stop-early: expected one thread"},
	{{"-t", "3", "-c", "2", ":7007"},
	 "--threads 3: expected no more than --connections, which is 2"},
	{{"--ramp", "5", ":7007"}, "--ramp: expected an open loop, --rate"},
	{{"--steps", "5", "-r", "5", ":7007"},
	 "--steps: expected what has them, --ramp"},
	{{"-m", "broadcast", "-t", "2", ":7007"},
	 "--threads: expected another mode than broadcast"},
	{{"-m", "sink", "--timeout", "1s", ":7007"},
	 "--timeout: expected another mode than sink"},
	/* datagrams */
	{{"-m", "sink", "udp:127.0.0.1:7007"},
	 "udp:127.0.0.1:7007: expected a stream in mode sink, not datagrams"},
	{{"-s", "64:65", "udp:127.0.0.1:7007"},
	 "--size: expected one size, for datagrams"},
	{{"-s", "65508", "udp:127.0.0.1:7007"},
	 "--size 65508: expected at most 65507, which a datagram holds"},
	{{"-s", "65528", "udp:[::1]:7007"},
	 "--size 65528: expected at most 65527, which a datagram holds"},
	{{"--send", "x", "--expect-line", "udp:127.0.0.1:7007"},
	 "--send: expected a stream, not datagrams"},
	{{"--reconnect", "unixgram:@x"},
	 "--reconnect: expected a stream, not datagrams"},
	{{"--renew", "2", "unixgram:@x"},
	 "--renew: expected a stream, not datagrams"},
	{{"--no-verify", "unixgram:@x"},
	 "--no-verify: expected a stream, not datagrams"},
	{{"--stalled", "2", "unixgram:@x"},
	 "--stalled: expected a stream, not datagrams"},
	{{"--source", "127.0.0.2:0", "udp:127.0.0.1:7007"},
	 "--source: expected a stream, not datagrams"},
	{{"--compare", ":7007", "udp:127.0.0.1:7007"},
	 "--compare :7007: expected datagrams, like udp:127.0.0.1:7007"},
	{{"--json", "-", "--html", "-", ":7007"},
	 "-: expected as one file only"},
	{{"--json", "/nonsense/x", ":7007"},
	 "/nonsense/x: no such file or directory"},
};

Test(flood_options, what_makes_no_sense_is_refused_by_one_line)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		expect_refusal(refusals[i].arguments, refusals[i].line);
}

Test(flood_options, an_expectation_that_is_none_is_refused)
{
	flood(&run, "--expect", "p99<fast", ":7007", NULL);
	cr_expect_eq(run.status, 2);
	cr_expect_eq(strncmp(run.err, "weir-flood: --expect p99<fast: ", 31), 0,
		     "%s", run.err);
	flooded_forget(&run);
}

/* Each kind of option that is right gets as far as connecting. */
Test(flood_options, what_makes_sense_is_taken)
{
	flood(&run, "--mode=echo", "--connections=2", "--size=1K",
	      "--rate=100/s", "--poisson", "--duration=1s", "--messages=5",
	      "--warmup=0", "--late=5ms", "--max-owed=10", "--seed=0",
	      "--stalled=1", "--trickle=1:10/s", "--reset=1", "--half-close=1",
	      "--connect-timeout=1s", "--drain=0", "--expect=p99<5ms",
	      "127.0.0.1:1", NULL);
	cr_expect_eq(run.status, 2);
	cr_expect_str_eq(run.err,
			 "weir-flood: 127.0.0.1:1: connection refused\n");
	flooded_forget(&run);
}

Test(flood_options, a_short_option_is_its_long_one)
{
	struct known server;

	known_start(&server, &(struct known_plan){.size = 80});
	flood(&run, "-mecho", "-c3", "-s80", "-p2", "-d30s", "-n20",
	      "--warmup=0", "--json=-", server.address, NULL);
	known_stop(&server);
	known_forget(&server);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "settings", "connections"), 3);
	cr_expect_eq(flooded_number(&run, "settings", "message_bytes"), 80);
	cr_expect_eq(flooded_number(&run, "settings", "in_flight"), 2);
	cr_expect_eq(flooded_number(&run, "settings", "duration_ns"), 30e9);
	cr_expect_eq(flooded_number(&run, "settings", "max_messages"), 20);
	flooded_forget(&run);
}

/* -- what it tells of itself -- */

Test(flood_options, version_is_printed_to_standard_output)
{
	flood(&run, "--version", NULL);
	cr_expect_eq(run.status, 0);
	cr_expect_str_eq(run.out, "weir-flood " WEIR_VERSION "\n");
	cr_expect_str_eq(run.err, "");
	flooded_forget(&run);
}

Test(flood_options, help_is_eighty_columns_wide)
{
	flood(&run, "--help", NULL);
	cr_expect_eq(run.status, 0);
	cr_expect_str_eq(run.err, "");
	help_expect_columns(run.out, 79);
	flooded_forget(&run);
}

Test(flood_options, help_and_the_manual_have_the_same_options)
{
	cr_expect_eq(help_expect_same_options("weir-flood"), 47);
}

/* A full disk is an error, for --help as for a result. */
Test(flood_options, a_full_disk_is_an_error)
{
	struct known server;

	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "1", "-n", "5", "--warmup", "0", "--json",
	      "/dev/full", server.address, NULL);
	known_stop(&server);
	known_forget(&server);
	cr_expect_eq(run.status, 1);
	cr_expect_str_eq(run.err,
			 "weir-flood: /dev/full: no space left on device\n");
	flooded_forget(&run);
}
