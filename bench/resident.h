/* What the measurements of memory, in one process, share. */
#ifndef RESIDENT_H
#define RESIDENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir.h>

static inline _Noreturn void fail(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	exit(2);
}

/* Bytes of this process in memory: Rss of smaps_rollup (proc(5)), which is
 * exact where statm, on many kernels, is not. */
static inline size_t resident(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	unsigned long n_kib = 0;

	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "Rss: %lu kB", &n_kib) == 1)
			break;
	if (!file || n_kib == 0)
		fail("/proc/self/smaps_rollup", 0);
	fclose(file);
	return (size_t)n_kib * 1024;
}

static inline size_t queue_bytes(const struct weir_loop *loop)
{
	struct weir_loop_stats stats;

	weir_loop_stats(loop, &stats);
	return stats.n_queue_bytes;
}

/* For events of connections of which nothing is asked. */
static inline size_t skip(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	return n;
}

static inline void forget(struct weir_conn *c, const struct weir_result *result)
{
	(void)c;
	(void)result;
}

#endif
