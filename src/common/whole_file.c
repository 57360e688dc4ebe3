#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one that need not exist yet, in a folder that must. */
static int find_target(char target[PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char folder[PATH_MAX];
	size_t n;

	if (realpath(path, target))
		return 0;
	n = (size_t)(name - path);
	if (strlen(path) >= sizeof folder)
		return -ENAMETOOLONG;
	(void)snprintf(folder, sizeof folder, "%.*s", n > 0 ? (int)n : 2,
		       n > 0 ? path : "./");
	if (!realpath(folder, target))
		return -errno;
	n = strlen(target);
	if (n + 1 + strlen(name) >= PATH_MAX)
		return -ENAMETOOLONG;
	(void)snprintf(target + n, PATH_MAX - n, "/%s", name);
	return 0;
}

static bool is_written_in_place(const char *path, const struct stat *now)
{
	return (now->st_mode != 0 && !S_ISREG(now->st_mode)) ||
	       strncmp(path, "/dev/", 5) == 0 ||
	       strncmp(path, "/proc/", 6) == 0;
}

/* As if open(2) had made it. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int open_temporary(struct whole_file *whole, const struct stat *now)
{
	int fd;

	(void)snprintf(whole->temporary, sizeof whole->temporary, "%s.XXXXXX",
		       whole->target);
	fd = mkostemp(whole->temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)fchmod(fd, now->st_mode ? now->st_mode & 07777 : usual_mode());
	whole->file = fdopen(fd, "w");
	if (whole->file)
		return 0;
	close(fd);
	unlink(whole->temporary);
	return -ENOMEM;
}

int whole_file_open(struct whole_file *whole, const char *path)
{
	struct stat now = {0};
	int error;

	*whole = (struct whole_file){0};
	error = find_target(whole->target, path);
	if (error < 0)
		return error;
	/* a link that the kernel follows for nobody is not ours to follow, see
	 * protected_symlinks in proc(5) */
	if (stat(path, &now) < 0 ? errno != ENOENT : access(path, W_OK) < 0)
		return -errno;
	if (!is_written_in_place(path, &now))
		return open_temporary(whole, &now);
	whole->file = fopen(path, "we");
	return whole->file ? 0 : -errno;
}

int whole_file_commit(struct whole_file *whole)
{
	int error = 0;

	errno = 0;
	if (fflush(whole->file) != 0 || ferror(whole->file))
		error = errno ? -errno : -EIO;
	if (error < 0) {
		whole_file_abandon(whole);
		return error;
	}
	if (fclose(whole->file) != 0)
		error = -errno;
	whole->file = NULL;
	if (error == 0 && whole->temporary[0] &&
	    rename(whole->temporary, whole->target) < 0)
		error = -errno;
	if (error < 0 && whole->temporary[0])
		(void)unlink(whole->temporary);
	return error;
}

int whole_file_publish(struct whole_file *whole)
{
	if (whole->temporary[0] && rename(whole->temporary, whole->target) < 0)
		return -errno;
	whole->temporary[0] = '\0';
	return 0;
}

void whole_file_abandon(struct whole_file *whole)
{
	if (!whole->file)
		return;
	(void)fclose(whole->file);
	whole->file = NULL;
	if (whole->temporary[0])
		(void)unlink(whole->temporary);
}
