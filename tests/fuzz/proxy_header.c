/* PROXY headers: however much of a header is there, what is understood of it
 * fits to what is understood of all; and what is written is read the same. */
#include "proxy_header.h"

#include "fuzz.h"

/* In memory of just that size. */
static enum proxy_state parse(struct proxy_header *header, const uint8_t *data,
			      size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	enum proxy_state state;

	if (!copy)
		harness_die("no memory");
	memcpy(copy, data, n);
	memset(header, 0xA5, sizeof *header);
	state = proxy_header_parse(header, copy, n);
	free(copy);
	return state;
}

static bool is_same(const struct weir_address *a, const struct weir_address *b)
{
	return a->type == b->type && a->len == b->len &&
	       memcmp(&a->sa, &b->sa, a->len) == 0;
}

static bool is_mapped(const struct weir_address *a)
{
	return a->sa.any.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&a->sa.in6.sin6_addr);
}

static void check_written(const struct proxy_header *header, int version)
{
	uint8_t written[PROXY_HEADER_WRITTEN_SIZE];
	struct proxy_header again;
	size_t n = proxy_header_write(written, version, &header->source,
				      &header->destination);

	fuzz_want(n <= sizeof written, "more is written than may be");
	fuzz_want(parse(&again, written, n) == PROXY_WHOLE && again.size == n,
		  "what was written is not read");
	fuzz_want(again.has_source, "it reads as no address");
	/* both are told as IPv4, and then each reads as itself */
	if (is_mapped(&header->source) && is_mapped(&header->destination)) {
		check_written(&again, version);
		return;
	}
	fuzz_want(is_same(&again.source, &header->source) &&
			  is_same(&again.destination, &header->destination),
		  "it reads as other addresses");
}

static void check_part(enum proxy_state whole, const struct proxy_header *of,
		       const uint8_t *data, size_t n)
{
	struct proxy_header part;
	enum proxy_state state = parse(&part, data, n);

	if (state == PROXY_MORE)
		fuzz_want(part.size == n, "an incomplete header has a size");
	else
		fuzz_want(state == whole, "more bytes change what was known");
	if (state == PROXY_WHOLE)
		fuzz_want(part.size == of->size &&
				  part.has_source == of->has_source,
			  "more bytes change the header");
	if (state == PROXY_WRONG)
		fuzz_want(part.expected != NULL, "nothing was expected");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct proxy_header header;
	enum proxy_state state;
	size_t step = n / 64 + 1;
	size_t i;

	if (n > PROXY_HEADER_SIZE + 64)
		return 0;
	state = parse(&header, data, n);
	if (state == PROXY_WHOLE)
		fuzz_want(header.size <= n, "it is larger than its bytes");
	if (state == PROXY_WHOLE && header.has_source) {
		check_written(&header, 1);
		check_written(&header, 2);
	}
	for (i = 0; i < n; i += step)
		check_part(state, &header, data, i);
	return 0;
}
