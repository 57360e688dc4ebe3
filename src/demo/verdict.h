/* What became of a strategy: told by counts, never by how fast the machine
 * was. The times in its words are those that were measured. */
#ifndef DEMO_VERDICT_H
#define DEMO_VERDICT_H

#include <stdbool.h>

#include "contest.h"

enum {
	VERDICT_SIZE = 160
};

/* enum outcome; 0: right. */
unsigned verdict_judge(const struct contest_result *result);
/* The same in words: "lost 7.8 MiB of 8.0 MiB". */
const char *verdict_text(const struct contest_result *result,
			 char text[VERDICT_SIZE]);
/* Whether it ended, and all is right. */
bool verdict_is_good(const struct contest_result *result);
/* Whether it ended, and as expected of the strategy. */
bool verdict_is_expected(const struct contest_result *result);

#endif
