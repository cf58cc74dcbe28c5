"""Hands out the files of cases to those who may see them (DOC-1)."""

from __future__ import annotations

from flask import Blueprint, Response, send_file

from engine import documents
from webapp import current

bp = Blueprint("documents", __name__)


@bp.get("/documents/<int:document_id>")
def download(document_id: int) -> Response:
    """The file, to be saved and never shown as a page of ours."""
    with current.transaction() as session:
        opened = documents.open_document(session, document_id, by=current.actor(), folder=current.settings().files_path)
    response = send_file(
        opened.path.resolve(), mimetype=opened.document.media_type, as_attachment=True,
        download_name=opened.document.name, etag=False, last_modified=None, conditional=False,
    )  # fmt: skip
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    return response
