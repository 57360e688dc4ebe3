#include "progress.h"

#include <math.h>

#include "quantity.h"
#include "result.h"
#include "terminal.h"

enum {
	BAR_LENGTH = 20
};

void progress_open(struct progress *progress, FILE *out,
		   const struct settings *settings)
{
	*progress = (struct progress){
		.out = out,
		.settings = settings,
		.is_on = terminal_takes_colour(out),
	};
}

/* "[#####...............]", by time; a run that ends by a number of messages
 * may be over sooner. */
static void put_bar(const struct progress *progress, double left_s)
{
	double duration_s = (double)progress->settings->duration_ns / 1e9;
	double done = fmin(fmax(1 - left_s / duration_s, 0), 1);

	(void)fputc('[', progress->out);
	for (int i = 0; i < BAR_LENGTH; i++)
		(void)fputc(i < done * BAR_LENGTH ? '#' : '.', progress->out);
	(void)fputs("] ", progress->out);
}

static void put_figures(const struct progress *progress,
			const struct result_second *second)
{
	char rate[QUANTITY_TEXT_SIZE];
	char p50[QUANTITY_TEXT_SIZE];
	char p99[QUANTITY_TEXT_SIZE];

	quantity_format_rate(rate,
			     (double)second->n_messages / second->length_s);
	(void)fprintf(progress->out, "%11s", rate);
	if (second->n_samples == 0)
		return;
	quantity_format_time(p50, (double)second->p50_ns);
	quantity_format_time(p99, (double)second->p99_ns);
	(void)fprintf(progress->out, "  p50 %7s  p99 %7s", p50, p99);
}

void progress_show(struct progress *progress,
		   const struct result_second *second, double left_s)
{
	if (!progress->is_on)
		return;
	(void)fputs("\r\033[K", progress->out);
	if (left_s < 0) {
		put_bar(progress, INFINITY);
		(void)fputs("warming up", progress->out);
	} else {
		put_bar(progress, left_s);
		put_figures(progress, second);
		(void)fprintf(progress->out, "  %.0f s left", ceil(left_s));
	}
	(void)fflush(progress->out);
	progress->has_line = true;
}

void progress_close(struct progress *progress)
{
	if (!progress->has_line)
		return;
	(void)fputs("\r\033[K", progress->out);
	(void)fflush(progress->out);
	progress->has_line = false;
}
