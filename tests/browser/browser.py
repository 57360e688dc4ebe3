"""Chromium without a window, spoken to through two pipes (the DevTools
protocol; https://chromedevtools.github.io/devtools-protocol/)."""

import base64
import json
import os
import select
import subprocess
import tempfile
import time

PATIENCE_S = 60


class Browser:
    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(
            ignore_cleanup_errors=True)
        command_in, self.commands = os.pipe()
        self.answers, answer_out = os.pipe()

        def place():
            # it reads from descriptor 3 and writes to 4
            high = [os.dup(command_in), os.dup(answer_out)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--remote-debugging-pipe",
             "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
             "--disable-background-networking", "--disable-sync",
             "--hide-scrollbars", "--user-data-dir=" + self.folder.name,
             # root and containers have none; the page is ours
             "--no-sandbox"],
            preexec_fn=place, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(command_in)
        os.close(answer_out)
        self.number = 0
        self.unread = b""
        self.errors = []
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")
        self.session = self.ask("Target.attachToTarget", flatten=True,
                                targetId=target["targetId"])["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(domain + ".enable")
        self.resize(1100, 900)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def read(self, deadline):
        """The next message."""
        while b"\0" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.answers, 1 << 16)
            if not piece:
                raise EOFError("the browser has gone")
            self.unread += piece
        text, _, self.unread = self.unread.partition(b"\0")
        return json.loads(text)

    def take_event(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        if method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(str(params["entry"]))
        if (method == "Runtime.consoleAPICalled"
                and params["type"] in ("error", "assert")):
            self.errors.append(str(params["args"]))

    def ask(self, method, **params):
        deadline = time.monotonic() + PATIENCE_S
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            message = self.read(deadline)
            if message.get("id") != self.number:
                self.take_event(message)
            elif "error" in message:
                raise RuntimeError(method + ": " + str(message["error"]))
            else:
                return message["result"]

    def resize(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=False)

    def open(self, url):
        self.ask("Page.navigate", url=url)

    def value(self, expression):
        """Of JavaScript; a promise is awaited."""
        answer = self.ask("Runtime.evaluate", expression=expression,
                          returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(expression + ": " +
                               str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait(self, expression):
        """Until it is true; its value."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            value = self.value(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError("never true: " + expression)
            time.sleep(0.05)

    def press(self, key, text=""):
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     text=text if kind == "keyDown" else "",
                     windowsVirtualKeyCode={"Tab": 9, "Enter": 13,
                                            "Escape": 27}[key])

    def screenshot(self, path):
        image = self.ask("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))
