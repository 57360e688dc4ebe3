#include "merge.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "quantity.h"
#include "hgrm.h"

enum {
	COLUMN = 14,
	DATE_SIZE = 32
};

static double seconds_of(const struct merge *merge)
{
	return (double)(merge->end_ns - merge->start_ns) / 1e9;
}

/* NaN in no time at all. */
static double rate_of(const struct merge *merge, const struct histogram *h)
{
	double seconds = seconds_of(merge);

	return seconds > 0 ? (double)histogram_count(h) / seconds : (double)NAN;
}

static const char *name_of(const struct merge *merge, size_t i)
{
	return merge->tags[i].name[0] ? merge->tags[i].name : "(no tag)";
}

static int finish(FILE *file)
{
	errno = 0;
	if (fflush(file) == 0 && !ferror(file))
		return 0;
	return errno ? -errno : -EIO;
}

/* -- for people: a row for each figure, a column for each tag -- */

struct row {
	const char *name;
	void (*format)(char *text, const struct merge *merge,
		       const struct histogram *h, const struct row *row);
	double percent;
};

static void format_count(char *text, const struct merge *merge,
			 const struct histogram *h, const struct row *row)
{
	(void)merge, (void)row;
	quantity_format_count(text, histogram_count(h));
}

static void format_rate(char *text, const struct merge *merge,
			const struct histogram *h, const struct row *row)
{
	(void)row;
	quantity_format_rate(text, rate_of(merge, h));
}

static void format_mean(char *text, const struct merge *merge,
			const struct histogram *h, const struct row *row)
{
	(void)merge, (void)row;
	quantity_format_time(text, histogram_mean(h));
}

static void format_max(char *text, const struct merge *merge,
		       const struct histogram *h, const struct row *row)
{
	(void)merge, (void)row;
	quantity_format_time(text, (double)histogram_max(h));
}

static void format_overflow(char *text, const struct merge *merge,
			    const struct histogram *h, const struct row *row)
{
	(void)merge, (void)row;
	quantity_format_count(text, histogram_overflow(h));
}

static void format_percentile(char *text, const struct merge *merge,
			      const struct histogram *h, const struct row *row)
{
	uint64_t ns = histogram_percentile(h, row->percent);

	(void)merge;
	if (ns >= HISTOGRAM_TOP_NS)
		memcpy(text, ">= 1 h", sizeof ">= 1 h");
	else
		quantity_format_time(text, (double)ns);
}

static const struct row rows[] = {{"samples", format_count, 0},
				  {"rate", format_rate, 0},
				  {"min", format_percentile, 0},
				  {"mean", format_mean, 0},
				  {"p50", format_percentile, 50},
				  {"p90", format_percentile, 90},
				  {"p99", format_percentile, 99},
				  {"p99.9", format_percentile, 99.9},
				  {"p99.99", format_percentile, 99.99},
				  {"max", format_max, 0},
				  {">= 1 h", format_overflow, 0}};

static void print_row(FILE *file, const struct merge *merge,
		      const struct row *row)
{
	char text[QUANTITY_TEXT_SIZE];

	(void)fprintf(file, "%-8s", row->name);
	for (size_t i = 0; i < merge->n_tags; i++) {
		size_t n_name = strlen(name_of(merge, i));

		row->format(text, merge, merge->tags[i].histogram, row);
		(void)fprintf(file, " %*s",
			      n_name < COLUMN ? COLUMN : (int)n_name, text);
	}
	(void)putc('\n', file);
}

static void format_date(char *text, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) ||
	    strftime(text, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		memcpy(text, "-", 2);
}

int merge_print(FILE *file, const struct merge *merge)
{
	char time[QUANTITY_TEXT_SIZE];
	char date[DATE_SIZE];

	format_date(date, merge->start_ns);
	quantity_format_time(time, seconds_of(merge) * 1e9);
	(void)fprintf(file, "%zu log%s, %zu intervals, %s from %s\n\n",
		      merge->n_logs, merge->n_logs == 1 ? "" : "s",
		      merge->n_intervals, time, date);
	(void)fprintf(file, "%-8s", "");
	for (size_t i = 0; i < merge->n_tags; i++)
		(void)fprintf(file, " %*s", COLUMN, name_of(merge, i));
	(void)putc('\n', file);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		print_row(file, merge, &rows[i]);
	return finish(file);
}

/* -- for programs -- */

static void add_histogram(struct json *json, const char *tag,
			  const struct histogram *h)
{
	static const struct {
		const char *key;
		double percent;
	} figures[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}};
	char key[HLOG_TAG_SIZE + sizeof "_ns"];

	(void)snprintf(key, sizeof key, "%s_ns", tag[0] ? tag : "untagged");
	json_object(json, key);
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		json_count(json, figures[i].key,
			   histogram_percentile(h, figures[i].percent));
	json_count(json, "max", histogram_max(h));
	json_number(json, "mean", histogram_mean(h));
	json_count(json, "count", histogram_count(h));
	json_count(json, "overflow", histogram_overflow(h));
	json_end(json);
}

int merge_json(FILE *file, const struct merge *merge)
{
	struct json json;

	json_open(&json, file);
	json_object(&json, NULL);
	json_count(&json, "logs", merge->n_logs);
	json_count(&json, "intervals", merge->n_intervals);
	json_number(&json, "seconds", seconds_of(merge));
	for (size_t i = 0; i < merge->n_tags; i++)
		add_histogram(&json, merge->tags[i].name,
			      merge->tags[i].histogram);
	json_end(&json);
	return json_close(&json);
}

int merge_hlog(FILE *file, const struct merge *merge)
{
	struct hlog_interval interval = {.start_ns = merge->start_ns,
					 .length_ns = merge->end_ns -
						      merge->start_ns};
	int error = hlog_write_head(file, merge->start_ns);

	for (size_t i = 0; i < merge->n_tags && !error; i++) {
		memcpy(interval.tag, merge->tags[i].name, sizeof interval.tag);
		error = hlog_write(file, merge->start_ns, &interval,
				   merge->tags[i].histogram);
	}
	return error;
}

int merge_hgrm(FILE *file, const struct merge *merge)
{
	const struct histogram *h = merge_find(merge, "latency");

	return hgrm_write(file, h ? h : merge->tags[0].histogram);
}
