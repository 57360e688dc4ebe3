/* Lines; see line.h. */
#include "line.h"

#include <string.h>

#include "quantity.h"

enum {
	PUBLISHER_AT = 0,
	SEQUENCE_AT = 4,
	CHECKSUM_AT = 16
};

static void write_hex(unsigned char *to, size_t n, uint64_t value)
{
	static const char digits[] = "0123456789abcdef";

	while (n > 0) {
		to[--n] = (unsigned char)digits[value % 16];
		value /= 16;
	}
}

/* False: a byte is no digit. */
static bool read_hex(const unsigned char *from, size_t n, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned digit;

		if (from[i] >= '0' && from[i] <= '9')
			digit = from[i] - (unsigned)'0';
		else if (from[i] >= 'a' && from[i] <= 'f')
			digit = 10 + from[i] - (unsigned)'a';
		else
			return false;
		*value = 16 * *value + digit;
	}
	return true;
}

static uint32_t checksum_of(const unsigned char *text, size_t n)
{
	uint32_t head = message_checksum(text, CHECKSUM_AT, 0);

	return message_checksum(text + LINE_HEAD, n - LINE_HEAD, head);
}

const unsigned char *line_compose(const struct message_kit *kit,
				  const struct line *line)
{
	unsigned char *text = kit->text;

	write_hex(text + PUBLISHER_AT, 4, line->publisher);
	write_hex(text + SEQUENCE_AT, 12, line->sequence);
	memcpy(text + LINE_HEAD,
	       message_piece(kit, line->publisher, line->sequence),
	       kit->size - LINE_SHORTEST);
	text[kit->size - 1] = '\n';
	write_hex(text + CHECKSUM_AT, 8, checksum_of(text, kit->size));
	return text;
}

bool line_read(const struct message_kit *kit, const unsigned char *text,
	       size_t n, bool is_verified, struct line *line)
{
	uint64_t publisher;
	uint64_t checksum;

	if (n != kit->size || !read_hex(text + PUBLISHER_AT, 4, &publisher) ||
	    !read_hex(text + SEQUENCE_AT, 12, &line->sequence))
		return false;
	line->publisher = (uint32_t)publisher;
	if (!is_verified)
		return true;
	return read_hex(text + CHECKSUM_AT, 8, &checksum) &&
	       checksum == checksum_of(text, n) &&
	       memcmp(text + LINE_HEAD,
		      message_piece(kit, line->publisher, line->sequence),
		      n - LINE_SHORTEST) == 0;
}

bool line_read_missed(const unsigned char *text, size_t n, uint64_t *n_missed)
{
	static const char note[] = "# missed ";
	static const struct quantity_kind any = {.units = quantity_counts,
						 .max = UINT32_MAX};
	const size_t n_note = sizeof note - 1;

	return n > n_note + 1 && memcmp(text, note, n_note) == 0 &&
	       quantity_parse_part(&any, (const char *)text + n_note,
				   n - n_note - 1, n_missed);
}
