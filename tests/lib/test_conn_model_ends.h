/* Random operations on connections that end in every way there is: what the
 * tests' owners of connections do to them. */
#ifndef TEST_CONN_MODEL_ENDS_H
#define TEST_CONN_MODEL_ENDS_H

#include "harness_conn.h"

enum {
	N_OWNERS = 4
};

struct owner {
	struct conn_probe probe;
	bool has_fin;	 /* of the peer */
	bool is_trimmed; /* what arrives is not the pattern any more */
	bool is_over;	 /* for first_reason, and that stays */
	enum weir_reason first_reason;
	int first_error;
};

extern struct owner owners[N_OWNERS];
extern unsigned ends_step;
/* Nobody does anything any more. */
extern bool ends_are_calm;

/* Die, naming the step, unless it is true. */
void ends_want(bool is_true, const char *what);
bool ends_is_open(const struct owner *o);

/* Ask the library for something; its answer is checked. */
void ends_call(struct owner *o);
/* The peer reads, writes, or ends. */
void ends_peer(struct owner *o);
/* Script a fault of the kernel, or of malloc. */
void ends_fault(const struct owner *o);
/* Called in, or out of, any callback of o: some of these, to o or to others. */
void ends_do_anything(struct owner *o);

/* Remember how it ended first: the first end wins. */
void ends_note(struct owner *o);
/* No fence and no link outlives o's connection. */
void ends_check_over(const struct owner *o);
/* What the peer reads, at most n bytes. */
size_t ends_read(struct owner *o, size_t n);

#endif
