/* The command line of a program, from one table of its options: what reads it
 * and what --help prints are the same lines.
 *
 * An option may stand anywhere, with its value behind "=" or as the argument
 * that follows; "--" ends the options. Of an option that is given twice the
 * last one counts. --help and --version need no line in the table. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quantity.h"

enum {
	COMMAND_LINE_MAX_OPTIONS = 64,
	COMMAND_LINE_EXPECTED_SIZE = 256,
	COMMAND_LINE_GO_ON = -1
};

/* Read the value of an option that keeps more than its last value, or has a
 * form of its own. NULL, or what was expected. */
typedef const char *command_line_take_fn(void *context, const char *text);

struct command_line_option {
	const char *name;     /* without dashes */
	char letter;	      /* 0: none */
	const char *argument; /* "TIME"; NULL: a flag */
	const char *help;     /* --help breaks it into lines */
	const char *heading; /* a line above it in --help; "" is an empty one */

	/* What the value is; without kind, words and take it is any text. */
	const struct quantity_kind *kind;
	const char *const *words;   /* one of these; a NULL ends them */
	command_line_take_fn *take; /* called for each value */
	const char *expected;	    /* "an address"; of a text and a take */

	/* The default: of a kind its value, of words an index. --help shows
	 * that, but for a kind's 0, unless there are words to show. */
	uint64_t initial;
	const char *shown; /* "a quarter of high" */
};

struct command_line {
	const char *program;
	const char *intro; /* in --help above the options */
	const char *notes; /* and below */
	const struct command_line_option *options;
	size_t n_options;
};

struct command_line_value {
	bool is_given;
	uint64_t number;  /* of a kind, or an index into words */
	const char *text; /* as typed; NULL: not given, or a flag */
};

struct command_line_result {
	/* in the order of the table */
	struct command_line_value values[COMMAND_LINE_MAX_OPTIONS];
	char **operands;
	size_t n_operands;
};

/* COMMAND_LINE_GO_ON with result filled in, or the status to exit with: what
 * was asked for (--help, --version) or the line on what is wrong has been
 * printed. context is for the options that have a take. */
int command_line_read(const struct command_line *line,
		      struct command_line_result *result, void *context,
		      int argc, char **argv);

/* For a value of the table that is written somewhere else, as NAME=VALUE: the
 * option of that name, or NULL. */
const struct command_line_option *command_line_find(
	const struct command_line *line, const char *name, size_t n_name);

/* Take text, NULL for a flag, as the value of that option. NULL, or what was
 * expected, perhaps in space. */
const char *command_line_take(const struct command_line_option *option,
			      struct command_line_value *value,
			      const char *text, void *context,
			      char space[COMMAND_LINE_EXPECTED_SIZE]);

/* The exit status of a program that only printed to standard output: 0, or 1
 * after a line on why that failed, such as a full disk. */
int command_line_end_output(void);

#endif
