/* The command line. Without --strategy, --trace or --lesson parts one and two
 * are shown; with any of them, what they name. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <weir/version.h>

#include "quantity.h"

enum option_number {
	/* with a value */
	OPTION_STRATEGY,
	OPTION_SIZE,
	OPTION_HOLD,
	OPTION_LESSON,
	OPTION_JSON,
	OPTION_HTML,
	/* without */
	OPTION_CALM,
	OPTION_TRACE,
	OPTION_ALL,
	OPTION_LIST,
	OPTION_HELP,
	OPTION_VERSION,
	N_OPTIONS
};

static const struct option long_options[] = {
	{"strategy", required_argument, NULL, OPTION_STRATEGY},
	{"size", required_argument, NULL, OPTION_SIZE},
	{"hold", required_argument, NULL, OPTION_HOLD},
	{"lesson", required_argument, NULL, OPTION_LESSON},
	{"json", required_argument, NULL, OPTION_JSON},
	{"html", required_argument, NULL, OPTION_HTML},
	{"calm", no_argument, NULL, OPTION_CALM},
	{"trace", no_argument, NULL, OPTION_TRACE},
	{"all", no_argument, NULL, OPTION_ALL},
	{"list", no_argument, NULL, OPTION_LIST},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0}};

static const char help[] =
	"Usage: send-vs-sendall [OPTION]...\n"
	"See what send, sendall and a queue do when a peer reads too slowly.\n"
	"\n"
	"Part one: seven ways to send to one slow reader from a server of one\n"
	"thread, while twenty healthy clients want 64 bytes echoed.\n"
	"Part two: the same bytes by send and by sendall, event by event.\n"
	"Part three: beliefs about send and sendall, each tried.\n"
	"\n"
	"Parts one and two, unless something is named:\n"
	"  --strategy NAME  this way of sending; may be given again\n"
	"  --trace          part two\n"
	"  --lesson NAME    this lesson of part three; may be given again\n"
	"  --all            all parts, all lessons\n"
	"\n"
	"For part one:\n"
	"  --size SIZE      what the reader is owed; may be given again (8M, "
	"16M)\n"
	"  --hold TIME      for how long it stops reading (1s)\n"
	"  --calm           no slow reader: the healthy clients alone\n"
	"\n"
	"  --json FILE      write all that was measured; - is standard output\n"
	"  --html FILE      write a page with charts; - is standard output\n"
	"  --list           print the strategies and lessons and exit\n"
	"  --help           print this and exit\n"
	"  --version        print the version and exit\n"
	"\n"
	"SIZE takes K, M or G (1024); TIME needs ns, us, ms, s or m.\n"
	"Exit status: 0 all turned out as it is here to show; 1 something did\n"
	"not; 2 not started.\n";

static const struct quantity_kind size_kind = {
	.expected = "a size from 1M to 256M, such as 8M",
	.units = quantity_sizes,
	.min = 1048576,
	.max = 268435456,
};

static const struct quantity_kind hold_kind = {
	.expected = "a time from 1ms to 10s, such as 500ms",
	.units = quantity_times,
	.min = 1000000,
	.max = UINT64_C(10000000000),
};

void demo_complain(const char *format, ...)
{
	va_list list;

	(void)fputs("send-vs-sendall: ", stderr);
	va_start(list, format);
	(void)vfprintf(stderr, format, list);
	va_end(list);
	(void)fputc('\n', stderr);
}

static int print(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return 0;
	demo_complain("standard output: %s", strerror(errno));
	return 1;
}

static int print_list(void)
{
	(void)puts("Strategies:");
	for (size_t i = 0; i < STRATEGY_COUNT; i++)
		(void)printf("%-22s %s\n", strategies[i]->name,
			     strategies[i]->how);
	(void)puts("\nLessons:");
	lesson_list(stdout);
	return print("");
}

/* -- one option -- */

static bool add_strategy(struct demo_options *options, const char *name)
{
	const struct strategy *strategy = strategy_find(name);

	if (!strategy) {
		demo_complain("--strategy %s: expected a name of --list", name);
		return false;
	}
	for (size_t i = 0; i < options->n_strategies; i++)
		if (options->strategies[i] == strategy)
			return true;
	options->strategies[options->n_strategies++] = strategy;
	return true;
}

static bool add_lesson(struct demo_options *options, const char *name)
{
	const struct lesson *lesson = lesson_find(name);

	if (!lesson) {
		demo_complain("--lesson %s: expected a name of --list", name);
		return false;
	}
	for (size_t i = 0; i < options->n_lessons; i++)
		if (options->lessons[i] == lesson)
			return true;
	if (options->n_lessons < DEMO_MAX_LESSONS)
		options->lessons[options->n_lessons++] = lesson;
	return true;
}

static bool add_size(struct demo_options *options, const char *text)
{
	uint64_t size;

	if (!quantity_parse(&size_kind, text, &size)) {
		demo_complain("--size %s: expected %s", text,
			      size_kind.expected);
		return false;
	}
	if (options->n_sizes == DEMO_MAX_SIZES) {
		demo_complain("--size %s: expected no more than %d sizes", text,
			      DEMO_MAX_SIZES);
		return false;
	}
	options->sizes[options->n_sizes++] = size;
	return true;
}

static void add_all(struct demo_options *options, bool with_lessons)
{
	for (size_t i = 0; i < STRATEGY_COUNT; i++)
		(void)add_strategy(options, strategies[i]->name);
	options->wants_trace = true;
	for (size_t i = 0; with_lessons && i < lesson_count(); i++)
		(void)add_lesson(options, lesson_get(i)->name);
}

static bool take_value(struct demo_options *options, int number,
		       const char *text)
{
	switch (number) {
	case OPTION_STRATEGY:
		return add_strategy(options, text);
	case OPTION_LESSON:
		return add_lesson(options, text);
	case OPTION_SIZE:
		return add_size(options, text);
	case OPTION_JSON:
		options->json = text;
		return true;
	case OPTION_HTML:
		options->html = text;
		return true;
	default:
		break;
	}
	if (quantity_parse(&hold_kind, text, &options->hold_ns))
		return true;
	demo_complain("--hold %s: expected %s", text, hold_kind.expected);
	return false;
}

/* DEMO_GO_ON, or the status to exit with. */
static int take_flag(struct demo_options *options, int number)
{
	switch (number) {
	case OPTION_CALM:
		options->is_calm = true;
		return DEMO_GO_ON;
	case OPTION_TRACE:
		options->wants_trace = true;
		return DEMO_GO_ON;
	case OPTION_ALL:
		add_all(options, true);
		return DEMO_GO_ON;
	case OPTION_LIST:
		return print_list();
	case OPTION_HELP:
		return print(help);
	default:
		return print("send-vs-sendall " WEIR_VERSION "\n");
	}
}

/* What getopt_long(3) returned '?' or ':' for. */
static void refuse_option(int outcome, const char *text)
{
	if (outcome == ':')
		demo_complain("%s: expected a value, see --help", text);
	else if (optopt >= N_OPTIONS)
		demo_complain("-%c: there are no short options, see --help",
			      optopt);
	else if (optopt > 0)
		demo_complain("%s: expected no value", text);
	else
		demo_complain("%s: there is no such option, see --help", text);
}

static int check_sense(struct demo_options *options, int argc, char **argv)
{
	if (optind < argc) {
		demo_complain("%s: expected options only, see --help",
			      argv[optind]);
		return 2;
	}
	if (options->json && options->html && !strcmp(options->json, "-") &&
	    !strcmp(options->html, "-")) {
		demo_complain("--html -: expected a file, since --json has "
			      "standard output");
		return 2;
	}
	if (options->n_strategies == 0 && !options->wants_trace &&
	    options->n_lessons == 0)
		add_all(options, false);
	if (options->n_strategies == 0 &&
	    (options->n_sizes > 0 || options->hold_ns || options->is_calm)) {
		demo_complain("--size, --hold and --calm: expected a "
			      "--strategy too");
		return 2;
	}
	if (options->n_sizes == 0) {
		options->sizes[options->n_sizes++] = 8 << 20;
		if (!options->is_calm)
			options->sizes[options->n_sizes++] = 16 << 20;
	}
	return DEMO_GO_ON;
}

int demo_options_parse(struct demo_options *options, int argc, char **argv)
{
	int number;
	int status;

	*options = (struct demo_options){0};
	opterr = 0;
	while ((number = getopt_long(argc, argv, ":", long_options, NULL)) !=
	       -1) {
		if (number >= N_OPTIONS) {
			refuse_option(number, argv[optind - 1]);
			return 2;
		}
		if (number < OPTION_CALM) {
			if (!take_value(options, number, optarg))
				return 2;
			continue;
		}
		status = take_flag(options, number);
		if (status != DEMO_GO_ON)
			return status;
	}
	return check_sense(options, argc, argv);
}
