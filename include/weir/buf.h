/* A payload that is stored once and can be queued on many connections.
 *
 * It is reference-counted and belongs to one thread: the count is not atomic.
 * weir_buf_new gives you the first reference; weir_conn_sendbuf holds one of
 * its own while the bytes are queued. The bytes must not change once the
 * buffer has been queued anywhere.
 *
 * Example:
 *
 *	#include <string.h>
 *	#include <sys/socket.h>
 *	#include <weir.h>
 *
 *	static size_t skip(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		return n;
 *	}
 *
 *	static void on_close(struct weir_conn *c, const struct weir_result *r)
 *	{
 *	}
 *
 *	static const struct weir_conn_events events = {.on_data = skip,
 *						       .on_close = on_close};
 *
 *	int main(void)
 *	{
 *		struct weir_conn subscribers[2] = {0};
 *		struct weir_buf *news = weir_buf_new(6);
 *		struct weir_loop *loop;
 *		int peers[2][2];
 *		char text[6];
 *
 *		weir_loop_new(&loop);
 *		memcpy(weir_buf_data(news), "Hey~~~", 6);
 *		for (int i = 0; i < 2; i++) {
 *			socketpair(AF_UNIX, SOCK_STREAM, 0, peers[i]);
 *			weir_conn_open(&subscribers[i], loop, peers[i][0],
 *				       &events, NULL);
 *			weir_conn_sendbuf(&subscribers[i], news);
 *			weir_conn_finish(&subscribers[i]);
 *			shutdown(peers[i][1], SHUT_WR);
 *		}
 *		weir_buf_unref(news);
 *		weir_loop_run(loop);
 *		return recv(peers[1][1], text, 6, 0) != 6 ||
 *		       weir_loop_free(loop) < 0;
 *	}
 */
#ifndef WEIR_BUF_H
#define WEIR_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

struct weir_buf;

/* A buffer with n_bytes of uninitialised payload and one reference; NULL: no
 * memory. */
struct weir_buf *weir_buf_new(size_t n_bytes);
/* The same buffer, with one more reference. */
struct weir_buf *weir_buf_ref(struct weir_buf *buf);
/* The last unref frees it; NULL is allowed. */
void weir_buf_unref(struct weir_buf *buf);
/* The payload, to be filled in before it is queued. */
void *weir_buf_data(struct weir_buf *buf);
/* Bytes of payload. */
size_t weir_buf_size(const struct weir_buf *buf);

/* True while it is in the send queue of any connection. */
bool weir_buf_is_queued(const struct weir_buf *buf);

WEIR_DECLARE_END

#endif
