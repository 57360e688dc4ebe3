/* A value is first mapped to a height on which equal steps look equal (itself,
 * its logarithm, or the logarithm of one over what is above a percentile), and
 * that linearly to the drawing. */
#include "chart_axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A percentile this near 1 is the right edge. */
#define NEAREST_TO_ONE 1e-9

struct prefix {
	double factor;
	const char *name;
};

/* From the largest; the last is for all that is smaller. */
static const struct prefix numbers[] = {
	{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1, ""}};
static const struct prefix times[] = {
	{1e9, " s"}, {1e6, " ms"}, {1e3, " us"}, {1, " ns"}};
static const struct prefix sizes[] = {{1099511627776.0, " TiB"},
				      {1073741824, " GiB"},
				      {1048576, " MiB"},
				      {1024, " KiB"},
				      {1, " B"}};
static const struct prefix shares[] = {{0.01, " %"}, {1, ""}};

static const struct prefix *prefix_of(enum chart_unit unit, double value)
{
	const struct prefix *prefix = numbers;

	if (unit == CHART_SHARE)
		return shares;
	if (unit == CHART_NS)
		prefix = times;
	else if (unit == CHART_BYTES)
		prefix = sizes;
	while (prefix->factor > 1 && fabs(value) < prefix->factor)
		prefix++;
	return prefix;
}

/* -- places -- */

static double height(enum chart_scale scale, double value)
{
	if (scale == CHART_LOG)
		return log10(value);
	if (scale == CHART_PERCENTILE)
		return -log10(fmax(1 - value, NEAREST_TO_ONE));
	return value;
}

double chart_ruler_place(const struct chart_ruler *ruler, double value)
{
	double within = fmin(fmax(value, ruler->min), ruler->max);
	double low = height(ruler->scale, ruler->min);
	double high = height(ruler->scale, ruler->max);
	double share = (height(ruler->scale, within) - low) / (high - low);

	return ruler->from + share * (ruler->to - ruler->from);
}

void chart_extent_add(struct chart_extent *extent, double value)
{
	if (!isfinite(value))
		return;
	extent->min = fmin(extent->min, value);
	extent->max = fmax(extent->max, value);
	if (value > 0)
		extent->min_above_0 = fmin(extent->min_above_0, value);
	if (value < 1)
		extent->max_below_1 = fmax(extent->max_below_1, value);
}

/* -- labels -- */

/* "1234567.5" becomes "1,234,567.5". */
static void group(char *text, size_t size)
{
	size_t n_whole = strspn(text, "0123456789");
	size_t n = strlen(text);

	for (size_t i = n_whole; i > 3 && n + 1 < size; n++) {
		i -= 3;
		memmove(text + i + 1, text + i, n + 1 - i);
		text[i] = ',';
	}
}

const char *chart_ruler_label(const struct chart_ruler *ruler, double value,
			      char *text)
{
	struct prefix prefix = {ruler->divisor, ruler->name};
	char digits[CHART_LABEL_SIZE - 8];
	bool is_bare = value == 0 && ruler->unit != CHART_SHARE;

	if (ruler->scale == CHART_LOG)
		prefix = *prefix_of(ruler->unit, value);
	/* 9 digits: what is off by a rounding reads as the round number */
	(void)snprintf(digits, sizeof digits, "%.9g", value / prefix.factor);
	group(digits, sizeof digits);
	(void)snprintf(text, CHART_LABEL_SIZE, "%s%s", digits,
		       is_bare ? "" : prefix.name);
	return text;
}

/* -- ticks -- */

static void add_tick(struct chart_ruler *ruler, double value)
{
	/* what is beyond the edge by a rounding is on it */
	double slack = fabs(value) * 1e-9;

	if (ruler->n_ticks < CHART_MAX_TICKS && value >= ruler->min - slack &&
	    value <= ruler->max + slack)
		ruler->ticks[ruler->n_ticks++] = value;
}

/* The smallest round number that is not below value. */
static double round_up(double value, enum chart_unit unit)
{
	double power = pow(10, floor(log10(value)));
	double exact = value * (1 - 1e-9);

	if (unit == CHART_BYTES && value >= 1)
		return exp2(ceil(log2(exact)));
	if (exact <= power)
		return power;
	if (exact <= 2 * power)
		return 2 * power;
	return exact <= 5 * power ? 5 * power : 10 * power;
}

/* The largest that is not above it. */
static double round_down(double value, enum chart_unit unit)
{
	if (unit == CHART_BYTES && value >= 1)
		return exp2(floor(log2(value * (1 + 1e-9))));
	return 1 / round_up(1 / value, CHART_NUMBER);
}

static void make_linear(struct chart_ruler *ruler, size_t n_ticks, bool is_snug)
{
	double span = ruler->max - ruler->min;
	double step = round_up(span / (double)n_ticks, ruler->unit);
	double first = floor(ruler->min / step + 1e-9);
	double last = ceil(ruler->max / step - 1e-9);

	if (!is_snug) {
		ruler->min = first * step;
		ruler->max = last * step;
	}
	for (int i = 0; first + i <= last; i++)
		add_tick(ruler, (first + i) * step);
	ruler->divisor = prefix_of(ruler->unit, ruler->max)->factor;
	ruler->name = prefix_of(ruler->unit, ruler->max)->name;
}

/* Powers of the base, or 1, 2 and 5 times those of ten where they are few. */
static void make_log(struct chart_ruler *ruler, size_t n_ticks, bool is_snug)
{
	double base = ruler->unit == CHART_BYTES ? 2 : 10;
	double low = floor(log(ruler->min) / log(base) + 1e-9);
	double high = ceil(log(ruler->max) / log(base) - 1e-9);
	int stride = (int)fmax(1, ceil((high - low) / (double)n_ticks));
	bool is_fine = base > 2 && 3 * (high - low) <= (double)n_ticks;

	if (!is_snug) {
		ruler->min = round_down(ruler->min, ruler->unit);
		ruler->max = round_up(ruler->max, ruler->unit);
	}
	for (int i = (int)low; i <= (int)high; i += stride) {
		add_tick(ruler, pow(base, i));
		if (is_fine) {
			add_tick(ruler, 2 * pow(base, i));
			add_tick(ruler, 5 * pow(base, i));
		}
	}
}

/* The range ends with a decade: 90 %, 99 %, 99.9 % ... */
static void make_percentiles(struct chart_ruler *ruler,
			     struct chart_extent extent)
{
	double nines = 2;

	if (extent.max_below_1 > 0)
		nines = ceil(height(CHART_PERCENTILE, extent.max_below_1) -
			     1e-6);
	nines = fmin(fmax(nines, 2), 7);
	ruler->min = 0;
	ruler->max = 1 - pow(10, -nines);
	add_tick(ruler, 0);
	add_tick(ruler, 0.5);
	for (int i = 1; i <= (int)nines; i++)
		add_tick(ruler, 1 - pow(10, -i));
	ruler->divisor = 0.01;
	ruler->name = " %";
}

/* -- ranges -- */

/* What is asked for and what is there; never empty. */
static void stretch(struct chart_ruler *ruler, const struct chart_axis *axis,
		    struct chart_extent extent)
{
	bool is_log = axis->scale == CHART_LOG;

	if (axis->min < axis->max) {
		chart_extent_add(&extent, axis->min);
		chart_extent_add(&extent, axis->max);
	}
	ruler->min = is_log ? extent.min_above_0 : extent.min;
	ruler->max = extent.max;
	if (!isfinite(ruler->min) || (is_log && ruler->max <= 0)) {
		ruler->min = is_log ? 1 : 0;
		ruler->max = is_log ? 10 : 1;
	}
	if (!is_log && axis->min <= 0)
		ruler->min = fmin(ruler->min, 0);
	if (ruler->min >= ruler->max)
		ruler->max = is_log ? 2 * ruler->min : ruler->min + 1;
}

void chart_ruler_init(struct chart_ruler *ruler, const struct chart_axis *axis,
		      struct chart_extent extent, size_t n_ticks, bool is_snug)
{
	*ruler = (struct chart_ruler){
		.scale = axis->scale, .unit = axis->unit, .to = 1};
	if (n_ticks > CHART_MAX_TICKS)
		n_ticks = CHART_MAX_TICKS;
	if (axis->scale == CHART_PERCENTILE) {
		make_percentiles(ruler, extent);
		return;
	}
	stretch(ruler, axis, extent);
	if (axis->scale == CHART_LOG)
		make_log(ruler, n_ticks, is_snug);
	else
		make_linear(ruler, n_ticks, is_snug);
}
