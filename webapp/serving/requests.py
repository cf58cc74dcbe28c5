"""Reads one request off a connection: strictly, so that a proxy and we never disagree where it ends.

What waitress forgives is refused here: it matters little for one server alone, and lets a second request be smuggled
past a proxy that reads it another way. A body that is too large is never taken: the pages get the request without
it, and answer with their own page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import Error

if TYPE_CHECKING:
    from webapp.serving.connections import Connection

HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
FOLDED = re.compile(rb"\r\n[ \t]")
VERSIONS = ("1.0", "1.1")

# The most bytes of a body: of the path and the headers (upper case, dashes as underscores).
BodyLimit = Callable[[str, dict[str, str]], int]


class LengthRequired(Error):
    """A body in chunks. No browser sends one, and its end is what a smuggled request hides behind."""

    code = 411
    reason = "Length Required"


class Busy(Error):
    """The bodies under way are as large as all of them together may be."""

    code = 503
    reason = "Service Unavailable"


class Request(HTTPRequestParser):
    """One request. ``unread``: it is answered without its body, and nothing after it is a request."""

    unread = False
    chunked: bool
    content_length: int
    body_rcv: Any

    def __init__(self, connection: Connection, adjustments: Any) -> None:
        super().__init__(adjustments)
        self._server = connection.server

    def received(self, data: bytes) -> int:
        """Take bytes of the connection; returns how many were its own."""
        taken: int = super().received(data)
        if self.error is not None:
            self._leave_body()
        return len(data) if self.unread else taken

    @property
    def awaits_body(self) -> bool:
        return self.headers_finished and not self.completed

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head. Raises ParsingError where its end, its body or its host could be read in two ways."""
        if FOLDED.search(header_plus):
            raise ParsingError("Folded header")
        super().parse_header(header_plus)
        if self.version not in VERSIONS:
            raise ParsingError("HTTP version is not supported")
        if self.chunked or "TRANSFER_ENCODING" in self.headers:
            self.error = LengthRequired("Send the body with its Content-Length.")
            return
        host = self.headers.get("HOST")
        if self.version == "1.1" and host is None:
            raise ParsingError("Host is missing")
        if host is not None and not HOST.fullmatch(host):
            raise ParsingError("Host is invalid")
        if self.content_length > self._server.body_limit(self.path, self.headers):
            self._leave_body()
        elif self.content_length and not self._server.has_room:
            self.error = Busy("Too many uploads at once.")

    def _leave_body(self) -> None:
        """Answer without the body, and end the connection with the answer."""
        if self.body_rcv is not None:
            self.body_rcv.getbuf().close()
        self.body_rcv, self.chunked, self.content_length = None, False, 0
        self.headers["CONNECTION"] = "close"
        self.expect_continue = False
        self.completed = self.unread = True
