# Sourced by the comparisons of weir-flood with another load generator, behind
# server.sh. Both load one server on core 1 from core 0, in turns and in a closed
# loop; what is compared is the median of each pair's ratio, since a machine's
# speed drifts.

rounds=${ROUNDS:-15}
seconds=${SECONDS_EACH:-2}

# need PROGRAM PACKAGE
need() {
  command -v "$1" >/dev/null && return
  echo "$(basename "$0"): $1 is needed (Debian: apt install $2)" >&2
  exit 2
}

# Sets $port to one that is free.
find_port() {
  # shellcheck disable=SC2046
  start $(command_of weir-server)
  stop
  port=${address##*:}
}

# serve COMMAND...: on core 1, until it accepts.
serve() {
  taskset -c 1 "$@" >"$tmp/server" 2>&1 &
  job=$!
  echo $job >"$tmp/pid"
  address=127.0.0.1:$port
  tries=100
  until "$BUILD/weir-flood" -c 1 -m sink -n 1 --warmup 0 "$address" \
    >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { cat "$tmp/server" >&2 && exit 2; }
    sleep 0.05
  done
}

# figure KEY: a number of the last report; those in ns are of the latency
figure() {
  sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*\$/\1/p" "$tmp/json" | head -n 1
}

# flood [OPTION]...: a line "RATE P50_US P99_US"
flood() {
  taskset -c 0 "$BUILD/weir-flood" --warmup 200ms -d "${seconds}s" \
    --cpu-wait 100% --json "$tmp/json" "$@" "$address" >"$tmp/report" || {
    cat "$tmp/report" >&2
    exit 1
  }
  echo "$(figure messages_per_s) $(figure p50) $(figure p99)" |
    awk '{ print $1, $2 / 1000, $3 / 1000 }'
}

# median COLUMN FILE
median() {
  awk -v i="$1" '{ print $i }' "$2" | sort -g |
    awk '{ v[NR] = $1 } END {
      print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# row NAME FILE FORMAT
row() {
  # shellcheck disable=SC2059
  printf "%-16s $3 $3 $3\n" "$1" "$(median 1 "$2")" "$(median 2 "$2")" \
    "$(median 3 "$2")"
}

# versus NAME: rounds of the functions ours and theirs, each of which prints a
# line as flood does. Exit status 1: our rate is more than 3 % below, or the p50
# or p99 more than 5 % off.
versus() {
  for _ in $(seq "$rounds"); do
    ours >>"$tmp/ours"
    theirs >>"$tmp/theirs"
  done
  paste "$tmp/ours" "$tmp/theirs" |
    awk '{ print $1 / $4, $2 / $5, $3 / $6 }' >"$tmp/ratios"
  printf '%-16s %10s %10s %10s\n' '' messages/s 'p50, us' 'p99, us'
  row weir-flood "$tmp/ours" %10.1f
  row "$1" "$tmp/theirs" %10.1f
  row ratio "$tmp/ratios" %10.3f
  echo "$(median 1 "$tmp/ratios") $(median 2 "$tmp/ratios")" \
    "$(median 3 "$tmp/ratios")" | awk '{
      exit !($1 >= 0.97 && $2 >= 0.95 && $2 <= 1.05 && $3 >= 0.95 &&
             $3 <= 1.05) }'
}
