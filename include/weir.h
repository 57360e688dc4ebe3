/* Weir: sending to peers that read slower than you write, from one thread,
 * without blocking, losing, reordering or hoarding a byte.
 *
 * A whole echo server (error checks left out):
 *
 *	static size_t on_data(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		return weir_conn_sendall(c, data, n) == 0 ? n : 0;
 *	}
 *
 *	static void on_close(struct weir_conn *c, const struct weir_result *r)
 *	{
 *		free(c);
 *	}
 *
 *	static const struct weir_conn_events echo = {
 *		.on_data = on_data, .on_close = on_close};
 *
 *	static void on_accept(struct weir_listener *l, int fd,
 *			      const struct weir_address *peer)
 *	{
 *		struct weir_conn *c = calloc(1, sizeof *c);
 *
 *		weir_conn_open(c, weir_listener_loop(l), fd, &echo, NULL);
 *	}
 *
 *	int main(void)
 *	{
 *		struct weir_loop *loop;
 *		struct weir_listener l = {0};
 *		struct weir_address a;
 *
 *		weir_loop_new(&loop);
 *		weir_address_resolve("127.0.0.1:7007", WEIR_ADDRESS_LISTEN,
 *				     &a, 1);
 *		weir_listener_open(&l, loop, &a, NULL, on_accept);
 *		return weir_loop_run(loop);
 *	}
 */
/* One rule holds for every struct of options. Events and limits are shared by
 * many objects and kept by pointer: they stay unchanged until the last callback
 * of the last of them. A struct weir_*_options is read during the call and may
 * go afterwards. NULL (where it is allowed) is all defaults. A field of 0 is
 * its documented default, never "unlimited". A value outside its documented
 * range is -EINVAL, and the call changes nothing. */
#ifndef WEIR_H
#define WEIR_H

#include <weir/version.h>
#include <weir/list.h>
#include <weir/timer.h>
#include <weir/loop.h>
#include <weir/signal.h>
#include <weir/wakeup.h>
#include <weir/buf.h>
#include <weir/file.h>
#include <weir/reason.h>
#include <weir/conn.h>
#include <weir/feed.h>
#include <weir/fence.h>
#include <weir/link.h>
#include <weir/address.h>
#include <weir/listener.h>
#include <weir/connector.h>
#include <weir/dgram.h>
#include <weir/fd.h>
#include <weir/observer.h>

#endif
