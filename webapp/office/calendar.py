"""The admin's pages of the working calendar: a year, a day, the week; a change is previewed before it is saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine.calendar import year as calendar_year
from engine.calendar.year import DayView
from engine.errors import InvalidSubmission, NotFound
from engine.identity.permissions import demand
from engine.jobs import calendar_changes, reschedule_deadlines
from engine.jobs.calendar_changes import Decided, Hours, Preview, Proposal
from forms.base import TaskForm
from forms.calendar import HOLIDAY, MOVED, ORDINARY, RENAMED, WEEKDAYS, WORKED, DayForm, HoursForm
from models.digits import ascii_digits
from models.jalali import format_date, jalali_year
from models.language import gettext as _
from models.language import listed, ngettext
from models.working_calendar import DayKind
from webapp.shell import current
from webapp.shell.confirmation import dangerous

bp = Blueprint("calendar", __name__)

AT_ONCE = 25  # cases whose deadlines move while the admin waits; the worker moves the others
Page = tuple[str, int] | str | Response


@dataclass(frozen=True)
class Foreseen:
    """What a change would move, as the page shows it: each deadline with its name."""

    revision: int
    total: int
    rows: list[tuple[reschedule_deadlines.MovedDeadline, str]]


@bp.get("/calendar")
def year() -> str:
    """The Jalali ``year`` of the address, else this one."""
    today = current.now().astimezone(current.calendar().zone).date()
    typed = ascii_digits(request.args.get("year", ""))
    with current.transaction() as session:
        view = calendar_year.year_view(
            session,
            current.actor(),
            int(typed) if typed.isdecimal() and len(typed) == 4 else jalali_year(today),
            today=today,
        )
        left = reschedule_deadlines.left_to_move(session, current.engine().services.calendar.read(session))
        return render_template(
            "office/calendar_year.html",
            view=view,
            today=today,
            left=left,
            weekdays=_weekdays(),
            weekend=_weekend(view.settings.weekend),
            changes=calendar_year.changes(session, current.actor()),
            weekday_of=_weekday_of,
            in_words=_change_in_words,
        )


@bp.route("/calendar/days/<day>", methods=["GET", "POST"])
@dangerous
def day(day: str) -> Page:
    """One day: what it is, how it came to be so, and a form to change it."""
    demand(current.actor(), "change_calendar")
    which = _day(day)
    with current.transaction() as session:
        view, history = calendar_year.day_view(session, current.actor(), which)
    choices = {"action": _choices(view)}
    if request.method == "GET":
        form: TaskForm = DayForm.unbound(choices=choices)
        return _show_day(view, history, form)
    if request.form.get("_action") == "confirm":
        return _confirm(which)
    form = DayForm.from_request(request.form, choices=choices)
    return _change(
        form,
        lambda session: _day_proposal(session, which, form),
        lambda foreseen: _show_day(view, history, form, foreseen),
        back=which,
    )


@bp.route("/calendar/settings", methods=["GET", "POST"])
@dangerous
def settings() -> Page:
    """Weekend days, office hours and the time zone."""
    with current.transaction() as session:
        saved = calendar_year.settings_of(session, current.actor())
    preset = {
        "weekend": [name.strip() for name in saved.weekend.split(",")],
        "zone": saved.zone,
        "opens": f"{saved.opens:%H:%M}",
        "closes": f"{saved.closes:%H:%M}",
    }
    if request.method == "GET":
        return render_template("office/calendar_settings.html", form=HoursForm.unbound(preset=preset), foreseen=None)
    form = HoursForm.from_request(request.form)
    return _change(
        form,
        lambda _session: _hours_proposal(form),
        lambda foreseen: render_template(
            "office/calendar_settings.html", form=form, foreseen=foreseen, failed_page=bool(form.errors)
        ),
        back=None,
    )


# ---------------------------------------------------------------- preview and save a change


def _change(
    form: TaskForm,
    proposed: Callable[[Session], Proposal],
    show: Callable[[Foreseen | None], str],
    *,
    back: date | None,
) -> Page:
    """Foresee the change that the form says, or make it once it was foreseen."""
    demand(current.actor(), "change_calendar")
    if not form.validate():
        return show(None), 422
    try:
        if request.form.get("_action") == "save":
            with current.transaction() as session:
                calendar_changes.apply(
                    session,
                    proposed(session),
                    by=current.actor(),
                    reason=form.submission["reason"],
                    now=current.now(),
                    seen=_seen(),
                )
            return _saved(back)
        return show(_foresee(proposed))
    except InvalidSubmission as error:
        form.add_errors(error.errors)
        return show(None), 422


def _foresee(proposed: Callable[[Session], Proposal]) -> Foreseen:
    with current.transaction() as session:
        preview: Preview = calendar_changes.preview(session, proposed(session), by=current.actor(), now=current.now())
        return Foreseen(preview.revision, preview.total, reschedule_deadlines.named(session, preview.moved))


def _saved(day: date | None) -> Response:
    moved = reschedule_deadlines.move_deadlines(current.engine(), most=AT_ONCE)
    words = ngettext("%(count)s مهلت جابه‌جا شد.", "%(count)s مهلت جابه‌جا شد.", moved, count=moved)
    flash(" ".join([_("تقویم تغییر کرد."), words if moved else _("مهلتی جابه‌جا نشد.")]), "success")
    year = f"?year={jalali_year(day)}" if day else ""
    return redirect(f"{request.script_root}/calendar{year}", 303)


def _confirm(which: date) -> Response:
    with current.transaction() as session:
        calendar_changes.confirm(session, which, by=current.actor(), now=current.now())
    flash(_("روز تایید شد؛ مهلتی جابه‌جا نمی‌شود."), "success")
    return redirect(f"{request.script_root}/calendar?year={jalali_year(which)}", 303)


def _seen() -> int:
    """The revision of the calendar that the preview was reckoned with."""
    revision = ascii_digits(request.form.get("revision", ""))
    return int(revision) if revision.isdecimal() and len(revision) < 10 else 0


def _day_proposal(session: Session, which: date, form: TaskForm) -> Proposal:
    values = form.submission
    if values["action"] == MOVED.value:
        return calendar_changes.moved_holiday(session, which, date.fromisoformat(values["to"]))
    kinds = {HOLIDAY.value: DayKind.HOLIDAY, WORKED.value: DayKind.WORKDAY}
    kind = kinds.get(values["action"])
    return Proposal({which: Decided(kind, values["name"] if kind is DayKind.HOLIDAY else "")})


def _hours_proposal(form: TaskForm) -> Proposal:
    data = {field.short_name: field.data for field in form}
    return Proposal(hours=Hours(",".join(data["weekend"] or []), data["opens"], data["closes"], data["zone"]))


# ---------------------------------------------------------------- words


def _show_day(view: DayView, history: Any, form: TaskForm, foreseen: Foreseen | None = None) -> str:
    return render_template(
        "office/calendar_day.html",
        view=view,
        history=history,
        form=form,
        foreseen=foreseen,
        weekday=_weekday_of(view.day),
        in_words=_change_in_words,
        failed_page=bool(form.errors),
    )


def _choices(view: DayView) -> list[Any]:
    """What can become of a day, by what it is."""
    if view.kind == "holiday":
        return [ORDINARY, MOVED, WORKED, RENAMED]
    return [HOLIDAY, ORDINARY] if view.kind == "worked" else [HOLIDAY, WORKED]


def _change_in_words(change: Any) -> str:
    """A change in words."""
    if change.day is None:
        return _("تنظیم هفته و ساعت اداری")
    after = change.after or {}
    if after.get("kind") == "holiday":
        words = _("%(day)s تعطیل: %(name)s", day=format_date(change.day), name=after.get("name", ""))
    elif after.get("kind") == "workday":
        words = _("%(day)s روز کاری", day=format_date(change.day))
    else:
        words = _("تعطیلی %(day)s حذف شد", day=format_date(change.day))
    return words


def _weekdays() -> list[Any]:
    return [choice.label for choice in WEEKDAYS]


def _weekday_of(day: date) -> Any:
    return WEEKDAYS[(day.weekday() + 2) % 7].label


def _weekend(text: str) -> str:
    names = {choice.value: str(choice.label) for choice in WEEKDAYS}
    return listed(names[name.strip()] for name in text.split(",") if name.strip())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFound("day", text) from None
