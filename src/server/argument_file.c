#include "argument_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"

static const char blanks[] = " \t\r\n";

struct list {
	char **items;
	size_t n;
};

/* The list owns text; NULL ends it. */
static bool append(struct list *list, char *text)
{
	char **items = NULL;

	if (text)
		items = realloc(list->items, (list->n + 2) * sizeof *items);
	if (!items) {
		complain("%s", strerror(ENOMEM));
		free(text);
		return false;
	}
	items[list->n++] = text;
	items[list->n] = NULL;
	list->items = items;
	return true;
}

static bool append_line(struct list *list, const char *line)
{
	const char *end = line + strlen(line);

	line += strspn(line, blanks);
	while (end > line && strchr(blanks, end[-1]))
		end--;
	return line == end || *line == '#' ||
	       append(list, strndup(line, (size_t)(end - line)));
}

static bool append_file(struct list *list, const char *path)
{
	FILE *file = fopen(path, "re");
	bool is_right = true;
	char *line = NULL;
	size_t size = 0;

	while (file && is_right && getline(&line, &size, file) >= 0)
		is_right = append_line(list, line);
	if (!file || ferror(file)) {
		complain("@%s: %s", path, strerror(errno));
		is_right = false;
	}
	free(line);
	if (file)
		(void)fclose(file);
	return is_right;
}

static bool append_argument(struct list *list, const char *argument)
{
	if (argument[0] == '@')
		return append_file(list, argument + 1);
	return append(list, strdup(argument));
}

static bool has_file(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '@')
			return true;
	return false;
}

char **argument_file_expand(int *argc, char **argv)
{
	/* reachable, as argv is */
	static struct list list;

	if (!has_file(*argc, argv))
		return argv;
	if (!append(&list, strdup(argv[0])))
		return NULL;
	for (int i = 1; i < *argc; i++)
		if (!append_argument(&list, argv[i]))
			return NULL;
	*argc = (int)list.n;
	return list.items;
}
