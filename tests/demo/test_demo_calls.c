/* The system calls that the demonstration shows are those that were made. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir.h>

#include "calls.h"
#include "fault.h"
#include "harness.h"

TestSuite(demo_calls, .init = harness_begin, .fini = harness_end);

Test(demo_calls, each_is_counted_once_and_only_while_asked)
{
	struct calls calls = {0};
	char data[4];
	int fd[2];

	harness_unix_pair(fd, 0);
	send(fd[0], "1", 1, 0);
	calls_count(&calls);
	send(fd[0], "2", 1, 0);
	cr_assert_eq(calls.n_calls, 1);
	recv(fd[1], data, sizeof data, 0);
	cr_assert_eq(calls.n_calls, 2);
	calls_count(NULL);
	close(fd[0]);
	close(fd[1]);
	cr_assert_eq(calls.n_calls, 2);
}

static void *send_one(void *arg)
{
	send(*(int *)arg, "1", 1, 0);
	return NULL;
}

Test(demo_calls, of_another_thread_are_not_counted)
{
	struct calls calls = {0};
	pthread_t thread;
	int fd[2];

	harness_unix_pair(fd, 0);
	calls_count(&calls);
	pthread_create(&thread, NULL, send_one, &fd[0]);
	pthread_join(thread, NULL);
	calls_count(NULL);
	cr_assert_eq(calls.n_calls, 0);
	close(fd[0]);
	close(fd[1]);
}

Test(demo_calls, wakeups_are_the_writable_events)
{
	struct epoll_event events[2] = {{.events = EPOLLIN | EPOLLOUT},
					{.events = EPOLLIN | EPOLLOUT}};
	struct calls calls = {0};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int fd[2];

	harness_unix_pair(fd, 0);
	calls_count(&calls);
	for (int i = 0; i < 2; i++)
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd[i], &events[i]);
	cr_assert_eq(epoll_wait(epoll_fd, events, 2, -1), 2);
	cr_assert_eq(calls.n_calls, 3);
	cr_assert_eq(calls.n_wakeups, 2);
	calls_count(NULL);
	close(epoll_fd);
	close(fd[0]);
	close(fd[1]);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)c, (void)result;
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};

/* What the wrappers count of the library is what the library's door counts:
 * with a wrapper missing, these would differ. */
Test(demo_calls, of_the_library_are_all_counted)
{
	static char data[1 << 20];
	struct weir_conn c = {0};
	struct calls calls = {0};
	struct weir_loop *loop;
	int fd[2];

	fault_time_real();
	harness_tcp_pair(fd, 4096);
	weir_loop_new(&loop);
	weir_conn_open(&c, loop, fd[0], &events, NULL);
	harness_write(fd[1], "echo", 4);
	fault_reset();
	calls_count(&calls);
	weir_conn_sendall(&c, data, sizeof data);
	for (size_t n = 0; n < sizeof data + 4;) {
		weir_loop_turn(loop, 0);
		calls_count(NULL);
		n += harness_drain(fd[1], data, sizeof data);
		calls_count(&calls);
	}
	weir_conn_finish(&c);
	weir_loop_turn(loop, 0);
	shutdown(fd[1], SHUT_WR);
	calls.n_calls--; /* that was ours */
	weir_loop_run(loop);
	calls_count(NULL);
	cr_assert_gt(calls.n_calls, 10);
	cr_assert_gt(calls.n_wakeups, 0);
	cr_assert_eq(calls.n_calls, fault_count_kernel());
	weir_loop_free(loop);
	close(fd[1]);
}
