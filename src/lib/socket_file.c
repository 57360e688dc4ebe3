/* A Unix socket's file outlives the socket, and its path can be anybody's:
 * what is replaced must be proved dead, what is removed must be our own.
 *
 * Of several that find the same dead file, one may remove it: between its
 * proof and its unlink(2) another could have put a living one there. So they
 * take turns, by a lock file beside it, which is there no longer than that. */
#include "socket_file.h"
#include "sys.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static const char LOCK_SUFFIX[] = ".weir-lock";

enum {
	LOCK_PATH_SIZE =
		sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof LOCK_SUFFIX
};

/* A name in the file system, and not an abstract one. */
static bool is_path(const struct weir_address *address)
{
	return address->sa.any.sa_family == AF_UNIX &&
	       address->len > offsetof(struct sockaddr_un, sun_path) &&
	       address->sa.un.sun_path[0] != '\0';
}

/* A socket file is dead when no socket is bound to it, and then for ever: a
 * second bind(2) to it is refused. connect(2) tells by ECONNREFUSED, but a
 * stream socket gets that from one that is bound and does not listen yet, too.
 * A datagram socket does not: there it gets EPROTOTYPE (unix_find_bsd in
 * net/unix/af_unix.c). So that is what asks, whatever the address's type. */
static int prove_dead(const struct weir_address *address)
{
	struct stat st;
	int probe;
	int error = weir_sys_lstat(address->sa.un.sun_path, &st);

	if (error < 0)
		return error;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	probe = weir_sys_socket(AF_UNIX, SOCK_DGRAM);
	if (probe < 0)
		return probe;
	error = weir_sys_connect(probe, &address->sa.any, address->len);
	weir_sys_close(probe);
	if (error == -ECONNREFUSED)
		return 0;
	return error == -EACCES || error == -ENOENT ? error : -EADDRINUSE;
}

/* The lock, or a negative errno. One on a file that has lost its name by now
 * keeps nobody out. */
static int take_lock(const char *path)
{
	struct stat locked = {0};
	struct stat named = {0};
	int fd = weir_sys_open_lock(path);
	int error;

	if (fd < 0)
		return fd;
	error = weir_sys_lock(fd);
	if (error == 0)
		error = weir_sys_fstat(fd, &locked);
	if (error == 0)
		error = weir_sys_lstat(path, &named);
	if (error == 0 && locked.st_dev == named.st_dev &&
	    locked.st_ino == named.st_ino)
		return fd;
	weir_sys_close(fd);
	return error == 0 || error == -EWOULDBLOCK || error == -ENOENT
		       ? -EADDRINUSE
		       : error;
}

/* bind(2) in the place of the dead. */
static int take_over(int fd, const struct weir_address *address)
{
	const char *path = address->sa.un.sun_path;
	char lock_path[LOCK_PATH_SIZE];
	size_t n = strnlen(path, sizeof address->sa.un.sun_path);
	int error;
	int lock;

	memcpy(lock_path, path, n);
	memcpy(lock_path + n, LOCK_SUFFIX, sizeof LOCK_SUFFIX);
	lock = take_lock(lock_path);
	if (lock < 0)
		return lock;
	error = prove_dead(address);
	if (error == 0)
		error = weir_sys_unlink(path);
	if (error == 0 || error == -ENOENT)
		error = weir_sys_bind(fd, &address->sa.any, address->len);
	weir_sys_unlink(lock_path);
	weir_sys_close(lock);
	return error;
}

int weir_socket_file_own(struct weir_socket_file *file,
			 const struct weir_address *address, bool is_owner)
{
	struct stat st;
	int error;

	*file = (struct weir_socket_file){0};
	if (!is_owner || !is_path(address))
		return 0;
	error = weir_sys_lstat(address->sa.un.sun_path, &st);
	if (error < 0)
		return error;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	file->device = st.st_dev;
	file->inode = st.st_ino;
	return 0;
}

int weir_socket_file_bind(int fd, const struct weir_address *address,
			  struct weir_socket_file *file)
{
	int error = weir_sys_bind(fd, &address->sa.any, address->len);

	*file = (struct weir_socket_file){0};
	if (!is_path(address))
		return error;
	if (error == -EADDRINUSE) {
		error = prove_dead(address);
		if (error == 0 || error == -ENOENT)
			error = take_over(fd, address);
	}
	if (error < 0)
		return error;
	error = weir_socket_file_own(file, address, true);
	if (error < 0)
		weir_sys_unlink(address->sa.un.sun_path);
	return error;
}

void weir_socket_file_remove(const struct weir_socket_file *file,
			     const struct weir_address *address)
{
	const char *path = address->sa.un.sun_path;
	struct stat st;

	if (file->inode == 0 || weir_sys_lstat(path, &st) < 0)
		return;
	if (st.st_dev == file->device && st.st_ino == file->inode)
		weir_sys_unlink(path);
}
