"""``python -m benchmarks.servers``: the servers that could serve the pages, under slow clients, large bodies and stops.

Measures Kartabl's own set-up, waitress as it comes with places enough, and gunicorn and granian where they are
installed (``pip install gunicorn granian``). Prints the table of docs/decisions/0029.
"""

from __future__ import annotations

import http.client
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from flask import Flask

import kartabl
import webapp
from benchmarks.reporting import percentile
from benchmarks.serving import _free_port as free_port
from engine.settings import Settings
from tests.secret import SECRET_KEY
from webapp.serving import server as serving
from webapp.shell.current import public

SLOW_CONNECTIONS = 500
THREADS = 8
WORK = 3  # seconds that a request under way takes when the stop comes
HOST = b"Host: a\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
SLOW = {
    "heads": (b"GET /sign-in HTTP/1.1\r\n" + HOST + b"X-Slow: ", b"x"),
    "bodies": (b"POST /sign-in HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 90000\r\n\r\n", b"x"),
    "idle": (b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n", b""),
}


def pages() -> Flask:
    """The pages, and one that takes its time."""
    app = webapp.create_app(kartabl.build(Settings(secret_key=SECRET_KEY, database_url=os.environ["MEASURED"])))

    @public
    def slow() -> str:
        time.sleep(WORK)
        return "done"

    app.add_url_rule("/slow", "slow", slow)
    return app


def ours(port: int) -> None:
    """Serve the pages as ``kartabl run`` does."""
    server = serving.create_server(pages(), serving.listen("127.0.0.1", port), threads=THREADS)
    signal.signal(signal.SIGTERM, lambda *_signal: server.stop())
    server.run()


PYTHON = [sys.executable, "-m"]
SERVERS: dict[str, tuple[str, Callable[[int], list[str]]]] = {
    "waitress, as kartabl run has it": (
        "waitress",
        lambda port: [sys.executable, "-c", f"from benchmarks import servers; servers.ours({port})"],
    ),
    "waitress, 1,000 connections": (
        "waitress",
        lambda port: (
            PYTHON
            + f"waitress --listen=127.0.0.1:{port} --threads={THREADS} --connection-limit=1000".split()
            + ["--asyncore-use-poll", "--call", "benchmarks.servers:pages"]
        ),
    ),
    "gunicorn, gthread": (
        "gunicorn",
        lambda port: (
            PYTHON
            + f"gunicorn -k gthread -w 1 --threads {THREADS} -b 127.0.0.1:{port} --worker-connections 1000".split()
            + ["--log-level", "error", "benchmarks.servers:pages()"]
        ),
    ),
    "granian, WSGI": (
        "granian",
        lambda port: (
            PYTHON
            + f"granian --interface wsgi --http 1 --workers 1 --blocking-threads {THREADS} --port {port}".split()
            + ["--http1-header-read-timeout", "10000", "--no-log", "--factory", "benchmarks.servers:pages"]
        ),
    ),
}


class Measured:
    """One server in a process of its own."""

    def __init__(self, command: list[str], port: int) -> None:
        self.port = port
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 60
        while self.page(1.0) == float("inf"):
            if time.monotonic() > give_up or self._process.poll() is not None:
                raise RuntimeError(f"{command} does not answer")
            time.sleep(0.2)

    def page(self, patience: float = 10.0, path: str = "/sign-in") -> float:
        """Seconds for a page on a new connection; infinite if it did not come."""
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        with closing(connection):
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return float("inf")
        return time.monotonic() - began if answer.status == 200 else float("inf")

    def pages_per_second(self, seconds: float = 4.0) -> float:
        until = time.monotonic() + seconds
        counts = [0] * 4

        def visit(number: int) -> None:
            while time.monotonic() < until:
                self.page()
                counts[number] += 1

        threads = [threading.Thread(target=visit, args=(number,)) for number in range(len(counts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / seconds

    def beside_slow(self, sent: bytes, drop: bytes) -> tuple[str, str]:
        """The page beside 500 slow connections, and how many of these are open after 40 seconds."""
        with ExitStack() as held:
            slow = []
            for _one in range(SLOW_CONNECTIONS):
                with suppress(OSError):
                    slow.append(held.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=1)))
                    slow[-1].sendall(sent)
            took, began = [], time.monotonic()
            while time.monotonic() < began + 40:
                took.append(self.page(5.0))
                slow = [one for one in slow if _open(one, drop)]
                time.sleep(2)
        lost = took.count(float("inf"))
        word = f"{lost} of {len(took)} pages lost" if lost else f"{max(took):.2f} s at worst"
        return word, str(len(slow))

    def body_taken(self, length: int) -> str:
        """How much of a body far too large goes out before the answer, and the answer."""
        gone, answer = 0, b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"POST /sign-in HTTP/1.1\r\n" + HOST + f"Content-Length: {length}\r\n\r\n".encode())
            connection.setblocking(False)
            began = time.monotonic()
            while gone < length and not answer and time.monotonic() < began + 20:
                with suppress(OSError):  # nothing yet
                    answer = connection.recv(100)
                try:
                    gone += connection.send(bytes(65_536))
                except BlockingIOError:
                    pass
                except OSError:  # cut off
                    break
        return f"{gone / 1e6:.1f} MB, {answer[9:12].decode() or 'no answer'}"

    def memory(self) -> str:
        own = self._process.pid
        of_all = ["/bin/ps", "-o", "rss=", "--pid", str(own), "--ppid", str(own)]
        kilobytes = subprocess.run(of_all, capture_output=True, text=True, check=True).stdout.split()
        return f"{sum(map(int, kilobytes)) / 1000:.0f} MB"

    def stop(self) -> str:
        """SIGTERM while requests are under way: how many are answered, and how long it takes."""
        answers: list[float] = []
        threads = [threading.Thread(target=lambda: answers.append(self.page(20, "/slow"))) for _one in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        try:
            self._process.wait(45)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        answered = sum(answer < float("inf") for answer in answers)
        return f"{answered} of {len(answers)}, {time.monotonic() - began:.1f} s"

    def end(self) -> None:
        """End what is left of it."""
        self._process.kill()
        self._process.wait()


def _open(connection: socket.socket, drop: bytes) -> bool:
    with suppress(OSError):
        if drop:
            connection.sendall(drop)
        connection.settimeout(0.001)
        try:
            while connection.recv(65_536):
                pass
        except TimeoutError:
            return True
    return False


def measure(command: list[str], port: int) -> dict[str, str]:
    """A row of the table for one server."""
    one = Measured(command, port)
    try:
        return _row(one)
    finally:
        one.end()


def _row(one: Measured) -> dict[str, str]:
    row = {"pages/s": f"{one.pages_per_second():.0f}"}
    row["page"] = f"{percentile([one.page() for _ in range(50)], 0.5) * 1000:.0f} ms"
    row["memory"] = one.memory()
    for name, (sent, drop) in SLOW.items():
        row[f"beside 500 slow {name}"], row[f"{name} open after 40 s"] = one.beside_slow(sent, drop)
    row["of 300 MB sent before the answer"] = one.body_taken(300_000_000)
    row["memory afterwards"] = one.memory()
    row["answered at a stop"] = one.stop()
    return row


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEASURED"] = f"sqlite:///{Path(folder) / 'measured.db'}"
        made = kartabl.build(Settings(secret_key=SECRET_KEY, database_url=os.environ["MEASURED"]))
        kartabl.prepare(made)
        made.database.dispose()
        rows = {}
        for name, (module, command) in SERVERS.items():
            if importlib.util.find_spec(module) and re.search(os.environ.get("SERVERS", ""), name):
                print(f"… {name}", file=sys.stderr)
                port = free_port()
                rows[name] = measure(command(port), port)
                print(rows[name], file=sys.stderr)
    print("| |", " | ".join(rows), "|")
    print("|---|" + "---|" * len(rows))
    for what in next(iter(rows.values())):
        print(f"| {what} |", " | ".join(row[what] for row in rows.values()), "|")


if __name__ == "__main__":
    main()
