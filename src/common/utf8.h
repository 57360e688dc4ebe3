/* Telling UTF-8 from other bytes: names and arguments come from outside, and
 * JSON and HTML may hold nothing else. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>

/* U+FFFD, for a byte that is not UTF-8. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* How many bytes the character at text has, 1 to 4; 0: it is no
 * UTF-8. The text ends with a NUL, which is itself a character of 1. */
size_t utf8_length(const char *text);

#endif
