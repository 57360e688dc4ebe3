/* A reference count beside a descriptor. */
#include "file.h"

#include <assert.h>
#include <errno.h>

#include "sys.h"

/* Reading nothing tells whether there could be read something. */
int weir_file_new(struct weir_file **file, int fd)
{
	struct weir_file *made;
	ssize_t error = weir_sys_pread(fd, NULL, 0, 0);

	if (error < 0)
		return (int)error;
	made = weir_sys_alloc(sizeof *made);
	if (!made)
		return -ENOMEM;
	*made = (struct weir_file){.n_refs = 1, .fd = fd};
	*file = made;
	return 0;
}

struct weir_file *weir_file_ref(struct weir_file *file)
{
	file->n_refs++;
	return file;
}

void weir_file_unref(struct weir_file *file)
{
	if (!file)
		return;
	assert(file->n_refs > 0);
	if (--file->n_refs > 0)
		return;
	weir_sys_close(file->fd);
	weir_sys_free(file);
}

int weir_file_fd(const struct weir_file *file)
{
	return file->fd;
}
