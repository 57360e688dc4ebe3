/* Of several addresses that a wildcard UDP socket hears at, the one that a
 * datagram came to, and the one that another is to leave from: IP_PKTINFO
 * (ip(7)) and IPV6_RECVPKTINFO (RFC 3542, section 6). */
#ifndef WEIR_DGRAM_SOURCE_H
#define WEIR_DGRAM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <weir/address.h>

enum {
	/* room for one, and for what a user's own options may add */
	WEIR_DGRAM_CONTROL_SIZE = 256
};

/* Control messages, aligned as struct cmsghdr must be. */
union weir_dgram_control {
	size_t alignment;
	unsigned char bytes[WEIR_DGRAM_CONTROL_SIZE];
};

/* An IP address that stands for all of ours. */
bool weir_dgram_source_is_wildcard(const struct weir_address *address);

/* Let the kernel tell, from the next datagram on: so before bind(2). */
int weir_dgram_source_ask(int fd, int family);

/* Put into to, the socket's own address, what it told of one datagram. Nothing
 * is changed if there is nothing, or a multicast address, which no answer can
 * leave from. True: it was sent to a group or a broadcast. */
bool weir_dgram_source_read(const struct msghdr *header,
			    struct weir_address *to);

/* Let what header describes leave from source, by control. */
void weir_dgram_source_write(struct msghdr *header,
			     union weir_dgram_control *control,
			     const struct weir_address *source);

#endif
