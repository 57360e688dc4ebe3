/* What make install puts there is whole: it runs, it can be built against, and
 * it goes away again. */
#include <criterion/criterion.h>
#include <stdio.h>

#include <weir/version.h>

#include "harness_server.h"
#include "test_install.h"

TestSuite(install, .init = install_begin, .fini = install_end);

Test(install, no_file_names_the_scratch_folder)
{
	cr_assert(sh("! grep -rlF \"$D\" \"$D\""));
}

Test(install, the_server_serves_the_client)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char command[512];

	served_start(&s, "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	snprintf(command, sizeof command,
		 "test \"$(printf Hey~~~ | \"$D/usr/bin/weir-client\" %s)\" = "
		 "Hey~~~",
		 address);
	cr_assert(sh(command));
	cr_assert_eq(served_stop(&s), 0);
}

Test(install, units_start_the_installed_server)
{
	cr_assert(sh("grep -q '^ExecStart=/usr/bin/weir-server ' "
		     "\"$D/usr/lib/systemd/system/weir-server.service\""));
}

Test(install, manuals_are_where_man_looks)
{
	cr_assert(sh("for m in docs/*.[1-9]; do "
		     "cmp $m \"$D/usr/share/man/man${m##*.}/${m#docs/}\" || "
		     "exit; done"));
}

Test(install, manuals_are_of_this_version)
{
	cr_assert(sh("for m in docs/*.1; do "
		     "head -n 1 $m | grep -qF \"\\\"weir " WEIR_VERSION
		     "\\\"\" || "
		     "exit; done"));
}

Test(install, man_finds_a_page_by_the_name_of_each_function)
{
	cr_assert(sh("for f in $(sed -n 's/^weir_.*/&/p' "
		     "src/lib/libweir.symbols) weir_conn_fd; do "
		     "grep -q \"^\\.It Fn $f\\|^\\.Fn $f\" "
		     "\"$D/usr/share/man/man3/$f.3\" || exit; "
		     "done"));
}

/* Run a function of completion.sh. */
static void complete(const char *promise)
{
	char command[128];

	if (!is_there("bash"))
		cr_skip("bash is not here");
	snprintf(command, sizeof command, "bash tests/install/completion.sh %s",
		 promise);
	cr_assert(sh(command));
}

/* Those of the manuals are compared with --help in each program's tests. */
Test(install, completion_offers_the_options_of_help)
{
	complete("options_are_those_of_help");
}

Test(install, completion_offers_the_words_that_an_option_takes)
{
	complete("words_are_those_that_an_option_takes");
}

Test(install, completion_offers_files_and_services)
{
	complete("files_and_services_are_offered");
}

/* One program, of either library. */
static void check_user(const char *compiler)
{
	build_user(compiler, "tests/user.c", "shared", false);
	cr_assert(sh("LD_LIBRARY_PATH=\"$D/usr/lib\" \"$D/shared\""));
	cr_assert(sh("readelf -d \"$D/shared\" | "
		     "grep -q 'NEEDED.*\\[libweir\\.so\\.0\\]'"),
		  "it wants the library by its SONAME");
	build_user(compiler, "tests/user.c", "static", true);
	cr_assert(sh("\"$D/static\""));
	cr_assert(sh("! readelf -d \"$D/static\" | grep libweir"));
}

Test(install, a_c_program_needs_pkg_config_alone)
{
	if (!is_there("pkg-config"))
		cr_skip("pkg-config is not here");
	check_user("${CC:-cc} -std=c11 -Wextra -Wpedantic -x c");
}

Test(install, a_cxx_program_needs_pkg_config_alone)
{
	if (!is_there("pkg-config") || !is_there("${CXX:-c++}"))
		cr_skip("pkg-config or a C++ compiler is not here");
	check_user("${CXX:-c++} -std=c++17 -Wextra -Wpedantic -x c++");
}

Test(install, uninstall_takes_away_what_install_put_there_and_no_more)
{
	cr_assert(sh("touch \"$D/usr/bin/other\" \"$D/usr/lib/libother.so\""));
	cr_assert(run_make("uninstall"));
	cr_assert(sh("test \"$(cd \"$D\" && find . ! -type d | sort | xargs)\""
		     " = './usr/bin/other ./usr/lib/libother.so'"));
	cr_assert(sh("test ! -e \"$D/usr/include/weir\""));
}
