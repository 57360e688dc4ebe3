#include "harness_program.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static const char *build_folder(void)
{
	const char *build = getenv("WEIR_BUILD");

	return build ? build : "build";
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_print(const char *name, const char *arguments, char *text,
		  size_t size)
{
	char command[512];
	FILE *output;
	size_t n;

	snprintf(command, sizeof command, "%s/%s %s", build_folder(), name,
		 arguments);
	output = popen(command, "re");
	must(output ? 0 : -1, "popen");
	n = fread(text, 1, size - 1, output);
	text[n] = '\0';
	return status_of(pclose(output));
}

/* -- starting one by hand -- */

void program_arguments(const char *arguments[PROGRAM_MAX_ARGUMENTS],
		       va_list list)
{
	size_t n = 0;

	while ((arguments[n] = va_arg(list, const char *)))
		if (++n == PROGRAM_MAX_ARGUMENTS)
			harness_die("too many arguments");
}

_Noreturn void program_exec(const char *name, const char *const *arguments)
{
	char path[256];
	char *argv[PROGRAM_MAX_ARGUMENTS + 1] = {path};
	sigset_t none;

	snprintf(path, sizeof path, "%s/%s", build_folder(), name);
	for (size_t i = 0; arguments[i] && i + 1 < PROGRAM_MAX_ARGUMENTS; i++)
		argv[i + 1] = strdup(arguments[i]);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* last, since a change of user forgets it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(path, argv);
	_exit(127);
}

int program_wait(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0), "waitpid");
	return status_of(status);
}

size_t program_kib(pid_t pid, const char *name)
{
	char path[64];
	char line[256];
	size_t n = strlen(name);
	size_t kib = SIZE_MAX;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	must(file ? 0 : -1, path);
	while (fgets(line, sizeof line, file))
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			kib = strtoul(line + n + 1, NULL, 10);
	fclose(file);
	if (kib == SIZE_MAX)
		harness_die("%s has no %s", path, name);
	return kib;
}
