/* src/lib/libweir.symbols lists what the shared library exports: exactly the
 * functions of the public headers. What changes it shows in a diff. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum {
	COMMAND_SIZE = 4096,
	WORD_SIZE = 128
};

TestSuite(exports, .init = harness_begin, .fini = harness_end);

static const char *from_environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static FILE *start(const char *command, const char *mode)
{
	FILE *pipe;

	fflush(NULL);
	pipe = popen(command, mode);
	cr_assert_not_null(pipe, "%s", command);
	return pipe;
}

/* Takes names, one a line, in any order; it ends with 0 if they are the list,
 * and else prints the difference. */
static FILE *compare(void)
{
	return start("LC_ALL=C sort -u | diff -u src/lib/libweir.symbols -",
		     "we");
}

Test(exports, are_the_list)
{
	FILE *names = compare();
	char command[COMMAND_SIZE];
	char name[WORD_SIZE];
	FILE *nm;

	snprintf(command, sizeof command,
		 "nm -D --defined-only '%s/libweir.so' | awk '{ print $3 }'",
		 from_environment("WEIR_BUILD", "build"));
	nm = start(command, "re");
	/* one with an underscore in front is of the compiler's making */
	while (fscanf(nm, "%127s", name) == 1)
		if (name[0] != '_')
			fprintf(names, "%s\n", name);
	cr_assert_eq(pclose(nm), 0);
	cr_assert_eq(pclose(names), 0);
}

/* What was read of a declaration. */
struct declaration {
	int n_open;	      /* braces and parentheses */
	char word[WORD_SIZE]; /* the last one outside them, */
	size_t n;	      /* so long so far */
	bool is_in_word;
	bool is_function; /* with external linkage */
	bool is_named;
};

static void end_declaration(struct declaration *d)
{
	memset(d, 0, sizeof *d);
	d->is_function = true;
}

/* A function is a name in front of the first parenthesis. */
static void open_parenthesis(struct declaration *d, FILE *names)
{
	if (d->n_open > 0 || strncmp(d->word, "weir_", 5) != 0 || d->is_named)
		return;
	d->is_named = true;
	if (d->is_function)
		fprintf(names, "%s\n", d->word);
}

static void read_word(struct declaration *d, char c)
{
	if (!d->is_in_word)
		d->n = 0;
	d->is_in_word = true;
	cr_assert_lt(d->n, sizeof d->word - 1);
	d->word[d->n++] = c;
	d->word[d->n] = '\0';
	if (strcmp(d->word, "typedef") == 0 || strcmp(d->word, "static") == 0)
		d->is_function = false;
}

static void read_byte(struct declaration *d, char c, FILE *names)
{
	if (isalnum((unsigned char)c) || c == '_') {
		if (d->n_open == 0)
			read_word(d, c);
		return;
	}
	d->is_in_word = false;
	if (c == '(')
		open_parenthesis(d, names);
	if (c == '(' || c == '{')
		d->n_open++;
	else if (c == ')' || c == '}')
		d->n_open--;
	if (d->n_open == 0 && (c == ';' || c == '}'))
		end_declaration(d);
}

/* Write the names of the functions that preprocessed headers declare. */
static void list_functions(FILE *headers, FILE *names)
{
	struct declaration d;
	char line[COMMAND_SIZE];

	end_declaration(&d);
	while (fgets(line, sizeof line, headers)) {
		if (line[0] == '#')
			continue;
		for (const char *c = line; *c; c++)
			read_byte(&d, *c, names);
	}
}

Test(exports, are_the_functions_of_the_public_headers)
{
	FILE *names = compare();
	char command[COMMAND_SIZE];
	FILE *headers;

	snprintf(command, sizeof command,
		 "cat include/weir.h include/weir/*.h |"
		 " %s -E -P -Iinclude -x c -",
		 from_environment("CC", "cc"));
	headers = start(command, "re");
	list_functions(headers, names);
	cr_assert_eq(pclose(headers), 0);
	cr_assert_eq(pclose(names), 0);
}
