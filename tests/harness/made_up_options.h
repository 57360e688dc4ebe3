/* The options of a made-up program, one of each kind. The table is the
 * including file's own. */
#ifndef MADE_UP_OPTIONS_H
#define MADE_UP_OPTIONS_H

#include "command_line.h"

#include <string.h>

enum {
	OPTION_COUNT,
	OPTION_WAIT,
	OPTION_MODE,
	OPTION_FILE,
	OPTION_PAIR,
	OPTION_LOUD,
	N_OPTIONS
};

static const char *const modes[] = {"fast", "slow", "stopped", NULL};

/* "A:B"; the last of each, and how many there were. */
struct pairs {
	char first;
	char last;
	size_t n;
};

static const char *take_pair(void *context, const char *text)
{
	struct pairs *pairs = context;

	if (strlen(text) != 3 || text[1] != ':')
		return "two letters, A:B";
	pairs->first = text[0];
	pairs->last = text[2];
	pairs->n++;
	return NULL;
}

static const struct command_line_option options[N_OPTIONS] = {
	[OPTION_COUNT] = {.name = "count",
			  .letter = 'c',
			  .argument = "N",
			  .help = "how many",
			  .kind = &quantity_count,
			  .initial = 50},
	[OPTION_WAIT] = {.name = "wait",
			 .argument = "TIME",
			 .help = "wait, for as long as this line is, which is "
				 "too long for one",
			 .kind = &quantity_time,
			 .initial = 90000000000},
	[OPTION_MODE] = {.name = "mode",
			 .letter = 'm',
			 .argument = "MODE",
			 .help = "fast, slow or stopped",
			 .words = modes,
			 .initial = 1},
	[OPTION_FILE] = {.name = "file",
			 .argument = "FILE",
			 .help = "write there",
			 .expected = "a file",
			 .shown = "nowhere",
			 .heading = "Results:"},
	[OPTION_PAIR] = {.name = "pair",
			 .argument = "A:B",
			 .help = "may be given again",
			 .take = take_pair,
			 .expected = "two letters, A:B"},
	[OPTION_LOUD] = {.name = "loud",
			 .letter = 'l',
			 .help = "say more",
			 .heading = ""},
};

#endif
