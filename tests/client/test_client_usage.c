/* weir-client's command line. */
#include "test_client.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/version.h>

#include "harness.h"
#include "harness_help.h"

TestSuite(client_usage, .init = harness_begin, .fini = harness_end,
	  .timeout = CLIENT_PATIENCE_S);

static void run(struct client_end *end, const char *const *arguments)
{
	struct client client;

	client_start(&client, STDIN_FILENO, CLIENT_PIPE, arguments);
	client_wait(&client, end);
}

Test(client_usage, what_is_wrong_with_it_is_one_line_and_status_2)
{
	static const struct {
		const char *arguments[5];
		const char *line;
	} cases[] = {
		{{NULL}, "expected an ADDRESS, see --help"},
		{{":1", "a", "b", NULL}, "b: expected no more than a TEXT"},
		{{"--no", ":1", NULL},
		 "--no: there is no such option, see --help"},
		{{"-x", ":1", NULL},
		 "-x: there are no short options, see --help"},
		{{"--timeout", NULL},
		 "--timeout: expected a value: a time from 1ns to 1000000m, "
		 "such as 500ms, 60s or 2m"},
		{{"--help=me", NULL}, "--help=me: expected no value"},
		{{"--timeout", "10", ":1", NULL},
		 "--timeout 10: expected a time from 1ns to 1000000m, such as "
		 "500ms, 60s or 2m"},
		{{"nothing", NULL}, "nothing: not an address"},
		{{"udp:127.0.0.1:1", NULL},
		 "udp:127.0.0.1:1: datagrams are not supported"},
		{{"unixgram:@x", NULL},
		 "unixgram:@x: datagrams are not supported"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct client_end end;
		char line[256];

		run(&end, cases[i].arguments);
		snprintf(line, sizeof line, "weir-client: %s\n", cases[i].line);
		cr_expect_str_eq(end.err, line);
		cr_expect_str_empty(end.out);
		cr_expect_eq(end.status, 2, "%s", cases[i].line);
	}
}

Test(client_usage, a_unix_path_that_is_too_long_is_status_2)
{
	struct client_end end;
	char address[200] = "unix:";

	memset(address + 5, 'x', sizeof address - 6);
	address[sizeof address - 1] = '\0';
	run(&end, (const char *[]){address, NULL});
	cr_expect_not_null(strstr(end.err, "too long"));
	cr_expect_eq(end.status, 2);
}

Test(client_usage, a_time_is_a_number_with_its_unit)
{
	static const char *const bad[] = {
		"",   "s",     "-1s",	   " 1s",
		"1d", "1.5ns", "1 s",	   "99999999999999999999s",
		"0x", "1S",    "1000001m", "60000001s",
		"0s"};
	static const char *const good[] = {
		"1ns", "1us",	   "1ms",  "1s",   "60000000s",
		"1m",  "1000000m", "007s", "1.5s", "1h"};
	struct client_end end;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		run(&end,
		    (const char *[]){"--timeout", bad[i], "udp::1", NULL});
		cr_expect_not_null(strstr(end.err, "expected a time"), "%s",
				   bad[i]);
		cr_expect_eq(end.status, 2);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		run(&end,
		    (const char *[]){"--timeout", good[i], "udp::1", NULL});
		cr_expect_not_null(strstr(end.err, "datagrams"), "%s", good[i]);
	}
}

Test(client_usage, help_is_eighty_columns_on_standard_output)
{
	struct client_end end;

	run(&end, (const char *[]){"--help", NULL});
	cr_expect_eq(end.status, 0);
	cr_expect_str_empty(end.err);
	help_expect_columns(end.out, 79);
}

Test(client_usage, help_and_the_manual_have_the_same_options)
{
	cr_expect_eq(help_expect_same_options("weir-client"), 3);
}

Test(client_usage, version_prints_the_librarys)
{
	struct client_end end;

	run(&end, (const char *[]){"--version", NULL});
	cr_expect_eq(end.status, 0);
	cr_expect_str_eq(end.out, "weir-client " WEIR_VERSION "\n");
}
