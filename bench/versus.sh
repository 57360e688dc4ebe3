# Sourced by the comparisons of weir-flood with another load generator, behind
# server.sh. Both load one server on core 1 from core 0, in turns and in a
# closed loop; what is compared is the median of each pair's ratio, since a
# machine's speed drifts.

rounds=${ROUNDS:-11}
seconds=${SECONDS_EACH:-2}

# need PROGRAM PACKAGE: without it there is nothing to compare with
need() {
  has "$1" "$2" || exit 0
}

# serve COMMAND...: on core 1, until it accepts.
serve() {
  start_on_port taskset -c 1 "$@"
}

# flood [OPTION]...: a line "RATE P50_US P99_US CPU_US", CPU time a message
flood() {
  taskset -c 0 "$BUILD/weir-flood" --warmup 200ms -d "${seconds}s" \
    --cpu-wait 100% --json "$tmp/json" "$@" "$address" >"$tmp/report" || {
    cat "$tmp/report" >&2
    exit 1
  }
  echo "$(number messages_per_s) $(number p50) $(number p99)" \
    "$(number cpu_user_s) $(number cpu_system_s) $(number seconds)" |
    awk '{ print $1, $2 / 1000, $3 / 1000, 1e6 * ($4 + $5) / ($1 * $6) }'
}

# other COMMAND...: what it says goes to $tmp/report; sets $cpu, its CPU seconds
other() {
  bash -c 'TIMEFORMAT="%3U %3S"; time taskset -c 0 "$@" 2>/dev/null' - "$@" \
    >"$tmp/report" 2>"$tmp/cpu"
  cpu=$(awk '{ print $1 + $2 }' "$tmp/cpu")
}

# row NAME FILE FORMAT
row() {
  printf '%-26s %10s %10s %10s %10s\n' "$1" "$(median 1 "$2" "$3")" \
    "$(median 2 "$2" "$3")" "$(median 3 "$2" "$3")" "$(median 4 "$2" "$3")"
}

# versus NAME OURS THEIRS [LEAST]: rounds of two functions, in pairs whose order
# changes; each prints a line as flood does. With LEAST our rate is to be no
# more than 3 % below theirs, and p50 and p99 between LEAST and 1.05 of theirs.
versus() {
  : >"$tmp/ours"
  : >"$tmp/theirs"
  for i in $(seq "$rounds"); do
    [ $((i % 2)) -eq 0 ] || "$2" >>"$tmp/ours"
    "$3" >>"$tmp/theirs"
    [ $((i % 2)) -eq 1 ] || "$2" >>"$tmp/ours"
  done
  paste "$tmp/ours" "$tmp/theirs" |
    awk '{ print $1 / $5, $2 / $6, $3 / $7, $4 / $8 }' >"$tmp/ratios"
  printf '%-26s %10s %10s %10s %10s\n' '' messages/s 'p50, us' 'p99, us' \
    'CPU, us'
  row weir-flood "$tmp/ours" %.1f
  row "$1" "$tmp/theirs" %.1f
  row ratio "$tmp/ratios" %.3f
  [ -n "${4:-}" ] || return 0
  record "weir-flood's rate to that of $1" weir-flood \
    "$(median 1 "$tmp/ratios" %.3f)" ratio '>= 0.97'
  for column in 2 3; do
    off=$(median $column "$tmp/ratios" %.3f)
    what="weir-flood's p$((column == 2 ? 50 : 99)) to that of $1"
    record "$what" weir-flood "$off" ratio '<= 1.05'
    record "$what, at least" weir-flood "$off" ratio ">= $4"
  done
}
