# What the examples promise, one function a promise. $E has the programs,
# $WEIR_BUILD weir-client and weir-server.
set -e
T=$(mktemp -d)
at=unix:@examples.$$
pids=
trap 'kill $pids 2>/dev/null || :; rm -r "$T"' EXIT

# Wait for a line in a file, as long as the process lives.
await() { # PID FILE PATTERN
	until grep -qs -- "$3" "$2"; do kill -0 "$1"; done
}

serve() { # PROGRAM [ARGUMENT]...
	program=$E/$1
	shift
	: >"$T/out" # else what the last one said is found before this begins
	"$program" "$@" >"$T/out" 2>"$T/err" &
	server=$!
	pids="$pids $server"
	await $server "$T/out" listening
}

refuse() { # COMMAND that must fail
	if "$@"; then return 1; fi
}

client() {
	"$WEIR_BUILD/weir-client" "$at"
}

echo_returns_what_it_is_sent() {
	serve echo "$at"
	head -c 3000000 /dev/urandom >"$T/noise"
	client <"$T/noise" | cmp - "$T/noise"
}

relay_passes_both_ways_and_the_end() {
	serve echo "$at.target"
	serve relay "$at" "$at.target"
	head -c 3000000 /dev/urandom >"$T/noise"
	client <"$T/noise" | cmp - "$T/noise"
}

relay_closes_a_client_that_it_has_no_target_for() {
	serve relay "$at" "$at.target"
	printf lost | client >"$T/answer" 2>/dev/null || :
	refuse test -s "$T/answer"
	kill -0 $server
}

# The second client's text is in the backlog until the first one has gone.
relay_lets_clients_wait_at_its_cap() {
	serve echo "$at.target"
	serve relay "$at" "$at.target" 1
	mkfifo "$T/first"
	client <"$T/first" >"$T/answer" &
	first=$!
	exec 3>"$T/first"
	echo 0 >&3
	await $first "$T/answer" 0
	(exec 3>&-; echo two | client >"$T/second") &
	second=$!
	for i in 1 2 3 4 5 6 7 8 9; do
		echo $i >&3
		await $first "$T/answer" $i
	done
	test ! -s "$T/second"
	exec 3>&-
	wait $first
	wait $second
	grep -qx two "$T/second"
}

tls_echo_ends_by_close_notify() {
	test -x "$E/tls-echo" -a -n "$(command -v openssl)" || exit 77
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 \
		-keyout "$T/key" -out "$T/certificate" 2>/dev/null
	serve tls-echo 127.0.0.1:0 "$T/certificate" "$T/key"
	python3 tests/install/tls_client.py \
		"$(sed 's/.* //' "$T/out")" "$T/certificate"
}

glib_echo_serves_those_that_it_has_when_told_to_stop() {
	test -x "$E/glib-echo" || exit 77
	serve glib-echo "$at"
	mkfifo "$T/sent"
	client <"$T/sent" >"$T/answer" &
	guest=$!
	pids="$pids $guest"
	exec 4>"$T/sent"
	echo Hey >&4
	await $guest "$T/answer" Hey
	kill $server
	until ! printf '' | client 2>/dev/null; do kill -0 $server; done
	echo you >&4
	exec 4>&-
	wait $guest
	wait $server
	test "$(cat "$T/answer" | xargs)" = 'Hey you'
}

console_speaks_to_clients_that_have_logged_in() {
	mkfifo "$T/typed" "$T/sent"
	"$E/console" "$at" secret <"$T/typed" >"$T/out" 2>"$T/err" &
	server=$!
	pids="$pids $server"
	exec 3>"$T/typed"
	await $server "$T/out" listening
	(exec 3>&-; client <"$T/sent" >"$T/answer") &
	guest=$!
	pids="$pids $guest"
	exec 4>"$T/sent"
	printf 'secret\nHey\n' >&4
	await $guest "$T/answer" Hey
	printf 'guess\nHey\n' | client >"$T/refused" 2>/dev/null || :
	refuse test -s "$T/refused"
	echo Hello, all >&3
	await $guest "$T/answer" 'Hello, all'
	exec 3>&- 4>&-
	wait $guest
	wait $server
	refuse grep secret "$T/answer"
}

udp_echo_answers_udp_ask() {
	serve udp-echo udp:127.0.0.1:0
	at=$(sed 's/.* //' "$T/out")
	test "$("$E/udp-ask" "$at" Hey~~~)" = Hey~~~
	kill $server
	wait $server
	# where the answer takes long it asks again
	grep -qx '\([1-6]\) received, \1 sent, 0 dropped' "$T/out"
}

threads_answers_in_order() {
	serve threads "$at"
	printf '10\n100000\n100\n' | client >"$T/answers"
	printf '%s primes below %s\n' 4 10 9592 100000 25 100 |
		cmp - "$T/answers"
	kill $server
	wait $server
}

handover_loses_nothing_between_two_protocols() {
	serve handover "$at"
	test "$(printf 'ping\nping\nupper\nhello' | client | xargs)" = \
		'pong pong HELLO'
}

upload_waits_for_its_server() {
	head -c 3000000 /dev/urandom >"$T/noise"
	"$E/upload" "$at" "$T/noise" 60 >"$T/uploaded" 2>"$T/tries" &
	upload=$!
	pids="$pids $upload"
	await $upload "$T/tries" 'next try'
	"$WEIR_BUILD/weir-server" discard="$at" 2>"$T/err" &
	pids="$pids $!"
	wait $upload
	grep -qx '3000000 bytes uploaded' "$T/uploaded"
}

upload_gives_up_at_the_deadline() {
	refuse "$E/upload" "$at" /dev/null 0 2>"$T/tries"
	grep -q 'not done in time' "$T/tries"
}

# Requests as lines with \n for their CRLF.
ask() {
	printf "$1" | sed 's/$/\r/' | client
}

httpd_serves_files_and_ranges() {
	mkdir "$T/www"
	head -c 3000000 /dev/urandom >"$T/www/noise"
	printf 0123456789 >"$T/www/digits.txt"
	serve httpd "$at" "$T/www"
	ask 'GET /noise HTTP/1.1\n\n' | tail -c 3000000 | cmp - "$T/www/noise"
	last='Connection: close\n\n'
	for range in 2-4=234 7-=789 -2=89 8-99=89; do
		test "$(ask "GET /digits.txt HTTP/1.1\nRange: bytes=${range%=*}\n$last" |
			tail -n 1)" = "${range#*=}"
	done
	ask "GET /digits.txt HTTP/1.1\nRange: bytes=10-\n$last" |
		grep -q '^HTTP/1.1 416 '
	ask "GET /digits.txt HTTP/1.1\nRange: bytes=x\n$last" |
		grep -q '^HTTP/1.1 200 '
}

httpd_answers_pipelined_requests_in_order() {
	mkdir "$T/www"
	for i in 1 2 3; do echo "file $i" >"$T/www/$i"; done
	serve httpd "$at" "$T/www"
	ask 'GET /1 HTTP/1.1\n\nGET /none HTTP/1.1\n\nHEAD /2 HTTP/1.1\n\nGET /%%33?q HTTP/1.1\n\n' \
		>"$T/answers"
	test "$(grep -a -o '^HTTP/1.1 ...\|^file .' "$T/answers" | xargs)" = \
		'HTTP/1.1 200 file 1 HTTP/1.1 404 HTTP/1.1 200 HTTP/1.1 200 file 3'
}

# It is a hole with words behind it, and takes no room. check-m32 asks for more
# than a long of 32 bits can count; too slow for each run of the tests.
httpd_serves_a_large_file() { # SIZE
	mkdir "$T/www"
	truncate -s "$1" "$T/www/large"
	echo the end >>"$T/www/large"
	serve httpd "$at" "$T/www"
	ask 'GET /large HTTP/1.1\n\n' | {
		while read -r line && test "${#line}" -gt 1; do :; done
		cmp - "$T/www/large"
	}
}

httpd_shows_nothing_outside_its_folder() {
	mkdir "$T/www"
	echo secret >"$T/secret"
	serve httpd "$at" "$T/www"
	for path in /../secret /%%2e%%2e/secret "/$T/secret" //etc/passwd ..; do
		ask "GET $path HTTP/1.1\n\n" >"$T/answer"
		grep -q '^HTTP/1.1 404 ' "$T/answer"
	done
	ask 'POST / HTTP/1.1\nContent-Length: 30\n\nGET / HTTP/1.1\n\n' |
		grep -c HTTP/ | grep -qx 1
}

chat_has_rooms_and_drains() {
	serve chat "$at"
	mkfifo "$T/ann" "$T/bob"
	"$WEIR_BUILD/weir-client" "$at" <"$T/ann" >"$T/ann.heard" &
	ann=$!
	pids="$pids $ann"
	exec 3>"$T/ann"
	echo '/nick ann' >&3
	"$WEIR_BUILD/weir-client" "$at" <"$T/bob" >"$T/bob.heard" &
	bob=$!
	pids="$pids $bob"
	exec 4>"$T/bob"
	await $server "$T/bob.heard" 'is here'
	echo 'to all' >&3
	await $server "$T/bob.heard" '^ann: to all$'
	printf '/nick bob\n/join away\nunheard by ann\n' >&4
	await $server "$T/bob.heard" '^bob: unheard by ann$'
	await $server "$T/ann.heard" '^bob: \* left$'
	kill $server
	wait $server
	wait $ann
	wait $bob
	grep -qx '\* the server is going down' "$T/ann.heard"
	grep -qx '\* the server is going down' "$T/bob.heard"
	refuse grep unheard "$T/ann.heard"
}

misses() { # PROGRAM
	serve "$1" "$at"
	mkfifo "$T/slow"
	"$WEIR_BUILD/weir-client" "$at" <"$T/slow" >"$T/slow.heard" &
	slow=$!
	pids="$pids $slow"
	exec 3>"$T/slow"
	echo here >&3
	await $slow "$T/slow.heard" here
	kill -STOP $slow
	yes "$(printf %0100d 7)" | head -c 3000000 | client >"$T/heard"
	kill -CONT $slow
	await $server "$T/slow.heard" '^\* you missed [1-9]'
}

chat_tells_a_slow_member_what_it_missed() {
	misses chat
}

# What it read and what it was told it missed are all lines that were said.
misses_at_the_end() { # PROGRAM
	serve "$1" "$at"
	mkfifo "$T/slow"
	"$WEIR_BUILD/weir-client" "$at" <"$T/slow" >"$T/slow.heard" &
	slow=$!
	pids="$pids $slow"
	exec 3>"$T/slow"
	echo here >&3
	await $slow "$T/slow.heard" here
	kill -STOP $slow
	seq -f '%0100.0f' 1 30000 | client | grep -q '0030000$'
	kill $server
	kill -CONT $slow
	wait $server
	wait $slow
	grep -qx '\* the server is going down' "$T/slow.heard"
	awk '/^\* you missed/ { n += $4 } /: 0[0-9]*$/ { n++ }
		END { exit n != 30000 }' "$T/slow.heard"
}

chat_tells_at_its_end_what_a_slow_member_missed() {
	misses_at_the_end chat
}

tutorial_step6_tells_at_its_end_what_a_slow_member_missed() {
	misses_at_the_end tutorial/step6
}

# A subscriber on descriptor 3 that has subscribed; it is $sub.
subscribe() {
	mkfifo "$T/sub"
	"$WEIR_BUILD/weir-client" "$at" <"$T/sub" >"$T/sub.heard" &
	sub=$!
	pids="$pids $sub"
	exec 3>"$T/sub"
	echo SUB >&3
	await $sub "$T/sub.heard" '^+OK$'
}

pubsub_sends_subscribers_what_others_publish() {
	serve pubsub "$at"
	subscribe
	echo 'PUB my own' >&3
	until [ "$(grep -c OK "$T/sub.heard")" = 2 ]; do kill -0 $server; done
	printf 'PUB one\nWHAT\nPUB two\n' | client >"$T/answers"
	test "$(xargs <"$T/answers")" = '+OK -ERR no such command +OK'
	await $server "$T/sub.heard" '^two$'
	echo UNSUB >&3
	until [ "$(grep -c OK "$T/sub.heard")" = 3 ]; do kill -0 $server; done
	echo 'PUB unheard' | client >"$T/answers"
	kill $server
	wait $server
	test "$(xargs <"$T/sub.heard")" = '+OK +OK one two +OK'
}

# Each line has its number. What was read and what it was told is missing are
# all of them.
pubsub_tells_a_slow_subscriber_what_it_missed() {
	serve pubsub "$at"
	subscribe
	kill -STOP $sub
	seq -f "PUB %0100.0f" 1 60000 | client >"$T/answers"
	kill -CONT $sub
	await $server "$T/sub.heard" '^0*60000$'
	awk '/lines missing$/ { n += $2; gaps++ } /^0/ { n++; if ($0 != n) exit 1 }
		END { exit !(n == 60000 && gaps > 0) }' "$T/sub.heard"
}

tutorial_step1_echoes() {
	serve tutorial/step1 "$at"
	test "$(printf Hey~~~ | client)" = Hey~~~
}

tutorial_step2_and_3_pass_lines_on() {
	for step in 2 3; do
		serve tutorial/step$step "$at.$step"
		mkfifo "$T/$step"
		"$WEIR_BUILD/weir-client" "$at.$step" <"$T/$step" \
			>"$T/$step.heard" &
		pids="$pids $!"
		exec 3>"$T/$step"
		echo one >&3
		await $server "$T/$step.heard" 'one$'
		echo two | "$WEIR_BUILD/weir-client" "$at.$step" >"$T/other"
		await $server "$T/$step.heard" 'two$'
	done
}

tutorial_step4_to_6_tell_what_was_missed() {
	for step in 4 5 6; do
		rm -f "$T"/slow*
		misses tutorial/step$step
		kill $pids
		wait $pids 2>/dev/null || :
		pids=
	done
}

tutorial_step6_drains() {
	serve tutorial/step6 "$at"
	mkfifo "$T/ann"
	"$WEIR_BUILD/weir-client" "$at" <"$T/ann" >"$T/heard" &
	ann=$!
	pids="$pids $ann"
	exec 3>"$T/ann"
	echo here >&3
	await $server "$T/heard" here
	kill $server
	wait $server
	wait $ann
	grep -qx '\* the server is going down' "$T/heard"
}

"$@"
