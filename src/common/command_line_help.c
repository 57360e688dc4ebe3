/* Options stand left, what they do stands right of the longest of them, within
 * the 80 columns of a terminal. */
#include "command_line_help.h"

#include <stdio.h>
#include <string.h>

#include <weir/version.h>

#include "terminal.h"

enum {
	N_COLUMNS = 79,
	LABEL_SIZE = 64,
	TEXT_SIZE = 512
};

static const struct command_line_option common[] = {
	{.name = "help", .help = "print this and exit"},
	{.name = "version", .help = "print the version and exit"},
};

size_t command_line_count(const struct command_line *line)
{
	return line->n_options + sizeof common / sizeof *common;
}

const struct command_line_option *command_line_at(
	const struct command_line *line, size_t i)
{
	return i < line->n_options ? &line->options[i]
				   : &common[i - line->n_options];
}

bool command_line_has_letters(const struct command_line *line)
{
	for (size_t i = 0; i < line->n_options; i++)
		if (line->options[i].letter)
			return true;
	return false;
}

/* "  -r, --rate RATE"; without the letter's place where no option has one. The
 * width. */
static size_t label(const struct command_line_option *option, bool has_letters,
		    char text[LABEL_SIZE])
{
	char letter[] = "    ";

	if (option->letter)
		(void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
	return (size_t)snprintf(text, LABEL_SIZE, "  %s--%s%s%s",
				has_letters ? letter : "", option->name,
				option->argument ? " " : "",
				option->argument ? option->argument : "");
}

static const char *shown_default(const struct command_line_option *option,
				 char text[QUANTITY_TEXT_SIZE])
{
	if (option->shown)
		return option->shown;
	if (option->words)
		return option->words[option->initial];
	if (option->kind && option->initial > 0)
		return quantity_format_exact(text, option->kind,
					     option->initial);
	return NULL;
}

static void print_option(const struct command_line_option *option,
			 bool has_letters, size_t column)
{
	char left[LABEL_SIZE];
	char number[QUANTITY_TEXT_SIZE];
	char text[TEXT_SIZE];
	const char *shown = shown_default(option, number);
	const char *heading = option->heading;

	if (heading)
		(void)printf("\n%s%s", heading, heading[0] ? "\n" : "");
	(void)label(option, has_letters, left);
	(void)printf("%-*s", (int)column, left);
	(void)snprintf(text, sizeof text, "%s%s%s%s", option->help,
		       shown ? " (" : "", shown ? shown : "", shown ? ")" : "");
	terminal_print_wrapped(stdout, text, column, N_COLUMNS);
}

static void print_help(const struct command_line *line)
{
	bool has_letters = command_line_has_letters(line);
	size_t n = command_line_count(line);
	size_t column = 0;
	char text[LABEL_SIZE];

	for (size_t i = 0; i < n; i++) {
		size_t width =
			label(command_line_at(line, i), has_letters, text);

		if (width + 2 > column)
			column = width + 2;
	}
	(void)fputs(line->intro, stdout);
	for (size_t i = 0; i < n; i++)
		print_option(command_line_at(line, i), has_letters, column);
	(void)fputs(line->notes, stdout);
}

int command_line_print(const struct command_line *line,
		       const struct command_line_option *option)
{
	if (option == &common[0])
		print_help(line);
	else
		(void)printf("%s %s\n", line->program, WEIR_VERSION);
	return command_line_end_output();
}
