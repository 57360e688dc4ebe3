/* The other side of bench/life: connections one after the other, each with one
 * echo of 64 bytes.
 *
 *	life-client ADDRESS LIVES
 *
 * Exit status 1: a wrong byte or a broken connection; 2: set-up. */
#include "dial.h"

enum {
	SIZE = 64
};

static void live(const char *address)
{
	unsigned char answer[SIZE];
	unsigned char message[SIZE];
	int fd = dial(address);

	memset(message, 'w', sizeof message);
	say(fd, message, sizeof message);
	check_echo(fd, message, answer, sizeof message);
	close(fd);
}

int main(int argc, char **argv)
{
	int n;

	if (argc != 3)
		die(2, "usage", "life-client ADDRESS LIVES");
	for (n = atoi(argv[2]); n > 0; n--)
		live(argv[1]);
	return 0;
}
