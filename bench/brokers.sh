# Sourced behind server.sh: servers that fan out, to measure Weir's broadcast
# against.

# The brokers that are here, weir-server first.
brokers() {
  echo weir-server
  ! has redis-server redis-server || echo redis
  ! has nats-server nats-server || echo nats
  ! has mosquitto mosquitto || echo mosquitto
}

# The protocol of bench/fanout.c that a broker speaks.
protocol_of() {
  case $1 in
  weir-server) echo lines ;;
  mosquitto) echo mqtt ;;
  *) echo "$1" ;;
  esac
}

# start_broker NAME WRAPPER...: start it under WRAPPER, without persistence and
# without limits of a subscriber's output; sets $address. $tmp/pid has the
# process to stop, unless WRAPPER writes another one there.
start_broker() {
  broker=$1
  shift
  [ "$broker" = weir-server ] || find_port
  case $broker in
  weir-server)
    start "$@" "$BUILD/weir-server" --stall 10m broadcast=127.0.0.1:0
    ;;
  redis)
    start_on_port "$@" redis-server --port "$port" --bind 127.0.0.1 --save '' \
      --appendonly no --client-output-buffer-limit pubsub 0 0 0 \
      --maxclients 30000 --tcp-backlog 4096 --dir "$tmp"
    ;;
  nats)
    echo 'max_pending: 1GB, write_deadline: "10m"' >"$tmp/nats.conf"
    start_on_port "$@" nats-server -a 127.0.0.1 -p "$port" -c "$tmp/nats.conf"
    ;;
  mosquitto)
    printf '%s\n' "listener $port 127.0.0.1" 'allow_anonymous true' \
      'set_tcp_nodelay true' 'user root' 'log_dest none' \
      >"$tmp/mosquitto.conf"
    start_on_port "$@" mosquitto -c "$tmp/mosquitto.conf"
    ;;
  esac
}
