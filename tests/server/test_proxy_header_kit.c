/* Headers, and how they are understood. */
#include "test_proxy_header.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum proxy_state header_parse(struct proxy_header *header, const void *data,
			      size_t n)
{
	unsigned char *copy = malloc(n + 1);
	enum proxy_state state;

	memcpy(copy + 1, data, n);
	state = proxy_header_parse(header, copy + 1, n);
	free(copy);
	return state;
}

void header_check_pieces(const void *data, size_t n)
{
	struct proxy_header whole;
	struct proxy_header part;
	enum proxy_state state = header_parse(&whole, data, n);
	bool has_ended = false;

	for (size_t i = 1; i < n; i++) {
		enum proxy_state now = header_parse(&part, data, i);

		if (has_ended || now != PROXY_MORE)
			cr_assert_eq(now, state, "%zu of %zu", i, n);
		if (now == PROXY_MORE)
			cr_assert_eq(part.size, i);
		if (now == PROXY_WHOLE) {
			cr_assert_eq(part.size, whole.size);
			cr_assert_geq(i, part.size);
			cr_assert_eq(part.has_source, whole.has_source);
		}
		has_ended = now != PROXY_MORE;
	}
}

void header_check_address(const struct weir_address *address,
			  const char *expected)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	cr_assert_str_eq(weir_address_format(address, text, sizeof text),
			 expected);
}

void header_check_wrong(const void *data, size_t n, const char *expected)
{
	struct proxy_header header;

	cr_assert_eq(header_parse(&header, data, n), PROXY_WRONG, "%.*s",
		     (int)n, (const char *)data);
	cr_assert(strstr(header.expected, expected), "expected %s",
		  header.expected);
	header_check_pieces(data, n);
}

void header_add(struct header_bytes *b, const void *data, size_t n)
{
	cr_assert_leq(b->n + n, sizeof b->bytes);
	memcpy(b->bytes + b->n, data, n);
	b->n += n;
	b->bytes[14] = (unsigned char)((b->n - HEADER_FIXED_SIZE) >> 8);
	b->bytes[15] = (unsigned char)(b->n - HEADER_FIXED_SIZE);
}

struct header_bytes header_new(unsigned char command, unsigned char family)
{
	struct header_bytes b = {.bytes = "\r\n\r\n\0\r\nQUIT\n",
				 .n = HEADER_FIXED_SIZE};

	b.bytes[12] = command;
	b.bytes[13] = family;
	return b;
}

struct header_bytes header_tcp4(void)
{
	struct header_bytes b = header_new(HEADER_PROXY, HEADER_TCP4);

	header_add(&b, "\xc0\0\2\1\xc0\0\2\2\xdc\4\x01\xbb", 12);
	return b;
}

struct header_bytes header_tcp6(void)
{
	struct header_bytes b = header_new(HEADER_PROXY, HEADER_TCP6);

	header_add(&b, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	header_add(&b, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	header_add(&b, "\xdc\4\x01\xbb", 4);
	return b;
}

struct header_bytes header_with_checksum(void)
{
	struct header_bytes b = header_tcp4();

	header_add(&b, "\4\0\2ab", 5);
	header_add(&b, "\3\0\4\x8f\xb7\x5c\xcd", 7);
	header_add(&b, "\xea\0\1z", 4);
	return b;
}
