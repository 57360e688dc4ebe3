/* The command line of a made-up program: what is read, refused and printed. */
#include "made_up_options.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/version.h>

#include "harness.h"

enum {
	MAX_ARGUMENTS = 8,
	TEXT_SIZE = 4096
};

static const struct command_line full = {.program = "tried",
					 .intro = "Usage: tried\n\n",
					 .notes = "\nThat is all.\n",
					 .options = options,
					 .n_options = N_OPTIONS};
/* --file and what follows, none of which but --loud has a letter */
static const struct command_line plain = {.program = "tried",
					  .intro = "Usage: tried\n\n",
					  .notes = "",
					  .options = options + OPTION_FILE,
					  .n_options = 2};

static struct command_line_result result;
static struct pairs pairs;
static char said[TEXT_SIZE];

TestSuite(command_line, .init = harness_begin, .fini = harness_end);

/* What is printed to fd is in said. */
static int read_line(const struct command_line *line, int fd,
		     const char *const *arguments)
{
	char *argv[MAX_ARGUMENTS + 2] = {(char[]){"tried"}};
	FILE *file = tmpfile();
	int saved = dup(fd);
	int argc = 1;
	int status;

	for (; arguments[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
	dup2(fileno(file), fd);
	status = command_line_read(line, &result, &pairs, argc, argv);
	fflush(stdout);
	dup2(saved, fd);
	close(saved);
	rewind(file);
	said[fread(said, 1, sizeof said - 1, file)] = '\0';
	fclose(file);
	return status;
}

#define READ(...) \
	read_line(&full, STDERR_FILENO, (const char *[]){__VA_ARGS__, NULL})

Test(command_line, defaults_are_what_the_table_says)
{
	cr_assert_eq(READ(NULL), COMMAND_LINE_GO_ON);
	cr_expect_eq(result.values[OPTION_COUNT].number, 50);
	cr_expect_eq(result.values[OPTION_MODE].number, 1);
	cr_expect_not(result.values[OPTION_COUNT].is_given);
	cr_expect_null(result.values[OPTION_FILE].text);
	cr_expect_eq(result.n_operands, 0);
}

Test(command_line, values_stand_behind_a_letter_a_name_or_an_equals_sign)
{
	static const char *const ways[][3] = {
		{"-c7"}, {"-c", "7"}, {"--count", "7"}, {"--count=7"}};

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		cr_assert_eq(read_line(&full, STDERR_FILENO, ways[i]),
			     COMMAND_LINE_GO_ON);
		cr_expect_eq(result.values[OPTION_COUNT].number, 7);
		cr_expect(result.values[OPTION_COUNT].is_given);
	}
}

Test(command_line, each_kind_of_value_is_read)
{
	cr_assert_eq(READ("-l", "--wait=2m", "-m", "stopped", "--file", "-",
			  "--pair=x:y"),
		     COMMAND_LINE_GO_ON);
	cr_expect(result.values[OPTION_LOUD].is_given);
	cr_expect_eq(result.values[OPTION_WAIT].number, 120000000000);
	cr_expect_eq(result.values[OPTION_MODE].number, 2);
	cr_expect_str_eq(result.values[OPTION_MODE].text, "stopped");
	cr_expect_str_eq(result.values[OPTION_FILE].text, "-");
	cr_expect_eq(pairs.last, 'y');
}

Test(command_line, the_last_value_counts_unless_the_program_takes_each)
{
	cr_assert_eq(READ("-c1", "--pair=a:b", "-c2", "--pair=c:d"),
		     COMMAND_LINE_GO_ON);
	cr_expect_eq(result.values[OPTION_COUNT].number, 2);
	cr_expect_eq(pairs.n, 2);
	cr_expect_eq(pairs.first, 'c');
}

Test(command_line, operands_stand_anywhere_and_two_dashes_end_the_options)
{
	cr_assert_eq(READ("one", "-l", "two", "--", "-c"), COMMAND_LINE_GO_ON);
	cr_assert_eq(result.n_operands, 3);
	cr_expect_str_eq(result.operands[0], "one");
	cr_expect_str_eq(result.operands[1], "two");
	cr_expect_str_eq(result.operands[2], "-c");
}

static void expect_refusal(const struct command_line *line,
			   const char *argument, const char *expected)
{
	const char *const arguments[] = {argument, NULL};
	char whole[TEXT_SIZE];

	snprintf(whole, sizeof whole, "%s: %s\n", program_invocation_short_name,
		 expected);
	cr_expect_eq(read_line(line, STDERR_FILENO, arguments), 2, "%s",
		     argument);
	cr_expect_str_eq(said, whole);
}

Test(command_line, what_is_wrong_is_one_line_with_what_was_expected)
{
	static const char *const cases[][2] = {
		{"-c0", "--count 0: expected a number from 1 to 2147483647"},
		{"--wait=5", "--wait 5: expected a time from 1ns to 1000000m, "
			     "such as 500ms, 60s or 2m"},
		{"--mode=now", "--mode now: expected fast, slow or stopped"},
		{"--pair=ab", "--pair ab: expected two letters, A:B"},
		{"--pair", "--pair: expected a value: two letters, A:B"},
		{"-m", "-m: expected a value: fast, slow or stopped"},
		{"--file", "--file: expected a value: a file"},
		{"--loud=1", "--loud=1: expected no value"},
		{"--help=1", "--help=1: expected no value"},
		{"--none", "--none: there is no such option, see --help"},
		{"-x", "-x: there is no such option, see --help"},
		{"--none=\n\033[2J", "--none=??[2J: there is no such option, "
				     "see --help"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_refusal(&full, cases[i][0], cases[i][1]);
	expect_refusal(&plain, "-x",
		       "-x: there are no short options, see --help");
}

Test(command_line, help_shows_the_table_in_eighty_columns)
{
	const char *const arguments[] = {"-l", "--help", "--none", NULL};

	cr_assert_eq(read_line(&full, STDOUT_FILENO, arguments), 0);
	cr_expect_str_eq(
		said,
		"Usage: tried\n"
		"\n"
		"  -c, --count N    how many (50)\n"
		"      --wait TIME  wait, for as long as this line is, which "
		"is too long for one\n"
		"                   (90s)\n"
		"  -m, --mode MODE  fast, slow or stopped (slow)\n"
		"\n"
		"Results:\n"
		"      --file FILE  write there (nowhere)\n"
		"      --pair A:B   may be given again\n"
		"\n"
		"  -l, --loud       say more\n"
		"      --help       print this and exit\n"
		"      --version    print the version and exit\n"
		"\n"
		"That is all.\n");
}

Test(command_line, help_leaves_no_place_for_letters_where_there_are_none)
{
	const char *const arguments[] = {"--help", NULL};

	cr_assert_eq(read_line(&plain, STDOUT_FILENO, arguments), 0);
	cr_expect(strstr(said, "\n  --pair A:B   may be given again\n"));
}

Test(command_line, version_is_the_librarys)
{
	const char *const arguments[] = {"--version", NULL};

	cr_assert_eq(read_line(&full, STDOUT_FILENO, arguments), 0);
	cr_expect_str_eq(said, "tried " WEIR_VERSION "\n");
}
