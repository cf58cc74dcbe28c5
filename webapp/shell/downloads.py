"""Hands out files: the one door for every file that leaves, uploaded or made, from pages and from the API (DOC-1)."""

from __future__ import annotations

import io
import logging
from pathlib import Path

from flask import Response, send_file
from sqlalchemy.orm import Session

from engine import documents
from engine.actor import Actor
from webapp.shell import current

log = logging.getLogger(__name__)


def send(content: bytes | Path, name: str, media_type: str, *, by: Actor, inline: bool = False) -> Response:
    """A file for ``by``; no browser keeps a copy. ``content``: its bytes, or the path of a stored file.

    ``inline``: the browser may show it, such as a PDF of ours; else it saves it and never renders it as a page of ours.
    """
    _record(name, media_type, by=by)
    response = send_file(
        content.resolve() if isinstance(content, Path) else io.BytesIO(content),
        mimetype=media_type,
        as_attachment=not inline,
        download_name=name,
        max_age=0,
        etag=False,
        last_modified=None,
        conditional=False,
    )
    if not inline:  # browsers show no PDF in a sandbox
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def send_document(session: Session, document_id: int, *, by: Actor) -> Response:
    """An uploaded file as an attachment.

    Raises
        NotFound: there is no such document, or ``by`` may not see its case.
    """
    opened = documents.open_document(session, document_id, by=by, folder=current.settings().files_path)
    return send(opened.path, opened.document.name, opened.document.media_type, by=by)


def _record(name: str, media_type: str, *, by: Actor) -> None:
    """Called once for each file that leaves. A log of downloads, in a table or elsewhere, is written here."""
    log.debug("%s downloads %s (%s)", by.username, name, media_type)
