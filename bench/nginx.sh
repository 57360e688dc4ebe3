# Sourced behind server.sh: nginx as a server to measure against.

# start_nginx WRAPPER...: start one worker of it under WRAPPER, which serves the
# folder $tmp/www and keeps connections; sets $address.
start_nginx() {
  find_port
  mkdir -p "$tmp/www"
  [ -e "$tmp/www/index.html" ] || echo nothing >"$tmp/www/index.html"
  cat >"$tmp/nginx.conf" <<END
daemon off;
master_process off;
pid $tmp/nginx.pidfile;
error_log $tmp/error.log;
worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http {
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path $tmp/body;
  proxy_temp_path $tmp/proxy;
  fastcgi_temp_path $tmp/fastcgi;
  uwsgi_temp_path $tmp/uwsgi;
  scgi_temp_path $tmp/scgi;
  server { listen 127.0.0.1:$port backlog=4096; root $tmp/www; }
}
END
  start_on_port "$@" nginx -p "$tmp" -c "$tmp/nginx.conf"
}
