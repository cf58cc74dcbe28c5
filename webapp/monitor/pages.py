"""For supervisors: how the processes stand, incidents, and what they may do with a case."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission
from engine.identity.permissions import demand
from engine.queries import cases, monitor
from models.digits import clean
from models.language import gettext as _
from webapp.office import clock
from webapp.shell import current, labels, query_string
from webapp.shell.filters import moment
from webapp.shell.request import row_id

bp = Blueprint("monitor", __name__)

REASON_LENGTH = 500


@bp.get("/monitor")
def show() -> str:
    return _figures(clock.control())


def _figures(control: dict[str, Any] | None) -> str:
    """The figures, and where the clock can be moved its ``control``."""
    with current.transaction() as session:
        figures = monitor.figures(session, current.actor(), now=current.now())
        incompatible = current.application().compatibility.findings(session)
        late_file = monitor.late_file(session, now=current.now())
    scanner = current.application().scanner
    return render_template(
        "monitor/show.html",
        figures=figures,
        incompatible=incompatible,
        late_file=late_file,
        scanner=scanner is not None,
        scanner_silent=scanner is not None and not scanner.answers(),
        most=monitor.MAX_COUNT,
        statuses=labels.STATUSES,
        control=control,
    )


@bp.post("/monitor/clock")
def advance_clock() -> tuple[str, int] | Response:
    """Put the clock of a demonstration ahead; what becomes due by that happens at once."""
    typed = {"amount": clean(request.form.get("amount", ""))[:20], "unit": request.form.get("unit", "")}
    try:
        now = clock.advance(typed)
    except InvalidSubmission as refused:
        errors = [text for texts in refused.errors.values() for text in texts]
        return _figures(clock.control(typed, errors=errors)), 422
    current.application().worker.nudge()
    flash(_("ساعت جلو رفت: اکنون %(moment)s است.", moment=moment(now)), "success")
    return redirect(f"{request.script_root}/monitor", 303)


@bp.get("/incidents")
def incidents() -> str:
    arguments = query_string.read("resolved", "cursor")
    with current.transaction() as session:
        page = monitor.incidents_page(
            session, current.actor(), resolved="resolved" in arguments, cursor=arguments.get("cursor")
        )
        names = {one.id: cases.element_name(session, one.case, one.element_id) for one in page.items}
        return render_template("monitor/incidents.html", page=page, names=names, arguments=arguments)


@bp.post("/incidents/<int:incident_id>/retry")
def retry(incident_id: int) -> Response:
    with current.transaction() as session:
        current.engine().supervision.retry_incident(session, incident_id, by=current.actor())
    current.application().worker.nudge()
    flash(_("کار دوباره انجام می‌شود. اگر انجام نشد، همین خطای اجرا می‌ماند."), "success")
    return redirect(f"{request.script_root}/incidents", 303)


@bp.post("/tasks/<int:task_id>/reassign")
def reassign(task_id: int) -> Response:
    """Give a task to another person, or back to its group when nobody is chosen."""
    person = request.form.get("person", "")
    with current.transaction() as session:
        task = current.engine().supervision.reassign(
            session, task_id, by=current.actor(), person_id=row_id(person) if person else None
        )
        number = task.case.number
    flash(_("کار واگذار شد."), "success")
    return _to_case(number)


@bp.post("/cases/<number>/suspend")
def suspend(number: str) -> Response:
    with current.transaction() as session:
        case = cases.case_by_number(session, current.actor(), number)
        current.engine().supervision.suspend(session, case.id, by=current.actor(), reason=_reason())
    flash(_("پرونده متوقف شد؛ تا از سرگیری آن کسی نمی‌تواند روی آن کار کند."), "success")
    return _to_case(case.number)


@bp.post("/cases/<number>/resume")
def resume(number: str) -> Response:
    with current.transaction() as session:
        case = cases.case_by_number(session, current.actor(), number)
        current.engine().supervision.resume(session, case.id, by=current.actor(), reason=_reason())
    current.application().worker.nudge()
    flash(_("پرونده از سر گرفته شد."), "success")
    return _to_case(case.number)


@bp.post("/cases/<number>/cancel")
def cancel(number: str) -> Response:
    demand(current.actor(), "supervise")
    reason = _reason()
    if not reason:
        raise InvalidSubmission({"reason": [_("برای لغو پرونده دلیل را بنویسید.")]})
    with current.transaction() as session:
        case = cases.case_by_number(session, current.actor(), number)
        current.engine().supervision.cancel_case(session, case.id, by=current.actor(), reason=reason)
    flash(_("پرونده لغو شد."), "success")
    return _to_case(case.number)


def _reason() -> str:
    return clean(request.form.get("reason", ""))[:REASON_LENGTH]


def _to_case(number: str) -> Response:
    return redirect(f"{request.script_root}/cases/{number}", 303)
