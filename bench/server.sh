# Sourced by the measurements, which stand beside it: builds what they need,
# starts and stops one server at a time. $tmp goes away at the end.

cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
make -s BUILD="$BUILD" all
make -s -f bench/Makefile BUILD="$BUILD" peers
ulimit -n "$(ulimit -Hn)"
tmp=$(mktemp -d)
job=
trap 'stop; rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

# The servers that were built, one a line: weir-server, then the peers.
servers() {
  echo weir-server
  (cd "$BUILD/bench/peers" && find . -type f -executable) | cut -c 3- | sort -r
}

# The command of the server with that name, on a free port.
command_of() {
  case $1 in
  weir-server) echo "$BUILD/weir-server echo=127.0.0.1:0" ;;
  *) echo "$BUILD/bench/peers/$1 0" ;;
  esac
}

# start COMMAND...: sets $address by the line "NAME: echo listening on ADDRESS".
# $tmp/pid has the process to stop, unless COMMAND writes another one there.
start() {
  mkfifo "$tmp/said"
  "$@" >"$tmp/said" 2>&1 &
  job=$!
  echo $job >"$tmp/pid"
  exec 3<"$tmp/said"
  rm "$tmp/said"
  read -r line <&3
  address=${line##* }
  cat <&3 >/dev/null &
  exec 3<&-
}

# start_traced COMMAND...: start under strace; the process to stop is COMMAND's.
start_traced() {
  start strace -f -c -o "$tmp/strace" \
    sh -c 'echo $$ >"$0"; exec "$@"' "$tmp/pid" "$@"
}

# calls FILE: stop it; FILE gets a line "CALL COUNT" for each system call.
calls() {
  stop
  awk '$4 ~ /^[0-9]+$/ && $NF != "total" { print $NF, $4 }' \
    "$tmp/strace" >"$1"
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
