/* A reference count in front of the payload, in one allocation. */
#include "buf.h"

#include <assert.h>
#include <stdint.h>

#include "sys.h"

struct weir_buf {
	size_t n_refs;
	size_t n_queues; /* that hold it */
	size_t size;
	_Alignas(8) unsigned char data[];
};

struct weir_buf *weir_buf_new(size_t n_bytes)
{
	struct weir_buf *buf;

	if (n_bytes > SIZE_MAX - sizeof *buf)
		return NULL;
	buf = weir_sys_alloc(sizeof *buf + n_bytes);
	if (!buf)
		return NULL;
	buf->n_refs = 1;
	buf->n_queues = 0;
	buf->size = n_bytes;
	return buf;
}

struct weir_buf *weir_buf_ref(struct weir_buf *buf)
{
	buf->n_refs++;
	return buf;
}

void weir_buf_unref(struct weir_buf *buf)
{
	if (!buf)
		return;
	assert(buf->n_refs > 0);
	if (--buf->n_refs == 0)
		weir_sys_free(buf);
}

bool weir_buf_queue(struct weir_buf *buf)
{
	return buf->n_queues++ == 0;
}

bool weir_buf_is_queued(const struct weir_buf *buf)
{
	return buf->n_queues > 0;
}

bool weir_buf_unqueue(struct weir_buf *buf)
{
	assert(buf->n_queues > 0);
	return --buf->n_queues == 0;
}

void *weir_buf_data(struct weir_buf *buf)
{
	return buf->data;
}

size_t weir_buf_size(const struct weir_buf *buf)
{
	return buf->size;
}
