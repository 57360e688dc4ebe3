/* Where the client prints: standard output, never written to before poll(2)
 * says that it has room. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir.h>

struct output;

/* There is room again, or an error that the next write will tell. */
typedef void output_room_fn(struct output *output);

/* Zeroed is closed. */
struct output {
	struct weir_watch watch; /* wants EPOLLOUT after a short write */
	struct weir_loop *loop;
	output_room_fn *on_room;
};

void output_open(struct output *output, struct weir_loop *loop,
		 output_room_fn *on_room);

/* Write what standard output takes without blocking: 0..n bytes, the count
 * returned, or what went wrong. When it took less than n, on_room follows. */
ssize_t output_write(struct output *output, const void *data, size_t n);

/* on_room comes no more. Standard output itself stays open; a closed output
 * stays so. */
void output_close(struct output *output);

#endif
