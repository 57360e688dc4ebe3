/* The examples in the headers: each is a program that compiles, ends by itself
 * and exits 0. One begins behind a line " * Example:" and goes on as long as
 * the lines of the comment are empty or begin with a tab. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"

enum {
	LINE_SIZE = 256,
	COMMAND_SIZE = 4096,
	DEADLINE_S = 60 /* for one that takes milliseconds */
};

TestSuite(examples, .init = harness_begin, .fini = harness_end);

static const char *from_environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static const char *build_folder(void)
{
	return from_environment("WEIR_BUILD", "build");
}

static int run(const char *command)
{
	fflush(NULL);
	return system(command);
}

/* What a program must be linked with if the library was built so. */
static const char *sanitizers(void)
{
	char command[COMMAND_SIZE];

	snprintf(command, sizeof command,
		 "nm '%s/libweir.a' | grep -q __asan_init", build_folder());
	return run(command) == 0 ? "-fsanitize=address,undefined" : "";
}

/* Copy the next example of header into the file at path; false: none left. */
static bool extract(FILE *header, const char *path)
{
	char line[LINE_SIZE];
	FILE *example;

	do {
		if (!fgets(line, sizeof line, header))
			return false;
	} while (strcmp(line, " * Example:\n") != 0);
	example = fopen(path, "w");
	cr_assert_not_null(example, "%s", path);
	while (fgets(line, sizeof line, header) &&
	       (strncmp(line, " *\t", 3) == 0 || strcmp(line, " *\n") == 0))
		fputs(line[2] == '\t' ? line + 3 : line + 2, example);
	fclose(example);
	return true;
}

static void check_one(const char *path)
{
	char command[COMMAND_SIZE];
	size_t n = strlen(path) - strlen(".c");

	snprintf(command, sizeof command,
		 "%s -Wall -Werror -Iinclude %s -o '%.*s' '%s' '%s/libweir.a'"
		 " -lpthread",
		 from_environment("CC", "cc"), sanitizers(), (int)n, path, path,
		 build_folder());
	cr_assert_eq(run(command), 0, "%s does not compile", path);
	snprintf(command, sizeof command, "timeout %d '%.*s' >/dev/null",
		 DEADLINE_S, (int)n, path);
	cr_assert_eq(run(command), 0, "%s fails", path);
}

/* Compile and run all examples of NOUN.h; how many there are. */
static int check_header(const char *noun)
{
	char path[LINE_SIZE];
	FILE *header;
	int n = 0;

	snprintf(path, sizeof path, "%s/examples", build_folder());
	mkdir(path, 0777);
	snprintf(path, sizeof path, "include/weir/%s.h", noun);
	header = fopen(path, "r");
	cr_assert_not_null(header, "%s", path);
	snprintf(path, sizeof path, "%s/examples/%s.c", build_folder(), noun);
	while (extract(header, path)) {
		check_one(path);
		n++;
	}
	fclose(header);
	return n;
}

Test(examples, every_noun_has_one_that_runs)
{
	static const char *const nouns[] = {
		"address", "buf",   "connector", "dgram",    "link",
		"list",	   "loop",  "fence",	 "observer", "fd",
		"signal",  "timer", "version",	 "wakeup"};

	for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++)
		cr_assert_eq(check_header(nouns[i]), 1, "%s.h", nouns[i]);
}

Test(examples, a_listener_has_two_that_run)
{
	cr_assert_eq(check_header("listener"), 2);
}

Test(examples, a_connection_has_three_that_run)
{
	cr_assert_eq(check_header("conn"), 3);
}
