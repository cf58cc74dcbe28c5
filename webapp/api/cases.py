"""Processes and cases: which there are, starting one, finding one, its history."""

from __future__ import annotations

from flask import Response
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.errors import InvalidSubmission, Refusal
from engine.paging import MAX_ROWS
from engine.queries import cases, history
from engine.versions import newest_processes
from models.language import gettext as _
from models.language import stored
from webapp.api.blueprint import bp
from webapp.api.calls import Json, answer, api_call, argument, body, cursor, limit, text_of, values_of
from webapp.api.shapes import case_json, left_case_json, line_json, step_json
from webapp.shell import current
from webapp.work.starting import form_class


@bp.get("/v1/processes")
@api_call
def processes(session: Session, actor: Actor) -> Response:
    """The newest version of every process that is offered or has cases, and whether the caller may start one."""
    found = newest_processes(session)
    offers, keys = current.engine().offers, [definition.key for definition in found]
    offered, in_use = offers.offered(session, keys), offers.in_use(session, keys)
    return answer(
        [
            {
                "key": definition.key,
                "name": stored(definition.name),
                "version": definition.version,
                "offered": definition.key in offered,
                **_starting(session, actor, definition.key),
            }
            for definition in found
            if definition.key in in_use
        ]
    )


def _starting(session: Session, actor: Actor, key: str) -> dict[str, Json]:
    may = current.engine().may_start(session, key, actor)
    form = form_class(current.engine().start_view(session, key, by=actor)).json_schema() if may else None
    return {"may_start": may, "form": form}


@bp.post("/v1/cases")
@api_call
def start_case(session: Session, actor: Actor) -> Response:
    """Start a case of the newest version of a process, with the values of its start event's form."""
    sent = body()
    key, values = text_of(sent, "process"), values_of(sent)
    if not key:
        raise InvalidSubmission({"process": [_("%(field)s را وارد کنید.", field="process")]})
    form = form_class(current.engine().start_view(session, key, by=actor)).from_values(values)
    try:
        step = current.engine().start_case(session, key, by=actor, form=form)
    except Refusal as refusal:
        form.add_errors(refusal.errors)  # an operation counts filled rows only; the caller counts all of them
        raise InvalidSubmission(form.error_map) from refusal
    return answer(step_json(session, actor, step), 201)


@bp.get("/v1/cases")
@api_call
def list_cases(session: Session, actor: Actor) -> Response:
    """The cases that the caller may see, newest first."""
    page = cases.cases_page(
        session,
        actor,
        process=argument("process"),
        status=argument("status"),
        q=argument("q"),
        cursor=cursor(),
        limit=limit(),
    )
    return answer({"items": [case_json(session, actor, case) for case in page.items], "next": page.next})


@bp.get("/v1/cases/<number>")
@api_call
def show_case(session: Session, actor: Actor, number: str) -> Response:
    """One case. The number may be typed in any digits, with or without its dashes."""
    case, left = cases.case_or_what_was(session, actor, number)
    return answer(case_json(session, actor, case) if left is None else left_case_json(case, left))


@bp.get("/v1/cases/<number>/history")
@api_call
def show_history(session: Session, actor: Actor, number: str) -> Response:
    """All that happened in a case, oldest first."""
    case, left = cases.case_or_what_was(session, actor, number)
    lines: list[Json] = []
    place: str | None = None
    while True:
        page = history.entries(session, case, cursor=place, limit=MAX_ROWS, left=left)
        lines += [line_json(line) for line in page.items]
        place = page.next
        if place is None:
            return answer(lines)
