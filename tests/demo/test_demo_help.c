/* send-vs-sendall --help and --version, and whether the manual knows the
 * same. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include <weir/version.h>

#include "harness.h"
#include "harness_help.h"
#include "harness_program.h"

enum {
	/* a test that takes longer hangs */
	PATIENCE_S = 60
};

TestSuite(demo_help, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static int print(const char *arguments, char text[HELP_TEXT_SIZE])
{
	return program_print("send-vs-sendall", arguments, text,
			     HELP_TEXT_SIZE);
}

Test(demo_help, version_is_printed_to_standard_output)
{
	char text[HELP_TEXT_SIZE];

	cr_assert_eq(print("--version 2>/dev/null", text), 0);
	cr_assert_str_eq(text, "send-vs-sendall " WEIR_VERSION "\n");
}

Test(demo_help, a_full_disk_is_an_error)
{
	static const char *const arguments[] = {
		"--help 2>&1 >/dev/full", "--list 2>&1 >/dev/full",
		"--trace 2>&1 >/dev/full", "--trace --json - 2>&1 >/dev/full",
		"--lesson sigpipe 2>&1 >/dev/full"};
	char text[HELP_TEXT_SIZE];

	for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
		cr_assert_eq(print(arguments[i], text), 1);
		cr_assert_str_eq(text, "send-vs-sendall: standard output: "
				       "No space left on device\n");
	}
}

Test(demo_help, and_the_list_are_eighty_columns_wide)
{
	char text[HELP_TEXT_SIZE];

	help_read("send-vs-sendall", text);
	help_expect_columns(text, 79);
	cr_assert_eq(print("--list 2>/dev/null", text), 0);
	help_expect_columns(text, 80);
}

Test(demo_help, and_the_manual_have_the_same_options)
{
	cr_assert_eq(help_expect_same_options("send-vs-sendall"), 12);
}

Test(demo_help, and_the_manual_have_the_same_strategies)
{
	static char list[HELP_TEXT_SIZE];
	char manual[HELP_TEXT_SIZE];
	char *rest = list;
	char *line;
	size_t n = 0;

	cr_assert_eq(print("--list 2>/dev/null", list), 0);
	help_read_manual("send-vs-sendall", manual);
	cr_assert_str_eq(strsep(&rest, "\n"), "Strategies:");
	while ((line = strsep(&rest, "\n")) && line[0] != '\0') {
		char name[32];
		char escaped[HELP_NAME_SIZE];
		char sought[80];

		cr_assert_eq(sscanf(line, "%31s", name), 1);
		snprintf(sought, sizeof sought, ".TP\n.B %s\n",
			 help_escape(name, escaped));
		cr_expect(strstr(manual, sought), "%s", name);
		n++;
	}
	cr_assert_eq(n, 7);
}
