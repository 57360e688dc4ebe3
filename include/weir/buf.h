/* A payload that many connections can owe at once, stored once.
 *
 * Reference-counted and of one thread: the count is not atomic. Whoever made
 * it holds the first reference; weir_conn_sendbuf takes one of its own for as
 * long as the bytes are queued. The bytes must not change once it has been
 * queued anywhere.
 *
 *	struct weir_buf *news = weir_buf_new(n);
 *	memcpy(weir_buf_data(news), text, n);
 *	for (each subscriber)
 *		weir_conn_sendbuf(&subscriber->conn, news);
 *	weir_buf_unref(news);
 */
#ifndef WEIR_BUF_H
#define WEIR_BUF_H

#include <stddef.h>

struct weir_buf;

/* n_bytes of uninitialised payload, one reference; NULL: no memory. */
struct weir_buf *weir_buf_new(size_t n_bytes);
/* The same buffer, with one more reference. */
struct weir_buf *weir_buf_ref(struct weir_buf *buf);
/* The last unref frees it; NULL is allowed. */
void weir_buf_unref(struct weir_buf *buf);
void *weir_buf_data(struct weir_buf *buf);
size_t weir_buf_size(const struct weir_buf *buf);

#endif
