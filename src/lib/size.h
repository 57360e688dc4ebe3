/* The smaller and the larger of two sizes. */
#ifndef WEIR_LIB_SIZE_H
#define WEIR_LIB_SIZE_H

#include <stddef.h>

static inline size_t weir_smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t weir_larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif
