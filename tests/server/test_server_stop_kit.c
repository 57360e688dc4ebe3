#include "test_server_stop.h"

#include <stdio.h>

enum {
	SMALL_RCVBUF = 16384
};

int start_and_echo(struct served *s, char address[SERVED_ADDRESS_SIZE],
		   const char *option)
{
	int fd;

	served_start(s, "echo=127.0.0.1:0", option, NULL);
	served_address(s, "echo", address);
	fd = dial(address, 0);
	expect_echo(fd, "let in");
	return fd;
}

int start_and_be_owed(struct served *s, const char *option, const char *other)
{
	static unsigned char data[N_OWED];
	char address[SERVED_ADDRESS_SIZE];
	size_t n_taken;
	size_t n = 0;
	int fd;

	served_start(s, "echo=127.0.0.1:0", "--trace", "--sndbuf=8K", option,
		     other, NULL);
	served_address(s, "echo", address);
	fd = dial(address, SMALL_RCVBUF);
	harness_fill(data, N_OWED, 1, 0);
	harness_write(fd, data, N_OWED);
	while (n < N_OWED) {
		const char *line = served_line(s, "trace ");

		if (sscanf(line, "trace %*s sendall %*u: kernel took %zu",
			   &n_taken) == 1 ||
		    sscanf(line, "trace %*s queued %zu", &n_taken) == 1)
			n += n_taken;
	}
	return fd;
}
