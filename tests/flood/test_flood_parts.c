/* The small parts of the load: what is in flight, when it is due, and messages
 * that carry their identity. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flight.h"
#include "line.h"
#include "message.h"
#include "schedule.h"
#include "harness.h"

TestSuite(flood_parts, .init = harness_begin, .fini = harness_end);

/* -- flight -- */

/* Against a plain array, with random pushes and pops. */
Test(flood_parts, flight_keeps_every_stamp_in_order)
{
	struct flight flight = {0};
	uint64_t pushed = 0;
	uint64_t popped = 0;

	for (int i = 0; i < 100000; i++) {
		if (harness_random_below(100) < 52) {
			struct stamp *stamp = flight_push(&flight);

			cr_assert(stamp);
			stamp->intended_ns = 3 * pushed;
			stamp->sent_ns = 3 * pushed + 1;
			pushed++;
		} else if (popped < pushed) {
			const struct stamp *stamp = flight_pop(&flight);

			cr_assert_eq(stamp->intended_ns, 3 * popped);
			cr_assert_eq(stamp->sent_ns, 3 * popped + 1);
			popped++;
		}
		cr_assert_eq(flight_count(&flight), pushed - popped);
		cr_assert_eq(flight_is_empty(&flight), pushed == popped);
	}
	for (uint64_t i = popped; i < pushed; i++)
		cr_assert_eq(flight_at(&flight, i)->intended_ns, 3 * i);
	flight_free(&flight);
}

/* -- schedule -- */

static const uint64_t second_ns = 1000000000;

/* Message k of a rate of r is due k/r seconds after the first, to the ns, also
 * where a second is no multiple of the rate. */
Test(flood_parts, fixed_arrivals_never_drift)
{
	static const uint64_t rates[] = {1, 3, 7, 1000, 99991, 9999999};

	for (size_t i = 0; i < 6; i++) {
		struct schedule s;

		schedule_init(&s, 5, rates[i], false, 1);
		for (uint64_t k = 0; k <= 2 * rates[i] && k < 300000; k++) {
			cr_assert_eq(s.next_ns, 5 + k * second_ns / rates[i],
				     "rate %zu", (size_t)rates[i]);
			schedule_advance(&s);
		}
	}
}

/* Exponential gaps: their mean is 1/rate, their deviation is their mean, and
 * 1 - 1/e of them are below it. Seeded, so the sums are always the same. */
Test(flood_parts, poisson_arrivals_have_exponential_gaps)
{
	const double n = 200000;
	const double mean_ns = 1e9 / 5000;
	double sum = 0;
	double squares = 0;
	double n_below = 0;
	struct schedule s;

	schedule_init(&s, 0, 5000, true, 42);
	for (int i = 0; i < (int)n; i++) {
		uint64_t before_ns = s.next_ns;
		double gap_ns;

		schedule_advance(&s);
		gap_ns = (double)(s.next_ns - before_ns);
		sum += gap_ns;
		squares += gap_ns * gap_ns;
		n_below += gap_ns < mean_ns;
	}
	cr_expect_float_eq(sum / n / mean_ns, 1, 0.01);
	cr_expect_float_eq(sqrt(squares / n - sum / n * (sum / n)) / mean_ns, 1,
			   0.02);
	cr_expect_float_eq(n_below / n, 1 - exp(-1), 0.01);
}

Test(flood_parts, a_seed_makes_the_same_arrivals_again)
{
	struct schedule a;
	struct schedule b;
	struct schedule c;
	size_t n_same = 0;

	schedule_init(&a, 0, 1000, true, 1);
	schedule_init(&b, 0, 1000, true, 1);
	schedule_init(&c, 0, 1000, true, 2);
	for (int i = 0; i < 1000; i++) {
		schedule_advance(&a);
		schedule_advance(&b);
		schedule_advance(&c);
		cr_assert_eq(a.next_ns, b.next_ns);
		n_same += a.next_ns == c.next_ns;
	}
	cr_expect_lt(n_same, 10);
}

/* -- messages -- */

Test(flood_parts, a_message_is_itself_and_no_other)
{
	static const size_t sizes[] = {MESSAGE_MIN, 17, 23, 24, 64, 1000};

	for (size_t i = 0; i < 6; i++) {
		struct message_kit kit;
		unsigned char text[1000];

		cr_assert_eq(message_kit_init(&kit, sizes[i], 9), 0);
		memcpy(text, message_compose(&kit, 3, 77), sizes[i]);
		cr_expect(message_is(&kit, text, 3, 77));
		cr_expect_not(message_is(&kit, text, 3, 78));
		cr_expect_not(message_is(&kit, text, 4, 77));
		for (size_t bit = 0; bit < 8 * sizes[i]; bit++) {
			text[bit / 8] ^= (unsigned char)(1 << bit % 8);
			cr_assert_not(message_is(&kit, text, 3, 77), "%zu",
				      bit);
			text[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
		message_kit_free(&kit);
	}
}

Test(flood_parts, a_message_is_found_wherever_it_begins)
{
	struct message_kit kit;
	unsigned char text[200] = {0};
	uint64_t sequence = 0;
	size_t at = 0;

	cr_assert_eq(message_kit_init(&kit, 64, 9), 0);
	memcpy(text + 90, message_compose(&kit, 0, 77), 64);
	cr_expect_not(message_find(&kit, text, 153, 0, 100, &at, &sequence));
	cr_expect_eq(at, 90);
	cr_expect(message_find(&kit, text, 154, 0, 100, &at, &sequence));
	cr_expect_eq(at, 90);
	cr_expect_eq(sequence, 77);
	at = 0;
	cr_expect_not(message_find(&kit, text, 200, 0, 77, &at, &sequence));
	message_kit_free(&kit);
}

/* A body that were always the same could be lost and found in another. */
Test(flood_parts, messages_have_different_bodies)
{
	struct message_kit kit;

	cr_assert_eq(message_kit_init(&kit, 64, 1), 0);
	for (uint64_t i = 0; i < 100; i++)
		cr_assert_neq(memcmp(message_piece(&kit, 0, i),
				     message_piece(&kit, 0, i + 1), 48),
			      0);
	message_kit_free(&kit);
}

/* -- lines -- */

Test(flood_parts, a_line_is_read_as_it_was_composed)
{
	static const size_t sizes[] = {LINE_SHORTEST, 26, 64, LINE_LONGEST};
	const struct line line = {.publisher = 65535,
				  .sequence = UINT64_C(0xfedcba987654)};

	for (size_t i = 0; i < 4; i++) {
		struct message_kit kit;
		const unsigned char *text;
		struct line read;

		cr_assert_eq(message_kit_init(&kit, sizes[i], 9), 0);
		text = line_compose(&kit, &line);
		cr_expect_eq(memchr(text, '\n', sizes[i]), text + sizes[i] - 1);
		cr_expect(line_read(&kit, text, sizes[i], true, &read));
		cr_expect_eq(read.publisher, line.publisher);
		cr_expect_eq(read.sequence, line.sequence);
		cr_expect_not(line_read(&kit, text, sizes[i] - 1, true, &read));
		message_kit_free(&kit);
	}
}

Test(flood_parts, a_line_with_any_changed_byte_is_none)
{
	const struct line line = {.publisher = 1, .sequence = 2};
	struct message_kit kit;
	unsigned char text[64];
	struct line read;

	cr_assert_eq(message_kit_init(&kit, sizeof text, 9), 0);
	memcpy(text, line_compose(&kit, &line), sizeof text);
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		text[i] ^= 1;
		cr_expect_not(line_read(&kit, text, sizeof text, true, &read),
			      "byte %zu", i);
		text[i] ^= 1;
	}
	/* unverified, its filler is not looked at */
	text[40] ^= 1;
	cr_expect(line_read(&kit, text, sizeof text, false, &read));
	message_kit_free(&kit);
}

static bool is_missed(const char *text, uint64_t *n)
{
	return line_read_missed((const unsigned char *)text, strlen(text), n);
}

Test(flood_parts, notes_of_missed_lines_are_understood)
{
	uint64_t n = 0;

	cr_expect(is_missed("# missed 1\n", &n));
	cr_expect_eq(n, 1);
	cr_expect(is_missed("# missed 123456\n", &n));
	cr_expect_eq(n, 123456);
	cr_expect_not(is_missed("# missed \n", &n));
	cr_expect_not(is_missed("# missed x\n", &n));
	cr_expect_not(is_missed("# missed 1 \n", &n));
	cr_expect_not(is_missed("missed 1\n", &n));
	cr_expect_not(is_missed("\n", &n));
}

/* -- ramps -- */

/* How many are due in each tenth of a ramp of a second. */
static void count_due(struct schedule *s, unsigned counts[10])
{
	memset(counts, 0, 10 * sizeof *counts);
	while (s->next_ns < 1000000000) {
		counts[s->next_ns / 100000000]++;
		schedule_advance(s);
	}
}

Test(flood_parts, a_ramp_grows_evenly)
{
	struct schedule s;
	unsigned counts[10];

	schedule_init(&s, 0, 1000, false, 1);
	s.ramp = (struct schedule_ramp){11000, 0, 1000000000, 0};
	count_due(&s, counts);
	for (unsigned i = 0; i < 10; i++) {
		cr_expect_geq(counts[i], 145 + 100 * i, "%u", counts[i]);
		cr_expect_leq(counts[i], 155 + 100 * i, "%u", counts[i]);
	}
	cr_expect_eq(schedule_rate(&s), 11000);
}

Test(flood_parts, a_ramp_falls_in_steps)
{
	struct schedule s;
	unsigned counts[10];

	schedule_init(&s, 0, 3000, false, 1);
	s.ramp = (struct schedule_ramp){1000, 0, 1000000000, 5};
	count_due(&s, counts);
	for (unsigned i = 0; i < 10; i++) {
		cr_expect_geq(counts[i], 299 - 50 * (i / 2), "%u", counts[i]);
		cr_expect_leq(counts[i], 301 - 50 * (i / 2), "%u", counts[i]);
	}
}
