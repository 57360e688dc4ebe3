/* What each receiver may hold of a send buffer that all share: that of a Unix
 * datagram socket that is not connected. What a receiver has not read is in
 * the sender's buffer, and the kernel tells the sum alone (SIOCOUTQ, unix(7)).
 *
 * So each receiver has an account of what it was sent. When the sum has fallen
 * somebody has read, and it is guessed who: of those that have read more than
 * they may hold, or else of all, the one that was sent to last. For one that
 * does not read is soon sent to no more: when more than three eighths of the
 * buffer are unread, a receiver that holds something may have an eighth of what
 * is left of one half, and one that is known to read a half of what is left of
 * three quarters.
 *
 * A wrong guess leaves a receiver with less than its share. So each that is
 * refused is tried with one datagram after 1 ms, 8 ms, 64 ms ... up to a
 * minute, one receiver at a time: if that is read so was all before. The last
 * eighth of the buffer is for those that hold nothing or are known to read.
 *
 * Where there are as many receivers that never read as datagrams fit, no
 * account helps.
 *
 * Here is no I/O.
 */
#ifndef WEIR_DGRAM_SHARE_H
#define WEIR_DGRAM_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	/* Those that were sent to longest ago are forgotten beyond. */
	WEIR_DGRAM_ACCOUNTS = 256
};

struct weir_dgram_account {
	uint64_t name;	   /* a hash: two names that agree share it */
	uint64_t n_sent;   /* of the share, when it was sent to last */
	uint64_t try_ns;   /* when it may have one beyond its share; 0: it has
			    * not been refused */
	uint64_t pause_ns; /* between two of these */
	size_t held;	   /* bytes that it may not have read */
	size_t read;	   /* bytes that it seems to have read */
	size_t last;	   /* of these, its last datagram */
	bool is_tried;	   /* the last one was beyond its share */
};

struct weir_dgram_share {
	size_t size;   /* of the send buffer */
	size_t unread; /* of it, as last seen, and what was sent since */
	uint64_t n_sent;
	uint64_t try_ns; /* when anybody may be tried again */
	unsigned n_accounts;
	struct weir_dgram_account accounts[WEIR_DGRAM_ACCOUNTS];
};

/* size: SO_SNDBUF, as the kernel tells it. */
void weir_dgram_share_init(struct weir_dgram_share *share, size_t size);

/* The kernel is to be asked for the sum. */
static inline bool weir_dgram_share_wants_to_see(
	const struct weir_dgram_share *share)
{
	return share->unread > 0;
}

/* The sum is unread. */
void weir_dgram_share_see(struct weir_dgram_share *share, size_t unread);

/* How many of n datagrams for one receiver it may be sent now. Where the buffer
 * is full it is up to the kernel to say so. */
unsigned weir_dgram_share_allows(struct weir_dgram_share *share,
				 const struct mmsghdr *messages, unsigned n,
				 uint64_t now_ns);

/* The kernel took n of these. */
void weir_dgram_share_charge(struct weir_dgram_share *share,
			     const struct mmsghdr *messages, unsigned n,
			     uint64_t now_ns);

#endif
