"""Takes the files of cases one by one from pages with scripts, and hands them out to those who may see them (DOC-1)."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from engine.errors import DocumentRefused
from webapp.shell import current
from webapp.shell.downloads import send_document
from webapp.shell.limits import takes_files
from webapp.work.task_files import keep_upload

bp = Blueprint("documents", __name__)


@bp.get("/documents/<int:document_id>")
def download(document_id: int) -> Response:
    """The file, as a download: a browser never renders it as a page of ours."""
    with current.transaction() as session:
        return send_document(session, document_id, by=current.actor())


@bp.post("/tasks/<int:task_id>/files")
@takes_files
def upload(task_id: int) -> tuple[Response, int]:
    """Keep one file that a script of the task's page sends while the rest of the form is still being filled in."""
    try:
        with current.transaction() as session:
            view = current.engine().open_task(session, task_id, by=current.actor())
            held = keep_upload(session, view)
    except DocumentRefused as refusal:
        return jsonify(message=refusal.message), 422
    url = f"{request.script_root}/documents/{held.id}"
    return jsonify(id=held.id, name=held.name, size=held.size, note=held.note, url=url), 201
