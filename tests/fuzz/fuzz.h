/* What every fuzzing harness needs: decisions that are read from the fuzzer's
 * bytes, and expectations. A harness is one file, NAME.c, with its seeds in the
 * folder NAME and, where words help, its dictionary NAME.dict; run runs all.
 *
 * When the bytes have come to an end every decision is 0, and a harness takes
 * that for the plainest choice. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

struct fuzz {
	const uint8_t *at;
	size_t n; /* bytes left */
};

/* libFuzzer's entry; 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static inline uint8_t fuzz_byte(struct fuzz *f)
{
	if (f->n == 0)
		return 0;
	f->n--;
	return *f->at++;
}

/* From 0 to n - 1, of as few bytes as that needs. */
static inline size_t fuzz_below(struct fuzz *f, size_t n)
{
	size_t value = 0;
	size_t range;

	for (range = n - 1; range > 0; range >>= 8)
		value = value << 8 | fuzz_byte(f);
	return n > 0 ? value % n : 0;
}

/* Mostly small. */
static inline size_t fuzz_size(struct fuzz *f, size_t max)
{
	static const size_t at_most[] = {16, 256, 5000, SIZE_MAX};
	size_t most = at_most[fuzz_below(f, 4)];

	return fuzz_below(f, (most < max ? most : max) + 1);
}

/* All that is left, in memory of just its size with a NUL behind it, so that a
 * sanitizer sees a byte too far. To be freed. */
static inline char *fuzz_text(struct fuzz *f)
{
	char *text = malloc(f->n + 1);

	if (!text)
		harness_die("no memory");
	memcpy(text, f->at, f->n);
	text[f->n] = '\0';
	f->n = 0;
	return text;
}

static inline void fuzz_want(bool is_true, const char *what)
{
	if (!is_true)
		harness_die("%s", what);
}

#endif
