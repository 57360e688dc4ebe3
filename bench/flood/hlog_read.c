/* A log is read line by line, and what is no line of a log ends it with one
 * error: figures made from half a log would be worse than none. */
#include "hlog.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hlog_format.h"

enum {
	LINE_SIZE = 4 << 20
};

/* Sums of three times stay below 2^64. */
#define TIME_MAX (UINT64_C(1) << 62)

#define YEAR_NS (UINT64_C(365) * 24 * 3600 * 1000000000)

static int fail(struct hlog_reader *reader, const char *expected)
{
	(void)snprintf(reader->error, sizeof reader->error,
		       "%s:%lu: expected %s", reader->path, reader->line_number,
		       expected);
	return -1;
}

static int fail_errno(struct hlog_reader *reader)
{
	(void)snprintf(reader->error, sizeof reader->error, "%s: %s",
		       reader->path, strerror(errno));
	return -1;
}

int hlog_open(struct hlog_reader *reader, const char *path)
{
	*reader = (struct hlog_reader){.path = path};
	reader->line = malloc(LINE_SIZE);
	if (reader->line)
		reader->file = fopen(path, "re");
	return reader->file ? 0 : fail_errno(reader);
}

void hlog_close(struct hlog_reader *reader)
{
	if (reader->file)
		(void)fclose(reader->file);
	free(reader->line);
	reader->file = NULL;
	reader->line = NULL;
}

/* -- fields -- */

/* Skip the word if it stands here. */
static bool take_word(const char **text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*text, word, n) != 0)
		return false;
	*text += n;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool append(uint64_t *number, char digit, uint64_t max)
{
	uint64_t value = (uint64_t)(digit - '0');

	if (*number > (max - value) / 10)
		return false;
	*number = 10 * *number + value;
	return true;
}

/* A decimal number, in units of its n_decimals-th place; what is behind that
 * is cut off. False: there is none, or it is more than max. */
static bool take_decimal(const char **text, unsigned n_decimals, uint64_t max,
			 uint64_t *number)
{
	const char *at = *text;

	*number = 0;
	if (!is_digit(*at))
		return false;
	while (is_digit(*at))
		if (!append(number, *at++, max))
			return false;
	at += *at == '.';
	while (n_decimals-- > 0) {
		char digit = '0';

		if (is_digit(*at))
			digit = *at++;
		if (!append(number, digit, max))
			return false;
	}
	while (is_digit(*at))
		at++;
	*text = at;
	return true;
}

/* The name behind "Tag=". */
static bool take_tag(const char **text, char *tag)
{
	size_t n = strcspn(*text, ",");

	if ((*text)[n] != ',' || n >= HLOG_TAG_SIZE)
		return false;
	memcpy(tag, *text, n);
	tag[n] = '\0';
	*text += n + 1;
	return true;
}

/* -- lines -- */

/* 1: one that holds something, without its end; 0: there are no more. */
static int take_line(struct hlog_reader *reader)
{
	size_t n;

	reader->line_number++;
	errno = 0;
	if (!fgets(reader->line, LINE_SIZE, reader->file))
		return ferror(reader->file) ? fail_errno(reader) : 0;
	n = strlen(reader->line);
	if ((n == 0 || reader->line[n - 1] != '\n') && !feof(reader->file))
		return fail(reader, "lines of text, of at most 4 MiB");
	reader->line[strcspn(reader->line, "\r\n")] = '\0';
	return 1;
}

/* A comment, which may tell the time. */
static int take_comment(struct hlog_reader *reader, const char *text)
{
	uint64_t *time_ns = NULL;

	if (take_word(&text, "#[StartTime: "))
		time_ns = &reader->start_ns;
	else if (take_word(&text, "#[BaseTime: "))
		time_ns = &reader->base_ns;
	if (time_ns && !take_decimal(&text, 9, TIME_MAX, time_ns))
		return fail(reader, "a time in seconds since 1970");
	return 0;
}

static uint64_t since_1970(const struct hlog_reader *reader, uint64_t ns)
{
	if (reader->base_ns > 0)
		return reader->base_ns + ns;
	if (ns + YEAR_NS < reader->start_ns)
		return reader->start_ns + ns;
	return ns;
}

static int take_interval(struct hlog_reader *reader, const char *text,
			 struct hlog_interval *interval, struct histogram *h)
{
	const char *expected;
	uint64_t start_ns;
	uint64_t max_ns;

	interval->tag[0] = '\0';
	if (take_word(&text, "Tag=") && !take_tag(&text, interval->tag))
		return fail(reader, "a tag of at most 31 bytes and a comma");
	if (!take_decimal(&text, 9, TIME_MAX, &start_ns) ||
	    !take_word(&text, ",") ||
	    !take_decimal(&text, 9, TIME_MAX, &interval->length_ns) ||
	    !take_word(&text, ",") ||
	    !take_decimal(&text, 6, UINT64_MAX, &max_ns) ||
	    !take_word(&text, ","))
		return fail(reader, "[Tag=NAME,]START,LENGTH,MAX,HISTOGRAM");
	interval->start_ns = since_1970(reader, start_ns);
	histogram_clear(h);
	expected = hlog_decode(h, text, strlen(text));
	if (expected)
		return fail(reader, expected);
	/* The counts know the largest value to some digits, and MAX exactly;
	 * but only if other programs, too, told it in milliseconds. */
	if (h->count > 0 && histogram_slot(max_ns) == histogram_slot(h->max))
		h->max = max_ns;
	return 1;
}

int hlog_read(struct hlog_reader *reader, struct hlog_interval *interval,
	      struct histogram *h)
{
	int outcome;

	while ((outcome = take_line(reader)) == 1) {
		const char *text = reader->line;

		if (text[0] == '#' && take_comment(reader, text) < 0)
			return -1;
		if (text[0] == '#' || text[0] == '"' || text[0] == '\0')
			continue;
		return take_interval(reader, text, interval, h);
	}
	return outcome;
}
