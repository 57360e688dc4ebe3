/* The ring: a message is for all other readers, or for none yet. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <weir.h>

#include "harness.h"
#include "ring.h"

enum {
	MAX_READERS = 5,
	HEAD = 8, /* of each message, beside its bytes */
	LARGE = 60000
};

/* Each reader has a loop of its own, as a worker has. */
struct place {
	struct weir_loop *loop;
	struct weir_wakeup wakeup;
	unsigned n_wakeups;
};

static struct ring ring;
static struct place places[MAX_READERS];

static void on_wakeup(struct weir_wakeup *wakeup)
{
	weir_container_of(wakeup, struct place, wakeup)->n_wakeups++;
}

static void begin(void)
{
	harness_begin();
	cr_assert_eq(ring_init(&ring, MAX_READERS), 0);
	for (size_t i = 0; i < MAX_READERS; i++) {
		struct place *place = &places[i];

		cr_assert_eq(weir_loop_new(&place->loop), 0);
		cr_assert_eq(weir_wakeup_open(&place->wakeup, place->loop,
					      on_wakeup),
			     0);
		ring.readers[i].wakeup = &place->wakeup;
	}
}

static void end(void)
{
	for (size_t i = 0; i < MAX_READERS; i++) {
		weir_wakeup_close(&places[i].wakeup);
		if (weir_loop_free(places[i].loop) < 0)
			harness_die("a loop is not empty");
	}
	ring_deinit(&ring);
	harness_end();
}

TestSuite(ring, .init = begin, .fini = end);

/* Whether i was woken since the last call. */
static bool was_woken(size_t i)
{
	unsigned n_before = places[i].n_wakeups;

	weir_loop_turn(places[i].loop, 0);
	return places[i].n_wakeups > n_before;
}

static bool write_text(size_t writer, const char *text)
{
	return ring_write(&ring, writer, text, strlen(text));
}

/* All that reader has to read, each message followed by a space. */
static const char *read_all(size_t reader)
{
	static char text[256];
	struct ring_view view = ring_open(&ring, reader);
	struct ring_message message;
	size_t n = 0;

	while (ring_next(&view, &message)) {
		ring_copy(&view, &message, text + n);
		n += message.n;
		text[n++] = ' ';
	}
	text[n] = '\0';
	cr_assert_not(ring_close(&view));
	return text;
}

static size_t count_messages(size_t reader)
{
	struct ring_view view = ring_open(&ring, reader);
	struct ring_message message;
	size_t n = 0;

	while (ring_next(&view, &message))
		n++;
	(void)ring_close(&view);
	return n;
}

static size_t fill(size_t writer, size_t n_message)
{
	static const char message[RING_MAX_MESSAGE];
	size_t n = 0;

	while (ring_write(&ring, writer, message, n_message))
		n++;
	return n;
}

Test(ring, gives_each_message_to_all_but_its_writer)
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

Test(ring, rings_for_those_who_had_read_all)
{
	cr_assert(write_text(0, "a"));
	cr_assert_not(was_woken(0));
	for (size_t i = 1; i < MAX_READERS; i++)
		cr_assert(was_woken(i));
	read_all(1);
	cr_assert(write_text(0, "b"));
	cr_assert(was_woken(1));
	cr_assert_not(was_woken(2));
}

Test(ring, tells_a_reader_who_stops_that_there_is_more)
{
	struct ring_view view;
	struct ring_message message;

	cr_assert(write_text(0, "a"));
	cr_assert(write_text(0, "b"));
	view = ring_open(&ring, 1);
	cr_assert(ring_next(&view, &message));
	cr_assert(ring_close(&view));
	cr_assert_str_eq(read_all(1), "b ");
}

Test(ring, tells_a_reader_of_what_came_while_he_read)
{
	struct ring_view view;
	struct ring_message message;

	cr_assert(write_text(0, "a"));
	view = ring_open(&ring, 1);
	cr_assert(write_text(0, "b"));
	cr_assert(ring_next(&view, &message));
	cr_assert_not(ring_next(&view, &message));
	cr_assert(ring_close(&view));
	cr_assert_str_eq(read_all(1), "b ");
}

Test(ring, takes_as_much_as_it_holds_and_no_byte_more)
{
	cr_assert_eq(fill(0, RING_MAX_MESSAGE - HEAD),
		     RING_SIZE / RING_MAX_MESSAGE);
	cr_assert_not(write_text(0, "x"));
	cr_assert_not(write_text(1, "x"));
	for (size_t i = 1; i < MAX_READERS; i++)
		cr_assert_eq(count_messages(i), RING_SIZE / RING_MAX_MESSAGE);
	cr_assert(write_text(1, "x"));
}

Test(ring, takes_nothing_until_the_slowest_has_read)
{
	size_t n = fill(0, LARGE);

	for (size_t i = 1; i < MAX_READERS - 1; i++)
		cr_assert_eq(count_messages(i), n);
	cr_assert_eq(fill(1, LARGE), 0);
	/* the writer itself holds up no other */
	cr_assert_eq(count_messages(MAX_READERS - 1), n);
	cr_assert_eq(fill(1, LARGE), n);
}

Test(ring, calls_those_who_waited_when_half_is_free)
{
	struct ring_view view;
	struct ring_message message;
	size_t n = fill(0, LARGE);

	cr_assert_eq(n, 4);
	cr_assert_eq(fill(3, LARGE), 0);
	for (size_t i = 1; i < MAX_READERS - 1; i++)
		cr_assert_eq(count_messages(i), n);
	for (size_t i = 0; i < MAX_READERS; i++)
		was_woken(i);
	view = ring_open(&ring, MAX_READERS - 1);
	cr_assert(ring_next(&view, &message));
	cr_assert(ring_close(&view));
	cr_assert_not(was_woken(0));
	view = ring_open(&ring, MAX_READERS - 1);
	cr_assert(ring_next(&view, &message));
	cr_assert(ring_close(&view));
	cr_assert(was_woken(0));
	cr_assert(was_woken(3));
	cr_assert_not(was_woken(1));
	/* told once */
	cr_assert_eq(count_messages(MAX_READERS - 1), 2);
	cr_assert_not(was_woken(0));
}

/* A message of any size, anywhere in the ring, comes back byte for byte. */
Test(ring, is_a_ring)
{
	static unsigned char in[RING_MAX_MESSAGE];
	static unsigned char out[RING_MAX_MESSAGE];

	for (unsigned round = 0; round < 200; round++) {
		size_t n = 1 + harness_random_below(RING_MAX_MESSAGE);
		struct ring_message message;

		harness_fill(in, n, round, 0);
		cr_assert(ring_write(&ring, round % MAX_READERS, in, n));
		for (size_t i = 0; i < MAX_READERS; i++) {
			struct ring_view view = ring_open(&ring, i);

			if (!ring_next(&view, &message)) {
				cr_assert_eq(i, round % MAX_READERS);
				continue;
			}
			cr_assert_eq(message.n, n);
			ring_copy(&view, &message, out);
			harness_check(out, n, round, 0);
			cr_assert_not(ring_close(&view));
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
	return began[n_entries] - began[slowest] + HEAD + n <= RING_SIZE;
}

static void write_both(size_t writer, size_t n)
{
	static unsigned char data[RING_MAX_MESSAGE];
	bool was_at_end = n_read[writer] == n_entries;

	harness_fill(data, n, n_entries, 0);
	cr_assert_eq(ring_write(&ring, writer, data, n), has_model_room(n));
	if (!has_model_room(n))
		return;
	began[n_entries + 1] = began[n_entries] + HEAD + n;
	entries[n_entries++] = (struct entry){.writer = writer, .n = n};
	if (was_at_end)
		n_read[writer] = n_entries;
}

static void read_both(size_t reader, size_t n_most)
{
	static unsigned char data[RING_MAX_MESSAGE];
	struct ring_view view = ring_open(&ring, reader);
	struct ring_message message;

	for (; n_most > 0 && ring_next(&view, &message); n_most--) {
		pass_own(reader);
		cr_assert_lt(n_read[reader], n_entries);
		cr_assert_eq(message.n, entries[n_read[reader]].n);
		ring_copy(&view, &message, data);
		harness_check(data, message.n, n_read[reader]++, 0);
	}
	if (n_most > 0)
		pass_own(reader);
	cr_assert_eq(ring_close(&view), n_read[reader] < n_entries);
}

Test(ring, does_what_a_list_of_messages_would_do)
{
	while (n_entries < N_ENTRIES) {
		size_t reader = harness_random_below(MAX_READERS);
		size_t most = harness_random_below(8) ? 100 : RING_MAX_MESSAGE;

		if (harness_random_below(3))
			write_both(reader, 1 + harness_random_below(most));
		else
			read_both(reader, harness_random_below(20));
	}
	for (size_t i = 0; i < MAX_READERS; i++)
		read_both(i, SIZE_MAX);
}
