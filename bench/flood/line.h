/* Messages of mode broadcast: lines, which the target passes on whole.
 *
 *	publisher  4 hexadecimal digits
 *	sequence   12
 *	checksum   8, of the whole line but itself
 *	filler	   printable
 *	\n
 */
#ifndef FLOOD_LINE_H
#define FLOOD_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum {
	LINE_HEAD = 24,
	LINE_SHORTEST = LINE_HEAD + 1,
	LINE_LONGEST = 65536,
	LINE_MAX_PUBLISHERS = 65536
};

struct line {
	uint32_t publisher;
	uint64_t sequence;
};

/* Compose a line of kit->size bytes into kit->text, which is returned. */
const unsigned char *line_compose(const struct message_kit *kit,
				  const struct line *line);

/* What the n bytes at text, the last of them \n, say; false: no such line. Of
 * one that is not verified the filler may be anything. */
bool line_read(const struct message_kit *kit, const unsigned char *text,
	       size_t n, bool is_verified, struct line *line);

/* Whether it is the target's own "# missed N", and how many that is. */
bool line_read_missed(const unsigned char *text, size_t n, uint64_t *n_missed);

#endif
