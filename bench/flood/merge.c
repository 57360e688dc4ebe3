#include "merge.h"

#include <stdlib.h>
#include <string.h>

static int fail(struct merge *merge, const struct hlog_reader *reader,
		const char *expected)
{
	(void)snprintf(merge->error, sizeof merge->error, "%s:%lu: expected %s",
		       reader->path, reader->line_number, expected);
	return -1;
}

static struct histogram *find(const struct merge *merge, const char *tag)
{
	for (size_t i = 0; i < merge->n_tags; i++)
		if (strcmp(merge->tags[i].name, tag) == 0)
			return merge->tags[i].histogram;
	return NULL;
}

const struct histogram *merge_find(const struct merge *merge, const char *tag)
{
	return find(merge, tag);
}

/* NULL: there is no memory. */
static struct histogram *add_tag(struct merge *merge, const char *tag)
{
	struct histogram *h = histogram_new();

	if (!h)
		return NULL;
	memcpy(merge->tags[merge->n_tags].name, tag, strlen(tag) + 1);
	merge->tags[merge->n_tags].histogram = h;
	merge->n_tags++;
	return h;
}

static void extend(struct merge *merge, const struct hlog_interval *interval)
{
	uint64_t end_ns = interval->start_ns + interval->length_ns;

	if (merge->n_intervals == 0 || interval->start_ns < merge->start_ns)
		merge->start_ns = interval->start_ns;
	if (end_ns > merge->end_ns)
		merge->end_ns = end_ns;
	merge->n_intervals++;
}

static int add_interval(struct merge *merge, const struct hlog_reader *reader,
			const struct hlog_interval *interval,
			const struct histogram *h)
{
	struct histogram *sum = find(merge, interval->tag);

	if (!sum && merge->n_tags == MERGE_MAX_TAGS)
		return fail(merge, reader, "no more than 8 different tags");
	if (!sum)
		sum = add_tag(merge, interval->tag);
	if (!sum)
		return fail(merge, reader, "memory for one more tag");
	histogram_add(sum, h);
	extend(merge, interval);
	return 0;
}

static int add_intervals(struct merge *merge, struct hlog_reader *reader,
			 struct histogram *h)
{
	size_t n_before = merge->n_intervals;
	struct hlog_interval interval;
	int outcome;

	while ((outcome = hlog_read(reader, &interval, h)) == 1)
		if (add_interval(merge, reader, &interval, h) < 0)
			return -1;
	if (outcome < 0)
		memcpy(merge->error, reader->error, sizeof merge->error);
	else if (merge->n_intervals == n_before)
		outcome = fail(merge, reader, "an interval before the end");
	return outcome;
}

int merge_add(struct merge *merge, const char *path)
{
	struct hlog_reader reader;
	struct histogram *h = histogram_new();
	int outcome = hlog_open(&reader, path);

	if (outcome < 0)
		memcpy(merge->error, reader.error, sizeof merge->error);
	else if (!h)
		outcome = fail(merge, &reader, "memory to read it");
	else
		outcome = add_intervals(merge, &reader, h);
	hlog_close(&reader);
	histogram_free(h);
	merge->n_logs++;
	return outcome;
}

void merge_close(struct merge *merge)
{
	for (size_t i = 0; i < merge->n_tags; i++)
		histogram_free(merge->tags[i].histogram);
	*merge = (struct merge){0};
}
