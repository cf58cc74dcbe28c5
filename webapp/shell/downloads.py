"""Hands out files: the one door for every file that leaves, uploaded or made, from pages and from the API (DOC-1).

Each one is in the audit log: who took it, and of what; not its name, which may tell of people.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Response, send_file
from sqlalchemy.orm import Session

from engine import documents
from engine.actor import Actor
from engine.audit import events, trail
from models.case import Case
from webapp.shell import current


@dataclass(frozen=True)
class Leaving:
    """What the audit log says of a file: the event, what it was a file of, and which one."""

    event: str
    subject: tuple[str, str]
    which: Mapping[str, Any] = field(default_factory=dict)


def send(
    session: Session,
    content: bytes | Path,
    name: str,
    media_type: str,
    *,
    by: Actor,
    leaving: Leaving,
    inline: bool = False,
) -> Response:
    """A file for ``by``; no browser keeps a copy. ``content``: its bytes, or the path of a stored file.

    ``inline``: the browser may show it, such as a PDF of ours; else it saves it and never renders it as a page of ours.
    """
    _record(session, leaving, media_type, by=by)
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
    document = opened.document
    case = session.get_one(Case, document.case_id)
    leaving = Leaving(events.DOCUMENT_DOWNLOADED, ("case", case.number), {"document": document.id})
    return send(session, opened.path, document.name, document.media_type, by=by, leaving=leaving)


def _record(session: Session, leaving: Leaving, media_type: str, *, by: Actor) -> None:
    """Called once for each file that leaves."""
    after = {**leaving.which, "type": media_type}
    trail.record(session, leaving.event, by, subject=leaving.subject, after=after)
