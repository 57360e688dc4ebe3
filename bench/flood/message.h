/* Messages that carry their identity, so that it can be told whether what comes
 * back is what was sent.
 *
 *	sequence	8 bytes
 *	connection	4
 *	checksum	4	of the whole message but itself
 *	body		the rest: a different piece of one random block for
 *			each message
 *
 * In the byte order of this machine, to which they come back.
 */
#ifndef FLOOD_MESSAGE_H
#define FLOOD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MESSAGE_HEAD = 16,
	MESSAGE_MIN = MESSAGE_HEAD,
	/* how many different pieces there are */
	MESSAGE_PIECES = 1024
};

/* What messages of one size are made of. Zeroed: nothing. */
struct message_kit {
	size_t size;	      /* of a message */
	unsigned char *block; /* size + MESSAGE_PIECES random bytes */
	unsigned char *text;  /* size bytes: the message that is composed */
};

/* -ENOMEM. The block is the same for the same seed; its bytes are printable,
 * so that a line of it is a line. */
int message_kit_init(struct message_kit *kit, size_t size, uint64_t seed);
void message_kit_free(struct message_kit *kit);

/* Compose into kit->text, which is returned. */
const unsigned char *message_compose(const struct message_kit *kit,
				     uint32_t connection, uint64_t sequence);

/* Whether the kit->size bytes at data are exactly that message. */
bool message_is(const struct message_kit *kit, const void *data,
		uint32_t connection, uint64_t sequence);

/* Where in the n bytes at data the first whole message of that connection
 * begins, of the n_sent that were sent, and which it is; the search begins at
 * *at, and false leaves *at where it has to go on when there are more bytes. It
 * looks at each byte a few times at most, whatever they are. */
bool message_find(const struct message_kit *kit, const void *data, size_t n,
		  uint32_t connection, uint64_t n_sent, size_t *at,
		  uint64_t *sequence);

/* The piece of the block that message has, size bytes of it. */
static inline const unsigned char *message_piece(const struct message_kit *kit,
						 uint32_t connection,
						 uint64_t sequence)
{
	return kit->block +
	       ((uint64_t)13 * connection + 7 * sequence) % MESSAGE_PIECES;
}

/* Of n bytes; one changed byte always changes it before it is folded. */
uint32_t message_checksum(const void *data, size_t n, uint64_t start);

#endif
