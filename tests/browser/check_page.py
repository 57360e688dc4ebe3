"""The live page of weir-server in a browser: it loads and updates, a reader
that stalls turns red within a second and its bar stops at max, a record opens
by keyboard, and nothing is an error.

usage: check_page.py BUILD [SCREENSHOT]"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

from browser import Browser

TOKEN = "of-16-characters"
LINE = b"x" * 999 + b"\n"
N_TRIES = 20
N_MANY = 100
# a name that would be an element if it were taken for HTML
NAME = "<b id=injected>\"&.sock"


def die(text):
    sys.exit("check-page: " + text)


def want(is_so, text):
    if not is_so:
        die(text)


class Server:
    def __init__(self, build, folder):
        self.process = subprocess.Popen(
            [build + "/weir-server", "--metrics=127.0.0.1:0",
             "--metrics-token=" + TOKEN, "--workers=2", "--drain=10ms",
             "--sndbuf=16K", "--high=128K", "--max=512K", "--stall=1h",
             "broadcast=127.0.0.1:0", "echo=127.0.0.1:0",
             "discard=unix:" + os.path.join(folder, NAME)],
            stderr=subprocess.PIPE, text=True)
        self.ports = {}
        while len(self.ports) < 3:
            line = self.process.stderr.readline()
            want(line, "the server does not start")
            if "listening on" in line:
                words = line.split()
                self.ports[words[1]] = words[-1].split(":")[-1]
        threading.Thread(target=self.process.stderr.read,
                         daemon=True).start()

    def dial(self, service, rcvbuf=0):
        it = socket.socket()
        if rcvbuf:
            it.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        it.connect(("127.0.0.1", int(self.ports[service])))
        return it

    def close(self):
        self.process.terminate()
        return self.process.wait()


class Crowd:
    """One that publishes, and healthy ones that read it all."""

    def __init__(self, server, n_readers):
        self.is_over = threading.Event()
        self.readers = [server.dial("broadcast") for _ in range(n_readers)]
        self.publisher = server.dial("broadcast")
        for reader in self.readers:
            threading.Thread(target=self.read, args=[reader],
                             daemon=True).start()
        threading.Thread(target=self.publish, daemon=True).start()

    def read(self, reader):
        while reader.recv(1 << 16):
            pass

    def publish(self):
        while not self.is_over.wait(0.01):
            self.publisher.sendall(LINE * 6)

    def close(self):
        self.is_over.set()


# When each peer was red first, in ns since its kernel was full.
NOTE_FIRSTS = """
const firsts = {};
const shown = show;
show = (now) => {
    shown(now);
    for (const {button, record} of rows.values())
        if (button.className === "stalled")
            firsts[record.peer] ??= record.full_ns;
};"""


def row_of(peer):
    return ("[...rows.values()].find((row) => row.record.peer === '%s')"
            % peer)


def name_of(it):
    return "%s:%d" % it.getsockname()


def check_stall(server, browser):
    """One that stops reading is red within a second: within the time, as the
    server has it, in which its kernel accepted nothing."""
    for _ in range(N_TRIES):
        stalled = server.dial("broadcast", rcvbuf=16384)
        row = row_of(name_of(stalled))
        first = browser.wait(f"firsts['{name_of(stalled)}']")
        want(browser.value(f"getComputedStyle({row}.queue).backgroundColor")
             == "rgb(179, 38, 30)", "what stalls is not red")
        if first < 1e9:
            return stalled
        stalled.close()
    die("what stalls was not red within a second, %d times" % N_TRIES)


def check_max(browser, stalled):
    row = row_of(name_of(stalled))

    browser.wait(f"{row}.record.queue_peak > 0.9 * {row}.record.max")
    seen = browser.value(f"{row}.record.dropped")
    # more is published, and it is not its queue that grows
    browser.wait(f"{row}.record.dropped > {seen} + 200000")
    want(browser.value(f"{row}.record.queue_peak <= {row}.record.max"),
         "a queue is above max")
    bar, queue, share = browser.value(
        f"[{row}.bar, {row}.queue].map((it) => "
        "it.getBoundingClientRect().width).concat("
        f"{row}.record.queued / {row}.record.max)")
    want(abs(queue / bar - share) < 0.02 and share > 0.5,
         "a bar is not as long as its queue")


def check_updates(browser):
    browser.wait("LINES[0].samples.length >= 3")
    browser.wait("LINES[0].samples.at(-1) > 0")  # what is sent
    n = browser.value("before.now_ns")
    browser.wait(f"before.now_ns > {n}")


def check_keyboard(browser, stalled):
    row = row_of(name_of(stalled))

    browser.value(f"{row}.button.focus()")
    browser.press("Enter", "\r")
    browser.wait("$('record').open")
    want(name_of(stalled) in browser.value("$('record').textContent"),
         "the record is another's")
    browser.press("Escape")
    browser.wait("!$('record').open && chosen === null")
    want(browser.value(f"document.activeElement === {row}.button"),
         "focus does not come back")
    browser.press("Tab")
    want(browser.value("document.activeElement.closest('#connections') && "
                       f"document.activeElement !== {row}.button"),
         "Tab does not go on to the next")


def check_many(server, browser):
    many = [server.dial("echo") for _ in range(N_MANY)]

    browser.wait("sum(before.sizes, (s) => sum(STATES, (state) => s[state]))"
                 f"> {N_MANY}")
    want(browser.value("document.querySelectorAll('#connections li').length")
         == 64, "not the 64 largest are shown")
    many[0].sendall(b"x")
    want(many[0].recv(1) == b"x", "no echo")
    many.pop(0).close()
    browser.wait("$('closes').textContent.includes('echo')")
    for it in many:
        it.close()
    browser.wait("before.connections.length < 64")


def check_escapes(browser):
    want(NAME in browser.value("$('endpoints').textContent"),
         "an endpoint is not named as it is")
    want(not browser.value("$('injected')"), "a name was taken for HTML")


def check_looks(browser):
    scheme = [{"name": "prefers-color-scheme", "value": "dark"}]
    ground = "getComputedStyle(document.body).backgroundColor"
    light = browser.value(ground)

    browser.ask("Emulation.setEmulatedMedia", features=scheme)
    want(browser.value(ground) != light, "dark is as light")
    browser.ask("Emulation.setEmulatedMedia", features=[])
    browser.resize(360, 700)
    want(browser.value("document.documentElement.scrollWidth") <= 360,
         "a narrow screen has to be moved sideways")
    browser.resize(1100, 900)


def check(build, program, picture):
    with (tempfile.TemporaryDirectory() as folder,
          contextlib.closing(Server(build, folder)) as server,
          contextlib.closing(Browser(program)) as browser,
          contextlib.closing(Crowd(server, 6))):
        browser.open("http://127.0.0.1:%s/?token=%s"
                     % (server.ports["metrics"], TOKEN))
        browser.wait("typeof before === 'object' && before")
        browser.value(NOTE_FIRSTS)
        check_updates(browser)
        stalled = check_stall(server, browser)
        check_max(browser, stalled)
        check_keyboard(browser, stalled)
        check_escapes(browser)
        check_many(server, browser)
        check_looks(browser)
        if picture:
            browser.wait("LINES[0].samples.length >= 60")
            browser.value("document.activeElement.blur()")
            browser.screenshot(picture)
        want(not browser.errors, "\n".join(browser.errors))


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser")

    if not program:
        print("check-page: skipped: chromium (Debian: chromium) is not here")
        return
    check(sys.argv[1], program, sys.argv[2] if len(sys.argv) > 2 else None)
    print("check-page: passed")


main()
