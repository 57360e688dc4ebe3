/* A term is taken apart from the left: histogram, figure, relation, value. */
#include "expect.h"

#include <stdlib.h>
#include <string.h>

#include "expect_figure.h"

static const char *const relations[] = {
	[EXPECT_AT_MOST] = "<=", [EXPECT_AT_LEAST] = ">=", [EXPECT_LESS] = "<",
	[EXPECT_EQUAL] = "=",	 [EXPECT_MORE] = ">",
};

/* Digits, and a point between them: strtod(3) alone would also take signs,
 * spaces, hexadecimal and "nan". Returns what follows; NULL: there is none. */
static const char *parse_decimal(const char *text, double *value)
{
	static const char digits[] = "0123456789";
	size_t n = strspn(text, digits);

	if (n == 0)
		return NULL;
	if (text[n] == '.' && strspn(text + n + 1, digits) > 0)
		n += 1 + strspn(text + n + 1, digits);
	*value = strtod(text, NULL);
	return text + n;
}

/* The figure's name, behind that of the histogram. */
static const char *parse_histogram(struct expect_term *term)
{
	static const char service[] = "service.";
	static const char lateness[] = "lateness.";

	term->histogram = EXPECT_LATENCY;
	if (strncmp(term->text, service, sizeof service - 1) == 0) {
		term->histogram = EXPECT_SERVICE;
		return term->text + sizeof service - 1;
	}
	if (strncmp(term->text, lateness, sizeof lateness - 1) == 0) {
		term->histogram = EXPECT_LATENESS;
		return term->text + sizeof lateness - 1;
	}
	return term->text;
}

/* "p99.9", or "p999"; but "p101" is a mistake. */
static bool parse_percentile(const char *name, const char *end,
			     double *percentile)
{
	if (*name != 'p' || parse_decimal(name + 1, percentile) != end)
		return false;
	if (strncmp(name, "p99", 3) == 0 &&
	    !memchr(name, '.', (size_t)(end - name)))
		while (*percentile > 100)
			*percentile /= 10;
	return *percentile <= 100;
}

/* The name of a figure up to end; NULL: there is none of that name. */
static const struct expect_figure *parse_figure(const char *name,
						const char *end,
						double *percentile)
{
	size_t n = (size_t)(end - name);

	if (parse_percentile(name, end, percentile))
		return &expect_figures[FIGURE_PERCENTILE];
	for (size_t i = FIGURE_PERCENTILE + 1; i < N_FIGURES; i++)
		if (strlen(expect_figures[i].name) == n &&
		    memcmp(expect_figures[i].name, name, n) == 0)
			return &expect_figures[i];
	return NULL;
}

/* What follows the relation at text; NULL: there is none. */
static const char *parse_relation(struct expect_term *term, const char *text)
{
	for (size_t i = 0; i < sizeof relations / sizeof *relations; i++) {
		size_t n = strlen(relations[i]);

		if (strncmp(text, relations[i], n) == 0) {
			term->relation = (enum expect_relation)i;
			return text + n;
		}
	}
	return NULL;
}

/* "0.1%" of a count; the value is there. */
static bool parse_share(struct expect_term *term, const char *unit)
{
	if (!term->figure->unit->is_count || strcmp(unit, "%") != 0)
		return false;
	term->is_share = true;
	term->limit /= 100;
	return true;
}

static bool parse_value(struct expect_term *term, const char *text)
{
	const struct expect_unit *unit = term->figure->unit;
	const struct quantity_unit *factor = unit->units;
	const char *name = parse_decimal(text, &term->limit);

	if (!name)
		return false;
	if ((term->limit == 0 && *name == '\0') || parse_share(term, name))
		return true;
	while (factor->name && strcmp(factor->name, name) != 0)
		factor++;
	term->limit *= (double)factor->factor * unit->scale;
	return factor->name != NULL;
}

/* The term's text is there; false with a sentence in error. */
static bool parse_term(struct expect_term *term, char *error, size_t size)
{
	const char *name = parse_histogram(term);
	const char *end = name + strcspn(name, "<=>");
	const char *value = parse_relation(term, end);

	if (!value) {
		(void)snprintf(error, size,
			       "\"%s\": expected a figure, one of < <= = >= > "
			       "and a value, such as p99<5ms",
			       term->text);
		return false;
	}
	term->figure = parse_figure(name, end, &term->percentile);
	if (!term->figure ||
	    (name > term->text && !term->figure->unit->is_time)) {
		(void)snprintf(error, size,
			       "\"%.*s\": expected p0 to p100, max or mean, "
			       "one of these behind service. or lateness., or "
			       "throughput, bytes, errors, corrupt, missed, "
			       "unanswered, timeouts, loss, repeated, "
			       "reordered, late, fairness or cpu",
			       (int)(end - term->text), term->text);
		return false;
	}
	if (!parse_value(term, value)) {
		(void)snprintf(error, size, "\"%s\": expected %s behind %s",
			       term->text, term->figure->unit->expected,
			       relations[term->relation]);
		return false;
	}
	return true;
}

/* One term's text without its spaces; false: it is too long. */
static bool copy_term(struct expect_term *term, const char *text, size_t n)
{
	size_t n_copied = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == ' ')
			continue;
		if (n_copied == sizeof term->text - 1)
			return false;
		term->text[n_copied++] = text[i];
	}
	term->text[n_copied] = '\0';
	return true;
}

bool expect_parse(struct expect *expect, const char *text, char *error,
		  size_t size)
{
	*expect = (struct expect){0};
	for (bool is_last = false; !is_last;) {
		struct expect_term *term = &expect->terms[expect->n_terms];
		size_t n = strcspn(text, ",");

		if (expect->n_terms++ == EXPECT_MAX_TERMS) {
			(void)snprintf(error, size, "expected at most %d terms",
				       EXPECT_MAX_TERMS);
			return false;
		}
		if (!copy_term(term, text, n)) {
			(void)snprintf(
				error, size,
				"\"%.*s\": expected less than %d letters",
				(int)n, text, EXPECT_TEXT_SIZE);
			return false;
		}
		if (!parse_term(term, error, size))
			return false;
		is_last = text[n] == '\0';
		text += n + 1;
	}
	return true;
}
