/* Whether there is a target that echoes: a first message asks until it comes
 * back. */
#include <errno.h>

#include "clock.h"
#include "datagram_inside.h"
#include "load.h"
#include "peer.h"
#include "record.h"

/* The message that asks. */
static const uint64_t hello = UINT64_MAX;
/* Until it is sent again; less at first, since a refusal comes soon. */
static const uint64_t first_hello_ns = 10000000;
static const uint64_t longest_hello_ns = 100000000;

bool datagram_is_hello(const struct peer *peer,
		       const struct weir_dgram_received *in)
{
	const struct message_kit *kit = &peer->load->kit;

	return in->true_size == kit->size &&
	       message_is(kit, in->data, peer->number, hello);
}

void datagram_be_connected(struct datagram *datagram)
{
	datagram->is_connected = true;
	weir_timer_cancel(&datagram->timer);
	crew_take(datagram->peer, 0);
}

static void on_hello_time(struct weir_timer *timer);

static int say_hello(struct datagram *datagram, uint64_t now_ns)
{
	int error = datagram_transmit(datagram, hello);

	/* the kernel may have room later */
	if (error < 0 && error != -ENOBUFS && error != -ENOMEM)
		return error;
	weir_timer_arm(&datagram->timer, datagram->peer->load->loop,
		       now_ns + datagram->hello_ns, on_hello_time);
	if (datagram->hello_ns < longest_hello_ns)
		datagram->hello_ns *= 2;
	return 0;
}

/* The target's next address, which has its share of the time that is left;
 * error if there is none. */
static int try_next(struct datagram *datagram, int error)
{
	const struct load *load = datagram->peer->load;
	const struct settings *settings = load->settings;
	const struct weir_dgram_options options = {
		.receive_max = settings->message_size + 1,
		.queue_messages =
			WEIR_DGRAM_DEFAULT_QUEUE_MESSAGES + settings->pipeline,
		.queue_bytes = WEIR_DGRAM_DEFAULT_QUEUE_BYTES +
			       settings->pipeline * settings->message_size,
		.sndbuf = settings->sndbuf,
		.rcvbuf = settings->rcvbuf};

	while (datagram->i_address < load->target->n_addresses) {
		size_t n_left = load->target->n_addresses - datagram->i_address;
		uint64_t now_ns = clock_now();

		weir_dgram_close(&datagram->dgram);
		datagram->hello_ns = first_hello_ns;
		datagram->deadline_ns =
			now_ns +
			record_age(now_ns, load->crew.deadline_ns) / n_left;
		error = weir_dgram_connect(
			&datagram->dgram, load->loop,
			&load->target->addresses[datagram->i_address++],
			&datagram_events, &options);
		if (error == 0)
			error = say_hello(datagram, now_ns);
		if (error == 0)
			return 0;
	}
	return error;
}

/* No answer yet: is it refused, late, or to be asked again? */
static void on_hello_time(struct weir_timer *timer)
{
	struct datagram *datagram =
		weir_container_of(timer, struct datagram, timer);
	uint64_t now_ns = clock_now();
	struct weir_dgram_stats stats;
	int error = 0;

	weir_dgram_stats(&datagram->dgram, &stats);
	if (stats.n_errors > 0)
		error = stats.last_error;
	else if (now_ns >= datagram->deadline_ns)
		error = -ETIMEDOUT;
	else
		error = say_hello(datagram, now_ns);
	if (error < 0)
		error = try_next(datagram, error);
	if (error == 0)
		return;
	datagram_close(datagram->peer);
	crew_take(datagram->peer, error);
}

int datagram_dial(struct peer *peer)
{
	return try_next(peer->datagram, -EDESTADDRREQ);
}
