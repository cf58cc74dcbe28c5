"""A web server in a process of its own, as ``kartabl run --no-worker`` starts it, and a browser."""

from __future__ import annotations

import http.client
import multiprocessing
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import event

import webapp
from benchmarks import databases
from benchmarks.office import PASSWORD, open_office
from webapp.serving import server

THREADS = 8


@contextmanager
def served(url: str, delay: float = 0) -> Iterator[tuple[int, Any]]:
    """The port of a server over a database, and a shared counter of its SQL statements. ``delay``: SQLite only, ms."""
    spawn = multiprocessing.get_context("spawn")
    statements = spawn.Value("q", 0)
    port = _free_port()
    process = spawn.Process(target=_serve, args=(url, port, delay, statements), daemon=True)
    process.start()
    _wait_for(port, process)
    try:
        yield port, statements
    finally:
        process.terminate()
        process.join()


def _serve(url: str, port: int, delay: float, statements: Any) -> None:
    office = open_office(url)
    if databases.is_sqlite(url):
        databases.slow_down(office.application.database, delay)

    def count(*_anything: Any) -> None:
        with statements.get_lock():
            statements.value += 1

    event.listen(office.application.database, "before_cursor_execute", count)
    app = webapp.create_app(office.application)
    server.create_server(app, server.listen("127.0.0.1", port), threads=THREADS).run()


class Browser:
    """A signed-in person's browser: cookies, a persistent connection, and the forms' hidden token."""

    def __init__(self, port: int, username: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._cookies: dict[str, str] = {}
        self._token = _token_in(self.ask("GET", "/sign-in")[2])
        status, _place, _page = self.send("/sign-in", username=username, password=PASSWORD)
        if status != 303:
            raise RuntimeError(f"{username} could not sign in: {status}")
        self._token = _token_in(self.ask("GET", "/password")[2])

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str, str]:
        """Status, where it leads to, and the page."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body=body, headers=headers)
        answer = self._connection.getresponse()
        page = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie", []):
            self._cookies.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
        return answer.status, answer.getheader("Location", ""), page

    def send(self, path: str, **values: str) -> tuple[int, str, str]:
        """Send a form, as the page with it does."""
        return self.ask("POST", path, urlencode({"csrf_token": self._token, **values}))

    def close(self) -> None:
        self._connection.close()


def _token_in(page: str) -> str:
    match = re.search(r'name="csrf_token" value="([^"]+)"', page)
    if match is None:
        raise RuntimeError("the page has no form of ours")
    return match[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: Any) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up and process.is_alive():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")
