/* Between options.c, which reads the command line, and options_check.c, which
 * makes settings of it. */
#ifndef FLOOD_OPTIONS_INSIDE_H
#define FLOOD_OPTIONS_INSIDE_H

#include "expect.h"
#include "settings.h"
#include "status.h"

/* In the order of --help, and of the table of names. */
enum option_number {
	OPTION_MODE,
	OPTION_CONNECTIONS,
	OPTION_SIZE,
	OPTION_SEND,
	OPTION_EXPECT_BYTES,
	OPTION_EXPECT_UNTIL,
	OPTION_EXPECT_LINE,
	OPTION_PIPELINE,
	OPTION_RATE,
	OPTION_POISSON,
	OPTION_DURATION,
	OPTION_MESSAGES,
	OPTION_WARMUP,
	OPTION_PUBLISHERS,
	OPTION_NO_VERIFY,
	OPTION_STALLED,
	OPTION_TRICKLE,
	OPTION_RESET,
	OPTION_HALF_CLOSE,
	OPTION_CONNECT_TIMEOUT,
	OPTION_DRAIN,
	OPTION_LATE,
	OPTION_CPU_WAIT,
	OPTION_MAX_OWED,
	OPTION_SEED,
	OPTION_EXPECT,
	OPTION_COMPARE,
	OPTION_JSON,
	OPTION_HTML,
	OPTION_HGRM,
	OPTION_HLOG,
	OPTION_HELP,
	OPTION_VERSION,
	N_OPTIONS
};

/* As they were typed. */
struct options {
	bool is_given[N_OPTIONS];
	uint64_t values[N_OPTIONS]; /* defaults, where nothing is given */
	const char *texts[N_OPTIONS];
	uint64_t trickle_rate;
	uint64_t answer_size; /* of -s A:B; 0: none */
	char **operands;
	size_t n_operands;
};

const char *options_name(enum option_number number);

/* STATUS_GO_ON, or STATUS_REFUSED after one line. */
enum status options_apply(struct settings *settings, struct expect *expect,
			  const struct options *options);

#endif
