/* The lessons: sixteen things that people believe about send and sendall,
 * each tried on real sockets when it is asked for.
 *
 * A lesson never says what it has not just measured: its text, and whether the
 * belief holds, come from the figures of this run. Each ends by itself within
 * a second and leaves nothing behind. */
#ifndef DEMO_LESSON_H
#define DEMO_LESSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	LESSON_N_FIGURES = 8,
	LESSON_TEXT_SIZE = 512
};

struct lesson_figure {
	const char *name; /* "asked", "delivered", ... */
	uint64_t value;
};

struct lesson_result {
	bool holds; /* the belief, in this run */
	size_t n_figures;
	struct lesson_figure figures[LESSON_N_FIGURES];
	char measured[LESSON_TEXT_SIZE]; /* the figures, in a sentence */
};

struct lesson {
	const char *name;   /* as it is typed */
	const char *belief; /* a sentence */
	const char *right;  /* what to do instead */
	void (*run)(struct lesson_result *result);
};

size_t lesson_count(void);
/* In the order in which they are best read; i < lesson_count(). */
const struct lesson *lesson_get(size_t i);
/* NULL: there is none of that name. */
const struct lesson *lesson_find(const char *name);

/* Sockets that cannot be made end the program: one line on stderr, status 2. */
void lesson_run(const struct lesson *lesson, struct lesson_result *result);

/* Belief, measurement, verdict and the right way, in 80 columns, with an empty
 * line behind. */
void lesson_print(FILE *out, const struct lesson *lesson,
		  const struct lesson_result *result);
/* All of them, a line each: name and belief. */
void lesson_list(FILE *out);

#endif
