/* What the program has to say by its exit status. */
#ifndef FLOOD_STATUS_H
#define FLOOD_STATUS_H

enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,   /* corrupt bytes, or the run broke down */
	STATUS_REFUSED = 2,  /* wrong usage, or no connection at all */
	STATUS_INVALID = 3,  /* the measurement is not valid */
	STATUS_BREACHED = 4, /* an --expect was not met */
	STATUS_GO_ON = -1    /* of a step: nothing to exit for */
};

/* Of a run that has a result: "valid", "failed", "invalid", "breached". */
const char *status_name(enum status status);
/* The same in capitals. */
const char *status_word(enum status status);

#endif
