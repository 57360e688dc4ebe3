/* How many send queues hold a payload, so that its memory counts once. */
#ifndef WEIR_LIB_BUF_H
#define WEIR_LIB_BUF_H

#include <stdbool.h>

#include <weir/buf.h>

/* One more queue holds it; true if that is the first. */
bool weir_buf_queue(struct weir_buf *buf);
/* One queue less holds it; true if that was the last. */
bool weir_buf_unqueue(struct weir_buf *buf);

#endif
