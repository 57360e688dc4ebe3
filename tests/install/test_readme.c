/* The program of README.md, as a reader would take it from there. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_install.h"

enum {
	TEXT_SIZE = 1 << 14,
	LINE_SIZE = 256
};

TestSuite(readme, .init = install_begin, .fini = install_end);

/* The first block of C behind the heading. */
static void read_program(char text[TEXT_SIZE])
{
	FILE *readme = fopen("README.md", "r");
	char line[LINE_SIZE] = "";

	cr_assert_not_null(readme);
	while (strcmp(line, "## Use it in your program\n") != 0)
		cr_assert_not_null(fgets(line, sizeof line, readme));
	while (strcmp(line, "```c\n") != 0)
		cr_assert_not_null(fgets(line, sizeof line, readme));
	text[0] = '\0';
	while (fgets(line, sizeof line, readme) && strcmp(line, "```\n") != 0) {
		cr_assert_lt(strlen(text) + strlen(line), TEXT_SIZE);
		strcat(text, line);
	}
	fclose(readme);
}

/* The program in the first comment of weir.h. */
static void read_header(char text[TEXT_SIZE])
{
	FILE *header = fopen("include/weir.h", "r");
	char line[LINE_SIZE];

	cr_assert_not_null(header);
	text[0] = '\0';
	while (fgets(line, sizeof line, header) && strcmp(line, " */\n") != 0)
		if (strncmp(line, " *\t", 3) == 0)
			strcat(text, line + 3);
		else if (*text && strcmp(line, " *\n") == 0)
			strcat(text, "\n");
	fclose(header);
}

Test(readme, has_the_program_of_weir_h)
{
	static char readme[TEXT_SIZE];
	static char header[TEXT_SIZE];

	read_program(readme);
	read_header(header);
	cr_assert_gt(strlen(header), 0);
	cr_assert_not_null(strstr(readme, header), "%s", header);
}

/* At its own address somebody else may be listening. */
Test(readme, has_a_program_that_echoes)
{
	static char text[TEXT_SIZE];
	char path[LINE_SIZE];
	FILE *source;

	if (!is_there("pkg-config"))
		cr_skip("pkg-config is not here");
	read_program(text);
	snprintf(path, sizeof path, "%s/readme.c", getenv("D"));
	source = fopen(path, "w");
	cr_assert_not_null(source);
	fputs(text, source);
	fclose(source);
	cr_assert(sh("sed -i 's|127.0.0.1:7007|unix:@readme.'${D##*.}'|' "
		     "\"$D/readme.c\" && grep -q unix: \"$D/readme.c\""));
	build_user("${CC:-cc} -x c", "\"$D/readme.c\"", "readme", true);
	cr_assert(sh("\"$D/readme\" & "
		     "until out=$(printf Hey~~~ | "
		     "\"$D/usr/bin/weir-client\" unix:@readme.${D##*.} "
		     "2>/dev/null); do "
		     "kill -0 $! || exit; done; "
		     "kill $!; test \"$out\" = Hey~~~"));
}
