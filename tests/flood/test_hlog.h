/* Logs in memory, for the tests that write and read some. */
#ifndef TEST_HLOG_H
#define TEST_HLOG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct test_log {
	FILE *file;    /* to write to */
	char path[32]; /* to read it by */
};

/* An empty one. */
void test_log_open(struct test_log *log);
/* One that holds this text, of n bytes. */
void test_log_fill(struct test_log *log, const void *text, size_t n);
void test_log_close(struct test_log *log);

enum {
	LOG_TEXT_SIZE = 1 << 20
};

/* What stands for a histogram in a line: these bytes, of which there are at
 * most 65535, in a zlib stream in base64. text has LOG_TEXT_SIZE bytes. */
void test_log_encode(char *text, const uint8_t *bytes, size_t n);
/* The same of one histogram: its head with these digits and this lowest value,
 * and the encoded counts. */
void test_log_encode_counts(char *text, unsigned digits, uint64_t lowest,
			    const uint8_t *counts, size_t n);

#endif
