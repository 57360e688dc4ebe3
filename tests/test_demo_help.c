/* send-vs-sendall --help and --version, and whether the manual knows the
 * same. */
#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <weir/version.h>

#include "harness.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	TEXT_SIZE = 32768
};

TestSuite(demo_help, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* What the program prints to its standard output, and its exit status. */
static int print(const char *arguments, char text[TEXT_SIZE])
{
	const char *build = getenv("WEIR_BUILD");
	char command[512];
	FILE *output;
	size_t n;
	int status;

	snprintf(command, sizeof command, "%s/send-vs-sendall %s",
		 build ? build : "build", arguments);
	output = popen(command, "re");
	cr_assert(output);
	n = fread(text, 1, TEXT_SIZE - 1, output);
	text[n] = '\0';
	status = pclose(output);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(demo_help, version_is_printed_to_standard_output)
{
	char text[TEXT_SIZE];

	cr_assert_eq(print("--version 2>/dev/null", text), 0);
	cr_assert_str_eq(text, "send-vs-sendall " WEIR_VERSION "\n");
}

Test(demo_help, a_full_disk_is_an_error)
{
	static const char *const arguments[] = {
		"--help 2>&1 >/dev/full", "--list 2>&1 >/dev/full",
		"--trace 2>&1 >/dev/full", "--trace --json - 2>&1 >/dev/full",
		"--lesson sigpipe 2>&1 >/dev/full"};
	char text[TEXT_SIZE];

	for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
		cr_assert_eq(print(arguments[i], text), 1);
		cr_assert_str_eq(text, "send-vs-sendall: standard output: "
				       "No space left on device\n");
	}
}

Test(demo_help, and_the_list_are_eighty_columns_wide)
{
	char text[TEXT_SIZE];
	char *line;
	char *rest = text;

	cr_assert_eq(print("--help 2>/dev/null", text), 0);
	while ((line = strsep(&rest, "\n")))
		cr_assert_leq(strlen(line), 79, "%s", line);
	rest = text;
	cr_assert_eq(print("--list 2>/dev/null", text), 0);
	while ((line = strsep(&rest, "\n")))
		cr_assert_leq(strlen(line), 80, "%s", line);
}

static void read_manual(char text[TEXT_SIZE])
{
	FILE *file = fopen("docs/send-vs-sendall.1", "re");
	size_t n;

	cr_assert(file, "tests run at the top of the source tree");
	n = fread(text, 1, TEXT_SIZE - 1, file);
	text[n] = '\0';
	fclose(file);
}

/* Whether the manual has a paragraph for this option. */
static bool has_option(const char *manual, const char *name)
{
	char flag[64];
	char with_value[64];

	snprintf(flag, sizeof flag, "\n.B \\-\\-%s\n", name);
	snprintf(with_value, sizeof with_value, "\n.BI \\-\\-%s \"", name);
	return strstr(manual, flag) || strstr(manual, with_value);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

Test(demo_help, and_the_manual_have_the_same_options)
{
	char help[TEXT_SIZE];
	char manual[TEXT_SIZE];
	const char *at = help;
	char name[32];
	size_t n = 0;

	cr_assert_eq(print("--help 2>/dev/null", help), 0);
	read_manual(manual);
	while ((at = strstr(at, "\n  --"))) {
		cr_assert_eq(sscanf(at, "\n --%31[a-z]", name), 1);
		cr_expect(has_option(manual, name), "--%s", name);
		at++;
		n++;
	}
	cr_assert_eq(n, 12);
	cr_assert_eq(count(manual, ".TP\n.B \\-\\-") +
			     count(manual, ".TP\n.BI \\-\\-"),
		     n);
}

/* The manual's name of a strategy has its dashes escaped. */
static void escape(const char *name, char *text)
{
	for (; *name; name++) {
		if (*name == '-')
			*text++ = '\\';
		*text++ = *name;
	}
	*text = '\0';
}

Test(demo_help, and_the_manual_have_the_same_strategies)
{
	static char list[TEXT_SIZE];
	char manual[TEXT_SIZE];
	char *rest = list;
	char *line;
	size_t n = 0;

	cr_assert_eq(print("--list 2>/dev/null", list), 0);
	read_manual(manual);
	cr_assert_str_eq(strsep(&rest, "\n"), "Strategies:");
	while ((line = strsep(&rest, "\n")) && line[0] != '\0') {
		char name[32];
		char escaped[64];
		char sought[80];

		cr_assert_eq(sscanf(line, "%31s", name), 1);
		escape(name, escaped);
		snprintf(sought, sizeof sought, ".TP\n.B %s\n", escaped);
		cr_expect(strstr(manual, sought), "%s", name);
		n++;
	}
	cr_assert_eq(n, 7);
}
