"""Tasks: the worklist, one task with its form, draft, claim, release, complete."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from sqlalchemy.orm import Session

import forms
from engine.actor import Actor
from engine.contributions.briefings import Link, Notice
from engine.errors import InvalidSubmission, Refusal
from engine.queries import actions, worklist
from models.case import Task
from webapp.api.blueprint import bp
from webapp.api.calls import Json, answer, api_call, argument, body, cursor, flag, limit, values_of
from webapp.api.documents import refuse_wrong
from webapp.api.shapes import step_json, task_json
from webapp.shell import current
from webapp.work.task_forms import form_class, initial_form

TASK = "/v1/tasks/<int:task_id>"


@bp.get("/v1/tasks")
@api_call
def list_tasks(session: Session, actor: Actor) -> Response:
    """The caller's worklist: what waits for them (``mine``) and for their groups (``group``); both by default."""
    mine, group = flag("mine"), flag("group")
    page = worklist.tasks_page(  # asking for one of the two leaves the other out
        session,
        actor,
        mine=not group if mine is None else mine,
        group=not mine if group is None else group,
        process=argument("process"),
        q=argument("q"),
        sort=argument("sort"),
        cursor=cursor(),
        limit=limit(),
    )
    return answer({"items": [task_json(actor, task) for task in page.items], "next": page.next})


@bp.get("/v1/actions")
@api_call
def list_actions(session: Session, actor: Actor) -> Response:
    """What the caller may do with cases besides the tasks that wait; completed like a task."""
    page = actions.actions_page(
        session,
        actor,
        process=argument("process"),
        action=argument("action"),
        q=argument("q"),
        cursor=cursor(),
        limit=limit(),
    )
    return answer({"items": [task_json(actor, task) for task in page.items], "next": page.next})


@bp.get(TASK)
@api_call
def show_task(session: Session, actor: Actor, task_id: int) -> Response:
    """A task with its form (JSON Schema) and its values: the draft, else what was saved before."""
    view = current.engine().open_task(session, task_id, by=actor)
    form, choices = initial_form(view), view.briefing.choices
    return answer(
        {
            **task_json(actor, view.task),
            "form": form_class(view).json_schema(choices),
            "values": form.draft_values,
            "draft": view.draft is not None,
            "notices": [{"kind": b.tone, "text": str(b.text)} for b in view.briefing.blocks if isinstance(b, Notice)],
            "links": [{"label": str(b.label), "url": b.url} for b in view.briefing.blocks if isinstance(b, Link)],
        }
    )


@bp.put(f"{TASK}/draft")
@api_call
def save_draft(session: Session, actor: Actor, task_id: int) -> Response:
    """Keep values unchecked, for later. Names that are no fields of the form are left out."""
    values = values_of(body())
    view = current.engine().open_task(session, task_id, by=actor)
    form = form_class(view).from_values(values, choices=view.briefing.choices)
    current.engine().save_draft(session, task_id, by=actor, values=form.draft_values)
    return Response(status=204)


@bp.post(f"{TASK}/claim")
@api_call
def claim(session: Session, actor: Actor, task_id: int) -> Response:
    """Take a task of the group for oneself."""
    return _changed(session, actor, current.engine().claim, task_id)


@bp.post(f"{TASK}/release")
@api_call
def release(session: Session, actor: Actor, task_id: int) -> Response:
    """Give a claimed task back to the group."""
    return _changed(session, actor, current.engine().release, task_id)


def _changed(session: Session, actor: Actor, change: Callable[..., Task], task_id: int) -> Response:
    task = change(session, task_id, by=actor)
    session.flush()
    session.refresh(task)
    return answer(task_json(actor, task))


@bp.post(f"{TASK}/complete")
@api_call
def complete(session: Session, actor: Actor, task_id: int) -> Response:
    """Complete a task with the values of its form; the engine validates them under the case's lock."""
    values = values_of(body())
    form = _bound_form(session, actor, task_id, values)
    try:
        step = current.engine().complete_task(session, task_id, by=actor, form=form)
    except Refusal as refusal:
        form.add_errors(refusal.errors)  # an operation counts filled rows only; the caller counts all of them
        raise InvalidSubmission(form.error_map) from refusal
    return answer(step_json(session, actor, step))


def _bound_form(session: Session, actor: Actor, task_id: int, values: dict[str, Json]) -> forms.TaskForm:
    """The task's form, bound to JSON values, with the choices that these values make possible."""
    engine = current.engine()
    view = engine.open_task(session, task_id, by=actor)
    # The briefing looks at what was typed as a page's draft has it, and never at whatever JSON was sent.
    typed = form_class(view).from_values(values, choices=view.briefing.choices).draft_values
    view = engine.brief(session, view, by=actor, typed=typed)
    form = form_class(view).from_values(values, preset=view.briefing.values, choices=view.briefing.choices)
    refuse_wrong(session, view.case, form, actor)
    return form
