/* What every program has: --help and --version, printed from the table. */
#ifndef COMMAND_LINE_HELP_H
#define COMMAND_LINE_HELP_H

#include "command_line.h"

/* The options of the table and, behind them, the two that all programs have. */
size_t command_line_count(const struct command_line *line);
const struct command_line_option *command_line_at(
	const struct command_line *line, size_t i);
bool command_line_has_letters(const struct command_line *line);

/* Do what one of those two asks for; the exit status. */
int command_line_print(const struct command_line *line,
		       const struct command_line_option *option);

#endif
