/* Quantities: what is read is in its range, and is written so that it reads the
 * same; any number is written within its room. */
#include "quantity.h"

#include <limits.h>

#include "fuzz.h"

static const struct quantity_kind any_rate = {.expected = "a rate",
					      .units = quantity_rates,
					      .min = 1,
					      .max = UINT64_MAX};
static const struct quantity_kind any_byte_rate = {
	.expected = "a rate", .units = quantity_byte_rates, .max = INT64_MAX};
static const struct quantity_kind any_size = {
	.expected = "a size", .units = quantity_sizes, .max = UINT64_MAX};

static const struct quantity_kind *const kinds[] = {
	&quantity_count, &quantity_size, &quantity_time,
	&any_rate,	 &any_byte_rate, &any_size};

static void check_parse(const struct quantity_kind *kind, const char *text)
{
	char written[QUANTITY_TEXT_SIZE];
	uint64_t value = 42;
	uint64_t again;

	if (!quantity_parse(kind, text, &value)) {
		fuzz_want(value == 42, "a wrong text changes the value");
		return;
	}
	fuzz_want(value >= kind->min && value <= kind->max, "out of range");
	quantity_format_exact(written, kind, value);
	fuzz_want(strlen(written) < sizeof written, "no NUL");
	fuzz_want(quantity_parse(kind, written, &again), "it is not read");
	fuzz_want(again == value, "it reads as another value");
}

static void check_format(double value)
{
	static const char *(*const formats[])(char *, double) = {
		quantity_format_rate, quantity_format_size,
		quantity_format_byte_rate, quantity_format_time,
		quantity_format_share};
	char text[QUANTITY_TEXT_SIZE];
	size_t i;

	for (i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		memset(text, 'x', sizeof text);
		formats[i](text, value);
		fuzz_want(memchr(text, '\0', sizeof text), "no NUL");
		fuzz_want(*text != '\0', "nothing is written");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = {data, n};
	char *text = fuzz_text(&f);
	char written[QUANTITY_TEXT_SIZE];
	uint64_t count = 0;
	double value = 0;
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		check_parse(kinds[i], text);
	memcpy(&value, data, n < sizeof value ? n : sizeof value);
	memcpy(&count, data, n < sizeof count ? n : sizeof count);
	check_format(value);
	quantity_format_count(written, count);
	fuzz_want(memchr(written, '\0', sizeof written), "no NUL");
	free(text);
	return 0;
}
