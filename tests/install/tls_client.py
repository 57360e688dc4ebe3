"""A client of tls-echo: sends much before it reads, reads it back whole, and
sees that close_notify comes before the FIN; then one that ends without
close_notify, and is reset.

    tls_client.py HOST:PORT CERTIFICATE
"""
import os
import socket
import ssl
import sys
import threading

host, port = sys.argv[1].rsplit(":", 1)
context = ssl.create_default_context(cafile=sys.argv[2])
context.check_hostname = False
noise = os.urandom(3000000)

with socket.create_connection((host, int(port))) as plain:
    tls = context.wrap_socket(plain)
    writer = threading.Thread(target=tls.sendall, args=(noise,))
    writer.start()
    answer = b""
    while len(answer) < len(noise):
        piece = tls.recv(65536)
        if not piece:
            sys.exit("ended early")
        answer += piece
    writer.join()
    if answer != noise:
        sys.exit("not what was sent")
    plain = tls.unwrap()  # raises unless the server says close_notify
    if plain.recv(1) != b"":
        sys.exit("no FIN")

with socket.create_connection((host, int(port))) as plain:
    tls = context.wrap_socket(plain)
    tls.sendall(b"Hey~~~")
    tls.recv(6)
    socket.socket.shutdown(tls, socket.SHUT_WR)
    try:
        socket.socket.recv(tls, 1)  # ssl calls it an end
        sys.exit("not reset")
    except ConnectionResetError:
        pass
