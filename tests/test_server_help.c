/* weir-server --help and --version, and whether the manual knows the same. */
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

TestSuite(server_help, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* What the server prints to its standard output, and its exit status. */
static int print(const char *arguments, char text[TEXT_SIZE])
{
	const char *build = getenv("WEIR_BUILD");
	char command[512];
	FILE *output;
	size_t n;
	int status;

	snprintf(command, sizeof command, "%s/weir-server %s",
		 build ? build : "build", arguments);
	output = popen(command, "re");
	cr_assert(output);
	n = fread(text, 1, TEXT_SIZE - 1, output);
	text[n] = '\0';
	status = pclose(output);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(server_help, version_is_printed_to_standard_output)
{
	char text[TEXT_SIZE];

	cr_assert_eq(print("--version 2>/dev/null", text), 0);
	cr_assert_str_eq(text, "weir-server " WEIR_VERSION "\n");
}

Test(server_help, a_full_disk_is_an_error)
{
	char text[TEXT_SIZE];

	cr_assert_eq(print("--help 2>&1 >/dev/full", text), 1);
	cr_assert_str_eq(text, "weir-server: standard output: "
			       "No space left on device\n");
}

/* The help fits a terminal. */
Test(server_help, is_eighty_columns_wide)
{
	char text[TEXT_SIZE];
	char *line;
	char *rest = text;

	cr_assert_eq(print("--help 2>/dev/null", text), 0);
	while ((line = strsep(&rest, "\n")))
		cr_assert_leq(strlen(line), 79, "%s", line);
}

static void read_manual(char text[TEXT_SIZE])
{
	FILE *file = fopen("docs/weir-server.1", "re");
	size_t n;

	cr_assert(file, "tests run at the top of the source tree");
	n = fread(text, 1, TEXT_SIZE - 1, file);
	text[n] = '\0';
	fclose(file);
}

/* As roff(7) has it: a minus is \-. */
static const char *escape(const char *name, char text[64])
{
	char *end = text;

	for (; *name; name++) {
		if (*name == '-')
			*end++ = '\\';
		*end++ = *name;
	}
	*end = '\0';
	return text;
}

/* Whether the manual has a paragraph for this option. */
static bool has_option(const char *manual, const char *name)
{
	char flag[128];
	char with_value[128];
	char text[64];

	escape(name, text);
	snprintf(flag, sizeof flag, "\n.B \\-\\-%s\n", text);
	snprintf(with_value, sizeof with_value, "\n.BI \\-\\-%s \"", text);
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

Test(server_help, and_the_manual_have_the_same_options)
{
	char help[TEXT_SIZE];
	char manual[TEXT_SIZE];
	const char *at = help;
	char name[32];
	size_t n = 0;

	cr_assert_eq(print("--help 2>/dev/null", help), 0);
	read_manual(manual);
	while ((at = strstr(at, "\n  --"))) {
		cr_assert_eq(sscanf(at, "\n --%31[a-z-]", name), 1);
		cr_expect(has_option(manual, name), "--%s", name);
		at++;
		n++;
	}
	cr_assert_eq(n, 24);
	cr_assert_eq(count(manual, ".TP\n.B \\-\\-") +
			     count(manual, ".TP\n.BI \\-\\-"),
		     n);
}

Test(server_help, and_the_manual_have_the_same_services)
{
	static const char *const services[] = {"greet", "echo", "discard",
					       "chargen"};
	char help[TEXT_SIZE];
	char manual[TEXT_SIZE];

	cr_assert_eq(print("--help 2>/dev/null", help), 0);
	read_manual(manual);
	for (size_t i = 0; i < 4; i++) {
		char sought[64];

		snprintf(sought, sizeof sought, "\n  %s ", services[i]);
		cr_assert(strstr(help, sought));
		snprintf(sought, sizeof sought, "\n.BR %s \" (", services[i]);
		cr_assert(strstr(manual, sought));
	}
}
