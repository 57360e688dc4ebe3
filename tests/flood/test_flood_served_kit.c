/* weir-server as the target of weir-flood. */
#include "test_flood_served.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>

void flood_serve(struct flood_served *s, const char *service)
{
	char offer[64];

	snprintf(offer, sizeof offer, "%s=127.0.0.1:0", service);
	served_start(&s->served, offer, NULL);
	served_address(&s->served, service, s->address);
}

void flood_serve_no_more(struct flood_served *s)
{
	flooded_forget(&s->run);
	/* bad peers leave it with bytes that nobody takes */
	kill(s->served.pid, SIGKILL);
	served_wait(&s->served);
	served_forget(&s->served);
}

void flood_expect(const struct flooded *run, const char *within,
		  const char *key, double n)
{
	double told = flooded_number(run, within, key);

	cr_expect_eq(told, n, "%s %s: %f, not %f: %s", within, key, told, n,
		     run->err);
}
