"""Documents: a file is uploaded to a case first; its id is then the value of a form's field."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.orm import Session

import forms
from engine import documents
from engine.actor import Actor
from engine.errors import InvalidSubmission, NotAllowed
from engine.queries import cases, worklist
from models.case import Case
from models.language import gettext as _
from webapp.api.blueprint import bp
from webapp.api.calls import answer, api_call
from webapp.api.shapes import document_json
from webapp.shell import current
from webapp.shell.downloads import send_document
from webapp.shell.limits import takes_files
from webapp.work.task_files import unready_documents, wrong_documents


@bp.post("/v1/documents")
@api_call
@takes_files
def upload(session: Session, actor: Actor) -> Response:
    """Upload ``file`` to the case numbered ``case``, for whoever has something to do in it.

    Each call makes a document, also of the same file: a program may want it for two fields. A program that does not
    know whether its call arrived repeats it with the same ``Idempotency-Key``, and gets the same document.
    """
    file = request.files.get("file")
    number = request.form.get("case", "")
    missing = {
        name: [_("%(field)s را وارد کنید.", field=name)]
        for name, given in (("file", file), ("case", number))
        if not given
    }
    if missing or file is None:
        raise InvalidSubmission(missing)
    case = cases.case_by_number(session, actor, number)
    if not (worklist.tasks_in_case(session, actor, case) or worklist.actions_in_case(session, actor, case)):
        raise NotAllowed(actor.username, "add a document")
    engine = current.engine()
    document = documents.store(
        session,
        case,
        file=file,  # type: ignore[arg-type]
        name=file.filename or "",
        by=actor,
        now=current.now(),
        folder=engine.services.settings.files_path,
        limit=engine.upload_limit(session, case),
        anew=True,
        quota=engine.file_quota(session),
        held=engine.holds_uploads,
    )
    return answer(document_json(document), 201)


@bp.get("/v1/documents/<int:document_id>")
@api_call
def download(session: Session, actor: Actor, document_id: int) -> Response:
    """The file itself, as an attachment: a browser never renders an upload as a page."""
    return send_document(session, document_id, by=actor)


def refuse_wrong(session: Session, case: Case, form: forms.TaskForm, by: Actor) -> None:
    """Raise ``InvalidSubmission`` when a field names a document that is none of the case, of a wrong kind, or held."""
    wrong: dict[str, list[str]] = {}
    found = (*wrong_documents(session, case, form, by), *unready_documents(session, case, form, by))
    for place, message in found:
        wrong[place.path] = list(dict.fromkeys([*wrong.get(place.path, []), message]))
    if wrong:
        raise InvalidSubmission(wrong)
