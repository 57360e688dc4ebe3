/* A program of somebody else, which is C and C++: the echo of one message over
 * a pair of sockets. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir.h>

static struct weir_conn_events echo;
static struct weir_conn conn;
static bool is_closed;

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

static void on_end(struct weir_conn *c, const void *unread, size_t n)
{
	(void)unread;
	(void)n;
	weir_conn_finish(c);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	is_closed = c == &conn && result->reason == WEIR_REASON_FINISHED;
}

int main(void)
{
	static const char message[] = "Hey~~~";
	char answer[sizeof message] = "";
	struct weir_loop *loop;
	int fd[2];

	if (!WEIR_VERSION_FITS() || strcmp(weir_version(), WEIR_VERSION) != 0)
		return 1;
	echo.on_data = on_data;
	echo.on_end = on_end;
	echo.on_close = on_close;
	if (weir_loop_new(&loop) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0 ||
	    weir_conn_open(&conn, loop, fd[0], &echo, NULL) < 0 ||
	    write(fd[1], message, sizeof message) != sizeof message ||
	    shutdown(fd[1], SHUT_WR) < 0 || weir_loop_run(loop) < 0 ||
	    read(fd[1], answer, sizeof answer) != sizeof answer)
		return 1;
	close(fd[1]);
	weir_loop_free(loop);
	return !is_closed || strcmp(answer, message) != 0;
}
