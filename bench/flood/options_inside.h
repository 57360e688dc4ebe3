/* Between options.c, which reads the command line, and the files that make
 * settings of it. */
#ifndef FLOOD_OPTIONS_INSIDE_H
#define FLOOD_OPTIONS_INSIDE_H

#include "command_line.h"
#include "expect.h"
#include "settings.h"
#include "status.h"

/* In the order of --help. */
enum option_number {
	OPTION_MODE,
	OPTION_CONNECTIONS,
	OPTION_THREADS,
	OPTION_SIZE,
	OPTION_SEND,
	OPTION_EXPECT_BYTES,
	OPTION_EXPECT_UNTIL,
	OPTION_EXPECT_LINE,
	OPTION_RECONNECT,
	OPTION_RENEW,
	OPTION_PIPELINE,
	OPTION_RATE,
	OPTION_RAMP,
	OPTION_STEPS,
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
	OPTION_IDLE,
	OPTION_CONNECT_RATE,
	OPTION_SOURCE,
	OPTION_SNDBUF,
	OPTION_RCVBUF,
	OPTION_CONNECT_TIMEOUT,
	OPTION_DRAIN,
	OPTION_TIMEOUT,
	OPTION_LATE,
	OPTION_CPU_WAIT,
	OPTION_MAX_OWED,
	OPTION_SEED,
	OPTION_EXPECT,
	OPTION_STOP_EARLY,
	OPTION_FIND_RATE,
	OPTION_COMPARE,
	OPTION_JSON,
	OPTION_JSON_LINES,
	OPTION_HTML,
	OPTION_HGRM,
	OPTION_HLOG,
	N_OPTIONS
};

/* As they were typed. */
struct options {
	struct command_line_result line;
	uint64_t sizes[2]; /* of a message, of its answer; 0: as its message */
	uint64_t trickle[2]; /* peers, bytes a second */
};

/* Without dashes. */
const char *options_name(enum option_number number);

static inline bool options_has(const struct options *options,
			       enum option_number number)
{
	return options->line.values[number].is_given;
}

static inline uint64_t options_number(const struct options *options,
				      enum option_number number)
{
	return options->line.values[number].number;
}

static inline const char *options_text(const struct options *options,
				       enum option_number number)
{
	return options->line.values[number].text;
}

/* Whether what was typed makes sense together, and the sizes of it; and whether
 * it makes sense for datagrams, if the targets take them; false after one line.
 */
bool options_fit(const struct options *options);
bool options_fit_sizes(const struct settings *settings);
bool options_fit_datagrams(const struct options *options,
			   const struct settings *settings);
/* What is sent and how its answer ends; false after one line. */
bool options_set_request(struct settings *settings,
			 const struct options *options);

/* STATUS_GO_ON, or STATUS_REFUSED after one line. */
enum status options_apply(struct settings *settings, struct expect *expect,
			  const struct options *options);

#endif
