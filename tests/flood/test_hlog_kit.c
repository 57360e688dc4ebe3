#include "test_hlog.h"

#include <string.h>
#include <sys/mman.h>

#include "zlib.h"
#include "harness.h"

void test_log_open(struct test_log *log)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	log->file = fd >= 0 ? fdopen(fd, "w+") : NULL;
	if (!log->file)
		harness_die("no log in memory");
	snprintf(log->path, sizeof log->path, "/proc/self/fd/%d", fd);
}

void test_log_fill(struct test_log *log, const void *text, size_t n)
{
	test_log_open(log);
	if (fwrite(text, 1, n, log->file) != n || fflush(log->file) != 0)
		harness_die("cannot write a log of %zu bytes", n);
}

void test_log_close(struct test_log *log)
{
	fclose(log->file);
}

/* -- an encoder of its own: simple, and wrong where it is told to be -- */

/* Highest byte first; what is behind it. */
static uint8_t *put(uint8_t *to, uint64_t number, unsigned n_bytes)
{
	while (n_bytes-- > 0)
		*to++ = (uint8_t)(number >> 8 * n_bytes);
	return to;
}

static void encode_base64(char *text, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";

	/* 24 bits at a time, the last of them filled up */
	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits = 0;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (i + j < n ? bytes[i + j] : 0);
		for (size_t j = 0; j < 4; j++)
			*text++ = i + j <= n ? digits[bits >> (18 - 6 * j) & 63]
					     : '=';
	}
	*text = '\0';
}

void test_log_encode(char *text, const uint8_t *bytes, size_t n)
{
	static uint8_t all[8 + 7 + 65535 + 4];
	uint32_t sum = ZLIB_SUM_START;
	uint8_t *to = all;

	for (size_t i = 0; i < n; i++)
		sum = zlib_sum(sum, bytes[i]);
	to = put(to, 0x1c849314, 4);
	to = put(to, n + 11, 4);
	to = put(to, 0x780101, 3);
	to = put(to, (n & 255) << 8 | n >> 8, 2);
	to = put(to, ((n & 255) << 8 | n >> 8) ^ 65535, 2);
	memcpy(to, bytes, n);
	to = put(to + n, sum, 4);
	encode_base64(text, all, (size_t)(to - all));
}

void test_log_encode_counts(char *text, unsigned digits, uint64_t lowest,
			    const uint8_t *counts, size_t n)
{
	static uint8_t all[65535];
	uint8_t *to = all;

	to = put(to, 0x1c849313, 4);
	to = put(to, n, 4);
	to = put(to, 0, 4);
	to = put(to, digits, 4);
	to = put(to, lowest, 8);
	to = put(to, UINT64_C(1) << 42, 8);
	to = put(to, UINT64_C(0x3ff0000000000000), 8);
	memcpy(to, counts, n);
	test_log_encode(text, all, (size_t)(to - all) + n);
}
