/* Telling what became of messages: against streams that were hurt on purpose,
 * in every place and in every size of piece. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "checker.h"
#include "harness.h"

TestSuite(flood_checker, .init = harness_begin, .fini = harness_end);

enum {
	SIZE = 24,
	N = 12,	 /* messages of a stream */
	HURT = 5 /* the one that something happens to */
};

/* A stream, and what the checker made of it. */
struct stream {
	struct message_kit kit;
	struct checker_counts counts;
	struct checker checker;
	unsigned char bytes[4 * N * SIZE];
	size_t n;
	uint64_t n_answers;
	uint64_t n_skipped;
};

static unsigned char *message_at(struct stream *s, size_t i)
{
	return s->bytes + i * SIZE;
}

static void stream_open(struct stream *s)
{
	memset(s, 0, sizeof *s);
	cr_assert_eq(message_kit_init(&s->kit, SIZE, 1), 0);
	s->checker = (struct checker){
		.kit = &s->kit, .counts = &s->counts, .connection = 7};
	for (size_t i = 0; i < N; i++)
		memcpy(message_at(s, i), message_compose(&s->kit, 7, i), SIZE);
	s->n = (size_t)N * SIZE;
}

static void stream_close(struct stream *s)
{
	message_kit_free(&s->kit);
}

/* Put n bytes in, or with n < 0 take so many out, at an offset. */
static void shift(struct stream *s, size_t at, ptrdiff_t n)
{
	size_t to = (size_t)((ptrdiff_t)at + (n > 0 ? n : 0));
	size_t from = (size_t)((ptrdiff_t)at - (n < 0 ? n : 0));

	memmove(s->bytes + to, s->bytes + from, s->n - from);
	s->n = (size_t)((ptrdiff_t)s->n + n);
}

/* As mode echo does: what is not consumed is offered again with more. */
static size_t offer(struct stream *s, size_t from, size_t to)
{
	while (to - from >= SIZE) {
		struct checker_step step;

		if (s->checker.expected < N &&
		    checker_take(&s->checker, s->bytes + from)) {
			s->n_answers++;
			from += SIZE;
			continue;
		}
		if (!checker_search(&s->checker, s->bytes + from, to - from, N,
				    &step))
			break;
		from += step.n_used;
		s->n_skipped += step.n_skipped;
		s->n_answers += step.is_answer;
	}
	return from;
}

/* Offer it in pieces, then the end. */
static void check(struct stream *s, size_t piece)
{
	size_t used = 0;

	for (size_t n = piece; n < s->n; n += piece)
		used = offer(s, used, n);
	used = offer(s, used, s->n);
	s->n_skipped +=
		checker_end(&s->checker, s->bytes + used, s->n - used, N);
}

static void expect(const struct stream *s, enum checker_corruption kind,
		   uint64_t n, size_t piece)
{
	cr_expect_eq(s->counts.corrupt[kind], n,
		     "pieces of %zu: lost %zu, repeated %zu, reordered %zu, "
		     "changed %zu",
		     piece, (size_t)s->counts.corrupt[CHECKER_LOST],
		     (size_t)s->counts.corrupt[CHECKER_REPEATED],
		     (size_t)s->counts.corrupt[CHECKER_REORDERED],
		     (size_t)s->counts.corrupt[CHECKER_CHANGED]);
	cr_expect_eq(s->counts.n, n, "pieces of %zu: something else too",
		     piece);
}

static void lose_last(struct stream *s)
{
	s->n -= SIZE;
}

static void cut_last(struct stream *s)
{
	s->n -= 3;
}

/* Hurt a stream, then offer it in pieces of every size: it is found out as
 * what it is, and all other messages are answered. */
static void each_piece(void (*hurt)(struct stream *s),
		       enum checker_corruption kind, uint64_t n,
		       uint64_t n_answers)
{
	/* unless it is whole, a message is not yet there */
	uint64_t n_late = hurt == lose_last || hurt == cut_last;

	struct stream s;

	for (size_t piece = 1; piece < 5 * SIZE; piece++) {
		stream_open(&s);
		hurt(&s);
		check(&s, piece);
		expect(&s, kind, n, piece);
		cr_expect_eq(s.n_answers, n_answers, "pieces of %zu: %zu",
			     piece, (size_t)s.n_answers);
		cr_expect_eq(s.checker.expected, N - n_late);
		stream_close(&s);
	}
}

static void nothing(struct stream *s)
{
	(void)s;
}

Test(flood_checker, a_right_stream_is_right)
{
	each_piece(nothing, CHECKER_LOST, 0, N);
}

static void change(struct stream *s)
{
	message_at(s, HURT)[SIZE - 1] ^= 0x20;
}

Test(flood_checker, a_changed_byte_is_a_changed_message)
{
	each_piece(change, CHECKER_CHANGED, 1, N - 1);
}

static void lose_bytes(struct stream *s)
{
	shift(s, (size_t)HURT * SIZE + 9, -3);
}

Test(flood_checker, lost_bytes_are_a_lost_message)
{
	each_piece(lose_bytes, CHECKER_LOST, 1, N - 1);
}

static void lose_message(struct stream *s)
{
	shift(s, (size_t)HURT * SIZE, -SIZE);
}

Test(flood_checker, a_lost_message_is_lost)
{
	each_piece(lose_message, CHECKER_LOST, 1, N - 1);
}

Test(flood_checker, a_message_that_is_not_there_yet_is_not_lost)
{
	each_piece(lose_last, CHECKER_LOST, 0, N - 1);
}

Test(flood_checker, a_part_of_a_message_is_no_corruption)
{
	each_piece(cut_last, CHECKER_LOST, 0, N - 1);
}

static void cut_and_change_last(struct stream *s)
{
	s->n -= 3;
	s->bytes[s->n - 1] ^= 0x20;
}

Test(flood_checker, a_wrong_part_of_a_message_is_a_loss)
{
	each_piece(cut_and_change_last, CHECKER_LOST, 1, N - 1);
}

/* The hole begins in one message and ends in the next. */
static void lose_across(struct stream *s)
{
	shift(s, (size_t)HURT * SIZE + 10, -SIZE);
}

Test(flood_checker, a_hole_of_a_message_s_length_is_found)
{
	struct stream s;

	stream_open(&s);
	lose_across(&s);
	check(&s, SIZE);
	cr_expect_eq(s.counts.corrupt[CHECKER_LOST], 1);
	cr_expect_eq(s.counts.corrupt[CHECKER_CHANGED], 1);
	cr_expect_eq(s.n_answers, N - 2);
	stream_close(&s);
}

static void repeat_message(struct stream *s)
{
	shift(s, (size_t)(HURT + 1) * SIZE, SIZE);
	memcpy(message_at(s, HURT + 1), message_at(s, HURT), SIZE);
}

Test(flood_checker, a_repeated_message_is_repeated)
{
	each_piece(repeat_message, CHECKER_REPEATED, 1, N);
}

static void repeat_bytes(struct stream *s)
{
	shift(s, (size_t)HURT * SIZE, 10);
	memcpy(message_at(s, HURT), message_at(s, HURT) + 10, 10);
}

Test(flood_checker, repeated_bytes_are_a_repeated_message)
{
	each_piece(repeat_bytes, CHECKER_REPEATED, 1, N);
}

static void repeat_last(struct stream *s)
{
	memcpy(message_at(s, N), message_at(s, N - 1), SIZE);
	s->n += SIZE;
}

Test(flood_checker, a_message_repeated_at_the_end_is_repeated)
{
	each_piece(repeat_last, CHECKER_REPEATED, 1, N);
}

static void swap_messages(struct stream *s)
{
	unsigned char held[SIZE];

	memcpy(held, message_at(s, HURT), SIZE);
	memcpy(message_at(s, HURT), message_at(s, HURT + 1), SIZE);
	memcpy(message_at(s, HURT + 1), held, SIZE);
}

/* Whole, but late: it counts no longer as lost, nor as answered. */
Test(flood_checker, messages_that_change_places_are_reordered)
{
	each_piece(swap_messages, CHECKER_REORDERED, 1, N - 1);
}

static void swap_bytes(struct stream *s)
{
	unsigned char *message = message_at(s, HURT);
	size_t i = SIZE - 8;
	size_t k = i + 1;
	unsigned char held = message[i];

	while (message[k] == held)
		k++;
	message[i] = message[k];
	message[k] = held;
}

Test(flood_checker, bytes_that_change_places_are_a_reordered_message)
{
	each_piece(swap_bytes, CHECKER_REORDERED, 1, N - 1);
}

static void come_from_another(struct stream *s)
{
	memcpy(message_at(s, HURT), message_compose(&s->kit, 8, HURT), SIZE);
}

Test(flood_checker, another_connection_s_message_is_a_changed_one)
{
	each_piece(come_from_another, CHECKER_CHANGED, 1, N - 1);
}

static void all_rubbish(struct stream *s)
{
	memset(s->bytes, 'x', s->n);
}

Test(flood_checker, rubbish_is_changed_messages)
{
	each_piece(all_rubbish, CHECKER_CHANGED, N, 0);
}

/* Any damage at all: never taken for right, and never past the end. */
Test(flood_checker, no_damage_goes_unseen)
{
	for (int round = 0; round < 20000; round++) {
		struct stream s;
		size_t at;
		unsigned char bits;

		stream_open(&s);
		at = harness_random_below(s.n - 2);
		bits = (unsigned char)(1 + harness_random_below(255));
		switch (harness_random_below(3)) {
		case 0:
			s.bytes[at] ^= bits;
			break;
		case 1:
			/* a stream that only ends too early is late */
			shift(&s, at,
			      -(ptrdiff_t)(1 +
					   harness_random_below(s.n - 1 - at)));
			break;
		default:
			shift(&s, at, (ptrdiff_t)bits);
			memset(s.bytes + at, bits, bits);
			break;
		}
		check(&s, 1 + harness_random_below(100));
		cr_assert_gt(s.counts.n, 0, "round %d", round);
		cr_assert_leq(s.checker.expected, N);
		stream_close(&s);
	}
}

/* What was lost long ago is not what is repeated now. */
Test(flood_checker, remembers_which_message_was_lost)
{
	struct stream s;
	struct checker_step step = {0};

	stream_open(&s);
	checker_take_whole(&s.checker, 1, 0, &step);
	cr_expect_eq(step.n_skipped, 1);
	cr_expect_eq(offer(&s, 2 * SIZE, 5 * SIZE), 5 * SIZE);
	for (uint64_t again = 1; again < 5; again++)
		checker_take_whole(&s.checker, again, 0, &step);
	cr_expect_eq(s.counts.corrupt[CHECKER_REPEATED], 4);
	cr_expect_eq(s.counts.corrupt[CHECKER_LOST], 1);
	checker_take_whole(&s.checker, 0, 0, &step);
	cr_expect_eq(s.counts.corrupt[CHECKER_REORDERED], 1);
	cr_expect_eq(s.counts.corrupt[CHECKER_LOST], 0);
	stream_close(&s);
}

Test(flood_checker, says_where_it_began)
{
	struct stream s;

	stream_open(&s);
	change(&s);
	check(&s, SIZE);
	cr_expect_str_eq(s.counts.first, "connection 7, message 5: changed");
	stream_close(&s);
}

/* What is accounted for is not lost. */
Test(flood_checker, excused_messages_are_not_lost)
{
	struct stream s;
	struct checker_step step = {0};

	stream_open(&s);
	checker_take_whole(&s.checker, 5, 3, &step);
	cr_expect(step.is_answer);
	cr_expect_eq(step.n_skipped, 5);
	cr_expect_eq(s.counts.corrupt[CHECKER_LOST], 2);
	stream_close(&s);
}
