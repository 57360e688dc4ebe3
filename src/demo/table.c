#include "table.h"

#include <math.h>
#include <string.h>

#include "quantity.h"
#include "terminal.h"
#include "clock.h"
#include "healthy.h"
#include "verdict.h"

enum {
	CELL_SIZE = 48
};

enum colour {
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_GOOD,
	COLOUR_BAD,
	COLOUR_OFF
};

static const char *colour(FILE *out, enum colour colour)
{
	static const char *const codes[] = {
		[COLOUR_BOLD] = "\033[1m",  [COLOUR_DIM] = "\033[2m",
		[COLOUR_GOOD] = "\033[32m", [COLOUR_BAD] = "\033[31m",
		[COLOUR_OFF] = "\033[0m",
	};

	return terminal_takes_colour(out) ? codes[colour] : "";
}

/* -- figures of five characters: two digits at least, and a unit -- */

struct unit {
	double factor;
	const char *name;
};

static const struct unit times[] = {
	{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {0, "ns"}};
static const struct unit sizes[] = {
	{1073741824, "G"}, {1048576, "M"}, {1024, "K"}, {0, ""}};
static const struct unit counts[] = {
	{1e9, "G"}, {1e6, "M"}, {1e4, "k"}, {0, ""}};

static const char *compact(char cell[CELL_SIZE], double value,
			   const struct unit *unit)
{
	double number;

	if (!isfinite(value)) {
		memcpy(cell, "-", 2);
		return cell;
	}
	/* 999.6 ms is 1.0 s */
	while (unit->factor > 0 && value < 0.9995 * unit->factor)
		unit++;
	if (unit == &counts[2])
		number = value / 1e3;
	else
		number = unit->factor > 0 ? value / unit->factor : value;
	(void)snprintf(cell, CELL_SIZE,
		       unit->factor > 0 && number < 9.95 ? "%.1f%s" : "%.0f%s",
		       number, unit->name);
	return cell;
}

/* -- the table -- */

void table_part(FILE *out, const char *title)
{
	(void)fprintf(out, "%s%s%s\n\n", colour(out, COLOUR_BOLD), title,
		      colour(out, COLOUR_OFF));
}

void table_strategies(FILE *out, const struct strategy *const *listed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "  %s%-18s%s  %s\n",
			      colour(out, COLOUR_BOLD), listed[i]->name,
			      colour(out, COLOUR_OFF), listed[i]->how);
	(void)fputc('\n', out);
}

void table_setting(FILE *out, bool is_calm)
{
	static const char slow_reader[] =
		"A slow reader is owed megabytes by a server of one thread. It "
		"reads 64 KiB\n"
		"slowly, stops, and reads on. Meanwhile ";
	static const char words[] =
		"A send that finds the kernel's buffer full takes nothing and "
		"says EAGAIN.\n"
		"EPOLLOUT is how epoll says that there is room again. It is "
		"armed if the server\n"
		"asked to be told so. A mark is the size of a queue at which "
		"something is done.\n";

	if (is_calm)
		(void)fprintf(
			out,
			"%d healthy clients want 64 bytes echoed by a "
			"server of one thread, each\nevery %d ms. All are "
			"TCP sockets over loopback.\n\n",
			HEALTHY_CLIENTS,
			(int)(HEALTHY_PERIOD_NS / CLOCK_NS_PER_MS));
	else
		(void)fprintf(out,
			      "%s%d healthy clients want 64 bytes echoed,\n"
			      "each every %d ms. All are TCP sockets over "
			      "loopback.\n\n%s\n",
			      slow_reader, HEALTHY_CLIENTS,
			      (int)(HEALTHY_PERIOD_NS / CLOCK_NS_PER_MS),
			      words);
}

/* How much is owed, and through which buffers. */
static void head_of_debt(FILE *out, const struct contest_result *first)
{
	char asked[QUANTITY_TEXT_SIZE];
	char set[QUANTITY_TEXT_SIZE];
	char sndbuf[QUANTITY_TEXT_SIZE];
	char rcvbuf[QUANTITY_TEXT_SIZE];

	(void)fprintf(out, "%s%s owed%s\n", colour(out, COLOUR_BOLD),
		      quantity_format_size(asked, (double)first->asked),
		      colour(out, COLOUR_OFF));
	(void)fprintf(out,
		      "SO_SNDBUF and SO_RCVBUF set to %s, which Linux made "
		      "%s and %s.\n\n",
		      quantity_format_size(set, CONTEST_BUFFER),
		      quantity_format_size(sndbuf, (double)first->sndbuf),
		      quantity_format_size(rcvbuf, (double)first->rcvbuf));
}

void table_open(FILE *out, const struct contest_result *first)
{
	if (first->is_calm)
		(void)fprintf(out, "%sNobody is slow%s\n\n",
			      colour(out, COLOUR_BOLD),
			      colour(out, COLOUR_OFF));
	else
		head_of_debt(out, first);
	(void)fprintf(out, "%s%-18s%12s%20s%30s%s\n", colour(out, COLOUR_DIM),
		      "", "slow reader", "healthy clients",
		      "the server's one thread", colour(out, COLOUR_OFF));
	(void)fprintf(out, "%s%-18s%6s%6s%6s%6s%8s%6s%6s%6s%6s%6s%s\n",
		      colour(out, COLOUR_DIM), "strategy", "got", "wrong",
		      "p50", "p99", "silence", "CPU", "queue", "calls", "wakes",
		      "time", colour(out, COLOUR_OFF));
}

void table_row(FILE *out, const struct contest_result *r)
{
	char cells[10][CELL_SIZE];
	char verdict[VERDICT_SIZE];
	enum colour tone = verdict_is_good(r) ? COLOUR_GOOD : COLOUR_BAD;

	(void)fprintf(out, "%s%-18s%s%6s%6s%6s%6s%8s%6s%6s%6s%6s%6s\n",
		      colour(out, COLOUR_BOLD), r->strategy->name,
		      colour(out, COLOUR_OFF),
		      compact(cells[0], r->is_calm ? NAN : (double)r->delivered,
			      sizes),
		      compact(cells[1],
			      r->first_bad < 0 ? NAN : (double)r->first_bad,
			      sizes),
		      compact(cells[2], r->p50_ns, times),
		      compact(cells[3], r->p99_ns, times),
		      compact(cells[4], (double)r->longest_silence_ns, times),
		      compact(cells[5], (double)r->cpu_ns, times),
		      compact(cells[6], (double)r->queue_peak, sizes),
		      compact(cells[7], (double)r->n_calls, counts),
		      compact(cells[8], (double)r->n_wakeups, counts),
		      compact(cells[9], (double)r->total_ns, times));
	(void)fprintf(out, "    %s%s%s\n", colour(out, tone),
		      verdict_text(r, verdict), colour(out, COLOUR_OFF));
}

void table_legend(FILE *out)
{
	static const char legend[] =
		"got      by the slow reader, which hangs up at twice what it "
		"asked for;\n"
		"         wrong: at which byte the first wrong one came\n"
		"p50 p99  half of the healthy clients' echoes, and 99 in 100, "
		"took no longer,\n"
		"         from when each was due; silence: the longest time "
		"without any echo\n"
		"CPU      of the server's thread; queue: the most that it kept "
		"in memory\n"
		"calls    system calls of the server; wakes: EPOLLOUT events "
		"that it was given\n"
		"time     from when the slow reader asked until it had got "
		"all, or gave up\n";

	(void)fprintf(out, "\n%s%s%s\n", colour(out, COLOUR_DIM), legend,
		      colour(out, COLOUR_OFF));
}
