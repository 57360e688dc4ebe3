# Sourced by the comparisons of weir-flood with another load generator, behind
# server.sh. Both load one server on core 1 from core 0, in turns and in a closed
# loop; what is compared is the median of each pair's ratio, since a machine's
# speed drifts.

rounds=${ROUNDS:-9}
seconds=${SECONDS_EACH:-2}

# need PROGRAM PACKAGE: without it there is nothing to compare with
need() {
  has "$1" "$2" || exit 0
}

# serve COMMAND...: on core 1, until it accepts.
serve() {
  start_on_port taskset -c 1 "$@"
}

# flood [OPTION]...: a line "RATE P50_US P99_US"
flood() {
  taskset -c 0 "$BUILD/weir-flood" --warmup 200ms -d "${seconds}s" \
    --cpu-wait 100% --json "$tmp/json" "$@" "$address" >"$tmp/report" || {
    cat "$tmp/report" >&2
    exit 1
  }
  echo "$(number messages_per_s) $(number p50) $(number p99)" |
    awk '{ print $1, $2 / 1000, $3 / 1000 }'
}

# row NAME FILE FORMAT
row() {
  printf '%-16s %10s %10s %10s\n' "$1" "$(median 1 "$2" "$3")" \
    "$(median 2 "$2" "$3")" "$(median 3 "$2" "$3")"
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
  row weir-flood "$tmp/ours" %.1f
  row "$1" "$tmp/theirs" %.1f
  row ratio "$tmp/ratios" %.3f
  record "weir-flood's rate to that of $1" weir-flood \
    "$(median 1 "$tmp/ratios" %.3f)" ratio '>= 0.97'
  for column in 2 3; do
    off=$(median $column "$tmp/ratios" %.3f)
    record "weir-flood's p$((column == 2 ? 50 : 99)) to that of $1" weir-flood \
      "$off" ratio '<= 1.05'
    within "$off" '>=' 0.95 || failed=1
  done
  exit $failed
}
