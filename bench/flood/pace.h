/* Open loop: each message leaves when its time has come. */
#ifndef FLOOD_PACE_H
#define FLOOD_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "schedule.h"

struct load;

struct pace {
	struct schedule schedule;
	size_t i_sender; /* the next one to send, of the crew's senders */
};

void pace_start(struct load *load);
void pace_stop(struct load *load);
/* Measured messages that were due by now and have not been sent, or about as
 * many. */
uint64_t pace_backlog(const struct load *load, uint64_t now_ns);

#endif
