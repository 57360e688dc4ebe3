/* Against HdrHistogram's own JavaScript tools, both ways. They are installed by
 * `npm ci` in tests/flood/hdr_histogram; where they are not, these tests say so. */
#include "hgrm.h"
#include "hlog.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "test_hlog.h"

TestSuite(hlog_js, .init = harness_begin, .fini = harness_end, .timeout = 60);

#define TOOLS "tests/flood/hdr_histogram/"

enum {
	N_PERCENTILES = 8,
	MAX_TAGS = 8
};

static const double percentiles[N_PERCENTILES] = {1,  10,   50,	   90,
						  99, 99.9, 99.99, 100};

/* What the tools print of a tag. */
struct sum {
	char tag[32];
	unsigned long long length_us;
	unsigned long long count;
	double mean;
	unsigned long long values[N_PERCENTILES];
};

static struct histogram histograms[MAX_TAGS];
static char tags[MAX_TAGS][HLOG_TAG_SIZE];
static uint64_t lengths_ns[MAX_TAGS];

static bool parse(struct sum *sum, const char *line)
{
	const unsigned n = N_PERCENTILES;
	unsigned long long *v = sum->values;

	return sscanf(line,
		      "%31s %llu %llu %lf %llu %llu %llu %llu %llu %llu %llu "
		      "%llu",
		      sum->tag, &sum->length_us, &sum->count, &sum->mean, &v[0],
		      &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
		      &v[7]) == (int)n + 4;
}

static void require_tools(void)
{
	if (access(TOOLS "node_modules/hdr-histogram-js", F_OK) != 0)
		cr_skip_test("no hdr-histogram-js: npm ci in " TOOLS);
	if (system("node --version >/dev/null 2>&1") != 0)
		cr_skip_test("no node");
}

static FILE *run(const char *what, const char *path)
{
	char command[128];
	FILE *answer;

	snprintf(command, sizeof command, "node " TOOLS "hlog.js %s %s", what,
		 path);
	answer = popen(command, "re");
	cr_assert_not_null(answer);
	return answer;
}

/* Let the tools read or write a log; how many tags they tell of. */
static size_t ask(struct sum *sums, const char *what, const char *path)
{
	FILE *answer = run(what, path);
	char line[512];
	size_t n = 0;

	while (n < MAX_TAGS && fgets(line, sizeof line, answer))
		cr_assert(parse(&sums[n++], line), "%s", line);
	cr_assert_eq(pclose(answer), 0);
	return n;
}

/* How far figures of two layouts may lie apart; both 0: of ours on both sides,
 * so that values are of the same slot. */
struct tolerance {
	double share;
	double ns;
};

static void compare(const struct sum *sum, size_t i, struct tolerance tolerance)
{
	const struct histogram *h = &histograms[i];

	cr_assert_str_eq(sum->tag, tags[i]);
	cr_assert_eq(sum->length_us, lengths_ns[i] / 1000);
	cr_assert_eq(sum->count, histogram_count(h), "%s", sum->tag);
	cr_assert_float_eq(histogram_mean(h), sum->mean,
			   sum->mean * (tolerance.share + 0.001));
	for (size_t p = 0; p < N_PERCENTILES; p++) {
		uint64_t ours = histogram_percentile(h, percentiles[p]);
		double theirs = (double)sum->values[p];
		bool is_same =
			histogram_slot(ours) == histogram_slot(sum->values[p]);

		cr_assert(is_same || fabs((double)ours - theirs) <=
					     theirs * tolerance.share +
						     tolerance.ns,
			  "%s p%g: %g", sum->tag, percentiles[p], theirs);
	}
}

/* -- they read what we write -- */

static uint64_t draw(size_t tag)
{
	switch (tag) {
	case 0:
		return 20000 +
		       harness_random_below(1 << harness_random_below(30));
	case 1:
		return harness_random_below(3000);
	default:
		return harness_random() >> (20 + harness_random_below(44));
	}
}

/* Of each tag; all in histograms and lengths_ns. */
static void write_seconds(FILE *file, unsigned n_seconds)
{
	static const char *const names[] = {"latency", "service", "lateness"};
	const uint64_t start_ns = UINT64_C(1767225600123456789);
	static struct histogram h;

	histogram_init(&h);
	cr_assert_eq(hlog_write_head(file, start_ns), 0);
	for (size_t i = 0; i < 3 * n_seconds; i++) {
		size_t tag = i % 3;
		struct hlog_interval interval = {
			.start_ns = start_ns + i / 3 * 1000000000,
			.length_ns = 999000000 + i / 3 * 1000000};

		strcpy(interval.tag, names[tag]);
		strcpy(tags[tag], names[tag]);
		histogram_clear(&h);
		for (size_t n = harness_random_below(3000); n > 0; n--)
			histogram_record(&h, draw(tag));
		lengths_ns[tag] += interval.length_ns;
		histogram_add(&histograms[tag], &h);
		cr_assert_eq(hlog_write(file, start_ns, &interval, &h), 0);
	}
}

static void write_log(const char *path)
{
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file);
	write_seconds(file, 5);
	fclose(file);
}

/* An empty file, to be removed, and empty histograms. */
static void begin(char *path)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	for (size_t i = 0; i < MAX_TAGS; i++)
		histogram_init(&histograms[i]);
}

Test(hlog_js, hdr_histogram_js_reads_our_logs)
{
	char path[] = "/tmp/weir-test-XXXXXX";
	struct sum sums[MAX_TAGS];

	require_tools();
	begin(path);
	write_log(path);
	cr_assert_eq(ask(sums, "read", path), 3);
	for (size_t i = 0; i < 3; i++)
		compare(&sums[i], i, (struct tolerance){0, 0});
	unlink(path);
}

/* -- we read what they write -- */

static size_t find(const char *tag)
{
	size_t i = 0;

	while (tags[i][0] && strcmp(tags[i], tag) != 0)
		i++;
	strcpy(tags[i], tag);
	return i;
}

static void read_log(const char *path)
{
	static struct histogram h;
	struct hlog_interval interval;
	struct hlog_reader reader;
	int outcome;

	histogram_init(&h);
	cr_assert_eq(hlog_open(&reader, path), 0);
	while ((outcome = hlog_read(&reader, &interval, &h)) == 1) {
		size_t i = find(interval.tag);

		histogram_add(&histograms[i], &h);
		lengths_ns[i] += interval.length_ns;
	}
	cr_assert_eq(outcome, 0, "%s", reader.error);
	hlog_close(&reader);
}

/* Deflated for real, in four layouts. */
Test(hlog_js, we_read_the_logs_of_hdr_histogram_js)
{
	static const struct tolerance tolerances[] = {
		{0, 0}, {1.0 / 16, 0}, {0.001, 0}, {0.001, 256}};
	char path[] = "/tmp/weir-test-XXXXXX";
	struct sum sums[MAX_TAGS];

	require_tools();
	begin(path);
	cr_assert_eq(ask(sums, "write", path), 4);
	read_log(path);
	for (size_t i = 0; i < 4; i++)
		compare(&sums[i], i, tolerances[i]);
	unlink(path);
}

/* -- the table of percentiles -- */

/* Row by row: the same share and count, and the same value to its three
 * places. Theirs ends with a row of its own for 100 %, like ours. */
static unsigned compare_tables(FILE *ours, FILE *theirs)
{
	char our_line[256];
	char their_line[256];
	unsigned n = 0;

	while (fgets(our_line, sizeof our_line, ours) && our_line[0] != '#') {
		double value[2];
		double share[2];
		unsigned long long count[2];

		cr_assert_not_null(
			fgets(their_line, sizeof their_line, theirs));
		if (sscanf(our_line, "%lf %lf %llu", &value[0], &share[0],
			   &count[0]) != 3)
			continue;
		cr_assert_eq(sscanf(their_line, "%lf %lf %llu", &value[1],
				    &share[1], &count[1]),
			     3, "%s", their_line);
		cr_assert_eq(share[0], share[1], "%s%s", our_line, their_line);
		cr_assert_eq(count[0], count[1], "%s%s", our_line, their_line);
		cr_assert_float_eq(value[0], value[1], 0.0005 + value[0] / 1024,
				   "%s%s", our_line, their_line);
		n++;
	}
	return n;
}

Test(hlog_js, our_tables_have_the_rows_of_hdr_histogram_js)
{
	char path[] = "/tmp/weir-test-XXXXXX";
	char table[] = "/tmp/weir-test-XXXXXX";
	FILE *ours;
	FILE *theirs;

	require_tools();
	begin(path);
	write_log(path);
	for (size_t i = 1; i < MAX_TAGS; i++)
		histogram_add(&histograms[0], &histograms[i]);
	ours = fdopen(mkstemp(table), "w+");
	cr_assert_not_null(ours);
	cr_assert_eq(hgrm_write(ours, &histograms[0]), 0);
	rewind(ours);
	theirs = run("hgrm", path);
	cr_assert_gt(compare_tables(ours, theirs), 30);
	cr_assert_eq(pclose(theirs), 0);
	fclose(ours);
	unlink(path);
	unlink(table);
}
