# Sourced by the measurements of a giver (giver/giver.h), behind server.sh.

givers() {
  echo weir
  built giver | sed '/^weir$/d'
}

# count GIVER FILE BATCHES REQUESTS BYTES PAUSE: what ask is told
count() {
  giver=$1
  file=$2
  shift 2
  start_traced "$BUILD/bench/giver/$giver" 0
  "$BUILD/bench/ask" "$address" "$@"
  calls "$file"
}

# slopes FEW MANY BATCHES: sends and waits for each batch that MANY has more
slopes() {
  awk -v n="$3" '
    NR == FNR { few[$1] = $2; next }
    $1 ~ /^(send|write)/ { send += $2 - few[$1] }
    $1 ~ /^epoll_p?wait/ { wait += $2 - few[$1] }
    END { printf "%.2f %.2f\n", send / n, wait / n }' "$1" "$2"
}
