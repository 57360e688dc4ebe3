/* A hash table of the addresses that have a connection, or have had one a
 * moment ago. What is neither is freed when its chain is next searched. */
#include "sources.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bucket.h"

enum {
	N_CHAINS = 4096,
	IPV6_BITS = 128
};

struct source {
	struct source *next;
	unsigned char address[NETWORK_ADDRESS_SIZE];
	uint64_t n_conns;
	uint64_t bucket; /* of --rate-per-address */
	bool is_told;
};

struct sources {
	pthread_mutex_t lock;
	uint32_t seed; /* no client can choose what it shares a chain with */
	struct source *chains[N_CHAINS];
};

struct sources *sources_new(void)
{
	struct sources *sources = calloc(1, sizeof *sources);

	if (!sources)
		return NULL;
	(void)!getrandom(&sources->seed, sizeof sources->seed, GRND_NONBLOCK);
	pthread_mutex_init(&sources->lock, NULL);
	return sources;
}

void sources_free(struct sources *sources)
{
	if (!sources)
		return;
	for (size_t i = 0; i < N_CHAINS; i++) {
		struct source *source = sources->chains[i];

		while (source) {
			struct source *next = source->next;

			free(source);
			source = next;
		}
	}
	pthread_mutex_destroy(&sources->lock);
	free(sources);
}

/* The address, of IPv6 with zeroes behind the prefix. */
static bool key_of(const struct weir_address *from, unsigned n_bits,
		   unsigned char key[NETWORK_ADDRESS_SIZE])
{
	if (!network_address(from, key))
		return false;
	if (network_is_ipv4(key))
		return true;
	for (unsigned i = n_bits; i < IPV6_BITS; i++)
		key[i / 8] &= (unsigned char)~(0x80 >> i % 8);
	return true;
}

static struct source **chain_of(struct sources *sources,
				const unsigned char *key)
{
	uint32_t hash = network_hash(key, NETWORK_ADDRESS_SIZE, sources->seed);

	return &sources->chains[hash % N_CHAINS];
}

/* The one with this key, or NULL; those of no use are freed on the way. */
static struct source *find(struct sources *sources, const unsigned char *key,
			   uint64_t now)
{
	struct source **place = chain_of(sources, key);
	struct source *found = NULL;

	while (*place) {
		struct source *source = *place;

		if (memcmp(source->address, key, NETWORK_ADDRESS_SIZE) == 0) {
			found = source;
			place = &source->next;
		} else if (source->n_conns > 0 || source->bucket > now) {
			place = &source->next;
		} else {
			*place = source->next;
			free(source);
		}
	}
	return found;
}

static struct source *add(struct sources *sources, const unsigned char *key)
{
	struct source **chain = chain_of(sources, key);
	struct source *source = calloc(1, sizeof *source);

	if (!source)
		return NULL;
	memcpy(source->address, key, NETWORK_ADDRESS_SIZE);
	source->next = *chain;
	*chain = source;
	return source;
}

static enum source_verdict judge(struct source *source,
				 const struct endpoint_settings *settings,
				 uint64_t now)
{
	uint64_t max = settings->max_per_address;
	uint64_t rate = settings->rate_per_address;

	if (max > 0 && source->n_conns >= max)
		return SOURCE_TOO_MANY;
	if (rate > 0 && !bucket_take(&source->bucket, rate, now))
		return SOURCE_TOO_FAST;
	return SOURCE_ADMITTED;
}

enum source_verdict sources_admit(struct sources *sources,
				  const struct endpoint_settings *settings,
				  const struct weir_address *from, uint64_t now,
				  bool *is_first)
{
	unsigned char key[NETWORK_ADDRESS_SIZE];
	enum source_verdict verdict = SOURCE_ADMITTED;
	struct source *source;

	if (!key_of(from, settings->ipv6_prefix, key))
		return verdict;
	pthread_mutex_lock(&sources->lock);
	source = find(sources, key, now);
	if (!source)
		source = add(sources, key);
	if (source) {
		verdict = judge(source, settings, now);
		source->n_conns += verdict == SOURCE_ADMITTED;
		*is_first = !source->is_told;
		source->is_told = verdict != SOURCE_ADMITTED;
	}
	pthread_mutex_unlock(&sources->lock);
	return verdict;
}

void sources_release(struct sources *sources,
		     const struct endpoint_settings *settings,
		     const struct weir_address *from, uint64_t now)
{
	unsigned char key[NETWORK_ADDRESS_SIZE];
	struct source *source;

	if (!key_of(from, settings->ipv6_prefix, key))
		return;
	pthread_mutex_lock(&sources->lock);
	source = find(sources, key, now);
	/* one that was admitted for want of memory may be here no longer */
	if (source && source->n_conns > 0)
		source->n_conns--;
	pthread_mutex_unlock(&sources->lock);
}
