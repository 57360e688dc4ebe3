# Sourced by the measurements, which stand beside it: builds what they need,
# starts and stops servers. $tmp goes away at the end.
#
# A command prints its own table, ends with "exit $failed", and is a line in
# bench/suite's table. With COUNTS=1 it measures Weir alone, and what repeats
# alone: instructions, system calls, memory.

cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
make -s BUILD="$BUILD" all
make -s -f bench/Makefile BUILD="$BUILD" peers
ulimit -n "$(ulimit -Hn)"
tmp=$(mktemp -d)
job=
trap stop_all EXIT
trap 'exit 1' INT TERM

failed=0

# record WHAT WHO FIGURE UNIT [LIMIT]: note a figure for the tables of
# bench/suite, a line in the file $FIGURES with tabs between the five. LIMIT is
# "<= NUMBER" or ">= NUMBER"; when FIGURE is beyond it, failed becomes 1.
#
#	record 'echo, 50 connections' weir-server 145 instructions '<= 155'
record() {
  [ -n "$3" ] || {
    echo "no figure: $1, $2" >&2
    failed=1
    return
  }
  printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${5:-}" \
    >>"${FIGURES:-/dev/null}"
  # shellcheck disable=SC2086
  [ -z "${5:-}" ] || within "$3" $5 || failed=1
}

# must LIMIT: what "record" shall hold $server to, which is for Weir's alone
must() {
  case $server in weir*) echo "$1" ;; esac
}

# within FIGURE RELATION NUMBER
within() {
  awk -v a="$1" -v relation="$2" -v b="$3" 'BEGIN {
    exit !(relation == "<=" ? a + 0 <= b + 0 : a + 0 >= b + 0) }'
}

# median COLUMN FILE FORMAT
median() {
  awk -v i="$1" '{ print $i }' "$2" | sort -g |
    awk -v format="$3" '{ v[NR] = $1 } END {
      i = int((NR + 1) / 2)
      j = int(NR / 2) + 1
      printf format "\n", (v[i] + v[j]) / 2 }'
}

# left_out WHO WHY: WHO is not measured against; the tables say so.
left_out() {
  echo "left out: $1 ($2)"
  printf '%s\t%s\t\t\t\n' "$2" "$1" >>"${FIGURES:-/dev/null}"
}

# has PROGRAM PACKAGE: is it here? It is left out otherwise, and always when
# Weir is measured alone.
has() {
  [ -z "${COUNTS:-}" ] || return
  command -v "$1" >/dev/null || {
    left_out "$1" "Debian: $2" >&2
    return 1
  }
}

# The programs of a folder of peers, one a line.
built() {
  [ -z "${COUNTS:-}" ] || return 0
  (cd "$BUILD/bench/$1" && find . -type f -executable) | cut -c 3- | sort -r
  for library in libev libuv libevent; do
    [ ! -e "bench/$1/$library.c" ] || [ -e "$BUILD/bench/$1/$library" ] ||
      left_out $library "Debian: $(package_of $library)" >&2
  done
}

# The package that has the header of a library.
package_of() {
  case $1 in
  libuv) echo libuv1-dev ;;
  *) echo "$1-dev" ;;
  esac
}

# The servers that were built, one a line: weir-server, then the peers.
servers() {
  echo weir-server
  built peers
}

# The command of the server with that name, on a free port.
command_of() {
  case $1 in
  weir-server) echo "$BUILD/weir-server echo=127.0.0.1:0" ;;
  *) echo "$BUILD/bench/peers/$1 0" ;;
  esac
}

# start COMMAND...: sets $address by the line "NAME: echo listening on ADDRESS",
# the first that it writes; the others go to the file $tmp/said.
# $tmp/pid has the process to stop, unless COMMAND writes another one there.
start() {
  mkfifo "$tmp/says"
  "$@" >"$tmp/says" 2>&1 &
  job=$!
  echo $job >"$tmp/pid"
  exec 3<"$tmp/says"
  rm "$tmp/says"
  read -r line <&3
  address=${line##* }
  cat <&3 >"$tmp/said" &
  exec 3<&-
}

# find_port: sets $port to one that is free.
find_port() {
  # shellcheck disable=SC2046
  start $(command_of weir-server)
  stop
  port=${address##*:}
}

# start_on_port COMMAND...: start what listens on $port, and wait until it does;
# $tmp/log has what it says. Sets $address.
start_on_port() {
  "$@" >"$tmp/log" 2>&1 &
  job=$!
  echo $job >"$tmp/pid"
  address=127.0.0.1:$port
  tries=200
  until "$BUILD/weir-flood" -c 1 -m sink -n 1 --warmup 0 "$address" \
    >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { cat "$tmp/log" >&2 && exit 2; }
    sleep 0.05
  done
}

# start_traced COMMAND...: start under strace with the options $traced; the
# process to stop is COMMAND's.
start_traced() {
  # shellcheck disable=SC2086
  start strace -f -c ${traced:-} -o "$tmp/strace" \
    sh -c 'echo $$ >"$0"; exec "$@"' "$tmp/pid" "$@"
}

# calls FILE: stop it; FILE gets a line "CALL COUNT" for each system call.
calls() {
  stop
  awk '$4 ~ /^[0-9]+$/ && $NF != "total" { print $NF, $4 }' \
    "$tmp/strace" >"$1"
}

# start_counted COMMAND...: start under callgrind; "instructions" stops it, and
# prints how many user-space instructions it took.
start_counted() {
  start valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    --log-file="$tmp/log" "$@"
}

instructions() {
  stop
  sed -n 's/.*Collected : //p' "$tmp/log"
}

# keep NAME: the server that was started goes on beside others;
# $tmp/NAME.address and $tmp/NAME.pid are where it is.
keep() {
  echo "$address" >"$tmp/$1.address"
  mv "$tmp/pid" "$tmp/$1.pid"
}

# in_turns FUNCTION [ARGUMENT]...: FUNCTION of each server named in the file
# $tmp/servers, and so on for $rounds rounds; the file $tmp/NAME gets what it
# prints for NAME, a line a round.
in_turns() {
  function=$1
  shift
  while read -r server; do
    : >"$tmp/$server"
  done <"$tmp/servers"
  for _ in $(seq "$rounds"); do
    while read -r server; do
      $function "$server" "$@" >>"$tmp/$server" </dev/null
    done <"$tmp/servers"
  done
}

# weirs COLUMN: Weir's figure to that of $server, the median of the rounds
weirs() {
  paste "$tmp/weir-server" "$tmp/$server" |
    awk -v i="$1" '{ print $i / $(NF / 2 + i) }' >"$tmp/ratios"
  median 1 "$tmp/ratios" %.2f
}

# cpu_ns NAME: CPU time so far, of all threads of one that is kept
cpu_ns() {
  cat "/proc/$(cat "$tmp/$1.pid")/task"/*/schedstat |
    awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

# longest_turn_of_broadcast SUBSCRIBERS: weir-server was started with --metrics
# and a broadcast. A publisher sends lines to so many as fast as it is let;
# $tmp/turn has the longest turn in ms and what it did most, $tmp/rates what
# bench/fanout prints.
longest_turn_of_broadcast() {
  until grep -q 'listening on' "$tmp/said"; do
    sleep 0.05
  done
  "$BUILD/bench/fanout" lines "$(sed 's/.* //' "$tmp/said")" \
    "$(cat "$tmp/pid")" "$1" 0 64 4096 2 </dev/null >"$tmp/rates"
  printf 'GET /metrics HTTP/1.0\r\n\r\n' |
    "$BUILD/weir-client" "$address" >"$tmp/metrics"
  sed -n 's/^weir_loop_longest_turn.*work="\([^"]*\)".* \(.*\)$/\2 \1/p' \
    "$tmp/metrics" | awk '{ printf "%.2f %s\n", $1 * 1000, $2 }' >"$tmp/turn"
}

# show COMMAND...: print its table, and keep it in $tmp/table.
show() {
  "$@" >"$tmp/table" || failed=1
  cat "$tmp/table"
}

# number KEY [FILE]: the first one with that key in what weir-flood --json wrote
number() {
  sed -n "s/^[[:space:]]*\"$1\":[[:space:]]*\([0-9.e+-]*\),*\$/\1/p" \
    "${2:-$tmp/json}" | head -n 1
}

# cell LINE N: the Nth word behind LINE, with which a line of the table begins
cell() {
  awk -v line="$1" -v n="$2" 'index($0, line) == 1 {
    split(substr($0, length(line) + 1), words, " ")
    print words[n]
    exit
  }' "$tmp/table"
}

stop_all() {
  stop
  for file in "$tmp"/*.pid; do
    [ ! -e "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
  done
  rm -rf "$tmp"
}

# Let the server end by itself, and wait for it.
stop() {
  [ -e "$tmp/pid" ] || return 0
  kill "$(cat "$tmp/pid")" 2>/dev/null || true
  wait "$job" 2>/dev/null || true
  rm "$tmp/pid"
}

# pingpong CONNECTIONS ROUNDS: 64-byte echoes with the server, all checked.
pingpong() {
  "$BUILD/bench/pingpong" "$address" "$1" "$2" 64 </dev/null >"$tmp/echoes"
}
