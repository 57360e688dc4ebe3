/* A listener from the inside: what its opening knows of the accepting. */
#ifndef WEIR_LIB_LISTENER_H
#define WEIR_LIB_LISTENER_H

#include <weir/listener.h>

enum {
	WEIR_ACCEPTS_PER_TURN = 64
};

/* The watch's callback: accept some of those who wait. */
void weir_listener_on_ready(struct weir_watch *watch, uint32_t events);

#endif
