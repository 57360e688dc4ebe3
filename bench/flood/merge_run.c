#include "merge.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

typedef int write_fn(FILE *file, const struct merge *merge);

static bool is_standard(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

/* False: it could not be written, and that has been said. */
static bool write_to(const char *path, write_fn *write,
		     const struct merge *merge)
{
	FILE *file;
	int error;

	if (!path)
		return true;
	file = is_standard(path) ? stdout : fopen(path, "we");
	error = file ? write(file, merge) : -errno;
	if (file && file != stdout && fclose(file) != 0 && !error)
		error = -errno;
	if (error)
		flood_complain("%s: %s",
			       is_standard(path) ? "standard output" : path,
			       strerror(-error));
	return !error;
}

static enum flood_status write_all(const struct flood_settings *settings,
				   const struct merge *merge)
{
	const struct {
		const char *path;
		write_fn *write;
	} outputs[] = {{settings->json_path, merge_json},
		       {settings->hlog_path, merge_hlog},
		       {settings->hgrm_path, merge_hgrm}};
	bool is_taken = false;
	bool is_good = true;

	for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
		is_taken = is_taken || is_standard(outputs[i].path);
		is_good = write_to(outputs[i].path, outputs[i].write, merge) &&
			  is_good;
	}
	if (is_taken)
		merge_print(stderr, merge);
	else
		is_good = write_to("-", merge_print, merge) && is_good;
	return is_good ? FLOOD_DONE : FLOOD_FAILED;
}

enum flood_status merge_run(const struct flood_settings *settings)
{
	struct merge merge = {0};
	enum flood_status status = FLOOD_DONE;

	for (size_t i = 0; i < settings->n_merge_paths && !status; i++) {
		if (merge_add(&merge, settings->merge_paths[i]) < 0) {
			flood_complain("%s", merge.error);
			status = FLOOD_REFUSED;
		}
	}
	if (!status)
		status = write_all(settings, &merge);
	merge_close(&merge);
	return status;
}
