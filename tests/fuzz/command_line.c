/* The command line of a made-up program: the arguments are the input's lines.
 * What is accepted is in its range, and nothing but the arguments is pointed
 * into. */
#include "made_up_options.h"

#include <stdio.h>

#include "fuzz.h"

enum {
	MAX_ARGUMENTS = 64
};

static const struct command_line line = {.program = "fuzzed",
					 .intro = "Usage: fuzzed",
					 .notes = "No notes.",
					 .options = options,
					 .n_options = N_OPTIONS};

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What is printed is not looked at. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stderr = fopen("/dev/null", "w");
	fuzz_want(freopen("/dev/null", "w", stdout) && stderr, "no /dev/null");
	return 0;
}

/* Cut the text into lines. */
static int split(char *text, char *argv[MAX_ARGUMENTS + 1])
{
	int n = 0;

	while (text && n < MAX_ARGUMENTS)
		argv[n++] = strsep(&text, "\n");
	argv[n] = NULL;
	return n;
}

static void check_values(const struct command_line_result *result,
			 size_t n_pairs)
{
	const struct command_line_value *v = result->values;

	fuzz_want(v[OPTION_COUNT].number >= quantity_count.min &&
			  v[OPTION_COUNT].number <= quantity_count.max,
		  "a count is out of range");
	fuzz_want(v[OPTION_WAIT].number >= quantity_time.min &&
			  v[OPTION_WAIT].number <= quantity_time.max,
		  "a time is out of range");
	fuzz_want(v[OPTION_MODE].number < 3, "no such mode");
	fuzz_want(v[OPTION_PAIR].is_given == (n_pairs > 0), "pairs are lost");
	fuzz_want(v[OPTION_FILE].is_given == (v[OPTION_FILE].text != NULL),
		  "a given text is NULL");
}

static void check_operands(const struct command_line_result *result, int argc,
			   char **argv)
{
	size_t i;
	int j;

	fuzz_want(result->n_operands < (size_t)argc, "too many operands");
	for (i = 0; i < result->n_operands; i++) {
		for (j = 1; j < argc && argv[j] != result->operands[i];)
			j++;
		fuzz_want(j < argc, "an operand is no argument");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = {data, n};
	char *text = fuzz_text(&f);
	char program[] = "fuzzed";
	char *argv[MAX_ARGUMENTS + 2] = {program};
	struct command_line_result result;
	struct pairs pairs = {.n = 0};
	int argc = 1 + split(text, argv + 1);
	int status;

	status = command_line_read(&line, &result, &pairs, argc, argv);
	fuzz_want(status >= COMMAND_LINE_GO_ON && status <= 2,
		  "a wrong status");
	if (status == COMMAND_LINE_GO_ON) {
		check_values(&result, pairs.n);
		check_operands(&result, argc, argv);
	}
	free(text);
	return 0;
}
