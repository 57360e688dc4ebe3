/* Networks of IP addresses, as prefixes. IPv4 and mapped addresses are the
 * same: behind a socket of both families clients come as mapped ones. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

enum {
	NETWORK_ADDRESS_SIZE = 16,
	MAX_NETWORKS = 16
};

struct network {
	unsigned char address[NETWORK_ADDRESS_SIZE]; /* IPv4: mapped */
	unsigned n_bits;
};

struct networks {
	struct network list[MAX_NETWORKS];
	size_t n;
};

/* "10.0.0.0/8", "fd00::/8", or one address. False: it is none of these. */
bool network_parse(struct network *network, const char *text);
/* The address, IPv4 as mapped (RFC 4291, 2.5.5.2). False: it is neither IPv4 nor IPv6. */
bool network_address(const struct weir_address *address,
		     unsigned char bytes[NETWORK_ADDRESS_SIZE]);
/* FNV-1a of its first n bytes, mixed so that any of the hash's bits will do. */
uint32_t network_hash(const unsigned char *bytes, size_t n, uint32_t seed);
/* Whether it can be one machine's: no group, no broadcast to all. */
bool network_is_unicast(const struct weir_address *address);
bool network_is_ipv4(const unsigned char bytes[NETWORK_ADDRESS_SIZE]);
bool networks_hold(const struct networks *networks,
		   const struct weir_address *address);

#endif
