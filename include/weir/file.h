/* A file that many connections can send at once, by one descriptor.
 *
 * Reference-counted and of one thread, as a weir_buf: whoever made it holds the
 * first reference, and weir_conn_sendfile takes one of its own for as long as
 * bytes of the file are queued. The last unref closes the descriptor. The
 * place where a read(2) would go on does not matter, and never changes.
 *
 * One file for two connections, which outlives its maker's reference:
 *
 * Example:
 *
 *	#include <fcntl.h>
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
 *		int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
 *		struct weir_conn readers[2] = {0};
 *		struct weir_loop *loop;
 *		struct weir_file *file;
 *		int peers[2][2];
 *		char text[1024];
 *
 *		weir_loop_new(&loop);
 *		weir_file_new(&file, fd);
 *		for (int i = 0; i < 2; i++) {
 *			socketpair(AF_UNIX, SOCK_STREAM, 0, peers[i]);
 *			weir_conn_open(&readers[i], loop, peers[i][0],
 *				       &events, NULL);
 *			weir_conn_sendfile(&readers[i], file, 0, 1000);
 *			weir_conn_finish(&readers[i]);
 *			shutdown(peers[i][1], SHUT_WR);
 *		}
 *		weir_file_unref(file);
 *		weir_loop_run(loop);
 *		return recv(peers[1][1], text, sizeof text, 0) != 1000 ||
 *		       weir_loop_free(loop) < 0;
 *	}
 */
#ifndef WEIR_FILE_H
#define WEIR_FILE_H

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

struct weir_file;

/* Take over fd, a file that can be read at any place: 0, and *file has one
 * reference. On failure fd stays the caller's and *file is as it was:
 *
 * -ESPIPE: a pipe, a socket or a terminal, which have no places;
 * -EISDIR: a directory; -EBADF: not open for reading; -ENOMEM; others: the
 * file's own error (pread(2)). */
int weir_file_new(struct weir_file **file, int fd);
/* The same file, with one more reference. */
struct weir_file *weir_file_ref(struct weir_file *file);
/* The last unref closes the descriptor; NULL is allowed. */
void weir_file_unref(struct weir_file *file);
/* The descriptor, which stays the file's. */
int weir_file_fd(const struct weir_file *file);

WEIR_DECLARE_END

#endif
