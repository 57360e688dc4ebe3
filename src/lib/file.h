/* A file, as the send queue sees it. */
#ifndef WEIR_LIB_FILE_H
#define WEIR_LIB_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/file.h>

struct weir_file {
	size_t n_refs;
	int fd;
	bool is_read; /* since sendfile(2) cannot send it */
};

#endif
