#include "whole_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static char folder[] = "/tmp/weir-test-XXXXXX";
static struct whole_file whole;

static void begin(void)
{
	harness_begin();
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

/* Nothing is left behind. */
static void end(void)
{
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(rmdir(folder), 0);
	harness_end();
}

TestSuite(whole_file, .init = begin, .fini = end);

static void expect_text(const char *path, const char *text)
{
	char found[64];
	FILE *file = fopen(path, "re");

	cr_assert_not_null(file);
	found[fread(found, 1, sizeof found - 1, file)] = '\0';
	fclose(file);
	cr_expect_str_eq(found, text);
}

static void write_new(const char *path, const char *text)
{
	cr_assert_eq(whole_file_open(&whole, path), 0);
	fputs(text, whole.file);
	cr_assert_eq(whole_file_commit(&whole), 0);
}

Test(whole_file, is_there_when_it_is_whole)
{
	cr_assert_eq(whole_file_open(&whole, "a"), 0);
	fputs("new", whole.file);
	fflush(whole.file);
	cr_expect_eq(access("a", F_OK), -1);
	cr_expect_eq(whole_file_commit(&whole), 0);
	expect_text("a", "new");
	unlink("a");
}

Test(whole_file, leaves_the_old_one_until_then)
{
	write_new("a", "old");
	chmod("a", 0640);
	cr_assert_eq(whole_file_open(&whole, "a"), 0);
	fputs("new", whole.file);
	fflush(whole.file);
	expect_text("a", "old");
	whole_file_abandon(&whole);
	whole_file_abandon(&whole);
	expect_text("a", "old");
	unlink("a");
}

/* And is no more taken back. */
Test(whole_file, is_there_while_it_grows_once_it_is_published)
{
	write_new("a", "old");
	cr_assert_eq(whole_file_open(&whole, "a"), 0);
	cr_expect_eq(whole_file_publish(&whole), 0);
	fputs("new", whole.file);
	fflush(whole.file);
	expect_text("a", "new");
	whole_file_abandon(&whole);
	expect_text("a", "new");
	unlink("a");
}

Test(whole_file, takes_the_mode_of_the_old_one)
{
	struct stat now;

	umask(0022);
	write_new("a", "old");
	cr_assert_eq(stat("a", &now), 0);
	cr_expect_eq(now.st_mode & 07777, 0644);
	chmod("a", 0600);
	write_new("a", "new");
	cr_assert_eq(stat("a", &now), 0);
	cr_expect_eq(now.st_mode & 07777, 0600);
	unlink("a");
}

/* The link stays one. */
Test(whole_file, is_written_where_a_link_points)
{
	char target[PATH_MAX];

	write_new("a", "old");
	cr_assert_eq(symlink("a", "b"), 0);
	write_new("./b", "new");
	expect_text("a", "new");
	cr_expect_eq(readlink("b", target, sizeof target), 1);
	unlink("a");
	unlink("b");
}

Test(whole_file, a_link_that_cannot_be_followed_is_refused)
{
	cr_assert_eq(symlink("a", "a"), 0);
	cr_expect_eq(whole_file_open(&whole, "a"), -ELOOP);
	whole_file_abandon(&whole);
	unlink("a");
}

Test(whole_file, has_one_name_whatever_it_is_called)
{
	char first[PATH_MAX];

	cr_assert_eq(whole_file_open(&whole, "a"), 0);
	strcpy(first, whole.target);
	whole_file_abandon(&whole);
	cr_assert_eq(whole_file_open(&whole, ".//a"), 0);
	cr_expect_str_eq(whole.target, first);
	whole_file_abandon(&whole);
}

Test(whole_file, a_device_is_written_in_place)
{
	cr_assert_eq(whole_file_open(&whole, "/dev/full"), 0);
	fputs("text", whole.file);
	cr_expect_eq(whole_file_commit(&whole), -ENOSPC);
	cr_expect_eq(access("/dev/full", F_OK), 0);
}

Test(whole_file, what_cannot_be_written_is_refused_at_once)
{
	cr_expect_eq(whole_file_open(&whole, "nowhere/a"), -ENOENT);
	cr_expect_eq(whole_file_open(&whole, "."), -EISDIR);
	whole_file_abandon(&whole);
}
