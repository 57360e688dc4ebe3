/* The PROXY header in memory: version 1, any bytes at all, and writing.
 * (Version 2 is in test_proxy_header_v2.c.) */
#include "test_proxy_header.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

enum {
	N_MUTATIONS = 20000
};

TestSuite(proxy_header, .init = harness_begin, .fini = harness_end);

/* -- version 1 -- */

/* A line that is right; source NULL: it tells none. */
static void check_line(const char *line, const char *source,
		       const char *destination)
{
	struct proxy_header header;
	char data[HEADER_MAX_SIZE];
	size_t n = strlen(line);

	snprintf(data, sizeof data, "%sPROXY TCP4 more\r\n", line);
	cr_assert_eq(header_parse(&header, data, strlen(data)), PROXY_WHOLE,
		     "%s", line);
	cr_assert_eq(header.size, n, "%s", line);
	cr_assert_eq(header.has_source, source != NULL, "%s", line);
	if (source) {
		header_check_address(&header.source, source);
		header_check_address(&header.destination, destination);
		cr_assert_eq(header.source.type, SOCK_STREAM);
	}
	header_check_pieces(data, strlen(data));
}

Test(proxy_header, understands_lines_of_tcp4)
{
	check_line("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
		   "192.168.0.1:56324", "192.168.0.11:443");
	check_line("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n",
		   "255.255.255.255:65535", "0.0.0.0:0");
}

Test(proxy_header, understands_lines_of_tcp6)
{
	check_line("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "[2001:db8::1]:1",
		   "[::1]:2");
	check_line("PROXY TCP6 FFFF:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe 65535 65535\r\n",
		   "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
		   "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535");
}

Test(proxy_header, knows_no_source_for_unknown)
{
	check_line("PROXY UNKNOWN\r\n", NULL, NULL);
	check_line("PROXY UNKNOWN \r\n", NULL, NULL);
	check_line("PROXY UNKNOWN what \xff ever\r it says\r\n", NULL, NULL);
	/* the longest line there may be */
	check_line("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		   NULL, NULL);
}

Test(proxy_header, refuses_what_is_no_header_at_the_first_wrong_byte)
{
	struct proxy_header header;

	header_check_wrong("GET / HTTP/1.1\r\n", 16, "PROXY, or the signature");
	header_check_wrong("G", 1, "PROXY, or the signature");
	header_check_wrong("PROXX", 5, "PROXY, or the signature");
	header_check_wrong("PROXY\t", 6, "PROXY, or the signature");
	header_check_wrong("\r\n\r\n\0\r\nQUIT\r", 12,
			   "PROXY, or the signature");
	cr_assert_eq(header_parse(&header, "PROX", 4), PROXY_MORE);
	cr_assert_eq(header_parse(&header, "", 0), PROXY_MORE);
}

Test(proxy_header, refuses_lines_that_are_not_exact)
{
	static const char *const tails[] = {
		"1.2.3.4 1.2.3.4 1 2 ",
		" 1.2.3.4 1.2.3.4 1 2",
		"1.2.3.4  1.2.3.4 1 2",
		"1.2.3.4 1.2.3.4 1",
		"1.2.3.4 1.2.3.4 1 ",
		"1.2.3.4 1.2.3.4 1 2 3",
		"1.2.3.4 1.2.3.4 65536 2",
		"1.2.3.4 1.2.3.4 1 99999999999",
		"1.2.3.4 1.2.3.4 01 2",
		"1.2.3.4 1.2.3.4 1 00",
		"1.2.3.4 1.2.3.4 -1 2",
		"1.2.3.4 1.2.3.4 +1 2",
		"1.2.3.4 1.2.3.4 1 0x2",
		"1.2.3.4 1.2.3.4 1/ 2",
		"1.2.3.4 1.2.3.04 1 2",
		"1.2.3.4 1.2.3.256 1 2",
		"1.2.3 1.2.3.4 1 2",
		"1.2.3.4 1.2.3.4.5 1 2",
		"::1 ::1 1 2",
		"1.2.3.4\t1.2.3.4 1 2",
		"1.2.3.4 1.2.3.4 1 2\r",
		"1.2.3.4 1.2.3.4 1\r2 3",
		"localhost 1.2.3.4 1 2",
		"1.2.3.4,1.2.3.4 1.2.3.4 1 2",
		"1.2.3.4.1.2.3.4.1.2.3.4.1.2.3.4.1.2.3.4.1.2.3.4 1.2.3.4 1 2"};
	char line[HEADER_MAX_SIZE];

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(line, sizeof line, "PROXY TCP4 %s\r\n", tails[i]);
		header_check_wrong(line, strlen(line), "two IPv4 addresses");
	}
	header_check_wrong("PROXY TCP4 \r\n", 13, "two IPv4 addresses");
	header_check_wrong("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n", 33,
			   "two IPv4 addresses");
	header_check_wrong("PROXY TCP6 1.2.3.4 ::1 1 2\r\n", 28,
			   "two IPv6 addresses");
	header_check_wrong("PROXY TCP6 ::1 ::1%lo 1 2\r\n", 27,
			   "two IPv6 addresses");
	header_check_wrong("PROXY TCP4\r\n", 12, "TCP4, TCP6 or UNKNOWN");
	header_check_wrong("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", 32,
			   "TCP4, TCP6 or UNKNOWN");
	header_check_wrong("PROXY UNKNOWNS\r\n", 16, "TCP4, TCP6 or UNKNOWN");
	header_check_wrong("PROXY \r\n", 8, "TCP4, TCP6 or UNKNOWN");
}

Test(proxy_header, refuses_lines_that_do_not_end_as_lines_do)
{
	char line[HEADER_MAX_SIZE];

	header_check_wrong("PROXY UNKNOWN\n", 14, "CR and LF");
	header_check_wrong("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", 31, "CR and LF");
	header_check_wrong("PROXY \n", 7, "CR and LF");
	memset(line, 'x', sizeof line);
	memcpy(line, "PROXY UNKNOWN ", 14);
	header_check_wrong(line, 107, "107 bytes at most");
	memcpy(line + 106, "\r\n", 2);
	header_check_wrong(line, 108, "107 bytes at most");
}

/* -- any bytes -- */

static void mutate(struct header_bytes *b)
{
	size_t n = 1 + harness_random_below(3);

	while (n-- > 0) {
		size_t at = harness_random_below(b->n);

		if (harness_random_below(4) == 0)
			b->n = 1 + harness_random_below(b->n);
		else if (harness_random_below(2) == 0)
			b->bytes[at] ^= (unsigned char)(1 << (at + n) % 8);
		else
			b->bytes[at] = (unsigned char)harness_random();
	}
}

Test(proxy_header, understands_any_bytes_the_same_in_any_pieces)
{
	static const char line[] = "PROXY TCP4 1.2.3.4 5.6.7.8 90 12\r\nmore";
	struct header_bytes lines = {.n = 0};
	struct header_bytes bases[4];

	memcpy(lines.bytes, line, sizeof line);
	lines.n = sizeof line;
	bases[0] = lines;
	bases[1] = header_tcp4();
	bases[2] = header_tcp6();
	bases[3] = header_with_checksum();
	for (int i = 0; i < N_MUTATIONS; i++) {
		struct header_bytes b = bases[i % 4];

		mutate(&b);
		header_check_pieces(b.bytes, b.n);
	}
}

/* -- writing -- */

static struct weir_address address(const char *text)
{
	struct weir_address a;

	cr_assert_eq(weir_address_resolve(text, WEIR_ADDRESS_CONNECT, &a, 1),
		     1);
	return a;
}

static size_t write_header(void *data, int version, const char *source,
			   const char *destination)
{
	struct weir_address from = address(source);
	struct weir_address to = address(destination);

	memset(data, 0xff, PROXY_HEADER_WRITTEN_SIZE);
	return proxy_header_write(data, version, &from, &to);
}

static void check_written(const struct header_bytes *expected,
			  const char *source, const char *destination)
{
	unsigned char data[PROXY_HEADER_WRITTEN_SIZE];

	cr_assert_eq(write_header(data, 2, source, destination), expected->n);
	cr_assert_arr_eq(data, expected->bytes, expected->n);
}

Test(proxy_header, writes_addresses)
{
	struct header_bytes b = header_tcp4();

	check_written(&b, "192.0.2.1:56324", "192.0.2.2:443");
	b = header_tcp6();
	check_written(&b, "[2001:db8::1]:56324", "[2001:db8::2]:443");
}

Test(proxy_header, maps_ipv4_beside_ipv6)
{
	unsigned char data[PROXY_HEADER_WRITTEN_SIZE];
	struct proxy_header header;
	size_t n = write_header(data, 2, "[2001:db8::1]:1", "192.0.2.2:2");

	cr_assert_eq(header_parse(&header, data, n), PROXY_WHOLE);
	header_check_address(&header.source, "[2001:db8::1]:1");
	header_check_address(&header.destination, "192.0.2.2:2");
	cr_assert_eq(header.destination.sa.any.sa_family, AF_INET6);
	n = write_header(data, 2, "192.0.2.2:2", "[2001:db8::1]:1");
	cr_assert_eq(header_parse(&header, data, n), PROXY_WHOLE);
	header_check_address(&header.source, "192.0.2.2:2");
	header_check_address(&header.destination, "[2001:db8::1]:1");
}

Test(proxy_header, writes_local_for_all_that_is_not_ip)
{
	const struct header_bytes local = header_new(HEADER_LOCAL, 0);

	check_written(&local, "unix:/x", "unix:/y");
	check_written(&local, "unix:/x", "192.0.2.2:443");
	check_written(&local, "192.0.2.2:443", "unix:/x");
}

/* As a dual-stack socket has its IPv4 clients. */
Test(proxy_header, writes_mapped_ipv4_as_ipv4)
{
	struct header_bytes b = header_tcp4();

	check_written(&b, "[::ffff:192.0.2.1]:56324", "[::ffff:192.0.2.2]:443");
	check_written(&b, "[::ffff:192.0.2.1]:56324", "192.0.2.2:443");
	check_written(&b, "192.0.2.1:56324", "[::ffff:192.0.2.2]:443");
}

static void check_v1(const char *expected, const char *source,
		     const char *destination)
{
	char data[PROXY_HEADER_WRITTEN_SIZE];
	struct proxy_header header;
	size_t n = write_header(data, 1, source, destination);

	cr_assert_eq(n, strlen(expected));
	cr_assert_arr_eq(data, expected, n);
	cr_assert_eq(header_parse(&header, data, n), PROXY_WHOLE);
}

Test(proxy_header, writes_version_1)
{
	check_v1("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n",
		 "192.0.2.1:56324", "[::ffff:192.0.2.2]:443");
	check_v1("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n",
		 "[2001:db8::1]:56324", "[2001:db8::2]:443");
	check_v1("PROXY UNKNOWN\r\n", "unix:/x", "192.0.2.2:443");
}

/* The longest there is: 107 bytes, as the protocol says. */
Test(proxy_header, writes_long_lines_whole)
{
	check_v1("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1 "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff2 65535 65534\r\n",
		 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1]:65535",
		 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff2]:65534");
}
