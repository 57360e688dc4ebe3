/* Telling what became of messages that did not come back as they went; see
 * checker.h. Slow, and only here when something is wrong. */
#include "checker.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	/* how many messages' worth of rubbish is looked through at once */
	HORIZON = 3
};

const char *checker_corruption_name(enum checker_corruption corruption)
{
	static const char *const names[CHECKER_N_CORRUPTIONS] = {
		[CHECKER_LOST] = "lost",
		[CHECKER_REPEATED] = "repeated",
		[CHECKER_REORDERED] = "reordered",
		[CHECKER_CHANGED] = "changed"};

	return names[corruption];
}

void checker_count(struct checker *checker, enum checker_corruption kind,
		   uint64_t n, uint64_t message)
{
	struct checker_counts *counts = checker->counts;

	if (n == 0)
		return;
	if (counts->n == 0)
		(void)snprintf(counts->first, sizeof counts->first,
			       "connection %" PRIu32 ", message %" PRIu64
			       ": %s",
			       checker->connection, message,
			       checker_corruption_name(kind));
	counts->corrupt[kind] += n;
	counts->n += n;
}

/* It was taken for lost, and has come after all. */
static void uncount_lost(struct checker_counts *counts)
{
	if (counts->corrupt[CHECKER_LOST] == 0)
		return;
	counts->corrupt[CHECKER_LOST]--;
	counts->n--;
}

void checker_restart(struct checker *checker, uint64_t expected)
{
	checker->expected = expected;
	checker->missing = 0;
	checker->n_astray = 0;
	checker->n_searched = 0;
}

/* -- whole messages, out of their order -- */

static void mark_missing(struct checker *checker, uint64_t n)
{
	uint64_t lost = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;

	/* the answer itself will be bit 0, and is not missing */
	checker->missing = n < 63 ? checker->missing << (n + 1) : 0;
	checker->missing |= lost << 1;
}

/* Message sequence came, whole, after later ones. */
static void take_early(struct checker *checker, uint64_t sequence)
{
	uint64_t back = checker->expected - 1 - sequence;
	uint64_t bit = back < 64 ? UINT64_C(1) << back : 0;

	if ((checker->missing & bit) == 0) {
		checker_count(checker, CHECKER_REPEATED, 1, sequence);
		return;
	}
	checker->missing &= ~bit;
	uncount_lost(checker->counts);
	checker_count(checker, CHECKER_REORDERED, 1, sequence);
}

void checker_take_whole(struct checker *checker, uint64_t sequence,
			uint64_t n_excused, struct checker_step *step)
{
	uint64_t n_lost;

	if (sequence < checker->expected) {
		take_early(checker, sequence);
		return;
	}
	n_lost = sequence - checker->expected;
	step->n_skipped = n_lost;
	step->is_answer = true;
	n_lost -= n_excused < n_lost ? n_excused : n_lost;
	checker_count(checker, CHECKER_LOST, n_lost, checker->expected);
	mark_missing(checker, step->n_skipped);
	checker->expected = sequence + 1;
}

/* -- bytes that are no message -- */

static uint64_t messages_in(uint64_t n_bytes, size_t size)
{
	assert(size > 0);
	return (n_bytes + size - 1) / size;
}

static void count_bytes(uint64_t counts[256], const unsigned char *bytes,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		counts[bytes[i]]++;
}

/* Whether data has the very bytes of the next n messages, in whatever order. */
static bool has_same_bytes(const struct checker *checker,
			   const unsigned char *data, uint64_t n)
{
	const struct message_kit *kit = checker->kit;
	uint64_t here[256] = {0};
	uint64_t there[256] = {0};

	for (uint64_t i = 0; i < n; i++) {
		count_bytes(here, data + i * kit->size, kit->size);
		count_bytes(there,
			    message_compose(kit, checker->connection,
					    checker->expected + i),
			    kit->size);
	}
	return memcmp(here, there, sizeof here) == 0;
}

/* In place of the next n messages so many bytes came, none of them whole; data
 * has them all, or is NULL. */
static void count_wrong(struct checker *checker, uint64_t n, uint64_t n_bytes,
			const unsigned char *data)
{
	size_t size = checker->kit->size;
	uint64_t n_due = n * size;
	enum checker_corruption kind = CHECKER_CHANGED;
	uint64_t n_lost = 0;

	if (n_bytes == n_due && data && has_same_bytes(checker, data, n))
		kind = CHECKER_REORDERED;
	if (n_bytes < n_due)
		n_lost = messages_in(n_due - n_bytes, size);
	checker_count(checker, CHECKER_LOST, n_lost, checker->expected);
	if (n_bytes > n_due)
		checker_count(checker, CHECKER_REPEATED,
			      messages_in(n_bytes - n_due, size),
			      checker->expected);
	checker_count(checker, kind, n - n_lost, checker->expected);
	checker->expected += n;
	checker->n_astray = 0;
	checker->missing = 0;
}

/* -- looking -- */

/* There is none in n bytes of data. */
static bool skip_rubbish(struct checker *checker, const unsigned char *data,
			 size_t n, uint64_t n_sent, struct checker_step *step)
{
	size_t size = checker->kit->size;
	uint64_t n_owed = n_sent - checker->expected;
	uint64_t n_bytes = checker->n_astray + n;

	if (n_bytes >= n_owed * size) {
		count_wrong(checker, n_owed, n_bytes,
			    checker->n_astray == 0 ? data : NULL);
		*step = (struct checker_step){.n_used = n, .n_skipped = n_owed};
		return true;
	}
	if (n < HORIZON * size)
		return false;
	step->n_used = n - size + 1;
	checker->n_astray += step->n_used;
	return true;
}

/* The first whole message begins at, and is not where one is due. */
static void resume_at(struct checker *checker, const unsigned char *data,
		      size_t at, uint64_t sequence, struct checker_step *step)
{
	uint64_t n_bytes = checker->n_astray + at;
	uint64_t n_between = 0;

	if (n_bytes == 0) {
		step->n_used = checker->kit->size;
		checker_take_whole(checker, sequence, 0, step);
		return;
	}
	if (sequence > checker->expected)
		n_between = sequence - checker->expected;
	count_wrong(checker, n_between, n_bytes,
		    checker->n_astray == 0 ? data : NULL);
	step->n_used = at;
	step->n_skipped = n_between;
}

bool checker_search(struct checker *checker, const void *data, size_t n,
		    uint64_t n_sent, struct checker_step *step)
{
	uint64_t sequence = 0;
	bool is_done = true;

	*step = (struct checker_step){0};
	if (message_find(checker->kit, data, n, checker->connection, n_sent,
			 &checker->n_searched, &sequence))
		resume_at(checker, data, checker->n_searched, sequence, step);
	else
		is_done = skip_rubbish(checker, data, n, n_sent, step);
	if (is_done)
		checker->n_searched = 0;
	return is_done;
}

/* Whether it is how the expected message begins. */
static bool is_beginning(const struct checker *checker, const void *rest,
			 size_t n)
{
	return memcmp(rest,
		      message_compose(checker->kit, checker->connection,
				      checker->expected),
		      n) == 0;
}

uint64_t checker_end(struct checker *checker, const void *rest, size_t n_rest,
		     uint64_t n_sent)
{
	uint64_t n_owed = n_sent - checker->expected;
	uint64_t n_bytes = checker->n_astray + n_rest;
	uint64_t n = messages_in(n_bytes, checker->kit->size);

	if (n_bytes == 0)
		return 0;
	/* a whole message would have been taken */
	if (n_owed > 0 && checker->n_astray == 0 &&
	    n_rest < checker->kit->size && is_beginning(checker, rest, n_rest))
		return 0;
	if (n > n_owed)
		n = n_owed;
	count_wrong(checker, n, n_bytes, NULL);
	return n;
}
