#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "terminal.h"
#include "result.h"
#include "progress.h"
#include "harness.h"
#include "document.h"

TestSuite(flood_progress, .init = harness_begin, .fini = harness_end);

static const struct settings settings = {.duration_ns = 10000000000};
static const struct result_second second = {.at_s = 4,
					    .length_s = 1,
					    .n_messages = 19998,
					    .n_samples = 19998,
					    .p50_ns = 48200,
					    .p99_ns = 1250000};

/* A terminal of our own: what is written to stream can be read from fd. */
struct terminal {
	int fd;
	FILE *stream;
};

/* Skips the test where there are none: in a chroot without /dev/pts, say. */
static struct terminal open_terminal(void)
{
	struct terminal terminal;
	int fd;

	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	terminal.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal.fd < 0 || grantpt(terminal.fd) < 0 ||
	    unlockpt(terminal.fd) < 0) {
		if (terminal.fd >= 0)
			close(terminal.fd);
		cr_skip("no pseudoterminal: is /dev/pts mounted?");
	}
	fd = open(ptsname(terminal.fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	terminal.stream = fd < 0 ? NULL : fdopen(fd, "w");
	if (!terminal.stream)
		harness_die("no pseudoterminal");
	return terminal;
}

static void close_terminal(struct terminal *terminal)
{
	(void)fclose(terminal->stream);
	close(terminal->fd);
}

/* All that was written since; "" if nothing was. */
static const char *read_terminal(struct terminal *terminal, char text[512])
{
	size_t n = 0;

	/* so that there is something, and one knows when it is all */
	(void)fputs("~", terminal->stream);
	(void)fflush(terminal->stream);
	while (n == 0 || text[n - 1] != '~') {
		ssize_t n_read = read(terminal->fd, text + n, 511 - n);

		cr_assert_gt(n_read, 0);
		n += (size_t)n_read;
	}
	text[n - 1] = '\0';
	return text;
}

Test(flood_progress, each_second_renews_the_line)
{
	struct terminal terminal = open_terminal();
	struct progress progress;
	char text[512];

	progress_open(&progress, terminal.stream, &settings);
	progress_show(&progress, &second, 6);
	cr_expect_str_eq(read_terminal(&terminal, text),
			 "\r\033[K[########............]    19,998/s"
			 "  p50 48.2 us  p99 1.25 ms  6 s left");
	progress_show(&progress, &second, 0);
	cr_expect_str_eq(read_terminal(&terminal, text),
			 "\r\033[K[####################]    19,998/s"
			 "  p50 48.2 us  p99 1.25 ms  0 s left");
	progress_close(&progress);
	cr_expect_str_eq(read_terminal(&terminal, text), "\r\033[K");
	close_terminal(&terminal);
}

Test(flood_progress, a_second_without_a_sample_has_no_latency)
{
	const struct result_second nothing = {.at_s = 1, .length_s = 1};
	struct terminal terminal = open_terminal();
	struct progress progress;
	char text[512];

	progress_open(&progress, terminal.stream, &settings);
	progress_show(&progress, &nothing, 9);
	cr_expect_str_eq(
		read_terminal(&terminal, text),
		"\r\033[K[##..................]      0.00/s  9 s left");
	close_terminal(&terminal);
}

Test(flood_progress, the_warm_up_is_called_by_its_name)
{
	struct terminal terminal = open_terminal();
	struct progress progress;
	char text[512];

	progress_open(&progress, terminal.stream, &settings);
	progress_show(&progress, &second, -0.5);
	cr_expect_str_eq(read_terminal(&terminal, text),
			 "\r\033[K[....................] warming up");
	close_terminal(&terminal);
}

Test(flood_progress, where_nothing_was_shown_nothing_is_wiped)
{
	struct terminal terminal = open_terminal();
	struct progress progress;
	char text[512];

	progress_open(&progress, terminal.stream, &settings);
	progress_close(&progress);
	cr_expect_str_eq(read_terminal(&terminal, text), "");
	close_terminal(&terminal);
}

Test(flood_progress, a_stream_that_is_no_terminal_gets_nothing)
{
	struct document document;
	struct progress progress;

	document_open(&document);
	progress_open(&progress, document.out, &settings);
	progress_show(&progress, &second, 6);
	progress_close(&progress);
	document_close(&document);
	cr_expect_str_eq(document.text, "");
	document_free(&document);
}

Test(terminal, colour_is_for_terminals_that_have_it_and_who_wants_it)
{
	struct terminal terminal = open_terminal();
	FILE *file = tmpfile();

	cr_assert_not_null(file);
	cr_expect(terminal_takes_colour(terminal.stream));
	cr_expect_not(terminal_takes_colour(file));
	setenv("NO_COLOR", "", 1);
	cr_expect(terminal_takes_colour(terminal.stream));
	setenv("NO_COLOR", "1", 1);
	cr_expect_not(terminal_takes_colour(terminal.stream));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	cr_expect_not(terminal_takes_colour(terminal.stream));
	unsetenv("TERM");
	cr_expect_not(terminal_takes_colour(terminal.stream));
	(void)fclose(file);
	close_terminal(&terminal);
}
