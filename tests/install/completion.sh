# What the installed completion for bash offers, one function a promise.
set -eu
PATH=$D/usr/bin:$PATH
programs='weir-server weir-client weir-flood send-vs-sendall'

# What is offered for the last word of a command line, which may be empty, as
# bash asks for it: a line each.
offer() { # PROGRAM [WORD]... WORD
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	. "$D/usr/share/bash-completion/completions/$1"
	_weir "$1" "${@:$#}" "${@:$#-1:1}"
	printf '%s\n' "${COMPREPLY[@]}"
}

options_are_those_of_help() {
	for program in $programs; do
		"$program" --help |
			sed -n 's/^ \+\(-., \)\?\(--[a-z-]\+\) .*/\2/p' |
			cmp - <(offer "$program" --)
		complete -p "$program" >/dev/null 2>&1 ||
			. "$D/usr/share/bash-completion/completions/$program"
		complete -p "$program" | grep -q ' _weir '
	done
}

is_offered() { # WORDS PROGRAM [WORD]... WORD
	words=$1
	shift
	test "$(offer "$@" | xargs)" = "$words"
}

words_are_those_that_an_option_takes() {
	modes='echo source sink connect broadcast'
	is_offered "$modes" weir-flood -m ''
	is_offered "$modes" weir-flood --mode =
	is_offered 'sink' weir-flood --mode = si
	is_offered 'drop-newest drop-oldest' weir-server --slow drop-
	is_offered '' weir-server --budget ''
	is_offered 'slice-is-free' send-vs-sendall --lesson sl
	is_offered 'queue-unbounded queue-always-armed' \
		send-vs-sendall --all --strategy q
	for word in $(offer weir-flood --mode ''); do
		weir-flood --mode "$word" --help >/dev/null
	done
}

files_and_services_are_offered() {
	cd "$D"
	touch result.json
	is_offered result.json weir-flood --json re
	is_offered 'broadcast=' weir-server --trace br
	for service in $(offer weir-server ''); do
		test "$service" = relay= && target=,unix:@y || target=
		weir-server --check "${service}unix:@x$target" >/dev/null
	done
}

"$1"
