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

/* One option of --help. */
struct help_option {
	char name[HELP_NAME_SIZE];     /* with its dashes */
	char argument[HELP_NAME_SIZE]; /* "" if it has none */
	char text[HELP_TEXT_SIZE];
};

/* The next paragraph on something, as ".BI \-r ..."; NULL: there is none. */
static const char *next_paragraph(const char *at)
{
	at = strstr(at, "\n.TP\n.B");
	return at ? at + strlen("\n.TP\n") : NULL;
}

/* The paragraph of this option in the manual, up to the next; behind is what
 * follows the name. */
static bool find_paragraph(const char *manual, const char *name,
			   char text[HELP_TEXT_SIZE], char **behind)
{
	char sought[HELP_NAME_SIZE];
	size_t n = strlen(help_escape(name, sought));
	const char *line = manual;

	while ((line = next_paragraph(line))) {
		const char *found = strstr(line, sought);
		const char *end = strstr(line, "\n.TP");

		if (!found || found > line + strcspn(line, "\n") ||
		    !strchr(" \n", found[n]))
			continue;
		strcpy(text, line);
		if (end)
			text[end - line] = '\0';
		*behind = text + (found - line) + n;
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

/* Whether a line of --help tells of an option, behind its letter if it has
 * one. */
static bool is_option(const char *line, struct help_option *option)
{
	int n = 0;

	option->argument[0] = '\0';
	if (strncmp(line, "  ", 2) != 0 ||
	    (sscanf(line, " -%*c, %63[a-z-]%n", option->name, &n) != 1 &&
	     sscanf(line, " %63[a-z-]%n", option->name, &n) != 1) ||
	    strncmp(option->name, "--", 2) != 0)
		return false;
	if (line[n] == ' ' && line[n + 1] != ' ')
		sscanf(line + n, "%63s", option->argument);
	strcpy(option->text, line + n);
	return true;
}

/* As ' " N" : RATE' is N:RATE. */
static bool is_same_argument(const char *manual, const char *argument)
{
	for (; *manual && *manual != '\n'; manual++)
		if (!strchr("\" ", *manual) && *manual != *argument++)
			return false;
	return *argument == '\0';
}

/* Each number in the parentheses behind an option, which are its default, must
 * be in the manual. */
static void expect_same_default(const char *program,
				const struct help_option *option,
				const char *paragraph)
{
	const char *at = strrchr(option->text, '(');
	char number[HELP_NAME_SIZE];

	for (; at && *at; at += strcspn(at, " ,()")) {
		at += strspn(at, " ,()");
		if (sscanf(at, "%63[0-9A-Za-z]", number) == 1 &&
		    strchr("0123456789", number[0]) &&
		    !strstr(paragraph, number))
			harness_die("the manual of %s lacks %s of %s", program,
				    number, option->name);
	}
}

static void expect_in_manual(const char *program,
			     const struct help_option *option,
			     const char *manual)
{
	static char paragraph[HELP_TEXT_SIZE];
	char *behind;

	if (!find_paragraph(manual, option->name, paragraph, &behind))
		harness_die("the manual of %s lacks %s", program, option->name);
	if (!is_same_argument(behind, option->argument))
		harness_die("the manual of %s has another %s %s", program,
			    option->name, option->argument);
	expect_same_default(program, option, behind);
}

size_t help_expect_same_options(const char *program)
{
	static struct help_option option;
	static struct help_option next;
	char help[HELP_TEXT_SIZE];
	char manual[HELP_TEXT_SIZE];
	char *rest = help;
	const char *line;
	size_t n = 0;

	help_read(program, help);
	help_read_manual(program, manual);
	while ((line = strsep(&rest, "\n"))) {
		bool is_next = is_option(line, &next);

		/* a default may stand in the second line of an option */
		if (!is_next && strncmp(line, "   ", 3) == 0) {
			strcat(option.text, line);
			continue;
		}
		if (option.name[0])
			expect_in_manual(program, &option, manual);
		option = (struct help_option){0};
		if (is_next)
			option = next;
		n += is_next;
	}
	if (count_options(manual) != n)
		harness_die("the manual of %s has %zu options, --help %zu",
			    program, count_options(manual), n);
	return n;
}
