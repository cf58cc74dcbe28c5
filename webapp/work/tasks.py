"""The page of every task: one view for all; tasks differ in form, briefing and, if they have one, template."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

import forms
from engine.contributions.briefings import Steps
from engine.errors import InvalidSubmission
from engine.queries import worklist
from engine.runtime.outcomes import StepResult, TaskView
from models.case import Case, Task, TaskKind
from models.language import gettext as _
from webapp.shell import current
from webapp.shell.limits import takes_files
from webapp.work.task_files import (
    Refused,
    has_files,
    keep_uploads,
    mark_refused,
    name_held,
    unready_documents,
    wrong_documents,
)
from webapp.work.task_forms import initial_form, sent_form

bp = Blueprint("tasks", __name__)

Page = tuple[str, int] | str | Response


@dataclass(frozen=True)
class Action:
    """Something else that can be done with the case: a small form in place, or a page of its own."""

    task: Task
    form: forms.TaskForm

    @property
    def inline(self) -> bool:
        return self.form.inline and not has_files(self.form)  # files want the room of a page


@bp.get("/tasks/<int:task_id>")
def show(task_id: int) -> Page:
    with current.transaction() as session:
        view = current.engine().open_task(session, task_id, by=current.actor())
        return _page(session, view, initial_form(view))


@bp.post("/tasks/<int:task_id>")
@takes_files
def submit(task_id: int) -> Page:
    """Complete the task, or keep what was typed. Files that were taken stay, also when the rest is refused."""
    sent, refused = _take_uploads(task_id)

    def answer(session: Session) -> Page | StepResult:
        view, form = sent_form(session, task_id, sent)
        action = request.form.get("_action", "complete")
        keeps = bool(form.commands) or action in ("draft", "refresh")
        wrong = [*wrong_documents(session, view.case, form, current.actor())]
        if not keeps:
            wrong += unready_documents(session, view.case, form, current.actor())
        if refused or wrong:
            form.validate()
            mark_refused(form, refused, wrong)
            return _page(session, view, form), 422
        if keeps:
            return _keep(session, task_id, form, leave=action == "draft" and not form.commands)
        return current.engine().complete_task(session, task_id, by=current.actor(), form=form)

    try:
        result = current.engine().in_transaction(answer)
    except InvalidSubmission as refusal:
        return _refused(task_id, sent, refusal)
    return _completed(result) if isinstance(result, StepResult) else result


@bp.post("/tasks/<int:task_id>/claim")
def claim(task_id: int) -> Response:
    with current.transaction() as session:
        current.engine().claim(session, task_id, by=current.actor())
    flash(
        _("این کار را به عهده گرفتید. تا آن را به گروه برنگردانید، همکارانتان نمی‌توانند آن را انجام دهند."), "success"
    )
    return redirect(f"{request.script_root}/tasks/{task_id}", 303)


@bp.post("/tasks/<int:task_id>/release")
def release(task_id: int) -> Response:
    with current.transaction() as session:
        current.engine().release(session, task_id, by=current.actor())
    flash(_("این کار به گروه برگردانده شد."), "success")
    return redirect(f"{request.script_root}/worklist", 303)


def actions_of(session: Session, case: Case, *, but: int | None = None) -> list[Action]:
    """What else the person may do with a case, each with its form."""
    actions: list[Action] = []
    for task in worklist.actions_in_case(session, current.actor(), case):
        if task.id != but and not task.locked and current.engine().has_form(session, task):
            form = initial_form(current.engine().open_task(session, task.id, by=current.actor()))
            name_held(session, case, form)
            actions.append(Action(task, form))
    return actions


def _keep(session: Session, task_id: int, form: forms.TaskForm, *, leave: bool) -> Response:
    """Keep the draft, with a row more or less if a row's button was pressed, and show the page anew."""
    form.apply_row_commands()
    current.engine().save_draft(session, task_id, by=current.actor(), values=form.draft_values)
    if leave:
        flash(_("پیش‌نویس ذخیره شد. هر وقت خواستید از کارتابل ادامه دهید."), "success")
    return redirect(f"{request.script_root}/tasks/{task_id}", 303)


def _take_uploads(task_id: int) -> tuple[MultiDict[str, str], Refused]:
    """Store the files that were sent, in a transaction of their own; see ``keep_uploads``."""
    if not request.files:
        return MultiDict(request.form), {}
    with current.transaction() as session:
        view = current.engine().open_task(session, task_id, by=current.actor())
        return keep_uploads(session, view)


def _completed(result: StepResult) -> Response:
    current.application().worker.nudge()
    for message in result.flashes:
        flash(message, "success")
    return redirect(f"{request.script_root}/cases/{result.case.number}/next", 303)


def _refused(task_id: int, sent: MultiDict[str, str], refusal: InvalidSubmission) -> Page:
    """The form as it was sent, with what is wrong at its fields. What the step had done so far is undone."""
    with current.transaction() as session:
        view, form = sent_form(session, task_id, sent)
        if form.validate():  # then it was an operation that refused
            form.add_errors(refusal.errors)
        return _page(session, view, form), 422


def _page(session: Session, view: TaskView, form: forms.TaskForm) -> str:
    task, actor = view.task, current.actor()
    name_held(session, view.case, form)
    taken = task.assignee_id is not None and task.assignee_id != actor.person_id
    return render_template(
        ["work/{}/{}.html".format(*form.registered_as), "work/task.html"],
        task=task,
        case=view.case,
        form=form,
        multipart=has_files(form),
        steps=[block for block in view.briefing.blocks if isinstance(block, Steps)],
        blocks_shown=[block for block in view.briefing.blocks if not isinstance(block, Steps)],
        draft=view.draft is not None,
        actions=actions_of(session, view.case, but=task.id),
        taken=taken,
        may_draft=task.kind is not TaskKind.ACTION,
        upload_limit=current.engine().upload_limit(session, task.case),
        may_claim=task.assignee_id is None and task.kind is not TaskKind.ACTION,
        may_release=task.claimed and task.assignee_id == actor.person_id,
    )
