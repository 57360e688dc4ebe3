/* A Unix socket's file outlives the socket, and any process can use its path: a
 * file that is replaced must be proved dead, and one that is removed must be
 * our own. */
#include "socket_file.h"
#include "sys.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

/* True for a name in the file system, false for an abstract one. */
static bool is_path(const struct weir_address *address)
{
	return address->sa.any.sa_family == AF_UNIX &&
	       address->len > offsetof(struct sockaddr_un, sun_path) &&
	       address->sa.un.sun_path[0] != '\0';
}

/* Only ECONNREFUSED proves that no process listens: a full backlog, a socket of
 * another type or a lack of rights do not. */
static int remove_stale(const struct weir_address *address)
{
	struct stat st;
	int probe;
	int error = weir_sys_lstat(address->sa.un.sun_path, &st);

	if (error < 0)
		return error;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	probe = weir_sys_socket(AF_UNIX, address->type);
	if (probe < 0)
		return probe;
	error = weir_sys_connect(probe, &address->sa.any, address->len);
	weir_sys_close(probe);
	if (error != -ECONNREFUSED)
		return -EADDRINUSE;
	return weir_sys_unlink(address->sa.un.sun_path);
}

int weir_socket_file_bind(int fd, const struct weir_address *address,
			  struct weir_socket_file *file)
{
	int error = weir_sys_bind(fd, &address->sa.any, address->len);
	struct stat st;

	*file = (struct weir_socket_file){0};
	if (!is_path(address))
		return error;
	if (error == -EADDRINUSE) {
		error = remove_stale(address);
		if (error < 0 && error != -ENOENT)
			return error;
		error = weir_sys_bind(fd, &address->sa.any, address->len);
	}
	if (error < 0)
		return error;
	error = weir_sys_lstat(address->sa.un.sun_path, &st);
	if (error < 0) {
		weir_sys_unlink(address->sa.un.sun_path);
		return error;
	}
	file->device = st.st_dev;
	file->inode = st.st_ino;
	return 0;
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
