#include "document.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

void document_open(struct document *document)
{
	*document = (struct document){0};
	document->out = open_memstream(&document->text, &document->size);
	if (!document->out)
		harness_die("open_memstream: %s", strerror(errno));
}

void document_close(struct document *document)
{
	if (fclose(document->out) != 0)
		harness_die("fclose: %s", strerror(errno));
}

void document_free(struct document *document)
{
	free(document->text);
}

size_t document_count(const char *text, const char *piece)
{
	size_t n = 0;

	while ((text = strstr(text, piece))) {
		text += strlen(piece);
		n++;
	}
	return n;
}

/* -- python3 -- */

enum {
	NO_PYTHON = 127
};

static const char read_json[] =
	"import json, sys\n"
	"def refuse(name): raise ValueError(name)\n"
	"it = json.load(open(sys.argv[1]), parse_constant=refuse)\n";
static const char read_xml[] =
	"import sys\n"
	"from xml.etree import ElementTree\n"
	"it = ElementTree.parse(sys.argv[1]).getroot()\n";
static const char judge[] = "for line in sys.argv[2].split('\\n'):\n"
			    "    if line and not eval(line):\n"
			    "        sys.exit('not true: ' + line)\n";

/* Its status as by waitpid(2). */
static int run_python(const char *program, const char *path,
		      const char *expressions)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		harness_die("fork: %s", strerror(errno));
	if (pid == 0) {
		execlp("python3", "python3", "-c", program, path, expressions,
		       (char *)NULL);
		_exit(NO_PYTHON);
	}
	if (waitpid(pid, &status, 0) != pid)
		harness_die("waitpid: %s", strerror(errno));
	return status;
}

/* A new file with the text; its name is made from path. */
static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		harness_die("%s: %s", path, strerror(errno));
}

static void check(const char *reader, const char *text, const char *expressions)
{
	char path[] = "/tmp/weir-document-XXXXXX";
	char program[1024];
	int status;

	(void)snprintf(program, sizeof program, "%s%s", reader, judge);
	write_file(path, text);
	status = run_python(program, path, expressions);
	unlink(path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PYTHON)
		cr_skip_test("there is no python3 to read it");
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "python3 objects to:\n%s", text);
}

void document_check_json(const char *text, const char *expressions)
{
	check(read_json, text, expressions);
}

void document_check_xml(const char *text, const char *expressions)
{
	check(read_xml, text, expressions);
}
