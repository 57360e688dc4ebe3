/* A board on which threads leave letters for all the others.
 *
 * One ring of bytes is the mailbox of all: a letter is written down once, and
 * each reader has a place of his own in the endless row of letters. So it
 * reaches all of them or, while the slowest has still too much to read, none:
 * then its writer waits, and its bell is rung when there is room.
 *
 * A reader is known by his number and has a bell; writers are readers too,
 * but do not read their own letters. Letters are read in the order in which
 * they were written. */
#ifndef BOARD_H
#define BOARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

enum {
	BOARD_SIZE = 262144, /* what unread letters hold at most */
	BOARD_MAX_LETTER = 65536
};

struct board_reader {
	struct weir_wakeup *bell;
	uint64_t at;	 /* he has read all before */
	bool is_waiting; /* a letter of his found no room */
};

/* Places are counts of all bytes ever written before them.
 *
 * 1. slowest <= at of every reader <= end <= slowest + BOARD_SIZE
 * 2. a reader who has others' letters to read was rung since he last looked */
struct board {
	pthread_mutex_t lock; /* of all but the bytes that are unread */
	uint64_t end;
	uint64_t slowest; /* or less, until room is wanted */
	size_t n_readers;
	struct board_reader *readers;
	unsigned char *bytes;
};

/* -ENOMEM. Every reader's bell is to be set before the first letter. */
int board_init(struct board *board, size_t n_readers);
/* When no other thread uses it any more. */
void board_deinit(struct board *board);

/* Leave a letter of n bytes, 1 to BOARD_MAX_LETTER, for all but writer
 * himself. False: there is no room, and his bell will ring when there is. */
bool board_write(struct board *board, size_t writer, const void *letter,
		 size_t n);

/* A letter that waits to be read. */
struct board_letter {
	size_t n;
	uint64_t at; /* of its first byte */
};

/* What reader has to read, until board_close. */
struct board_view {
	struct board *board;
	size_t reader;
	uint64_t at; /* the next letter */
	uint64_t end;
};

struct board_view board_open(struct board *board, size_t reader);
/* The next letter, which is read with that; false: there is none. */
bool board_next(struct board_view *view, struct board_letter *letter);
/* Its n bytes, until the view is closed. */
void board_copy(const struct board_view *view,
		const struct board_letter *letter, void *to);
/* The letters before view->at are read. True: there are more, and no bell will
 * ring for them. */
bool board_close(struct board_view *view);

#endif
