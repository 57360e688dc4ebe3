/* The PROXY header in memory: version 2, and its optional fields. */
#include "test_proxy_header.h"

#include <criterion/criterion.h>
#include <string.h>

#include "harness.h"

TestSuite(proxy_header_v2, .init = harness_begin, .fini = harness_end);

static void check_right(struct header_bytes b, const char *source,
			const char *destination)
{
	struct proxy_header header;
	size_t n = b.n;

	memcpy(b.bytes + n, "more", 4);
	cr_assert_eq(header_parse(&header, b.bytes, n + 4), PROXY_WHOLE);
	cr_assert_eq(header.size, n);
	cr_assert_eq(header.has_source, source != NULL);
	if (source) {
		header_check_address(&header.source, source);
		header_check_address(&header.destination, destination);
	}
	header_check_pieces(b.bytes, n + 4);
}

static void check_wrong_bytes(const struct header_bytes *b,
			      const char *expected)
{
	header_check_wrong(b->bytes, b->n, expected);
}

Test(proxy_header_v2, understands_binary_addresses)
{
	check_right(header_tcp4(), "192.0.2.1:56324", "192.0.2.2:443");
	check_right(header_tcp6(), "[2001:db8::1]:56324", "[2001:db8::2]:443");
}

Test(proxy_header_v2, ignores_all_of_a_local_header)
{
	struct header_bytes b = header_new(HEADER_LOCAL, 0);

	check_right(b, NULL, NULL);
	header_add(&b, "\3\0\4....\x99", 8);
	b.bytes[13] = 0xff;
	check_right(b, NULL, NULL);
	b = header_tcp4();
	b.bytes[12] = HEADER_LOCAL;
	check_right(b, NULL, NULL);
}

Test(proxy_header_v2, knows_no_source_of_other_kinds)
{
	static const unsigned char zeroes[216];
	struct header_bytes b = header_tcp4();

	b.bytes[13] = HEADER_UDP4;
	check_right(b, NULL, NULL);
	b.bytes[13] = HEADER_TCP4 & 0xf0;
	check_right(b, NULL, NULL);
	b.bytes[13] = HEADER_TCP4 & 0x0f;
	check_right(b, NULL, NULL);
	check_right(header_new(HEADER_PROXY, 0), NULL, NULL);
	check_right(header_new(HEADER_PROXY, HEADER_TCP4 & 0xf0), NULL, NULL);
	check_right(header_new(HEADER_PROXY, HEADER_TCP4 & 0x0f), NULL, NULL);
	b = header_new(HEADER_PROXY, HEADER_UNIX_STREAM);
	header_add(&b, zeroes, sizeof zeroes);
	check_right(b, NULL, NULL);
}

Test(proxy_header_v2, refuses_unknown_versions_commands_and_families)
{
	struct header_bytes b = header_tcp4();

	for (unsigned byte = 0; byte < 256; byte++) {
		if (byte == HEADER_LOCAL || byte == HEADER_PROXY)
			continue;
		b.bytes[12] = (unsigned char)byte;
		header_check_wrong(b.bytes, 13, "version 2");
	}
	b.bytes[12] = HEADER_PROXY;
	b.bytes[13] = 0x41;
	check_wrong_bytes(&b, "a family from 0");
	b.bytes[13] = 0x13;
	check_wrong_bytes(&b, "transport");
}

Test(proxy_header_v2, refuses_addresses_that_are_cut_short)
{
	struct header_bytes b = header_tcp4();

	b.n--;
	b.bytes[15]--;
	check_wrong_bytes(&b, "two addresses");
	b = header_tcp4();
	b.bytes[13] = HEADER_TCP6;
	check_wrong_bytes(&b, "two addresses");
	b.bytes[13] = HEADER_UNIX_STREAM;
	check_wrong_bytes(&b, "two addresses");
}

/* Refused by its size alone: 64 KiB are neither awaited nor kept. */
Test(proxy_header_v2, refuses_what_is_longer_than_it_reads)
{
	struct header_bytes b = header_tcp4();
	struct proxy_header header;
	const size_t n_most = PROXY_HEADER_SIZE - HEADER_FIXED_SIZE;

	b.bytes[14] = (unsigned char)(n_most >> 8);
	b.bytes[15] = (unsigned char)n_most;
	cr_assert_eq(header_parse(&header, b.bytes, b.n), PROXY_MORE);
	b.bytes[15]++;
	header_check_wrong(b.bytes, HEADER_FIXED_SIZE, "4096");
}

/* -- optional fields -- */

Test(proxy_header_v2, skips_fields)
{
	struct header_bytes b = header_tcp4();

	header_add(&b, "\4\0\0", 3);
	header_add(&b,
		   "\x20\0\5"
		   "12345",
		   8);
	check_right(b, "192.0.2.1:56324", "192.0.2.2:443");
}

Test(proxy_header_v2, refuses_fields_that_do_not_fit)
{
	struct header_bytes b = header_tcp4();

	header_add(&b, "\4\0\2a", 4);
	check_wrong_bytes(&b, "TLV");
	b = header_tcp4();
	header_add(&b, "\4\0", 2);
	check_wrong_bytes(&b, "TLV");
	b = header_tcp4();
	header_add(&b, "\4\1\0a", 4);
	check_wrong_bytes(&b, "TLV");
}

Test(proxy_header_v2, verifies_a_checksum)
{
	struct proxy_header header;
	struct header_bytes b = header_with_checksum();

	check_right(b, "192.0.2.1:56324", "192.0.2.2:443");
	/* from the addresses on a bit is noticed wherever it is */
	for (size_t i = 8 * HEADER_FIXED_SIZE; i < 8 * b.n; i++) {
		b.bytes[i / 8] ^= (unsigned char)(1 << i % 8);
		if (i / 8 != HEADER_FIXED_SIZE + 12 + 5)
			cr_assert_eq(header_parse(&header, b.bytes, b.n),
				     PROXY_WRONG, "bit %zu", i);
		b.bytes[i / 8] ^= (unsigned char)(1 << i % 8);
	}
}

Test(proxy_header_v2, refuses_a_checksum_of_another_size)
{
	struct header_bytes b = header_tcp4();

	header_add(&b, "\3\0\3abc", 6);
	check_wrong_bytes(&b, "CRC32c");
}
