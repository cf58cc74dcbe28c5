"""The audit log: who did what, when, from where and on what; what was before and after; the same as a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request

from engine.audit import events
from engine.audit.events import EVENTS
from engine.contributions.listings import MAX_EXPORTED, Column, Listing, ListPage, Row
from engine.identity.permissions import demand
from engine.queries import audit
from engine.queries.audit import AuditQuery
from forms.audit import AuditFilters
from models.audit import AuditEvent
from models.choice import Choice
from models.language import gettext as _
from models.language import lazy, listed
from models.organisation import KIND_LABELS
from webapp.errors import Answer, Trouble
from webapp.errors import page as error_page
from webapp.lists import files
from webapp.shell import current, downloads, query_string
from webapp.shell.downloads import Leaving
from webapp.shell.filters import digits
from webapp.shell.labels import role_label, status_label

bp = Blueprint("audit", __name__)

PAGE = 50  # rows
FILTERS = ("person", "event", "subject", "address", "since", "until")
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = {"csv": "text/csv", "xlsx": SPREADSHEET}

SUBJECTS: dict[str, Any] = {
    "person": lazy("شخص"),
    "role": lazy("نقش"),
    "case": lazy("پرونده"),
    "process": lazy("فرایند"),
    "decision": lazy("جدول تصمیم"),
    "calendar": lazy("تقویم کاری"),
    "office_rule": lazy("قاعدهٔ سازمان"),
    "list": lazy("فهرست"),
    "clock": lazy("ساعت آزمایشی"),
    "installation": lazy("سامانه"),
    "signing_key": lazy("کلید امضا"),
    "audit": lazy("تاریخچهٔ سامانه"),
    **KIND_LABELS,
}
FIELDS: dict[str, Any] = {
    "role": lazy("نقش"),
    "scope": lazy("واحد یا منطقه"),
    "active": lazy("فعال"),
    "offered": lazy("فعال"),
    "kind": lazy("نوع"),
    "name": lazy("نام"),
    "name_fa": lazy("نام فارسی"),
    "name_en": lazy("نام انگلیسی"),
    "value": lazy("مقدار"),
    "version": lazy("نسخه"),
    "status": lazy("وضعیت"),
    "assignee": lazy("مسئول"),
    "task": lazy("کار"),
    "document": lazy("شمارهٔ فایل"),
    "type": lazy("نوع فایل"),
    "rows": lazy("تعداد ردیف‌ها"),
    "permissions": lazy("دسترسی‌های دیگر این نقش"),
    "before": lazy("تا زمان"),
    "by": lazy("از راه"),
    "weekend": lazy("روزهای تعطیل هفته"),
    "opens": lazy("شروع ساعت اداری"),
    "closes": lazy("پایان ساعت اداری"),
    "seconds": lazy("ثانیه"),
}
WAYS: dict[str, Any] = {"browser": lazy("مرورگر"), "api": "API"}  # by what somebody came in
LISTING = Listing(
    key="audit",
    label=lazy("تاریخچهٔ سامانه"),
    roles=frozenset(),
    columns=(
        Column("at", lazy("زمان"), "moment"),
        Column("event", lazy("کار")),
        Column("who", lazy("انجام‌دهنده")),
        Column("username", lazy("نام کاربری")),
        Column("address", lazy("نشانی شبکه")),
        Column("subject", lazy("موضوع")),
        Column("key", lazy("شناسهٔ موضوع")),
        Column("difference", lazy("تغییر")),
        Column("seq", lazy("شماره"), "number"),
    ),
    filters=(),
    home=0,
    exports=("csv", "xlsx"),
    badge=None,
    group="",
    read=lambda _context, _query: ListPage([]),
)


@bp.get("/audit")
def show() -> str | tuple[str, int]:
    """The rows that the filters of the address leave, newest first."""
    demand(current.actor(), "see_audit")
    arguments = query_string.read(*FILTERS, "cursor")
    form = _form()
    accepted = form.validate()
    found = None
    if accepted:
        with current.transaction() as session:
            found = audit.page(session, current.actor(), _query(form), cursor=arguments.get("cursor"), limit=PAGE)
    text = render_template(
        "office/audit.html",
        form=form,
        page=found,
        arguments=arguments,
        files=[(label, _file_url(kind, arguments)) for kind, label in (("csv", "CSV"), ("xlsx", "Excel"))],
        title_of=title_of,
        who=who,
        subject_of=subject_of,
        difference=difference,
    )
    return text, 200 if accepted else 422


@bp.get("/audit.csv", defaults={"kind": "csv"})
@bp.get("/audit.xlsx", defaults={"kind": "xlsx"})
def export(kind: str) -> Response | Answer:
    """The rows that the filters leave, in a file; that somebody took it is in the log as well."""
    actor = current.actor()
    demand(actor, "see_audit")
    form = _form()
    if not form.validate():
        return error_page(Trouble(422, _("فیلترها درست نیست"), _("فیلترها را در صفحه اصلاح کنید.")))
    with current.transaction() as session:
        found = audit.page(session, actor, _query(form), limit=MAX_EXPORTED)
        if found.next:
            words = _("این فهرست بیش از %(most)s ردیف دارد و یک‌جا داده نمی‌شود.", most=digits(MAX_EXPORTED))
            way_on = _("بازهٔ کوتاه‌تر یا فیلتری انتخاب کنید.")
            return error_page(Trouble(422, _("فهرست بیش از اندازه بلند است"), words, way_on))
        result = ListPage([_row(row) for row in found.items])
        content = {"csv": files.csv_file, "xlsx": files.xlsx_file}[kind](LISTING, result)
        filters = {f"filter_{name}": value for name, value in query_string.read(*FILTERS).items()}
        leaving = Leaving(events.LIST_EXPORTED, ("list", LISTING.key), {"rows": len(result.rows), **filters})
        return downloads.send(session, content, f"audit.{kind}", MEDIA_TYPES[kind], by=actor, leaving=leaving)


def _form() -> AuditFilters:
    titles = sorted((Choice(one.key, str(one.title)) for one in EVENTS.values()), key=lambda one: str(one.label))
    form: AuditFilters = AuditFilters.from_request(request.args, choices={"event": titles})
    return form


def _query(form: AuditFilters) -> AuditQuery:
    data = {field.short_name: field.data for field in form}
    return AuditQuery(
        person=data["person"] or "",
        event=str(data["event"] or ""),
        subject=data["subject"] or "",
        address=data["address"] or "",
        since=_midnight(data["since"]),
        until=_midnight(data["until"] + timedelta(days=1)) if data["until"] else None,
    )


def _midnight(day: date | None) -> datetime | None:
    """The moment at which a day of the organisation begins."""
    return datetime.combine(day, time(), current.calendar().zone) if day else None


def _file_url(kind: str, arguments: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in arguments.items() if name != "cursor"})
    return f"{request.script_root}/audit.{kind}" + (f"?{query}" if query else "")


# ---------------------------------------------------------------- words


def title_of(row: AuditEvent) -> str:
    """What was done; an event that this version does not know is named by its key."""
    return str(EVENTS[row.event].title) if row.event in EVENTS else row.event


def who(row: AuditEvent) -> str:
    """Who acted, by name."""
    if row.actor_name:
        return row.actor_name
    if row.address == "command":
        return _("فرمان در سرور")
    return _("سامانه") if row.actor else _("ناشناس")


def subject_of(row: AuditEvent) -> str:
    """The kind of what was acted on, in words; a role also by its name."""
    kind = str(SUBJECTS.get(row.subject_kind, row.subject_kind))
    return f"{kind}: {role_label(row.subject_key)}" if row.subject_kind == "role" else kind


def difference(row: AuditEvent) -> list[tuple[str, str, str]]:
    """What changed: the label of each value, before, after. Values that stayed are left out."""
    before, after = row.before or {}, row.after or {}
    names = [*before, *(name for name in after if name not in before)]
    return [
        (_label(name), _value(name, before.get(name)), _value(name, after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _label(name: str) -> str:
    return str(FIELDS.get(name, name))


def _value(name: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("بله") if value else _("خیر")
    if isinstance(value, list):
        return listed(str(one) for one in value)
    if name == "role":
        return role_label(str(value))
    if name == "status":
        return status_label(str(value))
    if name == "by":
        return str(WAYS.get(str(value), value))
    return str(value)


def _row(row: AuditEvent) -> Row:
    changes = "؛ ".join(
        f"{label}: {before} ← {after}" if before else f"{label}: {after}" for label, before, after in difference(row)
    )
    return Row(
        {
            "at": row.at,
            "event": title_of(row),
            "who": who(row),
            "username": row.actor,
            "address": row.address,
            "subject": subject_of(row),
            "key": row.subject_key,
            "difference": changes,
            "seq": row.seq,
        }
    )
