/* A feed and its followers under a script of appends, private messages, joins,
 * leaves, stalls, trims, ends and faults, against a naive model: for each
 * connection the array of all messages that it is to get, in order. Whatever
 * does not come is missing as a whole, only where that is allowed, and counted:
 * by the text in its place, or where there is none, by on_missed. */
#include <weir.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_inside.h"
#include "fault.h"
#include "fuzz.h"
#include "harness_conn.h"

enum {
	N = 4,
	MAX_OPERATIONS = 400,
	MAX_MESSAGES = 1000, /* of each connection */
	MAX_PENDING = 16,
	MAX_TURNS = 10000,
	LARGEST = 40000,
	SNDBUF = 4608,
	ROOM_NS = 10000000
};

enum kind {
	SHARED = 0x5a5a0001,
	OWN,
	OWN_BUF, /* may be trimmed */
	GAP
};

/* A message begins with it. */
struct head {
	uint32_t kind;
	uint32_t id; /* of a gap: how many are missing */
	uint32_t n;  /* all bytes */
};

struct member {
	struct weir_conn conn;
	struct weir_conn_limits limits;
	int peer; /* -1: it is gone */
	bool is_used;
	bool is_following;
	bool is_ending;
	bool may_lose; /* aborted, a peer that is gone */
	struct head messages[MAX_MESSAGES];
	size_t n_messages;
	size_t next; /* which is to come */
	uint64_t n_bytes;
	uint64_t n_missing; /* shared ones that were skipped */
	uint64_t missing_bytes;
	uint64_t n_told; /* by on_missed */
	uint64_t told_bytes;
	uint64_t gap_bytes;
	uint64_t n_trimmed; /* not skipped yet */
	uint64_t trimmed_bytes;
	unsigned char in[LARGEST + 100];
	size_t n_in;
};

static struct member members[N];
static struct weir_feed feed;
static struct fuzz script;
static enum weir_feed_policy policy;
static bool has_text; /* for gaps */
static bool has_faults;
static bool is_room_owed;
static uint32_t next_id;

static void feed_begin(void);

static struct member *member_of(const struct weir_conn *c)
{
	for (size_t i = 0; i < N; i++)
		if (&members[i].conn == c)
			return &members[i];
	harness_die("no member");
}

/* -- messages -- */

static void write_message(void *to, struct head head)
{
	unsigned char *bytes = to;

	memcpy(bytes, &head, sizeof head);
	for (uint32_t i = sizeof head; i < head.n; i++)
		bytes[i] = (unsigned char)(head.kind + head.id * 7 + i);
}

static void expect(struct member *m, struct head head)
{
	m->messages[m->n_messages++] = head;
	m->n_bytes += head.n;
}

static size_t write_gap(const struct weir_conn *c, uint64_t n,
			char text[WEIR_FEED_GAP_SIZE])
{
	uint32_t size = sizeof(struct head) + (uint32_t)(n % 40);

	(void)c;
	fuzz_want(n > 0, "a gap of nothing");
	if (!has_text)
		return 0;
	write_message(text, (struct head){GAP, (uint32_t)n, size});
	return size;
}

static void skip_shared(struct member *m)
{
	fuzz_want(m->next < m->n_messages &&
			  m->messages[m->next].kind == SHARED,
		  "more are told to be missing than there were");
	m->missing_bytes += m->messages[m->next++].n;
	m->n_missing++;
}

/* What is in front of the one that has come. */
static void skip(struct member *m)
{
	const struct head *head = &m->messages[m->next];

	if (head->kind == OWN_BUF && m->n_trimmed > 0) {
		m->n_trimmed--;
		m->trimmed_bytes += head->n;
		m->next++;
		return;
	}
	fuzz_want(!has_text, "a message is missing");
	skip_shared(m);
}

static void take_message(struct member *m, const struct head *head)
{
	if (head->kind == GAP) {
		/* a trimmed one may be in front of it */
		while (m->next < m->n_messages &&
		       m->messages[m->next].kind == OWN_BUF)
			skip(m);
		for (uint32_t i = 0; i < head->id; i++)
			skip_shared(m);
		m->gap_bytes += head->n;
		return;
	}
	for (;; skip(m)) {
		fuzz_want(m->next < m->n_messages, "rubbish, or out of order");
		if (memcmp(&m->messages[m->next], head, sizeof *head) == 0)
			break;
	}
	m->next++;
}

/* Read n bytes, and judge what is complete. */
static void take(struct member *m, size_t n)
{
	static unsigned char expected[sizeof m->in];
	size_t room = sizeof m->in - m->n_in;
	size_t begin = 0;
	struct head head;

	if (m->peer < 0)
		return;
	m->n_in += harness_drain(m->peer, m->in + m->n_in, n < room ? n : room);
	while (m->n_in - begin >= sizeof head) {
		memcpy(&head, m->in + begin, sizeof head);
		fuzz_want(head.n >= sizeof head && head.n <= LARGEST, "torn");
		if (m->n_in - begin < head.n)
			break;
		write_message(expected, head);
		fuzz_want(memcmp(expected, m->in + begin, head.n) == 0,
			  "it is not what was sent");
		take_message(m, &head);
		begin += head.n;
	}
	m->n_in -= begin;
	memmove(m->in, m->in + begin, m->n_in);
}

static struct head some_message(enum kind kind)
{
	uint32_t n =
		(uint32_t)fuzz_size(&script, LARGEST - sizeof(struct head));

	return (struct head){kind, next_id++,
			     (uint32_t)sizeof(struct head) + n};
}

static bool is_room_for_all(void)
{
	for (size_t i = 0; i < N; i++)
		if (members[i].n_messages == MAX_MESSAGES)
			return false;
	return true;
}

static void append(struct weir_conn *from)
{
	struct head head = some_message(SHARED);
	size_t n_more = fuzz_byte(&script) % 4 == 1 ? 1000 : 0;
	void *room;
	int error;

	if (!is_room_for_all())
		return;
	error = weir_feed_reserve(&feed, head.n + n_more, &room);
	if (error < 0) {
		fuzz_want(error == -ENOMEM && has_faults, "it takes none");
		is_room_owed = true;
		return;
	}
	write_message(room, head);
	for (size_t i = 0; i < N; i++)
		if (members[i].is_following && &members[i].conn != from)
			expect(&members[i], head);
	weir_feed_commit(&feed, head.n, from);
}

static void send_own(struct member *m)
{
	static unsigned char bytes[LARGEST];
	bool is_buf = fuzz_byte(&script) & 1;
	struct head head = some_message(is_buf ? OWN_BUF : OWN);
	struct weir_buf *buf;
	int error = -ENOMEM;

	if (m->n_messages == MAX_MESSAGES)
		return;
	write_message(bytes, head);
	buf = is_buf ? weir_buf_new(head.n) : NULL;
	if (!is_buf) {
		error = weir_conn_sendall(&m->conn, bytes, head.n);
	} else if (buf) {
		memcpy(weir_buf_data(buf), bytes, head.n);
		error = weir_conn_sendbuf(&m->conn, buf);
	}
	weir_buf_unref(buf);
	if (error == 0)
		expect(m, head);
}

/* -- what the library calls -- */

static void give_up(struct member *m, bool with_reset)
{
	m->may_lose = true;
	m->is_following = false;
	weir_conn_abort(&m->conn, with_reset);
}

static void on_missed(struct weir_conn *c, uint64_t n, uint64_t n_bytes)
{
	struct member *m = member_of(c);

	fuzz_want(n > 0 && n_bytes > 0, "nothing is missed");
	m->n_told += n;
	m->told_bytes += n_bytes;
	if (fuzz_byte(&script) % 32 == 1)
		give_up(m, true);
}

static void on_room(struct weir_feed *f)
{
	fuzz_want(f == &feed, "room in another feed");
	is_room_owed = false;
	if (fuzz_byte(&script) & 1)
		append(NULL);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct member *m = member_of(c);

	(void)data;
	for (uint8_t i = fuzz_byte(&script) % 4; i > 0; i--) {
		if (fuzz_byte(&script) & 1)
			send_own(m);
		else
			append(fuzz_byte(&script) & 1 ? c : NULL);
	}
	return n;
}

/* All have come but those that may be missing. */
static void check_end(struct member *m, const struct weir_progress *end)
{
	for (int i = 0; i < 8; i++)
		take(m, SIZE_MAX);
	fuzz_want(m->n_in == 0, "the end is torn");
	while (m->next < m->n_messages)
		skip(m);
	fuzz_want(m->n_trimmed == 0, "something came that was trimmed");
	fuzz_want(m->n_missing == m->n_told &&
			  m->missing_bytes == m->told_bytes,
		  "on_missed counts otherwise");
	fuzz_want(end->dropped == m->missing_bytes + m->trimmed_bytes,
		  "dropped counts otherwise");
	fuzz_want(end->accepted == m->n_bytes + m->gap_bytes,
		  "accepted counts otherwise");
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct member *m = member_of(c);

	m->is_used = false;
	m->is_following = false;
	fuzz_want(!weir_conn_is_open(c), "it is open in on_close");
	if (result->reason == WEIR_REASON_FINISHED && !m->may_lose)
		check_end(m, &result->progress);
	else
		fuzz_want(m->may_lose || has_faults, "it ends by itself");
	if (m->peer >= 0)
		close(m->peer);
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};
static const struct weir_feed_events feed_events = {
	.on_missed = on_missed, .write_gap = write_gap, .on_room = on_room};

/* -- what happens -- */

static void follow(struct member *m)
{
	int error;

	if (m->is_following || m->is_ending)
		return;
	error = weir_feed_follow(&feed, &m->conn);
	m->is_following = error == 0;
	fuzz_want(error == 0 || has_faults || m->may_lose, "it cannot follow");
}

static void join(struct member *m)
{
	int fd[2];

	harness_unix_pair(fd, SNDBUF);
	memset(m, 0, offsetof(struct member, messages));
	memset(&m->n_messages, 0,
	       sizeof *m - offsetof(struct member, n_messages));
	m->limits = (struct weir_conn_limits){
		.high = 100 + fuzz_size(&script, LARGEST),
		.stall_ns = WEIR_NEVER,
		.linger_ns = WEIR_NEVER,
		.flags = fuzz_byte(&script) & 1 ? WEIR_CONN_NO_THROTTLE : 0};
	m->limits.max = m->limits.high + WEIR_READ_SIZE;
	if (weir_conn_open(&m->conn, conn_loop, fd[0], &events, &m->limits) <
	    0) {
		fuzz_want(has_faults, "it does not open");
		close(fd[0]);
		close(fd[1]);
		return;
	}
	m->is_used = true;
	m->peer = fd[1];
	follow(m);
}

static void finish(struct member *m)
{
	if (!weir_conn_is_open(&m->conn))
		return;
	m->is_ending = true;
	m->is_following = false;
	weir_conn_finish(&m->conn);
	if (m->peer >= 0)
		(void)shutdown(m->peer, SHUT_WR);
}

static void end_one(struct member *m)
{
	switch (fuzz_below(&script, 8)) {
	case 0:
		give_up(m, fuzz_byte(&script) & 1);
		break;
	case 1:
		m->may_lose = true;
		close(m->peer);
		m->peer = -1;
		break;
	case 2:
		weir_feed_deinit(&feed);
		for (size_t i = 0; i < N; i++)
			members[i].is_following = false;
		is_room_owed = false;
		feed_begin();
		break;
	case 3:
	case 4:
	case 5:
		weir_feed_leave(&m->conn);
		m->is_following = false;
		break;
	default:
		finish(m);
		break;
	}
}

static void fail(void)
{
	static const struct {
		enum fault_call call;
		int result;
	} faults[] = {{FAULT_ALLOC, -ENOMEM},	  {FAULT_ANY_SEND, -EAGAIN},
		      {FAULT_ANY_SEND, -ENOBUFS}, {FAULT_EPOLL_MOD, -ENOMEM},
		      {FAULT_EPOLL_WAIT, 0},	  {FAULT_TIMERFD_SET, -ENOMEM}};
	size_t i = fuzz_below(&script, 2 * sizeof faults / sizeof faults[0]);
	size_t nth = 1 + fuzz_below(&script, 8);

	if (fault_n_pending() >= MAX_PENDING)
		return;
	if (i >= sizeof faults / sizeof faults[0]) {
		fault_at_most(FAULT_ANY_SEND, FAULT_ANY_FD, nth,
			      fuzz_size(&script, 3000));
		return;
	}
	has_faults = true;
	fault_result(faults[i].call, FAULT_ANY_FD, nth, faults[i].result);
}

static void trim(struct member *m)
{
	m->n_trimmed += weir_conn_trim(&m->conn, fuzz_size(&script, LARGEST));
}

static void operate(void)
{
	struct member *m = &members[fuzz_below(&script, N)];

	if (!m->is_used || m->peer < 0 || !weir_conn_is_open(&m->conn)) {
		if (!m->is_used)
			join(m);
		conn_turns(1);
		return;
	}
	switch (fuzz_below(&script, 24)) {
	case 0:
		fail();
		break;
	case 1:
		end_one(m);
		break;
	case 2:
		follow(m);
		break;
	case 3:
		trim(m);
		break;
	case 4:
		fault_time_advance(fuzz_below(&script, 1 << 24));
		break;
	case 5:
	case 6:
		if (!m->is_ending)
			harness_write(m->peer, "?", 1);
		break;
	case 7:
	case 8:
	case 9:
		take(m, fuzz_size(&script, SIZE_MAX - 1));
		break;
	case 10:
	case 11:
	case 12:
		send_own(m);
		break;
	case 13:
	case 14:
	case 15:
	case 16:
		conn_turns(1);
		break;
	default:
		append(fuzz_byte(&script) % 4 == 1 ? &m->conn : NULL);
		break;
	}
}

static void check(void)
{
	for (size_t i = 0; i < N; i++) {
		struct member *m = &members[i];
		struct weir_progress now;

		if (!m->is_used || !weir_conn_is_open(&m->conn))
			continue;
		weir_conn_check(&m->conn);
		weir_conn_counters(&m->conn, &now);
		fuzz_want(now.accepted == now.sent + now.queued + now.dropped,
			  "the account");
		/* without memory nothing can be set apart */
		fuzz_want(has_faults ||
				  now.queued <=
					  m->limits.max + WEIR_FEED_GAP_SIZE,
			  "more than max is queued");
	}
}

static void feed_begin(void)
{
	weir_feed_init(&feed, conn_loop, &feed_events, policy);
}

static void begin(void)
{
	uint8_t flags = fuzz_byte(&script);

	conn_begin();
	memset(members, 0, sizeof members);
	policy = flags & 1 ? WEIR_FEED_DROP_NEWEST : WEIR_FEED_DROP_OLDEST;
	has_text = !(flags & 2);
	has_faults = flags & 4;
	is_room_owed = false;
	next_id = 0;
	if (flags & 4)
		weir_loop_budget(conn_loop, 300000, 200000);
	feed_begin();
}

/* All read, and all end. */
static void flow(void)
{
	unsigned n_turns = 0;
	bool is_any_used = true;

	for (size_t i = 0; i < N; i++)
		if (members[i].is_used)
			finish(&members[i]);
	while (is_any_used) {
		fuzz_want(n_turns++ < MAX_TURNS, "they never end");
		weir_loop_turn(conn_loop, 0);
		is_any_used = false;
		for (size_t i = 0; i < N; i++) {
			is_any_used |= members[i].is_used;
			if (members[i].is_used)
				take(&members[i], SIZE_MAX);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct weir_loop_stats stats;
	unsigned n_operations = 0;

	script = (struct fuzz){data, n};
	begin();
	while (script.n > 0 && n_operations++ < MAX_OPERATIONS) {
		operate();
		check();
	}
	script.n = 0;
	fault_clear();
	flow();
	conn_pass(2 * ROOM_NS);
	fuzz_want(!is_room_owed, "on_room never comes");
	weir_feed_deinit(&feed);
	weir_loop_stats(conn_loop, &stats);
	fuzz_want(stats.n_queue_bytes == 0, "memory is left");
	conn_end();
	return 0;
}
