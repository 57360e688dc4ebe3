/* The ring: a message is for all other readers, or for none yet. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <weir.h>

#include "harness.h"
#include "ring.h"

enum {
	MAX_READERS = 5,
	HEAD = 4, /* of each message, beside its bytes */
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

static enum ring_outcome write_text(size_t writer, const char *text)
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
		memcpy(text + n, message.data, message.n);
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

	while (ring_write(&ring, writer, message, n_message) == RING_WRITTEN)
		n++;
	return n;
}

Test(ring, gives_each_message_to_all_but_its_writer)
{
	cr_assert_eq(write_text(0, "a"), RING_WRITTEN);
	cr_assert_eq(write_text(0, "b"), RING_WRITTEN);
	cr_assert_str_eq(read_all(0), "");
	for (size_t i = 1; i < MAX_READERS; i++)
		cr_assert_str_eq(read_all(i), "a b ");
	for (size_t i = 0; i < MAX_READERS; i++)
		cr_assert_str_eq(read_all(i), "");
}

Test(ring, takes_a_message_of_those_alone_who_have_read_all_others)
{
	cr_assert_eq(write_text(0, "a"), RING_WRITTEN);
	cr_assert_eq(write_text(1, "b"), RING_BEHIND);
	cr_assert_str_eq(read_all(1), "a ");
	cr_assert_eq(write_text(1, "b"), RING_WRITTEN);
	cr_assert_eq(write_text(0, "c"), RING_BEHIND);
	cr_assert_str_eq(read_all(0), "b ");
	cr_assert_str_eq(read_all(2), "a b ");
}

Test(ring, rings_for_those_who_had_read_all)
{
	cr_assert_eq(write_text(0, "a"), RING_WRITTEN);
	cr_assert_not(was_woken(0));
	for (size_t i = 1; i < MAX_READERS; i++)
		cr_assert(was_woken(i));
	read_all(1);
	cr_assert_eq(write_text(0, "b"), RING_WRITTEN);
	cr_assert(was_woken(1));
	cr_assert_not(was_woken(2));
}

Test(ring, tells_a_reader_who_stops_that_there_is_more)
{
	struct ring_view view;
	struct ring_message message;

	cr_assert_eq(write_text(0, "a"), RING_WRITTEN);
	cr_assert_eq(write_text(0, "b"), RING_WRITTEN);
	view = ring_open(&ring, 1);
	cr_assert(ring_next(&view, &message));
	cr_assert(ring_close(&view));
	cr_assert_str_eq(read_all(1), "b ");
}

Test(ring, tells_a_reader_of_what_came_while_he_read)
{
	struct ring_view view;
	struct ring_message message;

	cr_assert_eq(write_text(0, "a"), RING_WRITTEN);
	view = ring_open(&ring, 1);
	cr_assert_eq(write_text(0, "b"), RING_WRITTEN);
	cr_assert(ring_next(&view, &message));
	cr_assert_not(ring_next(&view, &message));
	cr_assert(ring_close(&view));
	cr_assert_str_eq(read_all(1), "b ");
}

Test(ring, takes_as_much_as_it_holds_and_no_byte_more)
{
	cr_assert_eq(fill(0, RING_MAX_MESSAGE - HEAD),
		     RING_SIZE / RING_MAX_MESSAGE);
	cr_assert_eq(write_text(0, "x"), RING_FULL);
	for (size_t i = 1; i < MAX_READERS; i++)
		cr_assert_eq(count_messages(i), RING_SIZE / RING_MAX_MESSAGE);
	cr_assert_eq(write_text(0, "x"), RING_WRITTEN);
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
	for (size_t i = 1; i < MAX_READERS - 1; i++)
		cr_assert_eq(count_messages(i), n);
	cr_assert_eq(fill(3, LARGE), 0);
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

	for (unsigned round = 0; round < 200; round++) {
		size_t n = 1 + harness_random_below(RING_MAX_MESSAGE);
		struct ring_message message;

		harness_fill(in, n, round, 0);
		cr_assert_eq(ring_write(&ring, round % MAX_READERS, in, n),
			     RING_WRITTEN);
		for (size_t i = 0; i < MAX_READERS; i++) {
			struct ring_view view = ring_open(&ring, i);

			if (!ring_next(&view, &message)) {
				cr_assert_eq(i, round % MAX_READERS);
				continue;
			}
			cr_assert_eq(message.n, n);
			harness_check(message.data, n, round, 0);
			cr_assert_not(ring_close(&view));
		}
	}
}

/* -- against a naive model -- */

enum {
	N_ENTRIES = 20000
};

static size_t sizes[N_ENTRIES]; /* of the messages */
static size_t n_written;
static size_t n_read[MAX_READERS]; /* or written */
static uint64_t began[N_ENTRIES + 1];

static enum ring_outcome expected_outcome(size_t writer, size_t n)
{
	size_t slowest = n_written;

	for (size_t i = 0; i < MAX_READERS; i++)
		if (n_read[i] < slowest)
			slowest = n_read[i];
	if (n_read[writer] < n_written)
		return RING_BEHIND;
	return began[n_written] - began[slowest] + HEAD + n <= RING_SIZE
		       ? RING_WRITTEN
		       : RING_FULL;
}

static void write_both(size_t writer, size_t n)
{
	static unsigned char data[RING_MAX_MESSAGE];
	enum ring_outcome expected = expected_outcome(writer, n);

	harness_fill(data, n, n_written, 0);
	cr_assert_eq(ring_write(&ring, writer, data, n), expected);
	if (expected != RING_WRITTEN)
		return;
	began[n_written + 1] = began[n_written] + HEAD + n;
	sizes[n_written++] = n;
	n_read[writer] = n_written;
}

static void read_both(size_t reader, size_t n_most)
{
	struct ring_view view = ring_open(&ring, reader);
	struct ring_message message;

	for (; n_most > 0 && ring_next(&view, &message); n_most--) {
		cr_assert_lt(n_read[reader], n_written);
		cr_assert_eq(message.n, sizes[n_read[reader]]);
		harness_check(message.data, message.n, n_read[reader]++, 0);
	}
	cr_assert_eq(ring_close(&view), n_read[reader] < n_written);
}

Test(ring, does_what_a_list_of_messages_would_do)
{
	while (n_written < N_ENTRIES) {
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
