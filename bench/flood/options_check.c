/* What was typed, made into settings; what makes no sense together is refused,
 * since an option that would change nothing misleads. */
#include "options_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "complain.h"
#include "line.h"
#include "message.h"

/* What may be in flight on one connection, in bytes: the library queues no
 * more than twice that. */
static const uint64_t max_in_flight = UINT64_C(512) << 20;

static bool is_given(const struct options *options, enum option_number number)
{
	return options->line.values[number].is_given;
}

static uint64_t number_of(const struct options *options,
			  enum option_number number)
{
	return options->line.values[number].number;
}

static const char *text_of(const struct options *options,
			   enum option_number number)
{
	return options->line.values[number].text;
}

static const uint64_t first_rate = 1000; /* of a search */

/* -- which options go together -- */

enum {
	ECHO = 1 << MODE_ECHO,
	SINK = 1 << MODE_SINK,
	CONNECT = 1 << MODE_CONNECT,
	BROADCAST = 1 << MODE_BROADCAST
};

/* Of those that are not for all of them. */
static const unsigned modes_of[N_OPTIONS] = {
	[OPTION_SEND] = ECHO,
	[OPTION_EXPECT_BYTES] = ECHO,
	[OPTION_EXPECT_UNTIL] = ECHO,
	[OPTION_EXPECT_LINE] = ECHO,
	[OPTION_RECONNECT] = ECHO,
	[OPTION_PIPELINE] = ECHO | BROADCAST,
	[OPTION_PUBLISHERS] = BROADCAST,
	[OPTION_NO_VERIFY] = ECHO | CONNECT | BROADCAST,
	[OPTION_RATE] = ECHO | SINK | CONNECT | BROADCAST,
	[OPTION_FIND_RATE] = ECHO | CONNECT | BROADCAST,
};

static bool fits_mode(const struct options *options)
{
	enum mode_kind mode = (enum mode_kind)number_of(options, OPTION_MODE);

	for (int i = 0; i < N_OPTIONS; i++) {
		enum option_number number = (enum option_number)i;

		if (!is_given(options, number) || modes_of[i] == 0 ||
		    (modes_of[i] & 1U << mode))
			continue;
		complain("--%s: expected another mode than %s",
			 options_name(number), mode_name(mode));
		return false;
	}
	return true;
}

/* Those of an open loop, which needs a rate; and of a closed one. */
static bool fits_loop(const struct options *options)
{
	static const enum option_number open[] = {OPTION_POISSON, OPTION_LATE};
	bool is_open = is_given(options, OPTION_RATE) ||
		       is_given(options, OPTION_FIND_RATE);

	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		if (is_given(options, open[i]) && !is_open) {
			complain("--%s: expected an open loop, --rate",
				 options_name(open[i]));
			return false;
		}
	if (is_given(options, OPTION_PIPELINE) && is_open) {
		complain("--pipeline: expected a closed loop, "
			 "without --rate");
		return false;
	}
	return true;
}

/* Those that make many short runs, and what is of one. */
static bool fits_runs(const struct options *options)
{
	static const struct {
		enum option_number many, one;
	} clashes[] = {{OPTION_COMPARE, OPTION_MESSAGES},
		       {OPTION_COMPARE, OPTION_HLOG},
		       {OPTION_FIND_RATE, OPTION_MESSAGES},
		       {OPTION_FIND_RATE, OPTION_HLOG},
		       {OPTION_FIND_RATE, OPTION_COMPARE},
		       {OPTION_FIND_RATE, OPTION_EXPECT}};

	for (size_t i = 0; i < sizeof clashes / sizeof *clashes; i++)
		if (is_given(options, clashes[i].many) &&
		    is_given(options, clashes[i].one)) {
			complain("--%s: expected no --%s, which "
				 "makes many short runs",
				 options_name(clashes[i].one),
				 options_name(clashes[i].many));
			return false;
		}
	return true;
}

/* -- requests -- */

enum {
	MAX_REQUEST = 65536,
	MAX_END = 256
};

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 32) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* One byte of text from *text on, "\\r" say; -1: there is no such escape. */
static int read_byte(const char **text)
{
	static const char letters[] = "rn0t\\";
	static const char bytes[] = "\r\n\0\t\\";
	const char *letter;
	char c = *(*text)++;

	if (c != '\\')
		return (unsigned char)c;
	c = *(*text)++;
	if (c == 'x' && digit_of((*text)[0]) >= 0 &&
	    digit_of((*text)[1]) >= 0) {
		*text += 2;
		return digit_of((*text)[-2]) * 16 + digit_of((*text)[-1]);
	}
	letter = c ? strchr(letters, c) : NULL;
	return letter ? (unsigned char)bytes[letter - letters] : -1;
}

/* Into bytes, which has room for so many; 0: it is none, which was said. */
static size_t read_text(const struct options *options,
			enum option_number number, char *bytes, size_t size)
{
	const char *text = text_of(options, number);
	size_t n = 0;
	int byte = 0;

	while (*text && byte >= 0 && n < size) {
		byte = read_byte(&text);
		bytes[n++] = (char)byte;
	}
	if (n > 0 && byte >= 0 && *text == '\0')
		return n;
	complain("--%s %s: expected a text of 1 to %zu bytes, such as "
		 "'PING\\r\\n'",
		 options_name(number), text_of(options, number), size);
	return 0;
}

static bool set_answer(struct settings *settings, const struct options *options)
{
	static char end[MAX_END];
	struct answer *answer = &settings->answer;

	if (is_given(options, OPTION_EXPECT_BYTES))
		*answer = (struct answer){
			ANSWER_BYTES,
			(size_t)number_of(options, OPTION_EXPECT_BYTES), NULL};
	else if (is_given(options, OPTION_EXPECT_LINE))
		*answer = (struct answer){ANSWER_UNTIL, 1, "\n"};
	else
		*answer =
			(struct answer){ANSWER_UNTIL,
					read_text(options, OPTION_EXPECT_UNTIL,
						  end, sizeof end),
					end};
	settings->reconnects |= answer_is_http(answer);
	return answer->n_bytes > 0;
}

/* What is sent and how its answer ends belong together. */
static bool set_request(struct settings *settings,
			const struct options *options)
{
	static char request[MAX_REQUEST];
	int n_ends = is_given(options, OPTION_EXPECT_BYTES) +
		     is_given(options, OPTION_EXPECT_UNTIL) +
		     is_given(options, OPTION_EXPECT_LINE);
	bool is_asked = is_given(options, OPTION_SEND);

	if (options->sizes[1] > 0)
		settings->answer = (struct answer){
			ANSWER_BYTES, (size_t)options->sizes[1], NULL};
	if (!is_asked && n_ends == 0)
		return true;
	if (n_ends != 1 || !is_asked || is_given(options, OPTION_SIZE)) {
		complain("--send: expected, without --size, and with one of "
			 "--expect-bytes, --expect-until and --expect-line");
		return false;
	}
	settings->request = request;
	settings->message_size =
		read_text(options, OPTION_SEND, request, sizeof request);
	return settings->message_size > 0 && set_answer(settings, options);
}

/* -- sizes -- */

static uint64_t smallest_size(const struct settings *settings)
{
	if (settings->mode == MODE_BROADCAST)
		return LINE_SHORTEST;
	return settings->is_verified ? MESSAGE_MIN : 1;
}

static bool fits_size(const struct settings *settings)
{
	uint64_t least = smallest_size(settings);

	if (settings->message_size < least) {
		complain("--size %zu: expected at least %" PRIu64
			 " in mode %s%s",
			 settings->message_size, least,
			 mode_name(settings->mode),
			 settings->mode == MODE_BROADCAST ? ""
							  : ", or --no-verify");
		return false;
	}
	if (settings->mode == MODE_BROADCAST &&
	    settings->message_size > LINE_LONGEST) {
		complain("--size %zu: expected at most 64K in mode "
			 "broadcast",
			 settings->message_size);
		return false;
	}
	if (settings->pipeline > max_in_flight / settings->message_size) {
		complain("--pipeline %zu: expected at most %" PRIu64
			 " messages of %zu bytes",
			 settings->pipeline,
			 max_in_flight / settings->message_size,
			 settings->message_size);
		return false;
	}
	return true;
}

static bool fits_publishers(const struct settings *settings)
{
	if (settings->mode != MODE_BROADCAST ||
	    (settings->n_publishers < settings->n_connections &&
	     settings->n_publishers <= LINE_MAX_PUBLISHERS))
		return true;
	complain("--publishers %zu: expected fewer than --connections, "
		 "which is %zu, and at most %d",
		 settings->n_publishers, settings->n_connections,
		 LINE_MAX_PUBLISHERS);
	return false;
}

/* -- settings -- */

static bool resolve(struct target *target, const char *text)
{
	int n = weir_address_resolve(text, WEIR_ADDRESS_CONNECT,
				     target->addresses, SETTINGS_MAX_ADDRESSES);

	if (n == -EINVAL)
		complain("%s: expected HOST:PORT, [V6]:PORT, :PORT, "
			 "unix:PATH or unix:@NAME",
			 text);
	else if (n < 0)
		complain("%s: %s", text, weir_address_error(n));
	else if (target->addresses[0].type != SOCK_STREAM)
		complain("%s: expected a stream: datagrams are not "
			 "measured",
			 text);
	else
		target->n_addresses = (size_t)n;
	target->text = text;
	return target->n_addresses > 0;
}

static bool resolve_targets(struct settings *settings,
			    const struct options *options)
{
	if (options->line.n_operands == 0) {
		complain("expected an ADDRESS, see --help");
		return false;
	}
	if (options->line.n_operands > 1) {
		complain("%s: expected no more than one ADDRESS",
			 options->line.operands[1]);
		return false;
	}
	return resolve(&settings->target, options->line.operands[0]) &&
	       (!is_given(options, OPTION_COMPARE) ||
		resolve(&settings->rival, text_of(options, OPTION_COMPARE)));
}

static void set_load(struct settings *settings, const struct options *options)
{
	settings->mode = (enum mode_kind)number_of(options, OPTION_MODE);
	settings->n_connections =
		(size_t)number_of(options, OPTION_CONNECTIONS);
	settings->n_publishers = (size_t)number_of(options, OPTION_PUBLISHERS);
	settings->message_size = (size_t)options->sizes[0];
	settings->pipeline = (size_t)number_of(options, OPTION_PIPELINE);
	settings->rate = number_of(options, OPTION_RATE);
	settings->is_poisson = is_given(options, OPTION_POISSON);
	settings->is_verified = !is_given(options, OPTION_NO_VERIFY) &&
				!is_given(options, OPTION_SEND) &&
				options->sizes[1] == 0 &&
				mode_has_answers(settings->mode);
	settings->reconnects = is_given(options, OPTION_RECONNECT);
	settings->n_messages = number_of(options, OPTION_MESSAGES);
	settings->duration_ns = number_of(options, OPTION_DURATION);
	/* -n says when to end; this, when to stop waiting for that */
	if (is_given(options, OPTION_MESSAGES) &&
	    !is_given(options, OPTION_DURATION))
		settings->duration_ns = CLOCK_NS_PER_MIN;
	settings->warmup_ns = number_of(options, OPTION_WARMUP);
	settings->connect_ns = number_of(options, OPTION_CONNECT_TIMEOUT);
	settings->drain_ns = number_of(options, OPTION_DRAIN);
	settings->is_drain_fixed = is_given(options, OPTION_DRAIN);
	settings->late_ns = number_of(options, OPTION_LATE);
	settings->wait_percent = number_of(options, OPTION_CPU_WAIT);
	settings->max_owed = number_of(options, OPTION_MAX_OWED);
	settings->seed = number_of(options, OPTION_SEED);
	settings->n_bad[BAD_STALLED] =
		(size_t)number_of(options, OPTION_STALLED);
	settings->n_bad[BAD_TRICKLE] = (size_t)options->trickle[0];
	settings->n_bad[BAD_RESET] = (size_t)number_of(options, OPTION_RESET);
	settings->n_bad[BAD_HALF_CLOSE] =
		(size_t)number_of(options, OPTION_HALF_CLOSE);
	settings->trickle_rate = options->trickle[1];
}

/* A search begins at --rate, and makes shorter runs. */
static void set_search(struct settings *settings, const struct options *options)
{
	settings->finds_rate = is_given(options, OPTION_FIND_RATE);
	if (!settings->finds_rate)
		return;
	if (!is_given(options, OPTION_RATE))
		settings->rate = first_rate;
	if (!is_given(options, OPTION_DURATION))
		settings->duration_ns = 2 * CLOCK_NS_PER_S;
	if (!is_given(options, OPTION_WARMUP))
		settings->warmup_ns = CLOCK_NS_PER_S / 2;
}

static bool set_expect(struct settings *settings, struct expect *expect,
		       const struct options *options)
{
	enum option_number number =
		settings->finds_rate ? OPTION_FIND_RATE : OPTION_EXPECT;
	char error[256];

	settings->expect = text_of(options, number);
	if (!settings->expect ||
	    expect_parse(expect, settings->expect, error, sizeof error))
		return true;
	complain("--%s %s: %s", options_name(number), settings->expect, error);
	return false;
}

/* Of a message that is sent late the latency counts that too, so that what is
 * met all the same is met: a search need not give up for less than its limit. */
static void set_lateness(struct settings *settings, const struct expect *expect,
			 const struct options *options)
{
	if (!settings->finds_rate || is_given(options, OPTION_LATE))
		return;
	for (size_t i = 0; i < expect->n_terms; i++)
		if (expect_is_latency(&expect->terms[i]) &&
		    expect->terms[i].limit > (double)settings->late_ns)
			settings->late_ns = (uint64_t)expect->terms[i].limit;
}

enum status options_apply(struct settings *settings, struct expect *expect,
			  const struct options *options)
{
	bool is_right;

	settings->json_path = text_of(options, OPTION_JSON);
	settings->html_path = text_of(options, OPTION_HTML);
	settings->hgrm_path = text_of(options, OPTION_HGRM);
	settings->hlog_path = text_of(options, OPTION_HLOG);
	set_load(settings, options);
	set_search(settings, options);
	is_right = fits_mode(options) && set_request(settings, options) &&
		   fits_loop(options) && fits_runs(options) &&
		   fits_size(settings) && fits_publishers(settings) &&
		   set_expect(settings, expect, options) &&
		   resolve_targets(settings, options);
	set_lateness(settings, expect, options);
	return is_right ? STATUS_GO_ON : STATUS_REFUSED;
}
