/* Peers that do whatever comes to mind. */
#include "test_server_random_peers.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_server_relay.h"

enum {
	N_PEERS = 48,
	N_TEXT = 131072 /* more than a line may have */
};

struct peer {
	int fd; /* -1: it is not there */
	bool is_deaf;
	bool is_keen; /* to read */
};

static struct peer peers[N_PEERS];
static const char *const *addresses;
static size_t n_addresses;
static char lines[N_TEXT];
static char newlines[N_TEXT];
static char letters[N_TEXT];

static void write_texts(void)
{
	memset(newlines, '\n', sizeof newlines);
	memset(letters, 'x', sizeof letters);
	memset(lines, 'y', sizeof lines);
	for (size_t i = 0; i < sizeof lines; i += harness_random_below(400))
		lines[i++] = '\n';
}

static void set_small(int fd, int option)
{
	int n_bytes = 1 << harness_random_below(14);

	if (harness_random_below(2) == 0)
		must(setsockopt(fd, SOL_SOCKET, option, &n_bytes,
				sizeof n_bytes),
		     "setsockopt");
}

static void come(struct peer *p)
{
	struct weir_address address =
		harness_address(addresses[harness_random_below(n_addresses)]);
	int fd = socket(address.sa.any.sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	must(fd, "socket");
	set_small(fd, SO_RCVBUF);
	set_small(fd, SO_SNDBUF);
	if (connect(fd, &address.sa.any, address.len) < 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return;
	}
	*p = (struct peer){.fd = fd,
			   .is_deaf = harness_random_below(4) == 0,
			   .is_keen = harness_random_below(2) == 0};
}

static void push(struct peer *p, const char *from, size_t n_most)
{
	(void)send(p->fd, from, harness_random_below(n_most) + 1,
		   MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void write_lines(struct peer *p)
{
	push(p, lines + harness_random_below(N_TEXT / 2), N_TEXT / 2);
}

static void write_pieces(struct peer *p)
{
	push(p, lines + harness_random_below(N_TEXT / 2), 100);
	push(p, lines + harness_random_below(N_TEXT / 2), 1000);
}

static void write_tiny_lines(struct peer *p)
{
	push(p, newlines, 4096);
}

static void write_without_end(struct peer *p)
{
	push(p, letters, N_TEXT);
}

static void read_up_to(const struct peer *p, size_t n)
{
	static char bytes[N_TEXT];

	if (!p->is_deaf)
		(void)harness_drain(p->fd, bytes, n);
}

static void read_little(struct peer *p)
{
	read_up_to(p, harness_random_below(1000));
}

static void read_much(struct peer *p)
{
	read_up_to(p, N_TEXT);
}

static void stop_reading(struct peer *p)
{
	p->is_deaf = !p->is_deaf;
}

static void half_close(struct peer *p)
{
	(void)shutdown(p->fd, SHUT_WR);
}

static void leave(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
}

/* What was said a moment ago is still on its way. */
static void say_and_leave(struct peer *p)
{
	write_lines(p);
	leave(p);
}

static void reset(struct peer *p)
{
	close_by_reset(p->fd);
	p->fd = -1;
}

static void act(void)
{
	static void (*const acts[])(struct peer *) = {
		write_lines,	  write_lines,
		write_lines,	  write_pieces,
		write_pieces,	  write_tiny_lines,
		write_tiny_lines, write_without_end,
		read_little,	  read_little,
		read_much,	  read_much,
		read_much,	  stop_reading,
		half_close,	  leave,
		say_and_leave,	  reset};
	struct peer *p = &peers[harness_random_below(N_PEERS)];

	if (p->fd >= 0 && p->is_keen)
		read_much(p);
	if (p->fd < 0)
		come(p);
	else
		acts[harness_random_below(sizeof acts / sizeof *acts)](p);
}

void random_peers_act(int n)
{
	for (int i = 0; i < n; i++)
		act();
}

void random_peers_open(const char *const *their_addresses, size_t n)
{
	addresses = their_addresses;
	n_addresses = n;
	write_texts();
	for (int i = 0; i < N_PEERS; i++)
		peers[i].fd = -1;
}

void random_peers_close(void)
{
	for (int i = 0; i < N_PEERS; i++)
		if (peers[i].fd >= 0)
			leave(&peers[i]);
}
