/* What the library exports: nothing that its headers do not declare. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

TestSuite(symbols, .init = harness_begin, .fini = harness_end);

static char headers[1 << 18];

/* All headers, one behind the other. */
static void read_headers(void)
{
	size_t n = 0;
	glob_t files;
	size_t i;

	cr_assert_eq(glob("include/weir/*.h", 0, NULL, &files), 0);
	cr_assert_eq(glob("src/lib/*.h", GLOB_APPEND, NULL, &files), 0);
	for (i = 0; i < files.gl_pathc; i++) {
		FILE *file = fopen(files.gl_pathv[i], "r");

		cr_assert_not_null(file);
		n += fread(headers + n, 1, sizeof headers - 1 - n, file);
		fclose(file);
	}
	globfree(&files);
	cr_assert_lt(n, sizeof headers - 1, "there is room for all");
}

static bool is_in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* A declared function or object: the whole word, before "(", "[" or ";". */
static bool is_declared(const char *symbol)
{
	size_t n = strlen(symbol);
	const char *at = headers;

	while ((at = strstr(at, symbol))) {
		if (at > headers && !is_in_word(at[-1]) && at[n] != '\0' &&
		    strchr("([;", at[n]))
			return true;
		at += n;
	}
	return false;
}

Test(symbols, all_start_with_weir_and_are_declared_in_a_header)
{
	const char *build = getenv("WEIR_BUILD");
	char command[4096];
	char symbol[256];
	int n = 0;
	FILE *nm;

	read_headers();
	snprintf(command, sizeof command,
		 "nm -g --defined-only '%s/libweir.a' |"
		 " awk 'NF == 3 { print $3 }'",
		 build ? build : "build");
	nm = popen(command, "r");
	cr_assert_not_null(nm);
	while (fscanf(nm, "%255s", symbol) == 1) {
		cr_assert_eq(strncmp(symbol, "weir_", 5), 0, "%s", symbol);
		cr_assert(is_declared(symbol), "%s is in no header", symbol);
		n++;
	}
	cr_assert_eq(pclose(nm), 0);
	cr_assert_gt(n, 50, "nm found a library");
}
