"""The files of a task's form: stores uploads, says why one is refused, lists stored files by name and size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack

from flask import request
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage, MultiDict

import forms
from engine import documents
from engine.actor import Actor
from engine.errors import DocumentRefused, NotFound
from engine.file_quotas import size_text
from engine.runtime.outcomes import TaskView
from forms.fields import DocumentsField
from forms.files import HeldFile, Placed, document_fields, too_many
from models.case import Case
from models.document import Document, FileState
from models.language import gettext as _
from webapp.shell import current
from webapp.work.task_forms import form_class

Refused = dict[str, list[str]]  # by the name of a field on the page: why which of its files were not taken


def keep_uploads(session: Session, view: TaskView) -> tuple[MultiDict[str, str], Refused]:
    """Store the files that were sent, and name their documents in the fields that they were sent for.

    Returns the names and texts to bind the form to, and what was refused. Of more files than a field holds
    none is stored: whoever sent them chooses. A file that was sent for no field is left alone.
    """
    sent: MultiDict[str, str] = MultiDict(request.form)
    refused: Refused = {}
    places = _places(view)
    held = {place.sent_as: place.field.ids for place in places}
    with ExitStack() as opened:
        for file in request.files.values():
            opened.callback(file.close)
        for place in places:
            files = [file for file in request.files.getlist(place.sent_as) if file.filename]
            several = isinstance(place.field, DocumentsField)
            number = len(files) + (len(place.field.ids) if several else 0)
            if files and number > place.field.most:
                nothing = _("هیچ‌یک از فایل‌های جدید ذخیره نشد.")
                refused[place.sent_as] = [f"{too_many(place.field, number)} {nothing}"]
                continue
            others = {document_id for name, ids in held.items() if name != place.sent_as for document_id in ids}
            stored, wrong = _store_all(session, view.case, place, files, others)
            if wrong:
                refused[place.sent_as] = wrong
            if stored:
                held[place.sent_as] = stored
                before = sent.getlist(place.sent_as) if several else []
                sent.setlist(place.sent_as, [*before, *map(str, stored)])
    return sent, refused


def keep_upload(session: Session, view: TaskView) -> HeldFile:
    """Store the one file that a script sent for the page's ``field``; other fields hold the documents ``besides``.

    Raises ``DocumentRefused``; ``NotFound`` when the form has no such field.
    """
    name, file = request.form.get("field", ""), request.files.get("file")
    place = next((place for place in _places(view, name) if place.sent_as == name), None)
    if place is None or file is None:
        raise NotFound("field of files", name[:100])
    besides = [int(text) for text in request.form.getlist("besides") if text.isdecimal() and len(text) < 19]
    with ExitStack() as opened:
        opened.callback(file.close)
        return _held(_store(session, view.case, place, file, besides))


def _places(view: TaskView, *names: str) -> list[Placed]:
    """The document fields of the form that was sent. A row may hold nothing but a file: its name counts, too."""
    sent = MultiDict(request.form)
    for name in [*request.files, *names]:
        sent.setdefault(name, "")
    return list(document_fields(form_class(view).from_request(sent, choices=view.briefing.choices)))


def _store_all(
    session: Session, case: Case, place: Placed, files: list[FileStorage], others: Collection[int]
) -> tuple[list[int], list[str]]:
    stored: list[int] = []
    wrong: list[str] = []
    for file in files:
        try:
            stored.append(_store(session, case, place, file, others).id)
        except DocumentRefused as refusal:
            wrong.append(refusal.message)
    return stored, wrong


def _store(session: Session, case: Case, place: Placed, file: FileStorage, others: Collection[int]) -> Document:
    """One file may be sent for two fields, at once or later: then it is two documents."""
    return documents.store(
        session,
        case,
        file=file.stream,
        name=file.filename or "",
        by=current.actor(),
        now=current.now(),
        folder=current.settings().files_path,
        limit=current.engine().upload_limit(session, case),
        endings=place.field.accept,
        besides=others,
        quota=current.engine().file_quota(session),
        held=current.engine().holds_uploads,
    )


def mark_refused(form: forms.TaskForm, refused: Refused, wrong: Iterable[tuple[Placed, str]] = ()) -> None:
    """Show at its field why a file was not taken; that there is none now goes without saying."""
    told = {name: list(messages) for name, messages in refused.items()}
    for place, message in wrong:
        told[place.sent_as] = list(dict.fromkeys([*told.get(place.sent_as, []), message]))
    for place in document_fields(form):
        if place.sent_as in told:
            place.field.errors = told[place.sent_as]


def wrong_documents(session: Session, case: Case, form: forms.TaskForm, by: Actor) -> Iterator[tuple[Placed, str]]:
    """Each field that names a document which is none of this case, or of a kind that is not taken there."""
    places = list(document_fields(form))
    own = _named(session, case, places, by)
    for place in places:
        types = documents.types_of(place.field.accept)
        for number in place.field.ids:
            if number not in own:
                yield place, _("این فایل از این پرونده نیست. آن را دوباره بارگذاری کنید.")
            elif own[number].media_type not in types:
                yield place, documents.wrong_kind(own[number].name, place.field.accept)


def unready_documents(session: Session, case: Case, form: forms.TaskForm, by: Actor) -> Iterator[tuple[Placed, str]]:
    """Each field with a document that the virus scanner holds. An infected one is taken out of its field.

    A draft may have them; a task is completed without.
    """
    places = list(document_fields(form))
    own = _named(session, case, places, by)
    for place in places:
        for document in [own[number] for number in place.field.ids if number in own]:
            name = document.name
            if document.state is FileState.CHECKING:
                yield place, _("فایل «%(name)s» هنوز در حال بررسی است؛ چند لحظه بعد دوباره ارسال کنید.", name=name)
            elif document.state is FileState.INFECTED:
                place.field.remove(document.id)
                yield place, _("فایل «%(name)s» آلوده بود و حذف شد. نسخهٔ سالم آن را بارگذاری کنید.", name=name)


def name_held(session: Session, case: Case, form: forms.TaskForm) -> None:
    """Let the fields show their documents by name and size; those of other cases are left out."""
    places = list(document_fields(form))
    own = _named(session, case, places, current.actor())
    for place in places:
        place.field.held = [_held(own[number]) for number in place.field.ids if number in own]


def _named(session: Session, case: Case, places: Iterable[Placed], by: Actor) -> dict[int, Document]:
    """The documents of the case that the fields name, by id, those that ``by`` may know of."""
    ids = [number for place in places for number in place.field.ids]
    return documents.of_case_by_id(session, case, ids, by)


def _held(document: Document) -> HeldFile:
    note = ""
    if document.state is FileState.CHECKING:
        note = _("در حال بررسی")
    elif document.state is FileState.INFECTED:
        note = _("آلوده بود (%(finding)s) و حذف شد", finding=document.finding)
    return HeldFile(document.id, document.name, size_text(document.size), note)


def has_files(form: forms.TaskForm) -> bool:
    """Whether the form must be sent in parts; rows may hold files though there is none yet."""
    return any(True for _place in document_fields(form, blank_rows=True))
