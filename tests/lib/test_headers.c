/* The public headers: each compiles by itself, in C and in C++, whatever the
 * program that includes it has defined. Only include/ is searched, so none
 * includes an internal one. */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

enum {
	COMMAND_SIZE = 1024
};

TestSuite(headers, .init = harness_begin, .fini = harness_end);

static int run(const char *command)
{
	fflush(NULL);
	return system(command);
}

static void compile(const char *compiler, const char *header)
{
	char command[COMMAND_SIZE];

	/* a name of its own, since an empty program is none in C */
	snprintf(command, sizeof command,
		 "printf '#include \"%s\"\\nextern int some;\\n' |"
		 " %s -Wall -Wextra -Wpedantic -Werror -Iinclude"
		 " -fsyntax-only -",
		 header, compiler);
	cr_expect_eq(run(command), 0, "%s: %s", compiler, header);
}

static void compile_each(const char *compiler)
{
	glob_t files;
	size_t i;

	cr_assert_eq(glob("include/*.h", 0, NULL, &files), 0);
	cr_assert_eq(glob("include/weir/*.h", GLOB_APPEND, NULL, &files), 0);
	for (i = 0; i < files.gl_pathc; i++)
		compile(compiler, files.gl_pathv[i]);
	globfree(&files);
}

Test(headers, each_compiles_alone_as_c11)
{
	const char *cc = getenv("CC");
	char compiler[COMMAND_SIZE];

	snprintf(compiler, sizeof compiler, "%s -x c -std=c11",
		 cc && *cc ? cc : "cc");
	compile_each(compiler);
}

Test(headers, each_compiles_alone_as_cpp17)
{
	if (run("command -v c++ >/dev/null") != 0)
		cr_skip_test("no C++ compiler is installed");
	compile_each("c++ -x c++ -std=c++17");
}
