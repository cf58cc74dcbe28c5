"""Processes and cases: which there are, starting one, finding one, its history."""

from __future__ import annotations

from flask import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import forms
from engine import cases, history
from engine.errors import InvalidSubmission, NotFound
from engine.identity import Actor
from engine.paging import MOST
from forms.rows import flatten
from models.definition import ProcessDefinition
from models.language import gettext as _
from webapp import current
from webapp.api.blueprint import bp
from webapp.api.calls import Json, answer, api_call, argument, body, cursor, limit, text_of, values_of
from webapp.api.shapes import case_json, line_json, step_json


@bp.get("/v1/processes")
@api_call
def processes(session: Session, actor: Actor) -> Response:
    """The newest version of every process, and whether the caller may start one."""
    newest = select(func.max(ProcessDefinition.id)).group_by(ProcessDefinition.key)
    found = session.scalars(
        select(ProcessDefinition).where(ProcessDefinition.id.in_(newest)).order_by(ProcessDefinition.key)
    )
    return answer([
        {
            "key": definition.key,
            "name": _(definition.name),
            "version": definition.version,
            "may_start": current.engine().may_start(session, definition.key, actor),
        }
        for definition in found
    ])  # fmt: skip


@bp.post("/v1/cases")
@api_call
def start_case(session: Session, actor: Actor) -> Response:
    """Start a case of the newest version of a process."""
    sent = body()
    key, values = text_of(sent, "process"), values_of(sent)
    if not key:
        raise InvalidSubmission({"process": [_("این را پر کنید.")]})
    data = _starting_values(session, actor, key, values)
    step = current.engine().start_case(session, key, by=actor, data=data)
    return answer(step_json(session, actor, step), 201)


def _starting_values(session: Session, actor: Actor, key: str, values: dict[str, Json]) -> dict[str, Json]:
    """The accepted values of the start event's form. A process without one takes none: they would be case data."""
    if not current.engine().may_start(session, key, actor):
        raise NotFound("process", key)
    start = current.engine().definitions.newest(session, key).diagrams[key].start
    form_class = forms.form_for(key, start.id)
    if form_class is None:
        _nothing, errors = flatten(forms.TaskForm.unbound(), values)
        if errors:
            raise InvalidSubmission({f"values.{name}": messages for name, messages in errors.items()})
        return {}
    form = form_class.from_values(values)
    if not form.validate():
        raise InvalidSubmission(form.error_map)
    return form.submission


@bp.get("/v1/cases")
@api_call
def list_cases(session: Session, actor: Actor) -> Response:
    """The cases that the caller may see, newest first."""
    page = cases.cases_page(
        session, actor, process=argument("process"), status=argument("status"), q=argument("q"), cursor=cursor(),
        limit=limit(),
    )  # fmt: skip
    return answer({"items": [case_json(session, actor, case) for case in page.items], "next": page.next})


@bp.get("/v1/cases/<number>")
@api_call
def show_case(session: Session, actor: Actor, number: str) -> Response:
    """One case. The number may be typed in any digits, with or without its dashes."""
    return answer(case_json(session, actor, cases.case_by_number(session, actor, number)))


@bp.get("/v1/cases/<number>/history")
@api_call
def show_history(session: Session, actor: Actor, number: str) -> Response:
    """All that happened in a case, oldest first."""
    case = cases.case_by_number(session, actor, number)
    lines: list[Json] = []
    place: str | None = None
    while True:
        page = history.entries(session, case, cursor=place, limit=MOST)
        lines += [line_json(line) for line in page.items]
        place = page.next
        if place is None:
            return answer(lines)
