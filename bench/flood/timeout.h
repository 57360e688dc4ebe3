/* --timeout: what has no answer is given up. Only the modes that can do that
 * are asked. */
#ifndef FLOOD_TIMEOUT_H
#define FLOOD_TIMEOUT_H

struct load;

/* Look for it from now on, until the end; without the option, never. */
void timeout_start(struct load *load);

#endif
