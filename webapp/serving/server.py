"""Builds the server of an installation: the same one for ``kartabl run``, for tests and for measurements."""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
import time
from contextlib import suppress

from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from webapp.serving.connections import Connection
from webapp.shell import body_limits

MOST_CONNECTIONS = 1_000
OWN_FILES = 100  # that a process may need besides: database, diagrams, logs, uploads
BODIES = 2_000_000_000  # bytes of all requests under way together
HEAD = 32_000  # bytes of a request's first line and headers
BACKLOG = 1_024
FIRST_HANDED_DOWN = 3  # the number of systemd's first socket
LOOK_EVERY = 1  # seconds
STOP_WITHIN = 30  # seconds that requests under way have to end
QUIET = 1.0  # seconds: a connection on which nothing comes meanwhile is closed by a server that stops

log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; whoever comes before the server runs waits. Raises OSError."""
    [(family, *_rest, address), *_others] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def handed_down() -> socket.socket | None:
    """The socket that systemd holds for us (``kartabl.socket``): who comes during a restart waits in it."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not os.environ.get("LISTEN_FDS", "0").isdecimal():
        return None
    return socket.socket(fileno=FIRST_HANDED_DOWN) if int(os.environ["LISTEN_FDS"]) == 1 else None


def tell_ready() -> None:
    """Tell systemd that requests are answered from now on (``Type=notify``), if it is systemd that started us."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(b"READY=1", f"\0{where[1:]}" if where.startswith("@") else where)


def create_server(app: Flask, listening: socket.socket, *, threads: int) -> Server:
    """The server of these pages on a socket of ``listen``."""
    return Server(app, listening, threads=threads)


class Server(TcpWSGIServer):
    """Takes connections in one loop and whole requests in threads, until ``stop``."""

    channel_class = Connection

    def __init__(self, app: Flask, listening: socket.socket, *, threads: int) -> None:
        self.body_limit = body_limits.of(app)
        self.stopping = False
        self._trigger_is_open = threading.RLock()  # a signal may come while it is held
        self._most = _most_connections()
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        super().__init__(
            app,
            _sock=listening,
            bind_socket=False,
            dispatcher=dispatcher,
            adj=Adjustments(
                sockets=[listening],
                threads=threads,
                ident=None,
                backlog=BACKLOG,
                max_request_header_size=HEAD,
                max_request_body_size=body_limits.LARGEST + 1,  # the server's own check; ours comes before it
                clear_untrusted_proxy_headers=False,  # webapp/shell/forwarded.py does
                asyncore_use_poll=True,
            ),
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
        )

    def run(self) -> None:
        """Serve until ``stop``, and then until what is under way has ended. Blocks."""
        next_look, give_up, stopped_at = 0.0, float("inf"), 0.0
        while self.active_channels or not self.stopping:
            wasyncore.loop(timeout=LOOK_EVERY if not self.stopping else 0.1, use_poll=True, map=self._map, count=1)
            now = time.monotonic()
            if self.stopping and not stopped_at:
                self._stop_listening()
                stopped_at, give_up = now, now + STOP_WITHIN
            if now >= next_look or self.stopping:
                self._look_through(now, stopping=self.stopping and now > stopped_at + QUIET)
                next_look = now + LOOK_EVERY
            if now > give_up:
                log.warning("%d connections were cut off by the stop", len(self.active_channels))
                break
        self.task_dispatcher.shutdown()
        with self._trigger_is_open:
            wasyncore.close_all(self._map)

    def stop(self) -> None:
        """Take no more connections, finish what is under way, and leave ``run``. From any thread or signal."""
        self.stopping = True
        with self._trigger_is_open:
            if self._map:
                self.pull_trigger()

    @property
    def has_room(self) -> bool:
        """Whether all bodies that are under way or announced may come together."""
        under_way = sum(
            request.content_length
            for connection in list(self.active_channels.values())
            for request in (*connection.requests, connection.request)
            if request is not None
        )
        return under_way <= BODIES

    def readable(self) -> bool:
        return bool(self.accepting) and (len(self.active_channels) < self._most or self._slowest() is not None)

    def handle_accept(self) -> None:
        """Take a connection. With all places taken, whoever has brought least for longest gives way."""
        if len(self.active_channels) >= self._most:
            slowest = self._slowest()
            if slowest is None:
                return
            slowest.handle_close()
        super().handle_accept()

    def _slowest(self) -> Connection | None:
        now = time.monotonic()
        waiting = [connection for connection in self.active_channels.values() if connection.waits]
        return min(waiting, key=lambda one: (one.pace(now), one.creation_time), default=None)

    def _look_through(self, now: float, *, stopping: bool) -> None:
        for connection in list(self.active_channels.values()):
            if connection.overdue(now) or (stopping and connection.idle):
                connection.handle_close()

    def _stop_listening(self) -> None:
        """Take who has come already, then no more."""
        self.socket.setblocking(False)
        for _one in range(BACKLOG):
            before = len(self.active_channels)
            self.handle_accept()
            if len(self.active_channels) == before:
                break
        self.accepting = False
        self.del_channel()
        self.socket.close()


def _most_connections() -> int:
    """As many as the limit of open files leaves room for, which is raised as far as it may be."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = MOST_CONNECTIONS + OWN_FILES
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * enough, hard) if hard > 0 else 4 * enough, hard))
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MOST_CONNECTIONS, max(soft - OWN_FILES, OWN_FILES)) if soft > 0 else MOST_CONNECTIONS
