"""Starting a case: the page with the form of the process's start event, or only a button where there is none."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

import forms
from engine.errors import InvalidSubmission
from engine.runtime.outcomes import StartView, StepResult
from forms.declared import declared_form
from webapp.shell import current

bp = Blueprint("starting", __name__)

Page = tuple[str, int] | str | Response


def form_class(view: StartView) -> type[forms.TaskForm]:
    """The Python form of the start event, else the one that its diagram declares, maybe without any field."""
    return forms.form_for(view.process_key, view.key) or declared_form(view.process_key, view.key, view.fields)


@bp.get("/start/<process>")
def show(process: str) -> Page:
    with current.transaction() as session:
        view = current.engine().start_view(session, process, by=current.actor())
    return _page(view, form_class(view).unbound(preset=_given(form_class(view))))


@bp.post("/start/<process>")
def start(process: str) -> Page:
    with current.transaction() as session:
        view = current.engine().start_view(session, process, by=current.actor())
    form = form_class(view).from_request(request.form)
    if form.commands or request.form.get("_action") == "refresh":
        form.apply_row_commands()
        return _page(view, form_class(view).unbound(preset=form.draft_values))

    def begin(session: Session) -> StepResult:
        return current.engine().start_case(session, process, by=current.actor(), form=form)

    try:
        result = current.engine().in_transaction(begin)
    except InvalidSubmission as refusal:
        if form.validate():  # then it was an operation that refused
            form.add_errors(refusal.errors)
        return _page(view, form), 422
    current.application().worker.nudge()
    for message in result.flashes:
        flash(message, "success")
    return redirect(f"{request.script_root}/cases/{result.case.number}/next", 303)


def _given(cls: type[forms.TaskForm]) -> dict[str, object]:
    """The form's fields that the address presets, by name; wrong values are reported when the form is sent."""
    given: MultiDict[str, str] = MultiDict(request.args)
    return {name: value for name, value in cls.from_request(given).draft_values.items() if name in given}


def _page(view: StartView, form: forms.TaskForm) -> str:
    return render_template(
        [f"work/{view.process_key}/start.html", "work/start.html"],
        process_key=view.process_key,
        process_name=view.name,
        form=form,
    )
