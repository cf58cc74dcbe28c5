"""The form of any task, bound to what a page sent: uploads kept as documents, choices that fit what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

import forms
from engine import documents
from engine.errors import DocumentRefused
from engine.views import TaskView
from forms.declared import declared_form
from forms.fields import DocumentField, RowsField
from models.case import Case
from models.language import gettext as _
from webapp import current


def form_class(view: TaskView) -> type[forms.TaskForm]:
    """The Python form of the task, else the one that its diagram declares."""
    task = view.task
    return forms.form_for(task.process_key, task.key) or declared_form(task.process_key, task.key, view.fields)


def shown_form(view: TaskView) -> forms.TaskForm:
    """The form as it is shown first: what was saved before, and over it the person's draft."""
    preset = {**view.briefing.values, **(view.draft or {})}
    return form_class(view).unbound(preset=preset, choices=view.briefing.choices)


def sent_form(session: Session, task_id: int, sent: MultiDict[str, str]) -> tuple[TaskView, forms.TaskForm]:
    """The task and its form, bound to what was sent. The briefing sees it, so that the choices fit it."""
    engine, actor = current.engine(), current.actor()
    view = engine.open_task(session, task_id, by=actor)
    cls = form_class(view)
    typed = cls.from_request(sent, choices=view.briefing.choices).draft_values
    view = engine.brief(session, view, by=actor, typed=typed)
    form = cls.from_request(sent, preset=view.briefing.values, choices=view.briefing.choices)
    return view, form


def keep_uploads(session: Session, case: Case) -> tuple[MultiDict[str, str], dict[str, str]]:
    """Store the files that were sent, and put their documents' ids in the place of the fields' old ones.

    Returns the names and texts to bind the form to, and the messages of the files that were refused.
    """
    sent: MultiDict[str, str] = MultiDict(request.form)
    refused: dict[str, str] = {}
    kept = _documents_named(sent)  # one file may be sent for two fields, at once or later: then it is two documents
    for name, file in request.files.items(multi=True):
        with closing(file):
            if not file.filename:
                continue
            try:
                document = documents.store(
                    session, case, file=file.stream, name=file.filename, by=current.actor(), now=current.now(),
                    folder=current.settings().files_path, limit=current.engine().upload_limit(session, case),
                    besides=kept,
                )  # fmt: skip
            except DocumentRefused as refusal:
                refused[name] = refusal.message
            else:
                kept.append(document.id)
                sent.setlist(name, [str(document.id)])
    return sent, refused


def _documents_named(sent: MultiDict[str, str]) -> list[int]:
    """Every number that the form holds already, the ids of its documents among them."""
    texts = (text for _name, text in sent.items(multi=True))
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19]


def mark_refused(form: forms.TaskForm, refused: dict[str, str]) -> None:
    """Show at its field why a file was not taken; that there is none now goes without saying."""
    for field in _all_fields(form):
        if field.name in refused:
            field.errors = [refused[field.name]]


def foreign_documents(session: Session, case: Case, form: forms.TaskForm) -> dict[str, str]:
    """A message for each field that names a document which is none of this case."""
    named = {f.name: f.data for f in _all_fields(form) if isinstance(f, DocumentField) and f.data is not None}
    foreign = documents.foreign(session, case, named.values())
    message = _("این فایل از این پرونده نیست. آن را دوباره بارگذاری کنید.")
    return {name: message for name, document_id in named.items() if document_id in foreign}


def has_files(form: forms.TaskForm) -> bool:
    """Whether the form must be sent in parts; rows may hold files though there is none yet."""
    return any(isinstance(field, DocumentField) for field in _all_fields(form, blank_rows=True))


def _all_fields(form: Any, *, blank_rows: bool = False) -> Iterator[Any]:
    for field in form._fields.values():
        yield field
        if isinstance(field, RowsField):
            for row in [*field.rows, *([field.blank_row()] if blank_rows else [])]:
                yield from _all_fields(row)
