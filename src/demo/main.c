/* send-vs-sendall: from the command line to the exit status.
 *
 * What is measured goes to the terminal as it comes; JSON and HTML are written
 * in the end, unless they go to standard output, which then is theirs. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "command_line.h"
#include "complain.h"
#include "process.h"
#include "demo.h"
#include "options.h"
#include "table.h"
#include "verdict.h"

enum {
	/* longer than anything that is measured takes */
	PATIENCE_S = 60,
	/* two ends for each client, and some to spare */
	N_DESCRIPTORS = 64
};

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_REFUSED = 2
};

/* Where to write; NULL: nowhere. */
struct output {
	const char *name;
	FILE *file;
};

struct run {
	struct options options;
	struct demo demo;
	FILE *text;	/* for people; NULL: standard output is taken */
	int text_error; /* the first errno that writing it met */
	struct output json;
	struct output html;
};

static void on_alarm(int number)
{
	static const char line[] =
		"send-vs-sendall: no progress for a minute: given up\n";

	(void)number;
	(void)!write(STDERR_FILENO, line, sizeof line - 1);
	_exit(EXIT_FAILED);
}

static bool prepare_process(const struct options *options)
{
	struct rlimit limit;

	process_begin();
	(void)signal(SIGALRM, on_alarm);
	if (options->n_strategies == 0 ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= N_DESCRIPTORS)
		return true;
	complain("ulimit -n is %ju: the contest needs %d descriptors",
		 (uintmax_t)limit.rlim_cur, N_DESCRIPTORS);
	return false;
}

/* -- the parts -- */

/* Let people watch. */
static void show_now(struct run *run)
{
	if (run->text && fflush(run->text) != 0 && !run->text_error)
		run->text_error = errno;
}

/* A heading tells parts apart, where there are several. */
static void head(const struct run *run, const char *title)
{
	const struct options *options = &run->options;
	int n_parts = (options->n_strategies > 0) + options->wants_trace +
		      (options->n_lessons > 0);

	if (n_parts > 1)
		table_part(run->text, title);
}

static bool try_strategy(struct run *run, const struct contest_plan *plan)
{
	struct contest_result *result = &run->demo.results[run->demo.n_results];
	int error;

	(void)alarm(PATIENCE_S);
	error = contest_run(plan, result);
	if (error) {
		complain("%s: %s", plan->strategy->name, strerror(error));
		return false;
	}
	run->demo.n_results++;
	return true;
}

static bool show_size(struct run *run, size_t size)
{
	const struct options *options = &run->options;
	unsigned char *debt = contest_debt_new(size);
	bool is_right = debt != NULL;

	if (!debt)
		complain("%s", strerror(ENOMEM));
	for (size_t i = 0; is_right && i < options->n_strategies; i++) {
		struct contest_plan plan = {.strategy = options->strategies[i],
					    .debt = debt,
					    .n_debt = size,
					    .is_calm = options->is_calm,
					    .hold_ns = options->hold_ns};

		is_right = try_strategy(run, &plan);
		if (is_right && run->text) {
			const struct contest_result *result =
				&run->demo.results[run->demo.n_results - 1];

			if (i == 0)
				table_open(run->text, result);
			table_row(run->text, result);
			show_now(run);
		}
	}
	free(debt);
	return is_right;
}

static bool show_contest(struct run *run)
{
	const struct options *options = &run->options;
	bool is_right = true;

	if (options->n_strategies == 0)
		return true;
	run->demo.results = calloc(options->n_sizes * options->n_strategies,
				   sizeof *run->demo.results);
	if (!run->demo.results) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	if (run->text) {
		head(run, "One: ways to send to a slow reader");
		table_strategies(run->text, options->strategies,
				 options->n_strategies);
		table_setting(run->text, options->is_calm);
	}
	for (size_t i = 0; is_right && i < options->n_sizes; i++) {
		if (run->text && i > 0)
			(void)fputc('\n', run->text);
		is_right = show_size(run, (size_t)options->sizes[i]);
	}
	if (run->text)
		table_legend(run->text);
	return is_right;
}

static bool show_trace(struct run *run)
{
	int error;

	if (!run->options.wants_trace)
		return true;
	(void)alarm(PATIENCE_S);
	error = trace_send(&run->demo.send);
	if (!error)
		error = trace_sendall(&run->demo.sendall);
	if (error) {
		complain("trace: %s", strerror(error));
		return false;
	}
	run->demo.has_trace = true;
	if (!run->text)
		return true;
	head(run, "Two: 1 MiB sent twice, event by event");
	trace_print(run->text, &run->demo.send, &run->demo.sendall);
	(void)fputc('\n', run->text);
	return true;
}

static bool show_lessons(struct run *run)
{
	size_t n = run->options.n_lessons;

	if (n == 0)
		return true;
	run->demo.lessons = calloc(n, sizeof *run->demo.lessons);
	if (!run->demo.lessons) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	if (run->text)
		head(run, "Three: beliefs, tried");
	for (size_t i = 0; i < n; i++) {
		struct demo_lesson *told = &run->demo.lessons[i];

		(void)alarm(PATIENCE_S);
		told->lesson = run->options.lessons[i];
		lesson_run(told->lesson, &told->result);
		run->demo.n_lessons++;
		if (run->text) {
			lesson_print(run->text, told->lesson, &told->result);
			show_now(run);
		}
	}
	return true;
}

/* -- outputs -- */

static bool open_output(struct run *run, struct output *output,
			const char *name)
{
	if (!name)
		return true;
	output->name = name;
	if (strcmp(name, "-") == 0) {
		output->name = "standard output";
		output->file = stdout;
		run->text = NULL;
		return true;
	}
	output->file = fopen(name, "we");
	if (!output->file)
		complain("%s: %s", name, strerror(errno));
	return output->file != NULL;
}

static bool write_output(struct output *output, const struct demo *demo,
			 int (*write_demo)(FILE *, const struct demo *))
{
	int error = 0;

	if (!output->file)
		return true;
	error = write_demo(output->file, demo);
	if (output->file != stdout && fclose(output->file) != 0 && !error)
		error = -errno;
	if (error)
		complain("%s: %s", output->name, strerror(-error));
	return error == 0;
}

/* Whether every result was as expected. */
static bool is_as_expected(const struct demo *demo)
{
	bool is_right = !demo->has_trace ||
			(demo->send.is_intact && demo->sendall.is_intact);

	for (size_t i = 0; i < demo->n_results; i++) {
		const struct contest_result *result = &demo->results[i];

		if (verdict_is_expected(result))
			continue;
		complain("%s: this is not what it should show",
			 result->strategy->name);
		is_right = false;
	}
	for (size_t i = 0; i < demo->n_lessons; i++) {
		if (!demo->lessons[i].result.holds)
			continue;
		complain("%s: the belief held in this run",
			 demo->lessons[i].lesson->name);
		is_right = false;
	}
	return is_right;
}

static void free_demo(struct demo *demo)
{
	for (size_t i = 0; i < demo->n_results; i++)
		contest_free(&demo->results[i]);
	free(demo->results);
	free(demo->lessons);
}

static int show(struct run *run)
{
	bool is_right;

	if (!open_output(run, &run->json, run->options.json) ||
	    !open_output(run, &run->html, run->options.html) ||
	    !show_contest(run) || !show_trace(run) || !show_lessons(run))
		return EXIT_REFUSED;
	is_right = is_as_expected(&run->demo);
	if (!write_output(&run->json, &run->demo, demo_json) ||
	    !write_output(&run->html, &run->demo, demo_html))
		is_right = false;
	show_now(run);
	if (run->text_error) {
		complain("standard output: %s", strerror(run->text_error));
		is_right = false;
	}
	return is_right ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct run run = {.text = stdout};
	int status = options_read(&run.options, argc, argv);

	if (status != COMMAND_LINE_GO_ON)
		return status;
	if (!prepare_process(&run.options))
		return EXIT_REFUSED;
	status = show(&run);
	free_demo(&run.demo);
	return status;
}
