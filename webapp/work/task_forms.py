"""The form of any task, bound to what a page sent, with choices that fit what was typed."""

from __future__ import annotations

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

import forms
from engine.runtime.outcomes import TaskView
from forms.declared import declared_form
from webapp.shell import current


def form_class(view: TaskView) -> type[forms.TaskForm]:
    """The Python form of the task, else the one that its diagram declares."""
    task = view.task
    return forms.form_for(task.process_key, task.key) or declared_form(task.process_key, task.key, view.fields)


def initial_form(view: TaskView) -> forms.TaskForm:
    """The form as the page first opens: the saved values, overwritten by the person's draft."""
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
