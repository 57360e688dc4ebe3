/* IPv4 tells two addresses: the one in the header, which may be a broadcast's or
 * a group's, and the one of ours to answer from (ipi_spec_dst). The second is
 * taken. IPv6 has no broadcast, and tells the first alone. */
#include "dgram_source.h"
#include "sys.h"

#include <netinet/in.h>
#include <string.h>

bool weir_dgram_source_is_wildcard(const struct weir_address *address)
{
	switch (address->sa.any.sa_family) {
	case AF_INET:
		return address->sa.in.sin_addr.s_addr == htonl(INADDR_ANY);
	case AF_INET6:
		return IN6_IS_ADDR_UNSPECIFIED(&address->sa.in6.sin6_addr);
	default:
		return false;
	}
}

int weir_dgram_source_ask(int fd, int family)
{
	if (family == AF_INET)
		return weir_sys_setsockopt(fd, IPPROTO_IP, IP_PKTINFO, 1);
	return weir_sys_setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static bool read_v4(const struct cmsghdr *c, struct weir_address *to)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof info);
	to->sa.in.sin_addr = info.ipi_spec_dst;
	return info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
}

static bool read_v6(const struct cmsghdr *c, struct weir_address *to)
{
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof info);
	if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
		return true;
	to->sa.in6.sin6_addr = info.ipi6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		to->sa.in6.sin6_scope_id = (uint32_t)info.ipi6_ifindex;
	return false;
}

/* CMSG_NXTHDR of musl has a conversion that we are warned of. */
bool weir_dgram_source_read(const struct msghdr *header,
			    struct weir_address *to)
{
	const unsigned char *control = header->msg_control;
	size_t n = header->msg_controllen;
	bool is_for_many = false;
	size_t at = 0;

	while (at + sizeof(struct cmsghdr) <= n) {
		const struct cmsghdr *c = (const void *)(control + at);

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			is_for_many = read_v4(c, to);
		if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO)
			is_for_many = read_v6(c, to);
		if (c->cmsg_len < sizeof *c)
			break;
		at += CMSG_ALIGN(c->cmsg_len);
	}
	return is_for_many;
}

static void put(struct msghdr *header, union weir_dgram_control *control,
		int level, int type, const void *info, size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)control->bytes;

	memset(control->bytes, 0, CMSG_SPACE(n));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = (__typeof__(c->cmsg_len))CMSG_LEN(n);
	memcpy(CMSG_DATA(c), info, n);
	header->msg_control = control->bytes;
	header->msg_controllen =
		(__typeof__(header->msg_controllen))CMSG_SPACE(n);
}

void weir_dgram_source_write(struct msghdr *header,
			     union weir_dgram_control *control,
			     const struct weir_address *source)
{
	const struct in_pktinfo v4 = {.ipi_spec_dst = source->sa.in.sin_addr};
	const struct in6_pktinfo v6 = {.ipi6_addr = source->sa.in6.sin6_addr,
				       .ipi6_ifindex =
					       source->sa.in6.sin6_scope_id};

	if (source->sa.any.sa_family == AF_INET)
		put(header, control, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4);
	else
		put(header, control, IPPROTO_IPV6, IPV6_PKTINFO, &v6,
		    sizeof v6);
}
