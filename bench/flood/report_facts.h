/* The figures of a run one by one, for the table and for the page alike: a
 * name, a value with its unit, and what there is to know about it. */
#ifndef REPORT_FACTS_H
#define REPORT_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "quantity.h"
#include "report_words.h"

struct result;

struct report_fact {
	const char *name;
	char value[QUANTITY_TEXT_SIZE];
	char note[REPORT_TEXT_SIZE]; /* "" if there is nothing more */
};

extern const size_t report_n_facts;

/* False: this run has no such figure. */
bool report_fact(const struct result *result, size_t i,
		 struct report_fact *fact);

#endif
