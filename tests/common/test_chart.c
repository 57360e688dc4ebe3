#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "harness.h"
#include "document.h"

TestSuite(chart, .init = harness_begin, .fini = harness_end);

enum {
	MANY = 100000
};

static void draw(struct document *document, const struct chart *chart)
{
	document_open(document);
	chart_draw(chart, document->out);
	document_close(document);
}

/* The commands of the series' path in the drawing's i-th colour. */
static const char *path_of(const struct document *document, int i, size_t *n)
{
	char class[64];
	const char *path;

	(void)snprintf(class, sizeof class, "<path class=\"series s%d", i);
	path = strstr(strstr(document->text, "viewBox=\"0 0 960"), class);
	cr_assert_not_null(path);
	path = strstr(path, " d=\"") + 4;
	*n = strcspn(path, "\"");
	return path;
}

static void expect_path(const struct document *document, int i,
			const char *expected)
{
	size_t n;
	const char *path = path_of(document, i, &n);

	cr_expect(n == strlen(expected) && memcmp(path, expected, n) == 0,
		  "%.*s", (int)n, path);
}

/* It is drawn from 36 to 926, and from 272 up to 26. */
static struct chart one_series(const struct chart_series *series)
{
	return (struct chart){
		.title = "title",
		.x = {.max = 10},
		.y = {.max = 1},
		.series = series,
		.n_series = 1,
	};
}

static void expect_drawn(struct chart_series series, const char *path)
{
	struct chart chart = one_series(&series);
	struct document document;

	draw(&document, &chart);
	expect_path(&document, 1, path);
	document_free(&document);
}

static const struct chart_point steps[] = {{0, 0}, {5, 1}, {10, 0.5}};

Test(chart, a_line_goes_from_point_to_point)
{
	expect_drawn((struct chart_series){"s", CHART_LINE, steps, 3},
		     "M36.0 272.0h0L481.0 26.0L926.0 149.0");
}

Test(chart, a_step_holds_until_the_next_point)
{
	expect_drawn((struct chart_series){"s", CHART_STEP, steps, 3},
		     "M36.0 272.0h0H481.0V26.0H926.0V149.0");
}

Test(chart, dots_are_not_connected)
{
	expect_drawn((struct chart_series){"s", CHART_DOTS, steps, 3},
		     "M36.0 272.0h0M481.0 26.0h0M926.0 149.0h0");
}

Test(chart, a_line_has_a_gap_where_there_is_no_number)
{
	const struct chart_point points[] = {
		{0, 0}, {2, 1}, {4, (double)NAN}, {6, 1}, {10, 0}};

	expect_drawn((struct chart_series){"s", CHART_LINE, points, 5},
		     "M36.0 272.0h0L214.0 26.0M570.0 26.0h0L926.0 272.0");
}

Test(chart, a_step_holds_until_a_gap_begins)
{
	const struct chart_point points[] = {
		{0, 0}, {2, 1}, {4, (double)NAN}, {10, 0}};

	expect_drawn((struct chart_series){"s", CHART_STEP, points, 4},
		     "M36.0 272.0h0H214.0V26.0H392.0V26.0"
		     "M926.0 272.0h0m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0");
}

/* Both ranges end where the data does, at the edges of the drawing. */
Test(chart, a_small_one_is_lines_from_edge_to_edge_without_a_word)
{
	static const struct chart_point points[] = {{0, 0}, {7, 3}};
	const struct chart_series series = {
		.name = "a", .points = points, .n_points = 2};
	const struct chart_band band = {.from = 2, .to = 3};
	const struct chart_rule rule = {.y = 1};
	struct chart chart = {.title = "t",
			      .series = &series,
			      .n_series = 1,
			      .bands = &band,
			      .n_bands = 1,
			      .rules = &rule,
			      .n_rules = 1,
			      .height = 100,
			      .is_small = true};
	struct document document;

	draw(&document, &chart);
	cr_expect(strstr(document.text, "viewBox=\"0 0 240 100\""));
	cr_expect(strstr(document.text, "L240.0 2.0\"><title>a"), "%s",
		  document.text);
	cr_expect(strstr(document.text, "<title>t</title>"));
	cr_expect_eq(document_count(document.text, "class=\"band\""), 1);
	cr_expect_eq(document_count(document.text, "class=\"rule\""), 1);
	cr_expect_eq(document_count(document.text, "<text"), 0);
	cr_expect_eq(document_count(document.text, "<figure"), 0);
	document_free(&document);
}

/* By default the label "2" leaves the axis at 36. */
Test(chart, room_for_labels_can_be_asked_for)
{
	static const struct chart_point points[] = {{0, 0}, {1, 2}};
	const struct chart_series series = {
		.name = "a", .points = points, .n_points = 2};
	struct chart chart = {.title = "t",
			      .description = "d",
			      .series = &series,
			      .n_series = 1,
			      .n_letters = 7};
	struct document document;

	document_open(&document);
	chart_draw(&chart, document.out);
	document_close(&document);
	cr_expect(strstr(document.text, "d=\"M68.0 272.0"));
	document_free(&document);
}

Test(chart, a_lone_point_can_be_seen)
{
	expect_drawn((struct chart_series){"s", CHART_LINE, steps, 1},
		     "M36.0 272.0h0m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0");
}

Test(chart, an_area_is_closed_along_the_base)
{
	struct chart_series series = {"s", CHART_AREA, steps, 2};
	struct chart chart = one_series(&series);
	struct document document;

	draw(&document, &chart);
	cr_expect_eq(document_count(document.text,
				    "class=\"tint s1\" d=\"M36.0 272.0V272.0"
				    "L481.0 26.0V272.0Z\""),
		     1);
	document_free(&document);
}

Test(chart, among_many_points_a_single_spike_is_drawn_either_way)
{
	struct chart_point *points = calloc(MANY, sizeof *points);
	struct chart_series series = {"s", CHART_LINE, points, MANY};
	struct chart chart = one_series(&series);
	struct document document;
	const char *path;
	size_t n;

	cr_assert_not_null(points);
	for (size_t i = 0; i < MANY; i++)
		points[i] = (struct chart_point){10.0 * (double)i / MANY, 0.5};
	points[54321].y = 1;
	points[12345].y = 0;
	draw(&document, &chart);
	path = path_of(&document, 1, &n);
	cr_expect_not_null(memmem(path, n, " 26.0", 5));
	cr_expect_not_null(memmem(path, n, " 272.0", 6));
	cr_expect_lt(n, 64 * 1024);
	document_free(&document);
	free(points);
}

Test(chart, without_a_point_it_says_so)
{
	const struct chart_point nowhere = {1, (double)NAN};
	struct chart_series series = {"s", CHART_LINE, &nowhere, 1};
	struct chart chart = one_series(&series);
	struct document document;

	draw(&document, &chart);
	cr_expect_eq(document_count(document.text, "There is nothing to draw"),
		     1);
	cr_expect_eq(document_count(document.text, "<svg"), 0);
	document_free(&document);
}

/* -- everything at once -- */

static void draw_all(struct document *document)
{
	const struct chart_point points[] = {{1, 1e-3}, {2, 0}, {9, 1e12}};
	const struct chart_band bands[] = {{"<band>", 2, 3},
					   {NULL, 4, 5},
					   {"late", 9, 99},
					   {"never", 20, 30}};
	const struct chart_rule rules[] = {
		{"<rule>", 10}, {NULL, 20}, {"top", 1e13}};
	struct chart_series series[CHART_MAX_SERIES];
	struct chart chart = {
		.title = "<title>",
		.description = "<description>",
		.x = {"<x>", CHART_LINEAR, CHART_NS, 0, 0},
		.y = {"<y>", CHART_LOG, CHART_NUMBER, 0, 0},
		.series = series,
		.n_series = CHART_MAX_SERIES,
		.bands = bands,
		.n_bands = sizeof bands / sizeof *bands,
		.rules = rules,
		.n_rules = sizeof rules / sizeof *rules,
	};

	for (size_t i = 0; i < CHART_MAX_SERIES; i++)
		series[i] = (struct chart_series){
			"<name>", (enum chart_shape)(i % 4), points, 3};
	draw(document, &chart);
}

Test(chart, every_text_is_escaped)
{
	struct document document;

	draw_all(&document);
	cr_expect_eq(document_count(document.text, "&lt;title&gt;"), 2);
	cr_expect_eq(document_count(document.text, "&lt;description&gt;"), 1);
	cr_expect_eq(document_count(document.text, "&lt;x&gt;"), 1);
	cr_expect_eq(document_count(document.text, "&lt;y&gt;"), 1);
	cr_expect_eq(document_count(document.text, "&lt;band&gt;"), 1);
	cr_expect_eq(document_count(document.text, "&lt;rule&gt;"), 1);
	cr_expect_eq(document_count(document.text, "&lt;name&gt;"),
		     2 * CHART_MAX_SERIES);
	cr_expect_eq(document_count(document.text, "nan"), 0);
	cr_expect_eq(document_count(document.text, "inf"), 0);
	document_free(&document);
}

Test(chart, an_interval_out_of_sight_is_not_drawn)
{
	struct document document;

	draw_all(&document);
	cr_expect_eq(document_count(document.text, "class=\"band\""), 3);
	cr_expect_eq(document_count(document.text, "never"), 0);
	document_free(&document);
}

Test(chart, another_parser_reads_it)
{
	struct document document;

	draw_all(&document);
	document_check_xml(document.text,
			   "it.tag == 'figure'\n"
			   "it.find('svg/title').text == '<title>'\n"
			   "it.find('svg/desc').text == '<description>'\n"
			   "len(it.findall('ul/li')) == 6\n"
			   "len(it.findall('svg/path/title')) == 6\n");
	document_free(&document);
}
