"""Cases: the list with its search, one case in one view, the way to its next task, printouts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

import forms
from engine import documents
from engine.actor import Actor
from engine.audit import events
from engine.bpmn.diagram import in_readers_language
from engine.contributions.printouts import Printout
from engine.errors import NotFound
from engine.identity.permissions import Departure, allowed
from engine.queries import cases, history, messages, monitor, worklist
from models.case import Case
from models.language import gettext as _
from webapp.errors import Answer, Trouble, page
from webapp.shell import current, downloads, labels, query_string
from webapp.shell.downloads import Leaving
from webapp.shell.filters import digits
from webapp.work.tasks import actions_of
from webapp.work.worklist import processes

bp = Blueprint("cases", __name__)

NEWEST_LINES = 15  # of the history, on the case's own page


@dataclass(frozen=True)
class OfferedPrintout:
    """A printout of the case, and the reason when it cannot be had yet."""

    printout: Printout
    reason: str | None


@bp.get("/cases")
def search() -> str | AnyResponse:
    arguments = query_string.read("process", "status", "q", "cursor")
    with current.transaction() as session:
        actor = current.actor()
        result = cases.cases_page(session, actor, **{"cursor": None, **arguments})  # type: ignore[arg-type]
        return render_template(
            "work/cases.html",
            page=result,
            arguments=arguments,
            processes=processes(session, actor),
            statuses=labels.STATUSES,
        )


@bp.get("/cases/<number>")
def show(number: str) -> str:
    with current.transaction() as session:
        actor = current.actor()
        case, left = cases.case_or_what_was(session, actor, number)
        if left is not None:
            return _show_left(session, case, actor, left)
        waits = cases.waits_for(session, case)
        return render_template(
            "work/case.html",
            case=case,
            sentences=cases.sentences(session, case, waits=waits),
            waits=waits,
            tasks=worklist.tasks_in_case(session, actor, case),
            actions=actions_of(session, case),
            blocks_shown=_domain_blocks(session, case, actor),
            marks=_marks(session, case),
            lines=_history(session, case),
            documents=documents.of_case(session, case, actor),
            printouts=_printouts(session, case, actor),
            messages=messages.of_case(session, actor, case),
            related=cases.related(session, actor, case),
            supervised=_supervised(session, case, actor),
            may_see_audit=allowed(actor, "see_audit"),
        )


def _show_left(session: Session, case: Case, actor: Actor, left: Departure) -> str:
    """The case for somebody who left it: what was theirs until then (INS-17)."""
    engine = current.engine()
    context = engine.briefing_context(session, case, actor, left=True)
    kept = [printout for printout in engine.printouts.of_process(case.process_key) if printout.after_leaving]
    return render_template(
        "work/left_case.html",
        case=case,
        left=left,
        blocks_shown=engine.briefings.for_case(case.process_key, context),
        lines=_history(session, case, left),
        documents=documents.own_of_case(session, case, actor.person_id),
        printouts=[printout for printout in kept if printout.unavailable(context) is None],
    )


@bp.get("/cases/<number>/history")
def show_history(number: str) -> str:
    arguments = query_string.read("cursor")
    with current.transaction() as session:
        case, left = cases.case_or_what_was(session, current.actor(), number)
        result = history.entries(session, case, cursor=arguments.get("cursor"), limit=50, left=left)
        return render_template(
            "work/history.html",
            case=case,
            left=left,
            page=result,
            lines=[(line, answers(case, line)) for line in result.items],
            arguments=arguments,
        )


@bp.get("/cases/<number>/next")
def go_on(number: str) -> str | AnyResponse:
    """To the person's next task of the case; a page that waits while the system is at work; else to the case."""
    with current.transaction() as session:
        case = cases.case_by_number(session, current.actor(), number)
        at_work = monitor.works_outside(session, case)  # read first: the query below then sees the task that it ends in
        waiting = [task for task in worklist.tasks_in_case(session, current.actor(), case) if not task.locked]
        if not waiting and at_work:
            return render_template("work/wait.html", case=case, sentences=cases.sentences(session, case))
    way = f"/tasks/{waiting[-1].id}" if waiting else f"/cases/{case.number}"
    return redirect(request.script_root + way, 303)


@bp.get("/cases/<number>/diagram.xml")
def diagram(number: str) -> Response:
    with current.transaction() as session:
        case = cases.case_by_number(session, current.actor(), number)
        xml = in_readers_language(cases.diagram(session, case).xml)
    return Response(xml, mimetype="application/xml", headers={"Content-Security-Policy": "sandbox; default-src 'none'"})


@bp.get("/cases/<number>/reports/<key>.pdf")
def print_out(number: str, key: str) -> Response | Answer:
    with current.transaction() as session:
        actor = current.actor()
        case, left = cases.case_or_what_was(session, actor, number)
        printout = current.engine().printouts.get(case.process_key, key)
        if left is not None and not printout.after_leaving:
            raise NotFound("report", key)
        context = current.engine().briefing_context(session, case, actor, left=left is not None)
        reason = printout.unavailable(context)
        if reason is not None:
            return page(Trouble(409, _("این نسخهٔ چاپی هنوز آماده نیست"), reason, case=case.number))
        pdf = printout.render(context)
        leaving = Leaving(events.DOCUMENT_DOWNLOADED, ("case", case.number), {"printout": printout.key})
        name = f"{printout.key}-{case.number}.pdf"
        return downloads.send(session, pdf, name, "application/pdf", by=actor, leaving=leaving, inline=True)


def answers(case: Case, line: history.Line) -> list[tuple[str, str]]:
    """The short answers of a completed task, in the words of its form. A task without a Python form tells none."""
    form = _form_of(case, line.entry.task_key)
    if form is None:
        return []
    fields = form.unbound()._fields
    return [
        (str(fields[name].label.text), _answer_text(fields[name], value))
        for name, value in line.values.items()
        if name in fields
    ]


def _form_of(case: Case, task_key: str) -> type[forms.TaskForm] | None:
    for process in [case.process_key, *case.definition.calls]:
        form = forms.form_for(process, task_key)
        if form is not None:
            return form
    return None


def _answer_text(field: Any, value: Any) -> str:
    if isinstance(value, bool):
        return _("بله") if value else _("خیر")
    for option in getattr(field, "options", []):
        if option.value == value:
            return str(option.label)
    return digits(value)


def _domain_blocks(session: Session, case: Case, actor: Actor) -> list[Any]:
    engine = current.engine()
    return engine.briefings.for_case(case.process_key, engine.briefing_context(session, case, actor))


def _marks(session: Session, case: Case) -> Markup:
    """What the diagram's script marks, as JSON that can stand inside a page."""
    view = cases.diagram(session, case)
    text = json.dumps({"finished": view.finished, "waiting": view.waiting})
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - JSON without a "<" ends no script element


def _history(
    session: Session, case: Case, left: Departure | None = None
) -> list[tuple[history.Line, list[tuple[str, str]]]]:
    lines = history.entries(session, case, limit=NEWEST_LINES, newest_first=True, left=left).items
    return [(line, answers(case, line)) for line in lines]


def _printouts(session: Session, case: Case, actor: Actor) -> list[OfferedPrintout]:
    engine = current.engine()
    context = engine.briefing_context(session, case, actor)
    offered = engine.printouts.of_process(case.process_key)
    return [OfferedPrintout(printout, printout.unavailable(context)) for printout in offered]


def _supervised(session: Session, case: Case, actor: Actor) -> list[tuple[Any, list[Any], bool]] | None:
    """For supervisors: each open task with the people it can be given to, and whether it has a form."""
    if not allowed(actor, "supervise"):
        return None
    engine = current.engine()
    return [
        (task, worklist.candidates(session, task), engine.has_form(session, task))
        for task in monitor.open_tasks(session, case)
    ]
