/* The ranges are those of the Unicode Standard's table 3-7: no overlong
 * forms, no surrogates, nothing above U+10FFFF. */
#include "utf8.h"

static const struct lead {
	unsigned char first, last;     /* of lead bytes */
	unsigned char lowest, highest; /* that the second byte may be */
	unsigned char length;
} leads[] = {
	{0x00, 0x7f, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2},
	{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
	{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
	{0xf4, 0xf4, 0x80, 0x8f, 4},
};

static int is_between(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

/* A NUL fails every test below, so nothing behind it is read. */
static size_t match(const struct lead *lead, const unsigned char *at)
{
	if (!is_between(at[0], lead->first, lead->last))
		return 0;
	if (lead->length > 1 && !is_between(at[1], lead->lowest, lead->highest))
		return 0;
	for (size_t i = 2; i < lead->length; i++)
		if (!is_between(at[i], 0x80, 0xbf))
			return 0;
	return lead->length;
}

size_t utf8_length(const char *text)
{
	for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
		size_t n = match(&leads[i], (const unsigned char *)text);

		if (n > 0)
			return n;
	}
	return 0;
}
