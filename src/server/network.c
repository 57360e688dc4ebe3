/* Networks are compared as IPv6, in which IPv4 is the network ::ffff:0:0/96. */
#include "network.h"

#include <arpa/inet.h>
#include <string.h>

#include "quantity.h"

enum {
	MAPPED_BITS = 96,
	TEXT_SIZE = 64
};

static const unsigned char mapped_prefix[MAPPED_BITS / 8] = {
	[10] = 0xff, [11] = 0xff};

static void map(unsigned char bytes[NETWORK_ADDRESS_SIZE],
		const struct in_addr *address)
{
	memcpy(bytes, mapped_prefix, sizeof mapped_prefix);
	memcpy(bytes + sizeof mapped_prefix, address, sizeof *address);
}

/* How many bits come before the prefix's own; -1: it is no address. */
static int parse_address(struct network *network, const char *text)
{
	struct in_addr v4;

	if (inet_pton(AF_INET6, text, network->address) == 1)
		return 0;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return -1;
	map(network->address, &v4);
	return MAPPED_BITS;
}

bool network_parse(struct network *network, const char *text)
{
	static const unsigned all = 8 * NETWORK_ADDRESS_SIZE;
	struct quantity_kind prefix = {.units = quantity_counts};
	size_t n = strcspn(text, "/");
	char address[TEXT_SIZE] = "";
	uint64_t n_bits;
	int n_before;

	if (n >= sizeof address)
		return false;
	memcpy(address, text, n);
	n_before = parse_address(network, address);
	if (n_before < 0)
		return false;
	prefix.max = all - (unsigned)n_before;
	n_bits = prefix.max;
	if (text[n] == '/' && !quantity_parse(&prefix, text + n + 1, &n_bits))
		return false;
	network->n_bits = (unsigned)n_before + (unsigned)n_bits;
	return true;
}

bool network_address(const struct weir_address *address,
		     unsigned char bytes[NETWORK_ADDRESS_SIZE])
{
	if (address->sa.any.sa_family == AF_INET)
		map(bytes, &address->sa.in.sin_addr);
	else if (address->sa.any.sa_family == AF_INET6)
		memcpy(bytes, &address->sa.in6.sin6_addr, NETWORK_ADDRESS_SIZE);
	else
		return false;
	return true;
}

uint32_t network_hash(const unsigned char *bytes, size_t n, uint32_t seed)
{
	uint32_t hash = 2166136261 ^ seed;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 16777619;
	return hash ^ hash >> 16;
}

bool network_is_ipv4(const unsigned char bytes[NETWORK_ADDRESS_SIZE])
{
	return memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

bool network_is_unicast(const struct weir_address *address)
{
	static const unsigned char nobody[NETWORK_ADDRESS_SIZE];
	unsigned char bytes[NETWORK_ADDRESS_SIZE];
	unsigned first;

	if (!network_address(address, bytes) ||
	    memcmp(bytes, nobody, sizeof nobody) == 0)
		return false;
	if (!network_is_ipv4(bytes))
		return bytes[0] != 0xff;
	/* 0.0.0.0/8, the groups, and what is reserved beside the broadcast */
	first = bytes[sizeof mapped_prefix];
	return first != 0 && first < 224;
}

static bool holds(const struct network *network, const unsigned char *bytes)
{
	size_t n = network->n_bits / 8;
	unsigned rest = network->n_bits % 8;

	return memcmp(network->address, bytes, n) == 0 &&
	       (rest == 0 ||
		(network->address[n] ^ bytes[n]) >> (8 - rest) == 0);
}

bool networks_hold(const struct networks *networks,
		   const struct weir_address *address)
{
	unsigned char bytes[NETWORK_ADDRESS_SIZE];

	if (!network_address(address, bytes))
		return false;
	for (size_t i = 0; i < networks->n; i++)
		if (holds(&networks->list[i], bytes))
			return true;
	return false;
}
