"""How much a request may bring, decided by its head, before the server takes the body.

What a view takes of that is its own matter (``webapp/shell/request.py``); the numbers are in ``limits``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, Request

from webapp.shell import current, limits

LARGEST = limits.MAX_UPLOAD
LEFT = "kartabl.body_left"  # in the environment of a request: the server has not taken its body
OF_STRANGERS = limits.MAX_ANONYMOUS_BODY


def of(app: Flask) -> Callable[[str, Mapping[str, str]], int]:
    """The limit of a request in bytes, by its path and its headers (upper case, dashes as underscores).

    Only whoever has a signed cookie of a session, or calls the API with a token, may send much. Nobody is looked up
    here; the views do that.
    """

    def limit(path: str, headers: Mapping[str, str]) -> int:
        if path.startswith("/api/") and headers.get("AUTHORIZATION", "").lower().startswith("bearer "):
            return LARGEST
        request = Request({"HTTP_COOKIE": headers.get("COOKIE", "")})
        signed = app.session_interface.open_session(app, request)
        return LARGEST if signed and current.TOKEN in signed else OF_STRANGERS

    return limit
