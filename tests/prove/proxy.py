"""A small proxy between the application and PostgreSQL that can do what networks do; and a server that stops."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from tests import databases

PIECE = 65_536
DURABLE = ["max_connections=50"]  # and everything as it is by default: what is committed stays


class Proxy:
    """Listens on a port of this machine and passes everything on, unless told to misbehave.

    ``mode``: ``pass``, ``refuse`` (connections are reset at once), ``hang`` (taken, never answered),
    ``cut`` (each connection is cut after some bytes of answers). ``delay`` in seconds for each piece.
    """

    def __init__(self, server_url: str) -> None:
        self._target = make_url(server_url)
        self.mode, self.delay, self.cut_after = "pass", 0.0, 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        through = self._target.set(host="127.0.0.1", port=self.port, query={})
        return through.render_as_string(hide_password=False)

    def reset(self) -> None:
        """Reset every connection that is open now."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for one in pair:
                _reset(one)

    def close(self) -> None:
        self._listening.close()
        self.reset()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _address = self._listening.accept()
                if self.mode == "refuse":
                    _reset(client)
                    continue
                try:
                    server = self._connect()
                except OSError:
                    _reset(client)
                    continue
                self._pairs.append((client, server))
                for source, target, answers in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=(source, target, answers), daemon=True).start()

    def _connect(self) -> socket.socket:
        folder = self._target.query.get("host")
        if not folder:
            return socket.create_connection((self._target.host or "127.0.0.1", self._target.port or 5432), timeout=5)
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{folder}/.s.PGSQL.{self._target.port or 5432}")
        return server

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                while self.mode == "hang":
                    time.sleep(0.05)
                time.sleep(self.delay)
                passed += len(piece)
                if answers and self.mode == "cut" and passed > self.cut_after:
                    target.sendall(piece[: self.cut_after % len(piece)])
                    break
                target.sendall(piece)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


class PrivateServer:
    """A PostgreSQL server of this proof alone, which can be stopped and started."""

    def __init__(self) -> None:
        self.url = databases.start_server(DURABLE)
        self._home = Path(str(make_url(self.url).query["host"]))
        self._command = shlex.split((self._home / "data" / "postmaster.opts").read_text())

    def stop(self) -> None:
        """At once, as when the machine loses its power: the next start recovers."""
        pid = int((self._home / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        while _lives(pid):
            time.sleep(0.05)

    def start(self) -> None:
        options: dict[str, Any] = databases._other_user(self._home)
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._home,
                start_new_session=True,
                **options,
            )
        databases._wait_for(self._process, make_url(self.url), self._home / "log")

    def close(self) -> None:
        if hasattr(self, "_process"):
            databases._stop(self._process)


def _lives(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
