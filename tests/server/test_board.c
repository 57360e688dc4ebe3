/* The board: letters for all other readers, or for none yet. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <weir.h>

#include "harness.h"
#include "board.h"

enum {
	MAX_READERS = 5,
	HEAD = 8, /* what a letter takes beside itself */
	LARGE = 60000
};

/* Each reader has a loop of his own, as a worker has. */
struct place {
	struct weir_loop *loop;
	struct weir_wakeup bell;
	unsigned n_rings;
};

static struct board board;
static struct place places[MAX_READERS];

static void on_ring(struct weir_wakeup *bell)
{
	weir_container_of(bell, struct place, bell)->n_rings++;
}

static void begin(void)
{
	harness_begin();
	cr_assert_eq(board_init(&board, MAX_READERS), 0);
	for (size_t i = 0; i < MAX_READERS; i++) {
		struct place *place = &places[i];

		cr_assert_eq(weir_loop_new(&place->loop), 0);
		cr_assert_eq(
			weir_wakeup_open(&place->bell, place->loop, on_ring),
			0);
		board.readers[i].bell = &place->bell;
	}
}

static void end(void)
{
	for (size_t i = 0; i < MAX_READERS; i++) {
		weir_wakeup_close(&places[i].bell);
		if (weir_loop_free(places[i].loop) < 0)
			harness_die("a loop is not empty");
	}
	board_deinit(&board);
	harness_end();
}

TestSuite(board, .init = begin, .fini = end);

/* Whether i's bell has rung since it was asked. */
static bool has_rung(size_t i)
{
	unsigned n_before = places[i].n_rings;

	weir_loop_turn(places[i].loop, 0);
	return places[i].n_rings > n_before;
}

static bool write_text(size_t writer, const char *text)
{
	return board_write(&board, writer, text, strlen(text));
}

/* All that reader has to read, each letter followed by a space. */
static const char *read_all(size_t reader)
{
	static char text[256];
	struct board_view view = board_open(&board, reader);
	struct board_letter letter;
	size_t n = 0;

	while (board_next(&view, &letter)) {
		board_copy(&view, &letter, text + n);
		n += letter.n;
		text[n++] = ' ';
	}
	text[n] = '\0';
	cr_assert_not(board_close(&view));
	return text;
}

static size_t count_letters(size_t reader)
{
	struct board_view view = board_open(&board, reader);
	struct board_letter letter;
	size_t n = 0;

	while (board_next(&view, &letter))
		n++;
	(void)board_close(&view);
	return n;
}

static size_t fill(size_t writer, size_t n_letter)
{
	static const char letter[BOARD_MAX_LETTER];
	size_t n = 0;

	while (board_write(&board, writer, letter, n_letter))
		n++;
	return n;
}

Test(board, gives_each_letter_to_all_but_its_writer)
{
	cr_assert(write_text(0, "a"));
	cr_assert(write_text(1, "b"));
	cr_assert(write_text(0, "c"));
	cr_assert_str_eq(read_all(0), "b ");
	cr_assert_str_eq(read_all(1), "a c ");
	for (size_t i = 2; i < MAX_READERS; i++)
		cr_assert_str_eq(read_all(i), "a b c ");
	for (size_t i = 0; i < MAX_READERS; i++)
		cr_assert_str_eq(read_all(i), "");
}

Test(board, rings_for_those_who_had_read_all)
{
	cr_assert(write_text(0, "a"));
	cr_assert_not(has_rung(0));
	for (size_t i = 1; i < MAX_READERS; i++)
		cr_assert(has_rung(i));
	read_all(1);
	cr_assert(write_text(0, "b"));
	cr_assert(has_rung(1));
	cr_assert_not(has_rung(2));
}

Test(board, tells_a_reader_who_stops_that_there_is_more)
{
	struct board_view view;
	struct board_letter letter;

	cr_assert(write_text(0, "a"));
	cr_assert(write_text(0, "b"));
	view = board_open(&board, 1);
	cr_assert(board_next(&view, &letter));
	cr_assert(board_close(&view));
	cr_assert_str_eq(read_all(1), "b ");
}

Test(board, tells_a_reader_of_what_came_while_he_read)
{
	struct board_view view;
	struct board_letter letter;

	cr_assert(write_text(0, "a"));
	view = board_open(&board, 1);
	cr_assert(write_text(0, "b"));
	cr_assert(board_next(&view, &letter));
	cr_assert_not(board_next(&view, &letter));
	cr_assert(board_close(&view));
	cr_assert_str_eq(read_all(1), "b ");
}

Test(board, takes_as_much_as_it_holds_and_no_byte_more)
{
	cr_assert_eq(fill(0, BOARD_MAX_LETTER - HEAD),
		     BOARD_SIZE / BOARD_MAX_LETTER);
	cr_assert_not(write_text(0, "x"));
	cr_assert_not(write_text(1, "x"));
	for (size_t i = 1; i < MAX_READERS; i++)
		cr_assert_eq(count_letters(i), BOARD_SIZE / BOARD_MAX_LETTER);
	cr_assert(write_text(1, "x"));
}

Test(board, takes_nothing_until_the_slowest_has_read)
{
	size_t n = fill(0, LARGE);

	for (size_t i = 1; i < MAX_READERS - 1; i++)
		cr_assert_eq(count_letters(i), n);
	cr_assert_eq(fill(1, LARGE), 0);
	/* the writer himself holds nobody up */
	cr_assert_eq(count_letters(MAX_READERS - 1), n);
	cr_assert_eq(fill(1, LARGE), n);
}

Test(board, calls_those_who_waited_when_half_is_free)
{
	struct board_view view;
	struct board_letter letter;
	size_t n = fill(0, LARGE);

	cr_assert_eq(n, 4);
	cr_assert_eq(fill(3, LARGE), 0);
	for (size_t i = 1; i < MAX_READERS - 1; i++)
		cr_assert_eq(count_letters(i), n);
	for (size_t i = 0; i < MAX_READERS; i++)
		has_rung(i);
	view = board_open(&board, MAX_READERS - 1);
	cr_assert(board_next(&view, &letter));
	cr_assert(board_close(&view));
	cr_assert_not(has_rung(0));
	view = board_open(&board, MAX_READERS - 1);
	cr_assert(board_next(&view, &letter));
	cr_assert(board_close(&view));
	cr_assert(has_rung(0));
	cr_assert(has_rung(3));
	cr_assert_not(has_rung(1));
	/* told once */
	cr_assert_eq(count_letters(MAX_READERS - 1), 2);
	cr_assert_not(has_rung(0));
}

/* A letter of any size, anywhere in the ring, comes back byte for byte. */
Test(board, is_a_ring)
{
	static unsigned char in[BOARD_MAX_LETTER];
	static unsigned char out[BOARD_MAX_LETTER];

	for (unsigned round = 0; round < 200; round++) {
		size_t n = 1 + harness_random_below(BOARD_MAX_LETTER);
		struct board_letter letter;

		harness_fill(in, n, round, 0);
		cr_assert(board_write(&board, round % MAX_READERS, in, n));
		for (size_t i = 0; i < MAX_READERS; i++) {
			struct board_view view = board_open(&board, i);

			if (!board_next(&view, &letter)) {
				cr_assert_eq(i, round % MAX_READERS);
				continue;
			}
			cr_assert_eq(letter.n, n);
			board_copy(&view, &letter, out);
			harness_check(out, n, round, 0);
			cr_assert_not(board_close(&view));
		}
	}
}

/* -- against a naive model -- */

struct entry {
	size_t writer;
	size_t n;
};

enum {
	N_ENTRIES = 20000
};

static struct entry entries[N_ENTRIES];
static size_t n_entries;
static size_t n_read[MAX_READERS]; /* entries, own ones too */
static uint64_t began[N_ENTRIES + 1];

static void pass_own(size_t reader)
{
	while (n_read[reader] < n_entries &&
	       entries[n_read[reader]].writer == reader)
		n_read[reader]++;
}

static bool has_model_room(size_t n)
{
	size_t slowest = n_entries;

	for (size_t i = 0; i < MAX_READERS; i++)
		if (n_read[i] < slowest)
			slowest = n_read[i];
	return began[n_entries] - began[slowest] + HEAD + n <= BOARD_SIZE;
}

static void write_both(size_t writer, size_t n)
{
	static unsigned char data[BOARD_MAX_LETTER];
	bool was_at_end = n_read[writer] == n_entries;

	harness_fill(data, n, n_entries, 0);
	cr_assert_eq(board_write(&board, writer, data, n), has_model_room(n));
	if (!has_model_room(n))
		return;
	began[n_entries + 1] = began[n_entries] + HEAD + n;
	entries[n_entries++] = (struct entry){.writer = writer, .n = n};
	if (was_at_end)
		n_read[writer] = n_entries;
}

static void read_both(size_t reader, size_t n_most)
{
	static unsigned char data[BOARD_MAX_LETTER];
	struct board_view view = board_open(&board, reader);
	struct board_letter letter;

	for (; n_most > 0 && board_next(&view, &letter); n_most--) {
		pass_own(reader);
		cr_assert_lt(n_read[reader], n_entries);
		cr_assert_eq(letter.n, entries[n_read[reader]].n);
		board_copy(&view, &letter, data);
		harness_check(data, letter.n, n_read[reader]++, 0);
	}
	if (n_most > 0)
		pass_own(reader);
	cr_assert_eq(board_close(&view), n_read[reader] < n_entries);
}

Test(board, does_what_a_list_of_letters_would_do)
{
	while (n_entries < N_ENTRIES) {
		size_t who = harness_random_below(MAX_READERS);
		size_t most = harness_random_below(8) ? 100 : BOARD_MAX_LETTER;

		if (harness_random_below(3))
			write_both(who, 1 + harness_random_below(most));
		else
			read_both(who, harness_random_below(20));
	}
	for (size_t i = 0; i < MAX_READERS; i++)
		read_both(i, SIZE_MAX);
}
