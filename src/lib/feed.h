/* What feed.c and feed_round.c share. */
#ifndef WEIR_LIB_FEED_H
#define WEIR_LIB_FEED_H

#include <weir/feed.h>

/* The callback of the feed's watch: serve as many followers as a turn may. */
void weir_feed_serve(struct weir_watch *watch, uint32_t events);
/* Call on_room if it is owed and there is room. The feed may be gone then. */
void weir_feed_tell_room(struct weir_feed *feed);

#endif
