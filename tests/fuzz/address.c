/* Addresses: what is read is written so that it reads the same, and what is
 * written ends within its room. No name is looked up. */
#include <stdio.h>

#include <weir/address.h>

#include "fault.h"
#include "fuzz.h"

enum {
	MAX_ADDRESSES = 4
};

static bool is_numeric(const char *text)
{
	if (strncmp(text, "udp:", 4) == 0)
		text += 4;
	return *text == '[' || text[strspn(text, "0123456789.:")] == '\0';
}

static void check_text(const struct weir_address *address, const char *text)
{
	struct weir_address again;

	fuzz_want(strlen(text) < WEIR_ADDRESS_TEXT_SIZE, "no NUL");
	/* IPv4 in IPv6 is written as IPv4, unprintable bytes as "?"; a name may
	 * be empty */
	if ((address->sa.any.sa_family == AF_INET6 &&
	     IN6_IS_ADDR_V4MAPPED(&address->sa.in6.sin6_addr)) ||
	    strchr(text, '?') || strcmp(text, "unix:") == 0 ||
	    strcmp(text, "unixgram:") == 0)
		return;
	fuzz_want(weir_address_resolve(text, WEIR_ADDRESS_CONNECT, &again, 1) ==
			  1,
		  "what was written is not read");
	fuzz_want(again.type == address->type && again.len == address->len,
		  "it reads as another kind of address");
	fuzz_want(memcmp(&again.sa, &address->sa, again.len) == 0,
		  "it reads as another address");
}

static void check_address(const struct weir_address *address)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];
	char cut[WEIR_ADDRESS_TEXT_SIZE];
	size_t size;

	weir_address_format(address, text, sizeof text);
	for (size = 1; size <= sizeof cut; size += 13) {
		memset(cut, 'x', sizeof cut);
		weir_address_format(address, cut, size);
		fuzz_want(memchr(cut, '\0', size), "a cut text has no NUL");
	}
	check_text(address, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = {data, n};
	bool listens = fuzz_byte(&f) & 1;
	struct weir_address addresses[MAX_ADDRESSES];
	char *text = fuzz_text(&f);
	int n_found;
	int i;

	fault_reset();
	if (!is_numeric(text))
		fault_result(FAULT_GETADDRINFO, FAULT_ANY_FD, FAULT_ALWAYS,
			     -2 /* ENOENT */);
	n_found = weir_address_resolve(
		text, listens ? WEIR_ADDRESS_LISTEN : WEIR_ADDRESS_CONNECT,
		addresses, MAX_ADDRESSES);
	fuzz_want(n_found != 0 && n_found <= MAX_ADDRESSES, "a wrong count");
	if (n_found < 0)
		fuzz_want(*weir_address_error(n_found) != '\0', "no message");
	for (i = 0; i < n_found; i++)
		check_address(&addresses[i]);
	fault_reset();
	fuzz_want(fault_n_live() == 0, "memory is leaked");
	free(text);
	return 0;
}
