/* The PROXY header in memory.
 *
 * Version 1 is a line of text:
 *
 *	PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n
 *
 * Version 2 is binary: a signature of 12 bytes, version and command (LOCAL or
 * PROXY), address family and transport, the size of all that follows, then
 * source, destination and their ports, and optional fields of a type, a size
 * and a value. */
#include "proxy_header.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum {
	/* version 1: with CR and LF; a receiver need not read a longer one */
	MAX_LINE = 107,
	/* version 2 */
	N_SIGNATURE = 12,
	N_FIXED = 16,
	VERSION_2 = 0x20,
	COMMAND_LOCAL = 0,
	COMMAND_PROXY = 1,
	FAMILY_UNSPEC = 0,
	FAMILY_INET = 1,
	FAMILY_INET6 = 2,
	FAMILY_UNIX = 3,
	TRANSPORT_UNSPEC = 0,
	TRANSPORT_STREAM = 1,
	TRANSPORT_DATAGRAM = 2,
	N_FIELD_HEAD = 3,
	FIELD_CRC32C = 3,
	N_CRC32C = 4
};

static const unsigned char signature[N_SIGNATURE] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_state wrong(struct proxy_header *header, const char *expected)
{
	header->expected = expected;
	return PROXY_WRONG;
}

static enum proxy_state more(struct proxy_header *header, size_t n)
{
	header->size = n;
	return PROXY_MORE;
}

/* Whether the n bytes and what agree as far as both go. */
static bool starts_as(const void *data, size_t n, const void *what,
		      size_t n_what)
{
	return memcmp(data, what, n < n_what ? n : n_what) == 0;
}

static void set_address(struct weir_address *address, int family,
			const void *ip, in_port_t port)
{
	*address = (struct weir_address){.type = SOCK_STREAM};
	address->sa.any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		address->len = sizeof address->sa.in;
		address->sa.in.sin_port = port;
		memcpy(&address->sa.in.sin_addr, ip,
		       sizeof address->sa.in.sin_addr);
	} else {
		address->len = sizeof address->sa.in6;
		address->sa.in6.sin6_port = port;
		memcpy(&address->sa.in6.sin6_addr, ip,
		       sizeof address->sa.in6.sin6_addr);
	}
}

/* -- version 1 -- */

/* Take the text up to the next space, or to the end, out of line into word;
 * false: it is empty or too long, or has a NUL. */
static bool take_word(const char **line, const char *end,
		      char word[INET6_ADDRSTRLEN])
{
	const char *from = *line;
	const char *space = memchr(from, ' ', (size_t)(end - from));
	size_t n = (size_t)((space ? space : end) - from);

	if (n == 0 || n >= INET6_ADDRSTRLEN || memchr(from, '\0', n))
		return false;
	memcpy(word, from, n);
	word[n] = '\0';
	*line = space ? space + 1 : end;
	return true;
}

static bool take_ip(const char **line, const char *end, int family, void *ip)
{
	char word[INET6_ADDRSTRLEN];

	return take_word(line, end, word) && inet_pton(family, word, ip) == 1;
}

/* A number without leading zeroes. */
static bool take_port(const char **line, const char *end, in_port_t *port)
{
	char word[INET6_ADDRSTRLEN];
	unsigned n = 0;

	if (!take_word(line, end, word))
		return false;
	if (word[0] == '0' && word[1] != '\0')
		return false;
	for (const char *c = word; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		n = 10 * n + (unsigned)(*c - '0');
		if (n > UINT16_MAX)
			return false;
	}
	*port = htons((uint16_t)n);
	return true;
}

/* "SOURCE DESTINATION PORT PORT", and nothing else. */
static bool take_addresses(struct proxy_header *header, int family,
			   const char *line, const char *end)
{
	unsigned char source[sizeof(struct in6_addr)];
	unsigned char destination[sizeof(struct in6_addr)];
	in_port_t source_port;
	in_port_t destination_port;

	if (!take_ip(&line, end, family, source) ||
	    !take_ip(&line, end, family, destination) ||
	    !take_port(&line, end, &source_port) ||
	    !take_port(&line, end, &destination_port) || line != end)
		return false;
	/* take_word has skipped a space at the end of the line */
	if (end[-1] == ' ')
		return false;
	set_address(&header->source, family, source, source_port);
	set_address(&header->destination, family, destination,
		    destination_port);
	header->has_source = true;
	return true;
}

/* The line, without CR and LF. */
static enum proxy_state parse_line(struct proxy_header *header,
				   const char *line, const char *end)
{
	static const char tcp4[] = "PROXY TCP4 ";
	static const char tcp6[] = "PROXY TCP6 ";
	static const char unknown[] = "PROXY UNKNOWN";
	const size_t n_tcp = sizeof tcp4 - 1;
	const size_t n_unknown = sizeof unknown - 1;
	size_t n = (size_t)(end - line);

	if (n >= n_unknown && memcmp(line, unknown, n_unknown) == 0 &&
	    (n == n_unknown || line[n_unknown] == ' '))
		return PROXY_WHOLE;
	if (n >= n_tcp && memcmp(line, tcp4, n_tcp) == 0)
		return take_addresses(header, AF_INET, line + n_tcp, end)
			       ? PROXY_WHOLE
			       : wrong(header, "PROXY TCP4 with two IPv4 "
					       "addresses and two ports");
	if (n >= n_tcp && memcmp(line, tcp6, n_tcp) == 0)
		return take_addresses(header, AF_INET6, line + n_tcp, end)
			       ? PROXY_WHOLE
			       : wrong(header, "PROXY TCP6 with two IPv6 "
					       "addresses and two ports");
	return wrong(header, "PROXY TCP4, TCP6 or UNKNOWN");
}

/* The first LF ends the line, so pieces parse like the whole. */
static enum proxy_state parse_v1(struct proxy_header *header, const char *line,
				 size_t n)
{
	const char *lf = memchr(line, '\n', n < MAX_LINE ? n : MAX_LINE);

	if (!lf && n < MAX_LINE)
		return more(header, n);
	if (!lf || lf[-1] != '\r')
		return wrong(header, "a line that ends with CR and LF, of 107 "
				     "bytes at most");
	header->size = (size_t)(lf - line) + 1;
	return parse_line(header, line, lf - 1);
}

/* -- version 2 -- */

static size_t number_at(const unsigned char *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

/* RFC 4960, appendix B, bit by bit: a connection has only a few bytes of it. */
static uint32_t crc32c(uint32_t crc, const unsigned char *bytes, size_t n)
{
	const uint32_t polynomial = 0x82f63b78;

	while (n-- > 0) {
		crc ^= *bytes++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
	}
	return crc;
}

/* It is computed with its own bytes taken as zero. */
static bool is_checksum_right(const unsigned char *header, size_t size,
			      size_t at)
{
	static const unsigned char zeroes[N_CRC32C];
	const size_t behind = at + N_CRC32C;
	uint32_t crc = crc32c(UINT32_MAX, header, at);
	uint32_t told;

	crc = crc32c(crc, zeroes, N_CRC32C);
	crc = ~crc32c(crc, header + behind, size - behind);
	memcpy(&told, header + at, sizeof told);
	return ntohl(told) == crc;
}

static enum proxy_state check_fields(struct proxy_header *header,
				     const unsigned char *bytes, size_t at)
{
	while (at < header->size) {
		size_t n_left = header->size - at;
		size_t n;

		if (n_left < N_FIELD_HEAD ||
		    number_at(bytes + at + 1) > n_left - N_FIELD_HEAD)
			return wrong(header, "optional fields (TLVs) that end "
					     "with the header");
		n = number_at(bytes + at + 1);
		if (bytes[at] == FIELD_CRC32C &&
		    (n != N_CRC32C || !is_checksum_right(bytes, header->size,
							 at + N_FIELD_HEAD)))
			return wrong(header, "a header of which the CRC32c is "
					     "right");
		at += N_FIELD_HEAD + n;
	}
	return PROXY_WHOLE;
}

/* Both addresses of n_ip bytes, then both ports. */
static void read_addresses(struct proxy_header *header, int family,
			   const unsigned char *bytes, size_t n_ip)
{
	in_port_t ports[2];

	memcpy(ports, bytes + 2 * n_ip, sizeof ports);
	set_address(&header->source, family, bytes, ports[0]);
	set_address(&header->destination, family, bytes + n_ip, ports[1]);
	header->has_source = true;
}

/* A whole header with the command PROXY. */
static enum proxy_state parse_proxied(struct proxy_header *header,
				      const unsigned char *bytes)
{
	static const size_t sizes[] = {
		[FAMILY_INET] = 12, [FAMILY_INET6] = 36, [FAMILY_UNIX] = 216};
	unsigned family = bytes[13] >> 4;
	unsigned transport = bytes[13] & 0xf;

	if (family > FAMILY_UNIX || transport > TRANSPORT_DATAGRAM)
		return wrong(header, "a family from 0 to 3 and a transport "
				     "from 0 to 2");
	if (family == FAMILY_UNSPEC || transport == TRANSPORT_UNSPEC)
		return PROXY_WHOLE;
	if (header->size - N_FIXED < sizes[family])
		return wrong(header, "two addresses of the family in full");
	if (transport == TRANSPORT_STREAM && family == FAMILY_INET)
		read_addresses(header, AF_INET, bytes + N_FIXED,
			       sizeof(struct in_addr));
	if (transport == TRANSPORT_STREAM && family == FAMILY_INET6)
		read_addresses(header, AF_INET6, bytes + N_FIXED,
			       sizeof(struct in6_addr));
	return check_fields(header, bytes, N_FIXED + sizes[family]);
}

static bool is_command(unsigned char byte)
{
	return byte == (VERSION_2 | COMMAND_LOCAL) ||
	       byte == (VERSION_2 | COMMAND_PROXY);
}

static enum proxy_state parse_v2(struct proxy_header *header,
				 const unsigned char *bytes, size_t n)
{
	size_t size;

	if (n > N_SIGNATURE && !is_command(bytes[N_SIGNATURE]))
		return wrong(header, "version 2, LOCAL or PROXY");
	if (n < N_FIXED)
		return more(header, n);
	size = N_FIXED + number_at(bytes + 14);
	if (size > PROXY_HEADER_SIZE)
		return wrong(header, "a header of 4096 bytes at most");
	if (n < size)
		return more(header, n);
	header->size = size;
	if (bytes[N_SIGNATURE] == (VERSION_2 | COMMAND_LOCAL))
		return PROXY_WHOLE;
	return parse_proxied(header, bytes);
}

/* -- both -- */

enum proxy_state proxy_header_parse(struct proxy_header *header,
				    const void *data, size_t n)
{
	static const char proxy[] = "PROXY ";

	*header = (struct proxy_header){0};
	if (starts_as(data, n, signature, N_SIGNATURE))
		return parse_v2(header, data, n);
	if (starts_as(data, n, proxy, sizeof proxy - 1))
		return parse_v1(header, data, n);
	return wrong(header, "PROXY, or the signature of version 2");
}
