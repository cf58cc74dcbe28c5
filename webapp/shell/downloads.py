"""Handing out a document of a case: the one place at which a file leaves, for pages and for the API (DOC-1)."""

from __future__ import annotations

from flask import Response, send_file
from sqlalchemy.orm import Session

from engine import documents
from engine.actor import Actor
from webapp.shell import current


def send_document(session: Session, document_id: int, *, by: Actor) -> Response:
    """The file as an attachment: a browser saves it, never shows it as a page of ours, and keeps no copy.

    Whoever wants a log of downloads adds the line here: ``by`` is the person, ``opened.document`` the file.

    Raises
        NotFound: there is no such document, or ``by`` may not see its case.
    """
    opened = documents.open_document(session, document_id, by=by, folder=current.settings().files_path)
    response = send_file(
        opened.path.resolve(),
        mimetype=opened.document.media_type,
        as_attachment=True,
        download_name=opened.document.name,
        etag=False,
        last_modified=None,
        conditional=False,
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
