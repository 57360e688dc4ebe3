/* weir-server --help and --version, and whether the manual knows the same. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/version.h>

#include "harness.h"
#include "harness_help.h"
#include "harness_program.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(server_help, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static int print(const char *arguments, char text[HELP_TEXT_SIZE])
{
	return program_print("weir-server", arguments, text, HELP_TEXT_SIZE);
}

Test(server_help, version_is_printed_to_standard_output)
{
	char text[HELP_TEXT_SIZE];

	cr_assert_eq(print("--version 2>/dev/null", text), 0);
	cr_assert_str_eq(text, "weir-server " WEIR_VERSION "\n");
}

Test(server_help, a_full_disk_is_an_error)
{
	char text[HELP_TEXT_SIZE];

	cr_assert_eq(print("--help 2>&1 >/dev/full", text), 1);
	cr_assert_str_eq(text, "weir-server: standard output: "
			       "No space left on device\n");
}

Test(server_help, is_eighty_columns_wide)
{
	char text[HELP_TEXT_SIZE];

	help_read("weir-server", text);
	help_expect_columns(text, 79);
}

Test(server_help, and_the_manual_have_the_same_options)
{
	cr_assert_eq(help_expect_same_options("weir-server"), 50);
}

Test(server_help, and_the_manual_have_the_same_services)
{
	static const char *const services[] = {"greet", "echo", "discard",
					       "chargen"};
	char help[HELP_TEXT_SIZE];
	char manual[HELP_TEXT_SIZE];

	help_read("weir-server", help);
	help_read_manual("weir-server", manual);
	for (size_t i = 0; i < 4; i++) {
		char sought[64];

		snprintf(sought, sizeof sought, "\n  %s ", services[i]);
		cr_assert(strstr(help, sought));
		snprintf(sought, sizeof sought, "\n.BR %s \" (", services[i]);
		cr_assert(strstr(manual, sought));
	}
}

/* -- what would be opened -- */

Test(server_help, check_prints_addresses_and_opens_nothing)
{
	char text[HELP_TEXT_SIZE];

	cr_assert_eq(print("--check echo=127.0.0.1:7 "
			   "relay=unix:/nowhere/x,127.0.0.1:80 2>&1",
			   text),
		     0);
	cr_assert_str_eq(text, "echo=127.0.0.1:7\n"
			       "relay=unix:/nowhere/x,127.0.0.1:80\n");
	cr_assert_eq(print("--check echo=nowhere 2>/dev/null", text), 2);
	cr_assert_eq(print("--check 2>/dev/null >/dev/full", text), 1);
}

Test(server_help, arguments_can_be_in_a_file)
{
	char path[] = "/tmp/weir-arguments-XXXXXX";
	static const char lines[] = "# for tests\n"
				    "\n"
				    "--check\n"
				    "  echo=127.0.0.1:7 \r\n"
				    "relay=127.0.0.1:8,unix:/a path";
	char arguments[64];
	char text[HELP_TEXT_SIZE];
	int fd = mkostemp(path, O_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, lines, sizeof lines - 1),
		     (ssize_t)sizeof lines - 1);
	close(fd);
	snprintf(arguments, sizeof arguments, "@%s discard=127.0.0.1:9 2>&1",
		 path);
	cr_expect_eq(print(arguments, text), 0);
	cr_expect_str_eq(text, "echo=127.0.0.1:7\n"
			       "relay=127.0.0.1:8,unix:/a path\n"
			       "discard=127.0.0.1:9\n");
	unlink(path);
	cr_expect_eq(print("@/nowhere/at-all 2>&1", text), 2);
	cr_expect_str_eq(text, "weir-server: @/nowhere/at-all: "
			       "No such file or directory\n");
}
