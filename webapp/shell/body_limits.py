"""How much a request may bring, decided by its head, before the server takes the body.

What a view takes beyond that is its own matter (``MAX_CONTENT_LENGTH`` and the limits of forms in ``security``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, Request

from webapp.shell import current

LARGEST = 122_000_000  # bytes: without scripts a page sends all files of a form at once
LEFT = "kartabl.body_left"  # in the environment of a request: the server has not taken its body
OF_STRANGERS = 1_000_000  # bytes: no page before signing in takes a file


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
