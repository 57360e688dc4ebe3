/* Raw sockets as peers. */
#include "harness_net.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static struct {
	char folder[32]; /* "": none has been made */
} state;

struct weir_address harness_address(const char *text)
{
	struct weir_address address;
	int n = weir_address_resolve(text, WEIR_ADDRESS_CONNECT, &address, 1);

	if (n != 1)
		harness_die("%s: %s", text, weir_address_error(n));
	return address;
}

struct weir_address harness_unix_name(void)
{
	char text[64];

	snprintf(text, sizeof text, "unix:@weir-test-%d", (int)getpid());
	return harness_address(text);
}

void harness_dgram_names(struct weir_address *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct weir_address *a = &names[i];

		memset(a, 0, sizeof *a);
		a->type = SOCK_DGRAM;
		a->sa.un.sun_family = AF_UNIX;
		memset(a->sa.un.sun_path + 1, 'x', i + 1);
		a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				     2 + i);
	}
}

struct weir_address harness_unix_path(const char *name)
{
	char text[128];

	if (!state.folder[0]) {
		strcpy(state.folder, "/tmp/weir-test-XXXXXX");
		if (!mkdtemp(state.folder))
			harness_die("mkdtemp: %s", strerror(errno));
	}
	snprintf(text, sizeof text, "unix:%s/%s", state.folder, name);
	return harness_address(text);
}

void harness_remove_folder(void)
{
	DIR *dir;
	const struct dirent *entry;

	if (!state.folder[0])
		return;
	dir = opendir(state.folder);
	if (!dir)
		harness_die("opendir: %s", strerror(errno));
	while ((entry = readdir(dir)))
		if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	closedir(dir);
	must(rmdir(state.folder), "rmdir");
	state.folder[0] = '\0';
}

static int bind_to(struct weir_address *address)
{
	int fd = socket(address->sa.any.sa_family,
			address->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	must(fd, "socket");
	must(bind(fd, &address->sa.any, address->len), "bind");
	must(getsockname(fd, &address->sa.any, &address->len), "getsockname");
	return fd;
}

int harness_listen(struct weir_address *address, int backlog)
{
	int fd = bind_to(address);

	must(listen(fd, backlog), "listen");
	return fd;
}

int harness_connect(const struct weir_address *address)
{
	int fd = socket(address->sa.any.sa_family,
			address->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	must(fd, "socket");
	if (connect(fd, &address->sa.any, address->len) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

bool harness_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 && errno == EAGAIN)
		return false;
	must(fd, "accept");
	close(fd);
	return true;
}

struct weir_address harness_refusing_address(int *fd)
{
	struct weir_address address = harness_address("127.0.0.1:0");

	*fd = bind_to(&address);
	return address;
}

struct weir_address harness_free_address(const char *text)
{
	struct weir_address address = harness_address(text);
	int fd = socket(AF_INET, address.type | SOCK_CLOEXEC, 0);
	int port = 20000 + getpid() % 10000;

	must(fd, "socket");
	do
		address.sa.in.sin_port = htons((uint16_t)port++);
	while (bind(fd, &address.sa.any, address.len) < 0 &&
	       errno == EADDRINUSE);
	close(fd);
	return address;
}

bool harness_has_v6(void)
{
	struct weir_address address = harness_address("[::1]:0");
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = bind(fd, &address.sa.any, address.len);

	close(fd);
	return error == 0;
}
