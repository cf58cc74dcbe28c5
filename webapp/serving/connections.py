"""One connection of a browser or a proxy: how long each part of a request may take, and how it ends.

The times are counted from the beginning of a part, so that a byte now and then renews nothing.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from webapp.serving.requests import Request
from webapp.shell import body_limits

HEAD_WITHIN = 10  # seconds, from the first byte of a head, or from the connection's beginning
IDLE = 30  # seconds between two requests of one connection
BODY_GRACE = 20  # seconds that every body may take,
BODY_RATE = 4_000  # bytes a second that it has to bring afterwards, on average
REPLY_WINDOW = 60  # seconds, in which a reader takes
REPLY_RATE = 500  # bytes a second on average, or is given up
LINGERS = 5  # seconds for a sender to read why its body is not taken


class _Closing:
    """A task that says ``Connection: close`` while the server stops, so that a browser opens another one."""

    def build_response_header(self) -> Any:
        if self.channel.server.stopping:  # type: ignore[attr-defined]
            self.set_close_on_finish()  # type: ignore[attr-defined]
        return super().build_response_header()  # type: ignore[misc]


class _Reply(_Closing, WSGITask):
    """The pages' answer."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[body_limits.LEFT] = self.request.unread
        return environ


class _Refusal(_Closing, ErrorTask):
    """The server's own answer to what is no request."""


class Connection(HTTPChannel):
    """A connection that is given up when a part of a request takes too long."""

    task_class = _Reply
    error_task_class = _Refusal
    close_when_flushed: bool

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.parser_class = partial(Request, self)
        self.answered = 0  # requests
        self.lingers_until: float | None = None
        self._began = time.monotonic()  # of the part under way
        self._part: tuple[str, int] = ("", 0)
        self._sent = 0  # bytes since ``_began``
        self._discards = self._last_words = False
        super().__init__(*arguments, **named)

    # In the server's loop

    def overdue(self, now: float) -> bool:
        """Whether the part of a request that is under way has taken too long. ``now``: monotonic seconds."""
        if self.lingers_until is not None:
            return now > self.lingers_until
        part = self._current_part()
        if part != self._part:
            self._part, self._began, self._sent = part, now, 0
        took = now - self._began
        match part[0]:
            case "head":
                return took > HEAD_WITHIN
            case "idle":
                return took > IDLE
            case "body":
                return took > BODY_GRACE + self.request.body_bytes_received / BODY_RATE
            case "reply" if took > REPLY_WINDOW:
                if self._sent < REPLY_WINDOW * REPLY_RATE:
                    return True
                self._began, self._sent = now, 0
        return False

    def pace(self, now: float) -> float:
        """Bytes a second of a body under way; 0 for who has not even sent a head."""
        if self._part[0] != "body":
            return 0
        return float(self.request.body_bytes_received / max(now - self._began, 1))

    @property
    def waits(self) -> bool:
        """Whether it is the other side's turn to send, so that nothing of ours is lost by giving it up."""
        return not self.requests and not self.total_outbufs_len

    @property
    def idle(self) -> bool:
        return self.waits and self.request is None

    def _current_part(self) -> tuple[str, int]:
        request = self.request  # the other thread puts None there
        if self.requests:
            return ("reply" if self.total_outbufs_len else "work"), self.answered
        if self.total_outbufs_len:
            return "reply", self.answered
        if request is not None and request.awaits_body:
            return "body", self.answered
        return ("head" if request is not None or not self.answered else "idle"), self.answered

    def readable(self) -> bool:
        return bool(self._discards and not self.will_close) or bool(super().readable())

    def handle_read(self) -> None:
        if not self._discards:
            super().handle_read()
            return
        with suppress(OSError):
            self.recv(self.adj.recv_bytes)  # at the end it closes

    def received(self, data: bytes) -> Any:
        """Take bytes; after a request that is answered without its body they are nobody's."""
        if self._discards:
            return False
        result = super().received(data)
        self._discards = any(request.unread for request in self.requests)
        return result

    def handle_write(self) -> None:
        """Send; after an answer that came before the body, wait a little, or the sender would never read it."""
        if self._discards and self.close_when_flushed:
            self.close_when_flushed, self._last_words = False, True
        super().handle_write()
        if self._last_words and self.connected and not self.total_outbufs_len:
            self._last_words = False
            self.lingers_until = time.monotonic() + LINGERS
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def send(self, *arguments: Any, **named: Any) -> int:
        sent: int = super().send(*arguments, **named)
        self._sent += sent
        return sent

    # In a thread of the pages

    def service(self) -> None:
        self.answered += 1
        super().service()
