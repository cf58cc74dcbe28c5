"""One line of the server's log for each request, and the request's id, by which a caller can tell it to the office.

The line has no query, no name and no token: method, path, status, milliseconds, the request's id, the person's id and
the network address. The audit log says what was done; this says what was asked.
"""

from __future__ import annotations

import logging
import re
import secrets
import time

from flask import Flask, Response, g, request

from webapp.shell import current

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
LONGEST_PATH = 300  # characters
QUIET = frozenset({"static", "health.live", "health.ready", "script_texts.script_texts"})  # only with DEBUG
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")  # the id that a proxy gave; any other one is replaced
_UNSEEN = re.compile(r"[^\x21-\x7e\u0600-\u06ff]")


def add_access_log(app: Flask) -> None:
    """Number each request and write its line. Added before all other guards, so that refused ones have a line too."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The id of this request: the proxy's, or one that is made at the first call."""
    if "request_id" not in g:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
    of_request: str = g.request_id
    return of_request


def note_refusal(what: str) -> None:
    """Write a line of its own for a request that was refused for what its sender may not do, or did not send."""
    log.warning(
        "%s %s refused request=%s person=%s from=%s: %s",
        request.method,
        _UNSEEN.sub("?", request.path)[:LONGEST_PATH],
        request_id(),
        g.get("actor_id") or "-",
        current.address() or "-",
        _UNSEEN.sub("_", what)[:100],
    )


def _begin() -> None:
    g.began = time.monotonic()


def _end(response: Response) -> Response:
    response.headers[HEADER] = request_id()
    took = time.monotonic() - g.get("began", time.monotonic())
    log.log(
        logging.DEBUG if request.endpoint in QUIET else logging.INFO,
        "%s %s %s %dms request=%s person=%s from=%s",
        request.method,
        _UNSEEN.sub("?", request.path)[:LONGEST_PATH],
        response.status_code,
        round(took * 1000),
        request_id(),
        g.get("actor_id") or "-",
        current.address() or "-",
    )
    return response
