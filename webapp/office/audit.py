"""The audit log: who did what, when, from where and on what; what was before and after; the same as a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
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
from models.language import lazy
from webapp.errors import Answer, Trouble
from webapp.errors import page as error_page
from webapp.lists import files
from webapp.office.audit_words import difference, subject_of, title_of, who
from webapp.shell import current, downloads, query_string
from webapp.shell.confirmation import dangerous
from webapp.shell.downloads import Leaving
from webapp.shell.filters import digits

bp = Blueprint("audit", __name__)

PAGE = 50  # rows
FILTERS = ("person", "event", "subject", "address", "since", "until")
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = {"csv": "text/csv", "xlsx": SPREADSHEET}

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


@bp.post("/audit.csv", defaults={"kind": "csv"})
@bp.post("/audit.xlsx", defaults={"kind": "xlsx"})
@dangerous
def export(kind: str) -> Response | Answer:
    """The rows that the filters of the address leave, in a file; that somebody took it is in the log as well."""
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
