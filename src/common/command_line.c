/* getopt_long(3) is told what the table says. Long options are numbered from
 * OPTION_BASE on, in the order of the table, so that none is a letter. */
#include "command_line.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command_line_help.h"
#include "complain.h"

enum {
	OPTION_BASE = 256,
	EXPECTED_SIZE = COMMAND_LINE_EXPECTED_SIZE
};

int command_line_end_output(void)
{
	if (!ferror(stdout) && fflush(stdout) == 0)
		return 0;
	complain("standard output: %s", strerror(errno));
	return 1;
}

/* -- one value -- */

/* "echo, sink or connect" */
static const char *join(const char *const *words, char text[EXPECTED_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; words[i] && n < EXPECTED_SIZE; i++) {
		const char *between = words[i + 1] ? ", " : " or ";

		n += (size_t)snprintf(text + n, EXPECTED_SIZE - n, "%s%s",
				      i > 0 ? between : "", words[i]);
	}
	return text;
}

static const char *expected_of(const struct command_line_option *option,
			       char text[EXPECTED_SIZE])
{
	if (option->kind)
		return option->kind->expected;
	return option->words ? join(option->words, text) : option->expected;
}

static bool parse_word(const char *const *words, const char *text,
		       uint64_t *value)
{
	for (uint64_t i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0) {
			*value = i;
			return true;
		}
	return false;
}

/* NULL, or what was expected. */
static const char *parse(const struct command_line_option *option,
			 const char *text, uint64_t *value, void *context,
			 char expected[EXPECTED_SIZE])
{
	bool is_right = true;

	if (option->take)
		return option->take(context, text);
	if (option->kind)
		is_right = quantity_parse(option->kind, text, value);
	else if (option->words)
		is_right = parse_word(option->words, text, value);
	else if (option->expected)
		is_right = *text != '\0';
	return is_right ? NULL : expected_of(option, expected);
}

const char *command_line_take(const struct command_line_option *option,
			      struct command_line_value *value,
			      const char *text, void *context,
			      char space[EXPECTED_SIZE])
{
	value->is_given = true;
	value->text = text;
	if (!text)
		return NULL;
	return parse(option, text, &value->number, context, space);
}

static bool take_option(const struct command_line_option *option,
			struct command_line_value *value, const char *text,
			void *context)
{
	char space[EXPECTED_SIZE];
	const char *expected =
		command_line_take(option, value, text, context, space);

	if (expected)
		complain("--%s %s: expected %s", option->name, text, expected);
	return !expected;
}

const struct command_line_option *command_line_find(
	const struct command_line *line, const char *name, size_t n_name)
{
	for (size_t i = 0; i < line->n_options; i++) {
		const struct command_line_option *option = &line->options[i];

		if (strlen(option->name) == n_name &&
		    memcmp(option->name, name, n_name) == 0)
			return option;
	}
	return NULL;
}

/* -- the line -- */

/* Zeroed ends each. */
struct getopt_tables {
	struct option names[COMMAND_LINE_MAX_OPTIONS + 1];
	char letters[2 * COMMAND_LINE_MAX_OPTIONS + 2];
};

static void fill(struct getopt_tables *tables, const struct command_line *line)
{
	char *letter = tables->letters;
	size_t n = command_line_count(line);

	assert(n <= COMMAND_LINE_MAX_OPTIONS);
	*letter++ = ':';
	for (size_t i = 0; i < n; i++) {
		const struct command_line_option *option =
			command_line_at(line, i);
		bool has_value = option->argument != NULL;

		tables->names[i] = (struct option){
			.name = option->name,
			.has_arg = has_value ? required_argument : no_argument,
			.val = OPTION_BASE + (int)i};
		if (!option->letter)
			continue;
		*letter++ = option->letter;
		if (has_value)
			*letter++ = ':';
	}
}

/* The place in the table of what getopt calls by a letter or a number. */
static size_t place_of(const struct command_line *line, int outcome)
{
	size_t i = 0;

	if (outcome >= OPTION_BASE)
		return (size_t)(outcome - OPTION_BASE);
	while (line->options[i].letter != outcome)
		i++;
	return i;
}

/* What getopt_long(3) returned '?' or ':' for. */
static int refuse(const struct command_line *line, int outcome,
		  const char *argument)
{
	char space[EXPECTED_SIZE];

	if (outcome == ':')
		complain("%s: expected a value: %s", argument,
			 expected_of(
				 command_line_at(line, place_of(line, optopt)),
				 space));
	else if (optopt >= OPTION_BASE)
		complain("%s: expected no value", argument);
	else if (optopt == 0)
		complain("%s: there is no such option, see --help", argument);
	else if (command_line_has_letters(line))
		complain("-%c: there is no such option, see --help", optopt);
	else
		complain("-%c: there are no short options, see --help", optopt);
	return 2;
}

int command_line_read(const struct command_line *line,
		      struct command_line_result *result, void *context,
		      int argc, char **argv)
{
	struct getopt_tables tables = {0};
	int outcome;

	*result = (struct command_line_result){0};
	for (size_t i = 0; i < line->n_options; i++)
		result->values[i].number = line->options[i].initial;
	fill(&tables, line);
	opterr = 0;
	optind = 0; /* begin, once more in tests */
	while ((outcome = getopt_long(argc, argv, tables.letters, tables.names,
				      NULL)) != -1) {
		const struct command_line_option *option;
		size_t i;

		if (outcome == '?' || outcome == ':')
			return refuse(line, outcome, argv[optind - 1]);
		i = place_of(line, outcome);
		option = command_line_at(line, i);
		if (i >= line->n_options)
			return command_line_print(line, option);
		if (!take_option(option, &result->values[i], optarg, context))
			return 2;
	}
	result->operands = argv + optind;
	result->n_operands = (size_t)(argc - optind);
	return COMMAND_LINE_GO_ON;
}
