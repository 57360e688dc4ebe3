/* Peers that behave badly, or do nothing, beside the measured ones. */
#ifndef FLOOD_BAD_H
#define FLOOD_BAD_H

struct load;

enum bad_kind {
	BAD_STALLED,	/* asks, never reads */
	BAD_TRICKLE,	/* asks, and reads a few bytes a second */
	BAD_RESET,	/* resets in mid-message, again and again */
	BAD_HALF_CLOSE, /* asks, ends its side, reads to the end; again */
	BAD_IDLE,	/* connects, and is silent */
	BAD_N_KINDS
};

/* In lower case. */
const char *bad_name(enum bad_kind kind);

/* -ENOMEM */
int bad_open(struct load *load);
void bad_start(struct load *load);
void bad_close(struct load *load);
void bad_free(struct load *load);

#endif
