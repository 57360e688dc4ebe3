#include "test_install.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

enum {
	PATH_SIZE = 4096,
	COMMAND_SIZE = 2048
};

bool sh(const char *command)
{
	fflush(NULL);
	return system(command) == 0;
}

bool is_there(const char *program)
{
	char command[COMMAND_SIZE];

	snprintf(command, sizeof command, "command -v %s >/dev/null", program);
	return sh(command);
}

/* It has nothing from a make that runs the tests; tests run side by side, and
 * one at a time may build. */
bool run_make(const char *goal)
{
	char command[COMMAND_SIZE];

	snprintf(command, sizeof command,
		 "env -u MAKEFLAGS -u MAKELEVEL flock \"$BUILD\" "
		 "make -s BUILD=\"$BUILD\" DESTDIR=\"$D\" PREFIX=/usr %s",
		 goal);
	return sh(command);
}

void install_begin(void)
{
	const char *build = getenv("WEIR_BUILD");
	char path[PATH_SIZE];
	char *folder;

	harness_begin();
	setenv("BUILD", build ? build : "build", 1);
	folder = realpath(getenv("BUILD"), NULL);
	cr_assert_not_null(folder);
	snprintf(path, sizeof path, "%s/installed.%d", folder, (int)getpid());
	free(folder);
	setenv("D", path, 1);
	cr_assert(sh("rm -rf \"$D\""));
	cr_assert(run_make("install"));
	snprintf(path, sizeof path, "%s/usr/bin", getenv("D"));
	setenv("WEIR_BUILD", path, 1);
	snprintf(path, sizeof path, "%s/usr/lib/pkgconfig", getenv("D"));
	setenv("PKG_CONFIG_PATH", path, 1);
	setenv("PKG_CONFIG_SYSROOT_DIR", getenv("D"), 1);
}

void install_end(void)
{
	cr_assert(sh("rm -rf \"$D\""));
	harness_end();
}

const char *sanitizers(void)
{
	return sh("nm \"$BUILD/libweir.a\" | grep -q __asan_init")
		       ? "-fsanitize=address,undefined"
		       : "";
}

void build_user(const char *compiler, const char *source, const char *name,
		bool is_static)
{
	char command[COMMAND_SIZE];

	snprintf(command, sizeof command,
		 "%s -Wall -Werror %s %s -o \"$D/%s\" -x none %s "
		 "$(pkg-config --cflags --libs weir) -Wl,-Bdynamic",
		 compiler, sanitizers(), source, name,
		 is_static ? "-Wl,-Bstatic" : "");
	cr_assert(sh(command), "%s does not build", source);
}
