/* The table of percentiles (.hgrm) that HdrHistogram's plotters read. */
#ifndef FLOOD_HGRM_H
#define FLOOD_HGRM_H

#include <stdio.h>

#include "histogram.h"

/* Write the whole table, in milliseconds. Towards 100 % the steps become finer:
 * five to each halving of what is left. 0, or the negative errno of the write
 * that failed. */
int hgrm_write(FILE *file, const struct histogram *h);

#endif
