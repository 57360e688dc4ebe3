/* What comes back on one connection, held against what was sent.
 *
 * The stream should be message after message, each the next. Where it is not,
 * the checker looks on for the next whole message, and tells from how far that
 * is and which one it is what became of those between:
 *
 *	whole, but later than the next	those between are lost, until they
 *					come after all: then they are reordered
 *	whole, but earlier		it is repeated
 *	not whole, as many bytes	changed, or reordered if the bytes are
 *	as were to be there		the same ones
 *	fewer bytes			lost
 *	more bytes			repeated
 */
#ifndef FLOOD_CHECKER_H
#define FLOOD_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum {
	CHECKER_TEXT_SIZE = 160
};

/* What happened to messages that did not come back as they went; counted in
 * messages. */
enum checker_corruption {
	CHECKER_LOST,
	CHECKER_REPEATED,
	CHECKER_REORDERED,
	CHECKER_CHANGED,
	CHECKER_N_CORRUPTIONS
};

/* In lower case. */
const char *checker_corruption_name(enum checker_corruption corruption);

/* One for a run; many connections count here. */
struct checker_counts {
	uint64_t corrupt[CHECKER_N_CORRUPTIONS];
	uint64_t n; /* their sum */
	char first[CHECKER_TEXT_SIZE];
};

/* At the beginning of a stream: expected and below are 0. */
struct checker {
	const struct message_kit *kit;
	struct checker_counts *counts;
	uint32_t connection;
	uint64_t expected; /* the message that should come next */
	/* bit i: message expected - 1 - i was lost, and may still come */
	uint64_t missing;
	uint64_t n_astray; /* bytes since the last whole message, given up */
	size_t n_searched; /* of those that are offered again and again */
};

/* What the first bytes are. */
struct checker_step {
	size_t n_used;	    /* they are done with */
	uint64_t n_skipped; /* messages that will not be answered, */
	bool is_answer;	    /* and behind them one that is */
};

/* Whether the message at data is the expected one, which it then is no more. */
static inline bool checker_take(struct checker *checker, const void *data)
{
	if (checker->n_astray > 0 ||
	    !message_is(checker->kit, data, checker->connection,
			checker->expected))
		return false;
	checker->expected++;
	checker->missing <<= 1;
	return true;
}

/* A new stream begins, with that message. */
void checker_restart(struct checker *checker, uint64_t expected);

/* The first n bytes of what has come (n >= the size of a message) are not the
 * expected message; n_sent is how many messages were sent at all. False: it
 * takes more bytes to tell. */
bool checker_search(struct checker *checker, const void *data, size_t n,
		    uint64_t n_sent, struct checker_step *step);

/* Message sequence has come, whole, whichever it is; of those that it leaps
 * over so many are accounted for. step is zeroed but for n_used. */
void checker_take_whole(struct checker *checker, uint64_t sequence,
			uint64_t n_excused, struct checker_step *step);

/* The target has ended its stream after we have ended ours; the n_rest bytes at
 * rest came last and are not done with. Messages that they take the place of,
 * because they are not the beginning of the expected one, will not come;
 * returns how many those are. The others that are owed are late, which is no
 * corruption. */
uint64_t checker_end(struct checker *checker, const void *rest, size_t n_rest,
		     uint64_t n_sent);

/* n messages of that kind, the first of them message. */
void checker_count(struct checker *checker, enum checker_corruption kind,
		   uint64_t n, uint64_t message);

#endif
