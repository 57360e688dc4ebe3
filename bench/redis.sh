# Sourced behind server.sh: Redis as a server to measure against.

has() {
  command -v "$1" >/dev/null
}

# start_redis WRAPPER...: start redis-server under WRAPPER on a free port,
# without persistence and without limits of a subscriber's output; sets $address.
# $tmp/pid has the process to stop.
start_redis() {
  port=$(free_port)
  "$@" redis-server --port "$port" --bind 127.0.0.1 --save '' \
    --appendonly no --client-output-buffer-limit pubsub 0 0 0 \
    --maxclients 30000 --tcp-backlog 4096 --daemonize no \
    --pidfile "$tmp/redis.pid" --dir "$tmp" --logfile "$tmp/redis.log" &
  job=$!
  address=127.0.0.1:$port
  until redis-cli -p "$port" ping >/dev/null 2>&1; do
    sleep 0.1
  done
  redis-cli -p "$port" info server |
    sed -n 's/process_id:\([0-9]*\).*/\1/p' >"$tmp/pid"
}

# A port that nothing listens on, as the kernel chooses one.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
