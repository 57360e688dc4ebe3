/* The scripts of fault.h, its counts, and the account of memory. */
#include "fault_inside.h"

#include <errno.h>
#include <string.h>

#include "harness.h"

enum {
	MAX_SCRIPTS = 64,
	FILL_NEW = 0xA5,
	FILL_FREED = 0x5A
};

struct script {
	enum fault_call call;
	int fd;
	uint64_t nth;	  /* matching calls to go; FAULT_ALWAYS */
	int result;	  /* FAULT_PASS: only max_bytes counts */
	size_t max_bytes; /* SIZE_MAX: no limit */
};

/* In front of every piece, so that its size is known when it is freed. */
struct piece {
	uint64_t magic;
	size_t n_bytes;
	max_align_t bytes[];
};

static const uint64_t MAGIC = 0x77656972616c6c6f;

static struct {
	struct script scripts[MAX_SCRIPTS];
	size_t n_scripts;
	uint64_t n_calls[FAULT_N_CALLS];
	uint64_t until_hit; /* calls that can fail, to go; 0: no sweep */
	enum fault_call hit;
	/* threads of the code under test allocate, too */
	_Atomic size_t n_live;
	_Atomic size_t n_live_bytes;
	size_t n_peak_bytes;
} state = {.hit = FAULT_NONE};

static const struct {
	const char *name;
	int natural;
} calls[FAULT_N_CALLS] = {
	[FAULT_ALLOC] = {"alloc", -ENOMEM},
	[FAULT_NOW] = {"now", 0},
	[FAULT_THREAD_CPU] = {"thread_cpu", 0},
	[FAULT_RELEASE_MEMORY] = {"release_memory", 0},
	[FAULT_EPOLL_OPEN] = {"epoll_open", -EMFILE},
	[FAULT_EPOLL_ADD] = {"epoll_add", -ENOSPC},
	[FAULT_EPOLL_MOD] = {"epoll_mod", -ENOMEM},
	[FAULT_EPOLL_DEL] = {"epoll_del", 0},
	[FAULT_EPOLL_WAIT] = {"epoll_wait", 0},
	[FAULT_TIMERFD_OPEN] = {"timerfd_open", -EMFILE},
	[FAULT_TIMERFD_SET] = {"timerfd_set", -ENOMEM},
	[FAULT_SIGNALFD_OPEN] = {"signalfd_open", -EMFILE},
	[FAULT_SIGNALFD_TAKE] = {"signalfd_take", 0},
	[FAULT_SIGNAL_UNBLOCK] = {"signal_unblock", 0},
	[FAULT_EVENTFD_OPEN] = {"eventfd_open", -EMFILE},
	[FAULT_EVENTFD_RAISE] = {"eventfd_raise", 0},
	[FAULT_EVENTFD_TAKE] = {"eventfd_take", 0},
	[FAULT_WAIT_WRITABLE] = {"wait_writable", -ENOMEM},
	[FAULT_SOCKET] = {"socket", -EMFILE},
	[FAULT_BIND] = {"bind", -EADDRINUSE},
	[FAULT_LISTEN] = {"listen", -EADDRINUSE},
	[FAULT_ACCEPT] = {"accept", -EMFILE},
	[FAULT_CONNECT] = {"connect", -ECONNREFUSED},
	[FAULT_SOCKET_ERROR] = {"socket_error", -ECONNREFUSED},
	[FAULT_SET_NONBLOCKING] = {"set_nonblocking", -EINVAL},
	[FAULT_GETSOCKNAME] = {"getsockname", -ENOBUFS},
	[FAULT_GETPEERNAME] = {"getpeername", -ENOBUFS},
	[FAULT_SETSOCKOPT] = {"setsockopt", -EINVAL},
	[FAULT_GETSOCKOPT] = {"getsockopt", -EINVAL},
	[FAULT_RESET_ON_CLOSE] = {"reset_on_close", -EINVAL},
	[FAULT_RECV] = {"recv", -ECONNRESET},
	[FAULT_SEND] = {"send", -EPIPE},
	[FAULT_SENDV] = {"sendv", -EPIPE},
	[FAULT_RECVMMSG] = {"recvmmsg", -ECONNREFUSED},
	[FAULT_SENDMMSG] = {"sendmmsg", -EHOSTUNREACH},
	[FAULT_TAKE_ERROR] = {"take_error", -EAGAIN},
	[FAULT_PREAD] = {"pread", -EIO},
	[FAULT_SENDFILE] = {"sendfile", -EIO},
	[FAULT_PIPE] = {"pipe", -EMFILE},
	[FAULT_SPLICE] = {"splice", -EPIPE},
	[FAULT_READ] = {"read", 0},
	[FAULT_SEND_ROOM] = {"send_room", 0},
	[FAULT_SHUTDOWN_WRITE] = {"shutdown_write", -ENOTCONN},
	[FAULT_CLOSE] = {"close", -EIO},
	[FAULT_UNREAD] = {"unread", -EINVAL},
	[FAULT_UNACKED] = {"unacked", -EINVAL},
	[FAULT_UNSENT] = {"unsent", -EINVAL},
	[FAULT_LSTAT] = {"lstat", -EACCES},
	[FAULT_FSTAT] = {"fstat", -EIO},
	[FAULT_UNLINK] = {"unlink", -EACCES},
	[FAULT_OPEN_LOCK] = {"open_lock", -EACCES},
	[FAULT_LOCK] = {"lock", -ENOLCK},
	[FAULT_GETADDRINFO] = {"getaddrinfo", -EAGAIN},
};

/* -- scripts -- */

void fault_clear(void)
{
	state.n_scripts = 0;
}

void fault_reset(void)
{
	fault_clear();
	memset(state.n_calls, 0, sizeof state.n_calls);
	state.until_hit = 0;
	state.hit = FAULT_NONE;
}

static void add_script(struct script script)
{
	if (state.n_scripts == MAX_SCRIPTS)
		harness_die("more than %d scripts", MAX_SCRIPTS);
	state.scripts[state.n_scripts++] = script;
}

void fault_result(enum fault_call call, int fd, uint64_t nth, int result)
{
	add_script((struct script){.call = call,
				   .fd = fd,
				   .nth = nth,
				   .result = result,
				   .max_bytes = SIZE_MAX});
}

void fault_next(enum fault_call call, int result)
{
	fault_result(call, FAULT_ANY_FD, 1, result);
}

void fault_at_most(enum fault_call call, int fd, uint64_t nth, size_t n_bytes)
{
	add_script((struct script){.call = call,
				   .fd = fd,
				   .nth = nth,
				   .result = n_bytes > 0 ? FAULT_PASS : -EAGAIN,
				   .max_bytes = n_bytes});
}

size_t fault_n_pending(void)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < state.n_scripts; i++)
		n += state.scripts[i].nth != FAULT_ALWAYS;
	return n;
}

static bool is_among(enum fault_call call, enum fault_call group)
{
	if (group == FAULT_ANY_SEND)
		return call == FAULT_SEND || call == FAULT_SENDV ||
		       call == FAULT_SENDFILE;
	if (group == FAULT_ANY_EPOLL_CTL)
		return call == FAULT_EPOLL_ADD || call == FAULT_EPOLL_MOD ||
		       call == FAULT_EPOLL_DEL;
	return call == group;
}

/* Is it this script's turn? One for a single call that it hits is used up. */
static bool hits(struct script *script, enum fault_call call, int fd)
{
	if (!is_among(call, script->call) ||
	    (script->fd != FAULT_ANY_FD && script->fd != fd))
		return false;
	return script->nth == FAULT_ALWAYS || --script->nth == 0;
}

/* Run all scripts past one call, dropping those that are used up. */
static struct script run_scripts(enum fault_call call, int fd)
{
	struct script verdict = {.result = FAULT_PASS, .max_bytes = SIZE_MAX};
	bool is_decided = false;
	size_t n_kept = 0;
	size_t i;

	for (i = 0; i < state.n_scripts; i++) {
		struct script script = state.scripts[i];
		bool is_lasting = script.nth == FAULT_ALWAYS;
		bool has_hit = hits(&script, call, fd);

		if (has_hit && !is_decided)
			verdict = script;
		is_decided |= has_hit;
		if (is_lasting || !has_hit)
			state.scripts[n_kept++] = script;
	}
	state.n_scripts = n_kept;
	return verdict;
}

int fault_take(enum fault_call call, int fd, size_t *max_bytes)
{
	struct script verdict = run_scripts(call, fd);
	int natural = calls[call].natural;

	state.n_calls[call]++;
	if (max_bytes)
		*max_bytes = verdict.max_bytes;
	if (state.until_hit > 0 && natural != 0 && --state.until_hit == 0) {
		state.hit = call;
		return natural;
	}
	return verdict.result;
}

/* -- sweeps and counts -- */

void fault_fail_call(uint64_t k)
{
	state.until_hit = k;
	state.hit = FAULT_NONE;
}

enum fault_call fault_hit(void)
{
	return state.hit;
}

int fault_natural(enum fault_call call)
{
	return calls[call].natural;
}

const char *fault_call_name(enum fault_call call)
{
	return call < FAULT_N_CALLS ? calls[call].name : "none";
}

uint64_t fault_count(enum fault_call call)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < FAULT_N_CALLS; i++)
		if (is_among((enum fault_call)i, call))
			n += state.n_calls[i];
	return n;
}

uint64_t fault_count_kernel(void)
{
	uint64_t n = 0;
	int i;

	for (i = FAULT_NOW + 1; i < FAULT_N_CALLS; i++)
		n += state.n_calls[i];
	return n;
}

/* -- memory -- */

void *fault_alloc(size_t n_bytes)
{
	struct piece *piece = NULL;

	if (n_bytes <= SIZE_MAX - sizeof *piece)
		piece = real_alloc(sizeof *piece + n_bytes);
	if (!piece)
		return NULL;
	piece->magic = MAGIC;
	piece->n_bytes = n_bytes;
	memset(piece->bytes, FILL_NEW, n_bytes);
	state.n_live++;
	state.n_live_bytes += n_bytes;
	if (state.n_peak_bytes < state.n_live_bytes)
		state.n_peak_bytes = state.n_live_bytes;
	return piece->bytes;
}

void fault_free(void *p)
{
	struct piece *piece;

	if (!p)
		return;
	piece = (struct piece *)(void *)((char *)p -
					 offsetof(struct piece, bytes));
	if (piece->magic != MAGIC)
		harness_die("%p is freed, and is not allocated", p);
	state.n_live--;
	state.n_live_bytes -= piece->n_bytes;
	memset(piece->bytes, FILL_FREED, piece->n_bytes);
	piece->magic = 0;
	real_free(piece);
}

void fault_account(int n_pieces)
{
	state.n_live += (size_t)n_pieces;
}

size_t fault_n_live(void)
{
	return state.n_live;
}

size_t fault_n_live_bytes(void)
{
	return state.n_live_bytes;
}

size_t fault_n_peak_bytes(void)
{
	return state.n_peak_bytes;
}
