/* The board: a ring, and a place for each reader.
 *
 * What is unread does not change, so a reader copies without the lock, and
 * takes it only to learn where the letters end, and to give up what he has
 * read. A bell is rung only for a reader who had nothing left to read: the
 * others will look again before they rest. */
#include "board.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct head {
	uint32_t n;
	uint32_t writer;
};

int board_init(struct board *board, size_t n_readers)
{
	*board = (struct board){.n_readers = n_readers};
	board->readers = calloc(n_readers, sizeof *board->readers);
	board->bytes = malloc(BOARD_SIZE);
	if (!board->readers || !board->bytes) {
		free(board->readers);
		free(board->bytes);
		return -ENOMEM;
	}
	pthread_mutex_init(&board->lock, NULL);
	return 0;
}

void board_deinit(struct board *board)
{
	pthread_mutex_destroy(&board->lock);
	free(board->readers);
	free(board->bytes);
}

/* -- the ring -- */

/* How many of n bytes from at on lie before the ring's end. */
static size_t before_end(uint64_t at, size_t n)
{
	size_t left = BOARD_SIZE - (size_t)(at % BOARD_SIZE);

	return n < left ? n : left;
}

static void put(struct board *board, uint64_t at, const void *from, size_t n)
{
	size_t n_first = before_end(at, n);

	memcpy(board->bytes + at % BOARD_SIZE, from, n_first);
	memcpy(board->bytes, (const char *)from + n_first, n - n_first);
}

static void get(const struct board *board, uint64_t at, void *to, size_t n)
{
	size_t n_first = before_end(at, n);

	memcpy(to, board->bytes + at % BOARD_SIZE, n_first);
	memcpy((char *)to + n_first, board->bytes, n - n_first);
}

/* -- writing, under the lock -- */

static void find_slowest(struct board *board)
{
	board->slowest = board->end;
	for (size_t i = 0; i < board->n_readers; i++)
		if (board->readers[i].at < board->slowest)
			board->slowest = board->readers[i].at;
}

static bool has_room(const struct board *board, size_t n)
{
	return board->end + n - board->slowest <= BOARD_SIZE;
}

/* The bells of those who rested. The writer's own place moves on if it is at
 * the end, else he passes over his letter when he comes to it. */
static void tell(struct board *board, size_t writer, uint64_t end)
{
	for (size_t i = 0; i < board->n_readers; i++) {
		struct board_reader *reader = &board->readers[i];

		if (reader->at != board->end)
			continue;
		if (i == writer)
			reader->at = end;
		else
			weir_wakeup_send(reader->bell);
	}
	board->end = end;
}

static bool try_to_write(struct board *board, size_t writer, const void *letter,
			 size_t n)
{
	const struct head head = {.n = (uint32_t)n, .writer = (uint32_t)writer};

	if (!has_room(board, sizeof head + n))
		find_slowest(board);
	if (!has_room(board, sizeof head + n)) {
		board->readers[writer].is_waiting = true;
		return false;
	}
	put(board, board->end, &head, sizeof head);
	put(board, board->end + sizeof head, letter, n);
	tell(board, writer, board->end + sizeof head + n);
	return true;
}

bool board_write(struct board *board, size_t writer, const void *letter,
		 size_t n)
{
	bool is_written;

	assert(n > 0 && n <= BOARD_MAX_LETTER);
	pthread_mutex_lock(&board->lock);
	is_written = try_to_write(board, writer, letter, n);
	pthread_mutex_unlock(&board->lock);
	return is_written;
}

/* -- reading -- */

struct board_view board_open(struct board *board, size_t reader)
{
	struct board_view view = {.board = board, .reader = reader};

	pthread_mutex_lock(&board->lock);
	view.at = board->readers[reader].at;
	view.end = board->end;
	pthread_mutex_unlock(&board->lock);
	return view;
}

bool board_next(struct board_view *view, struct board_letter *letter)
{
	while (view->at < view->end) {
		struct head head;

		get(view->board, view->at, &head, sizeof head);
		letter->n = head.n;
		letter->at = view->at + sizeof head;
		view->at = letter->at + head.n;
		if (head.writer != view->reader)
			return true;
	}
	return false;
}

void board_copy(const struct board_view *view,
		const struct board_letter *letter, void *to)
{
	get(view->board, letter->at, to, letter->n);
}

/* Not before half of the board is free: a writer who waited shall find room
 * for more than one letter. */
static void call_writers(struct board *board)
{
	find_slowest(board);
	if (!has_room(board, BOARD_SIZE / 2))
		return;
	for (size_t i = 0; i < board->n_readers; i++) {
		if (board->readers[i].is_waiting)
			weir_wakeup_send(board->readers[i].bell);
		board->readers[i].is_waiting = false;
	}
}

bool board_close(struct board_view *view)
{
	struct board *board = view->board;
	bool has_more;

	pthread_mutex_lock(&board->lock);
	board->readers[view->reader].at = view->at;
	call_writers(board);
	has_more = view->at != board->end;
	pthread_mutex_unlock(&board->lock);
	return has_more;
}
