/* Files and terminal; see output.h. */
#include "output.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "complain.h"
#include "expect.h"
#include "hgrm.h"
#include "hlog.h"
#include "report.h"
#include "result.h"

static const char *path_of(const struct settings *settings,
			   enum output_file file)
{
	const char *const paths[OUTPUT_N_FILES] = {
		[OUTPUT_JSON] = settings->json_path,
		[OUTPUT_HTML] = settings->html_path,
		[OUTPUT_HGRM] = settings->hgrm_path,
		[OUTPUT_HLOG] = settings->hlog_path,
		[OUTPUT_JSON_LINES] = settings->json_lines_path};

	return paths[file];
}

static bool is_standard(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

/* For people. */
static const char *name_of(const struct settings *settings,
			   enum output_file file)
{
	const char *path = path_of(settings, file);

	return is_standard(path) ? "standard output" : path;
}

static bool is_standard_taken(const struct settings *settings)
{
	for (int i = 0; i < OUTPUT_N_FILES; i++)
		if (is_standard(path_of(settings, (enum output_file)i)))
			return true;
	return false;
}

/* -- while it runs -- */

static double seconds_left(const struct settings *settings,
			   const struct result_second *second)
{
	double left_s = (double)settings->duration_ns / 1e9 - second->at_s;

	return left_s > 0 ? left_s : 0;
}

static void write_log(struct output *output, const struct result_second *second,
		      const char *tag, const struct histogram *histogram)
{
	struct hlog_interval interval = {
		.start_ns = output->base_ns +
			    (uint64_t)((second->at_s - second->length_s) * 1e9),
		.length_ns = (uint64_t)(second->length_s * 1e9)};

	(void)snprintf(interval.tag, sizeof interval.tag, "%s", tag);
	if (output->errors[OUTPUT_HLOG] == 0)
		output->errors[OUTPUT_HLOG] =
			hlog_write(output->files[OUTPUT_HLOG], output->base_ns,
				   &interval, histogram);
}

static void write_line(struct output *output,
		       const struct result_second *second)
{
	FILE *to = output->files[OUTPUT_JSON_LINES];

	if (to && output->errors[OUTPUT_JSON_LINES] == 0)
		output->errors[OUTPUT_JSON_LINES] = report_json_line(
			to, second, output->settings->is_datagram);
}

static void on_second(void *user, const struct result_second *second,
		      const struct generator_interval *interval)
{
	struct output *output = user;

	if (output->files[OUTPUT_HLOG])
		write_log(output, second, "latency", interval->latency);
	if (output->files[OUTPUT_HLOG] && output->settings->rate > 0) {
		write_log(output, second, "service", interval->service);
		write_log(output, second, "lateness", interval->lateness);
	}
	write_line(output, second);
	progress_show(&output->progress, second,
		      seconds_left(output->settings, second));
}

/* The logs begin where the measurement does. */
static void on_start(void *user)
{
	struct output *output = user;
	FILE *log = output->files[OUTPUT_HLOG];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	output->base_ns =
		(uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (log)
		output->errors[OUTPUT_HLOG] =
			hlog_write_head(log, output->base_ns);
	if (output->wholes[OUTPUT_JSON_LINES].file)
		output->errors[OUTPUT_JSON_LINES] =
			whole_file_publish(&output->wholes[OUTPUT_JSON_LINES]);
}

static void on_warmup(void *user, double left_s)
{
	struct output *output = user;
	struct result_second nothing = {0};

	progress_show(&output->progress, &nothing, -left_s);
}

/* -- opening and closing -- */

/* Two results in one file are none, whatever they call it. */
static bool is_taken(const struct output *output, enum output_file file)
{
	const char *path = path_of(output->settings, file);

	for (int i = 0; i < (int)file; i++) {
		const char *other =
			path_of(output->settings, (enum output_file)i);

		if (other && (strcmp(other, path) == 0 ||
			      strcmp(output->wholes[i].target,
				     output->wholes[file].target) == 0))
			return true;
	}
	return false;
}

static bool open_file(struct output *output, enum output_file file)
{
	const char *path = path_of(output->settings, file);
	struct whole_file *whole = &output->wholes[file];
	char cause[COMPLAIN_CAUSE_SIZE];
	int error = 0;

	if (!path)
		return true;
	if (!is_standard(path))
		error = whole_file_open(whole, path);
	if (error == 0 && !is_taken(output, file)) {
		output->files[file] = is_standard(path) ? stdout : whole->file;
		return true;
	}
	complain("%s: %s", path,
		 error ? complain_cause(error, cause)
		       : "expected as one file only");
	return false;
}

bool output_open(struct output *output, const struct settings *settings)
{
	bool is_open = true;

	*output = (struct output){.settings = settings,
				  .events = {.on_second = on_second,
					     .on_start = on_start,
					     .on_warmup = on_warmup,
					     .user = output}};
	for (int i = 0; i < OUTPUT_N_FILES && is_open; i++)
		is_open = open_file(output, (enum output_file)i);
	progress_open(&output->progress, stderr, settings);
	return is_open;
}

void output_end_progress(struct output *output)
{
	progress_close(&output->progress);
}

/* Also what stdio still holds may find no room. */
static int finish_file(struct output *output, enum output_file file)
{
	FILE *to = output->files[file];

	if (to != stdout)
		return whole_file_commit(&output->wholes[file]);
	errno = 0;
	if (fflush(to) == 0 && !ferror(to))
		return 0;
	return errno ? -errno : -EIO;
}

static int write_file(struct output *output, enum output_file file,
		      const struct result *result, const struct expect *expect)
{
	FILE *to = output->files[file];

	switch (file) {
	case OUTPUT_JSON:
		return report_json(to, result, expect);
	case OUTPUT_HTML:
		return report_html(to, result, expect);
	case OUTPUT_HGRM:
		return hgrm_write(to, result->latency);
	case OUTPUT_HLOG:
	case OUTPUT_JSON_LINES:
	case OUTPUT_N_FILES:
		break;
	}
	return output->errors[file];
}

bool output_write(struct output *output, const struct result *result,
		  const struct expect *expect)
{
	FILE *table = is_standard_taken(output->settings) ? stderr : stdout;
	bool is_written = true;
	char cause[COMPLAIN_CAUSE_SIZE];

	errno = 0;
	report_table(table, result, expect);
	if (fflush(table) != 0 || ferror(table)) {
		complain("the table: %s",
			 complain_cause(errno ? -errno : -EIO, cause));
		is_written = false;
	}
	for (int i = 0; i < OUTPUT_N_FILES; i++) {
		enum output_file file = (enum output_file)i;
		int error;

		if (!output->files[i])
			continue;
		error = write_file(output, file, result, expect);
		if (error == 0)
			error = finish_file(output, file);
		if (error == 0)
			continue;
		complain("%s: %s", name_of(output->settings, file),
			 complain_cause(error, cause));
		is_written = false;
	}
	return is_written;
}

void output_close(struct output *output)
{
	for (int i = 0; i < OUTPUT_N_FILES; i++)
		whole_file_abandon(&output->wholes[i]);
}
