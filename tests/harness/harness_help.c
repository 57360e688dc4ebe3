#include "harness_help.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "harness_program.h"

void help_read(const char *program, char text[HELP_TEXT_SIZE])
{
	int status = program_print(program, "--help 2>/dev/null", text,
				   HELP_TEXT_SIZE);

	if (status != 0)
		harness_die("%s --help: status %d", program, status);
}

void help_read_manual(const char *program, char text[HELP_TEXT_SIZE])
{
	char path[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof path, "docs/%s.1", program);
	file = fopen(path, "re");
	if (!file)
		harness_die("%s: tests run at the top of the source tree",
			    path);
	n = fread(text, 1, HELP_TEXT_SIZE - 1, file);
	text[n] = '\0';
	fclose(file);
}

const char *help_escape(const char *name, char text[HELP_NAME_SIZE])
{
	char *end = text;

	for (; *name && end < text + HELP_NAME_SIZE - 2; name++) {
		if (*name == '-')
			*end++ = '\\';
		*end++ = *name;
	}
	*end = '\0';
	return text;
}

void help_expect_columns(const char *text, size_t n_columns)
{
	size_t n;

	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n > n_columns)
			harness_die("wider than %zu: %.*s", n_columns, (int)n,
				    text);
	}
}

/* -- options -- */

/* The next paragraph on something, as ".BI \-r ..."; NULL: there is none. */
static const char *next_paragraph(const char *at)
{
	at = strstr(at, "\n.TP\n.B");
	return at ? at + strlen("\n.TP\n") : NULL;
}

/* Whether the manual has a paragraph for this option. */
static bool has_option(const char *manual, const char *name)
{
	char sought[HELP_NAME_SIZE];
	size_t n = strlen(help_escape(name, sought));
	const char *line = manual;

	while ((line = next_paragraph(line))) {
		const char *found = strstr(line, sought);

		if (found && found < line + strcspn(line, "\n") &&
		    strchr(" \n", found[n]))
			return true;
	}
	return false;
}

static size_t count_options(const char *manual)
{
	const char *line = manual;
	size_t n = 0;

	while ((line = next_paragraph(line)))
		n += strncmp(line, ".B \\-", 5) == 0 ||
		     strncmp(line, ".BI \\-", 6) == 0;
	return n;
}

/* The name of the option that a line of --help tells of, behind its short one
 * if it has one. */
static bool is_option(const char *line, char name[HELP_NAME_SIZE])
{
	return strncmp(line, "  ", 2) == 0 &&
	       (sscanf(line, " -%*c, %63[a-z-]", name) == 1 ||
		sscanf(line, " %63[a-z-]", name) == 1) &&
	       strncmp(name, "--", 2) == 0;
}

size_t help_expect_same_options(const char *program)
{
	char help[HELP_TEXT_SIZE];
	char manual[HELP_TEXT_SIZE];
	char *rest = help;
	const char *line;
	size_t n = 0;

	help_read(program, help);
	help_read_manual(program, manual);
	while ((line = strsep(&rest, "\n"))) {
		char name[HELP_NAME_SIZE];

		if (!is_option(line, name))
			continue;
		if (!has_option(manual, name))
			harness_die("the manual of %s lacks %s", program, name);
		n++;
	}
	if (count_options(manual) != n)
		harness_die("the manual of %s has %zu options, --help %zu",
			    program, count_options(manual), n);
	return n;
}
