/* Who of the healthy connections got what. */
#include <stdlib.h>

#include "collect.h"
#include "load.h"
#include "peer.h"

/* A hiccup at the end is no silence. */
static const uint64_t least_silence_ns = 10000000;

void collect_silence(struct peer *peer, uint64_t sent_ns, uint64_t now_ns)
{
	const struct load *load = peer->load;
	struct result_silence *silence = &load->result->silence;
	uint64_t since_ns =
		peer->answer_ns > sent_ns ? peer->answer_ns : sent_ns;
	uint64_t length_ns = now_ns - since_ns;

	if (load->phase < LOAD_ENDING || now_ns < load->start_ns ||
	    length_ns < least_silence_ns ||
	    length_ns <= load->counters.slowest_ns)
		return;
	silence->n++;
	if (length_ns <= silence->longest_ns)
		return;
	silence->longest_ns = length_ns;
	silence->connection = peer->number;
}

void collect_fairness(struct load *load, size_t first)
{
	struct result_fairness *fairness = &load->result->fairness;

	if (load->crew.n_peers <= first)
		return;
	fairness->counts =
		calloc(load->crew.n_peers - first, sizeof *fairness->counts);
	if (!fairness->counts)
		return;
	fairness->n = load->crew.n_peers - first;
	for (size_t i = 0; i < fairness->n; i++)
		fairness->counts[i] = load->crew.peers[first + i].n_answered;
	result_judge_fairness(fairness);
}
