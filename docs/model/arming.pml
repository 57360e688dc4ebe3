/* One connection, its user, its kernel and the loop: is EPOLLOUT armed when it
 * must be, and only then? spin tries every interleaving; make model runs it.
 *
 * What stands for what:
 *
 *	user_send	weir_conn_sendall, weir_conn_send, enqueue (conn_send.c)
 *	offer		weir_outbox_send, weir_outbox_flush (outbox.c)
 *	settle		weir_conn_settle, set_interest (conn_settle.c)
 *	commit		commit_changes, commit_deferred (loop.c)
 *	wait		weir_sys_epoll_wait, level-triggered
 *	dispatch	weir_conn_handle_event, weir_conn_clear_full (conn.c)
 *	close_now	run_deferred(&loop->closes), close_now (conn.c)
 *	peer		the peer, which reads at any moment, or is gone
 *
 * The user acts between turns and inside them, where callbacks run. Bytes are
 * units. The kernel has room for ROOM of them; what it does not take is queued.
 *
 * Claimed:
 *	1. no lost wake-up: when the loop waits without a time limit with bytes
 *	   queued, EPOLLOUT is armed, so room in the kernel ends the wait; and
 *	   all that is accepted is sent if the peer goes on reading (ltl sent)
 *	2. no busy loop: a turn that an armed EPOLLOUT begins has bytes to send
 *	3. on_close is called once
 *
 * With -DBREAK_ARM (a short send is not armed), -DBREAK_COMMIT (the change is
 * not committed before the wait), -DBREAK_DISARM (a drained queue stays armed)
 * or -DBREAK_CLOSE (a close is deferred for each cause) a claim must fail. */

#define ROOM  2
#define QUEUE 3
#define SENDS 4 /* the user sends so many times */

byte kernel = 0;       /* bytes that the kernel holds */
byte queued = 0;       /* weir_outbox_n_queued */
bool is_full = false; /* WEIR_FACT_FULL */
bool wanted = false;   /* EPOLLOUT in watch.wanted */
bool armed = false;    /* in watch.committed: what the kernel knows */
bool deferred = false; /* WEIR_DUE_DEFERRED */
byte closes = 0;       /* WEIR_DUE_CLOSE; more than 1 only if broken */
bool dead = false;     /* weir_conn_is_dead */
bool gone = false;     /* the peer's reset */
bool closed = false;
byte n_closes = 0;     /* calls of on_close */
byte n_sends = 0;
bool has_event = false;

inline fail() {
	if
	:: !dead -> dead = true; queued = 0; is_full = false; closes = closes + 1
	:: else ->
#ifdef BREAK_CLOSE
		if
		:: closes < 2 -> closes = closes + 1
		:: else
		fi
#else
		skip
#endif
	fi
}

/* The kernel takes what it has room for; less than was offered: full. */
inline offer() {
	atomic {
		if
		:: gone -> fail()
		:: else ->
			do
			:: queued > 0 && kernel < ROOM ->
				queued = queued - 1; kernel = kernel + 1
			:: else -> break
			od;
			is_full = (queued > 0)
		fi
	}
}

/* In and outside of callbacks; what it leaves is settled by the loop. */
inline user_send() {
	atomic {
		if
		:: !dead && n_sends < SENDS && queued < QUEUE ->
			n_sends = n_sends + 1;
			queued = queued + 1;
			deferred = true;
			if
			:: !is_full -> offer()
			:: else
			fi
		:: else
		fi
	}
}

inline user_abort() {
	atomic {
		if
		:: n_sends == SENDS && !closed -> fail()
		:: else
		fi
	}
}

inline user() {
	if
	:: true -> user_send()
	:: true -> user_abort()
	:: true
	fi
}

inline settle() {
	if
	:: dead
	:: else ->
#ifdef BREAK_ARM
		skip
#else
		if
		:: queued > 0 -> wanted = true
		:: else ->
#ifndef BREAK_DISARM
			wanted = false
#else
			skip
#endif
		fi
#endif
	fi
}

inline commit() {
#ifndef BREAK_COMMIT
	armed = wanted
#else
	skip
#endif
}

/* Level-triggered: true now, whatever was true before. */
#define IS_READY ((armed && kernel < ROOM) || (armed && gone))

inline wait() {
	if
	:: deferred || closes > 0 ->
		has_event = IS_READY /* a time limit of 0 */
	:: else ->
		/* claim 1: nothing else would end this wait for the bytes */
		assert(queued == 0 || armed);
		/* or another connection's event does, or the user's timer */
		if
		:: IS_READY
		:: n_sends < SENDS
		:: n_sends == SENDS && !dead
		fi;
		has_event = IS_READY
	fi
}

inline dispatch() {
	if
	:: has_event && !dead ->
		/* claim 2 */
		assert(queued > 0);
		is_full = false;
		offer();
		user(); /* on_writable, on_pressure */
		settle()
	:: else
	fi
}

inline close_now() {
	do
	:: closes > 0 ->
		closes = closes - 1;
		closed = true;
		armed = false;
		wanted = false;
		deferred = false;
		n_closes = n_closes + 1;
		assert(n_closes == 1) /* claim 3 */
	:: else -> break
	od
}

active proctype loop() {
	do
	:: closed -> break
	:: else ->
		commit();
		wait();
		dispatch();
		close_now();
		if
		:: deferred && !closed ->
			deferred = false;
			if
			:: queued > 0 && !is_full && !dead -> offer()
			:: else
			fi;
			user();
			settle()
		:: else
		fi;
		user() /* another connection's callback, or between turns */
	od
}

/* The peer reads at any moment, and may reset once. */
active proctype peer() {
end:	do
	:: kernel > 0 -> kernel = kernel - 1
	:: !gone && n_sends == SENDS -> gone = true; kernel = 0
	od
}

/* If the peer reads, nothing stays queued. */
ltl sent { [] (queued > 0 -> <> (queued == 0)) }
