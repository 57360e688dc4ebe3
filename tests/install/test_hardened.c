/* The programs and the library are built so that a bug which remains ends the
 * program instead of giving it away: what readelf can see of that. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "test_install.h"

enum {
	COMMAND_SIZE = 512
};

TestSuite(hardened, .init = harness_begin, .fini = harness_end);

static const char *const programs[] = {"weir-server", "weir-client",
				       "weir-flood", "send-vs-sendall"};
static const char *const all[] = {"weir-server", "weir-client", "weir-flood",
				  "send-vs-sendall", "libweir.so"};

enum {
	N_PROGRAMS = sizeof programs / sizeof programs[0],
	N_ALL = sizeof all / sizeof all[0]
};

/* Each of these files shows the pattern when readelf prints so much of it. */
static void expect(const char *const *files, size_t n, const char *readelf,
		   const char *pattern)
{
	const char *build = getenv("WEIR_BUILD");
	char command[COMMAND_SIZE];
	size_t i;

	if (!is_there("readelf"))
		cr_skip("there is no readelf here");
	for (i = 0; i < n; i++) {
		snprintf(command, sizeof command,
			 "LC_ALL=C readelf %s '%s/%s' | grep -qE '%s'", readelf,
			 build ? build : "build", files[i], pattern);
		cr_expect(sh(command), "%s", command);
	}
}

Test(hardened, programs_are_position_independent)
{
	expect(programs, N_PROGRAMS, "-W -d", "FLAGS_1.* PIE");
}

Test(hardened, relocations_are_made_at_the_start_and_then_read_only)
{
	expect(all, N_ALL, "-W -l", "GNU_RELRO");
	expect(all, N_ALL, "-W -d", "\\(FLAGS_1\\).* NOW");
}

Test(hardened, no_stack_is_executable)
{
	expect(all, N_ALL, "-W -l", "GNU_STACK.* RW +0x");
}

Test(hardened, stacks_are_guarded)
{
	expect(all, N_ALL, "-W --dyn-syms", "__stack_chk_fail");
}

/* The library calls nothing that can be fortified. */
Test(hardened, copies_and_prints_are_fortified)
{
#if defined(__OPTIMIZE__) && defined(__GLIBC__) && \
	!defined(__SANITIZE_ADDRESS__)
	expect(programs, N_PROGRAMS, "-W --dyn-syms", "__[a-z]+printf_chk");
#else
	cr_skip("it needs optimization and glibc, and no sanitizer");
#endif
}

/* A whole program is marked only if its libc is, too; so look at objects. */
Test(hardened, jumps_are_checked_and_large_frames_probed)
{
#if defined(__x86_64__) || defined(__i386__)
	const char *const library[] = {"libweir.a"};

	expect(library, 1, "-W -n", "IBT, SHSTK");
#ifndef __clang__ /* it does not record its options */
	expect(programs, N_PROGRAMS, "-W --string-dump=.debug_str",
	       "GNU C.* -fstack-clash-protection");
#endif
#else
	cr_skip("there is no control-flow protection here");
#endif
}
