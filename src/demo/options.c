/* Without --strategy, --trace or --lesson parts one and two are shown; with any
 * of them, what they name. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "command_line.h"
#include "complain.h"
#include "quantity.h"

/* -- what an option takes -- */

static const char a_size[] = "a size from 1M to 256M, such as 8M";

static const struct quantity_kind size_kind = {
	.expected = a_size,
	.units = quantity_sizes,
	.min = 1048576,
	.max = 268435456,
};

static const struct quantity_kind hold_kind = {
	.expected = "a time from 1ms to 10s, such as 500ms",
	.units = quantity_times,
	.min = CLOCK_NS_PER_MS,
	.max = 10 * CLOCK_NS_PER_S,
};

static const char a_listed_name[] = "a name of --list";

static void add_strategy(struct options *options,
			 const struct strategy *strategy)
{
	for (size_t i = 0; i < options->n_strategies; i++)
		if (options->strategies[i] == strategy)
			return;
	options->strategies[options->n_strategies++] = strategy;
}

static void add_lesson(struct options *options, const struct lesson *lesson)
{
	for (size_t i = 0; i < options->n_lessons; i++)
		if (options->lessons[i] == lesson)
			return;
	if (options->n_lessons < OPTIONS_MAX_LESSONS)
		options->lessons[options->n_lessons++] = lesson;
}

static const char *take_strategy(void *options, const char *name)
{
	const struct strategy *strategy = strategy_find(name);

	if (!strategy)
		return a_listed_name;
	add_strategy(options, strategy);
	return NULL;
}

static const char *take_lesson(void *options, const char *name)
{
	const struct lesson *lesson = lesson_find(name);

	if (!lesson)
		return a_listed_name;
	add_lesson(options, lesson);
	return NULL;
}

static const char *take_size(void *context, const char *text)
{
	struct options *options = context;
	uint64_t size;

	if (!quantity_parse(&size_kind, text, &size))
		return a_size;
	if (options->n_sizes == OPTIONS_MAX_SIZES)
		return "no more than 8 sizes";
	options->sizes[options->n_sizes++] = size;
	return NULL;
}

/* -- the table -- */

enum {
	OPTION_STRATEGY,
	OPTION_TRACE,
	OPTION_LESSON,
	OPTION_ALL,
	OPTION_SIZE,
	OPTION_HOLD,
	OPTION_CALM,
	OPTION_JSON,
	OPTION_HTML,
	OPTION_LIST,
	N_OPTIONS
};

static const char a_file[] = "a file, or - for standard output";

static const struct command_line_option table[N_OPTIONS] = {
	[OPTION_STRATEGY] = {.name = "strategy",
			     .argument = "NAME",
			     .help = "this way of sending; may be given again",
			     .take = take_strategy,
			     .expected = a_listed_name,
			     .heading =
				     "Parts one and two, unless one is named:"},
	[OPTION_TRACE] = {.name = "trace", .help = "part two"},
	[OPTION_LESSON] = {.name = "lesson",
			   .argument = "NAME",
			   .help = "this lesson of part three; may be given "
				   "again",
			   .take = take_lesson,
			   .expected = a_listed_name},
	[OPTION_ALL] = {.name = "all", .help = "all parts, all lessons"},
	[OPTION_SIZE] = {.name = "size",
			 .argument = "SIZE",
			 .help = "what the reader asks for; may be given again",
			 .take = take_size,
			 .expected = a_size,
			 .shown = "8M, 16M",
			 .heading = "For part one:"},
	[OPTION_HOLD] = {.name = "hold",
			 .argument = "TIME",
			 .help = "how long it stops reading",
			 .kind = &hold_kind,
			 .initial = CLOCK_NS_PER_S},
	[OPTION_CALM] = {.name = "calm",
			 .help = "no slow reader: the healthy clients alone"},
	[OPTION_JSON] = {.name = "json",
			 .argument = "FILE",
			 .help = "write all that was measured; - is standard "
				 "output",
			 .expected = a_file,
			 .heading = ""},
	[OPTION_HTML] = {.name = "html",
			 .argument = "FILE",
			 .help = "write a page with charts; - is standard "
				 "output",
			 .expected = a_file},
	[OPTION_LIST] = {.name = "list",
			 .help = "print the strategies and lessons and exit"},
};

static const struct command_line command_line = {
	.program = "send-vs-sendall",
	.intro =
		"Usage: send-vs-sendall [OPTION]...\n"
		"See what send, sendall and a queue do when a peer reads too "
		"slowly.\n"
		"\n"
		"Part one: seven ways to send to one slow reader from a server "
		"of one\n"
		"thread, while twenty healthy clients want 64 bytes echoed.\n"
		"Part two: the same bytes by send and by sendall, event by "
		"event.\n"
		"Part three: beliefs about send and sendall, each tried.\n",
	.notes = "\n"
		 "SIZE takes K, M or G (1024); TIME needs ns, us, ms, s, m or "
		 "h.\n"
		 "Exit status: 0 every result was as expected; 1 one was not, "
		 "or was\n"
		 "not written; 2 not started.\n",
	.options = table,
	.n_options = N_OPTIONS,
};

/* -- all of it -- */

static int print_list(void)
{
	(void)puts("Strategies:");
	for (size_t i = 0; i < STRATEGY_COUNT; i++)
		(void)printf("%-22s %s\n", strategies[i]->name,
			     strategies[i]->how);
	(void)puts("\nLessons:");
	lesson_list(stdout);
	return command_line_end_output();
}

static void add_parts_one_and_two(struct options *options)
{
	for (size_t i = 0; i < STRATEGY_COUNT; i++)
		add_strategy(options, strategies[i]);
	options->wants_trace = true;
}

static void add_all(struct options *options)
{
	add_parts_one_and_two(options);
	for (size_t i = 0; i < lesson_count(); i++)
		add_lesson(options, lesson_get(i));
}

/* What was typed makes no sense together: false, and said. */
static bool is_sensible(const struct options *options,
			const struct command_line_result *result)
{
	const struct command_line_value *values = result->values;

	if (result->n_operands > 0)
		complain("%s: expected options only, see --help",
			 result->operands[0]);
	else if (options->json && options->html &&
		 strcmp(options->json, "-") == 0 &&
		 strcmp(options->html, "-") == 0)
		complain("--html -: expected a file, since --json has "
			 "standard output");
	else if (options->n_strategies == 0 &&
		 (options->n_sizes > 0 || values[OPTION_HOLD].is_given ||
		  options->is_calm))
		complain("--size, --hold and --calm: expected a --strategy "
			 "too");
	else
		return true;
	return false;
}

int options_read(struct options *options, int argc, char **argv)
{
	struct command_line_result result;
	const struct command_line_value *values = result.values;
	int status;

	*options = (struct options){0};
	status = command_line_read(&command_line, &result, options, argc, argv);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	if (values[OPTION_LIST].is_given)
		return print_list();
	options->hold_ns = values[OPTION_HOLD].number;
	options->is_calm = values[OPTION_CALM].is_given;
	options->wants_trace = values[OPTION_TRACE].is_given;
	options->json = values[OPTION_JSON].text;
	options->html = values[OPTION_HTML].text;
	if (values[OPTION_ALL].is_given)
		add_all(options);
	if (options->n_strategies == 0 && !options->wants_trace &&
	    options->n_lessons == 0)
		add_parts_one_and_two(options);
	if (!is_sensible(options, &result))
		return 2;
	if (options->n_sizes == 0) {
		options->sizes[options->n_sizes++] = 8 << 20;
		if (!options->is_calm)
			options->sizes[options->n_sizes++] = 16 << 20;
	}
	return COMMAND_LINE_GO_ON;
}
