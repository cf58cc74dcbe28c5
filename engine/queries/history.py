"""The history of a case in sentences: who did what when, in the reader's language (CASE-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.identity.permissions import Departure
from engine.paging import Page, capped, page_of, read_cursor
from models.case import Case, HistoryEntry
from models.jalali import format_moment
from models.language import BilingualText, lazy, stored
from models.language import gettext as _

# Kind of entry → its sentence, and its mark on the page: done, started, warning, failed or note.
KINDS: dict[str, tuple[Any, str]] = {
    "case_started": (lazy("پرونده شروع شد"), "started"),
    "task_completed": (lazy("«%(task)s» انجام شد"), "done"),
    "task_claimed": (lazy("«%(task)s» به عهده گرفته شد"), "note"),
    "task_released": (lazy("«%(task)s» به گروه برگردانده شد"), "note"),
    "task_reassigned": (lazy("«%(task)s» به شخص دیگری واگذار شد"), "note"),
    "role_bound": (lazy("مسئول پرونده تعیین شد"), "note"),
    "deadline_moved": (lazy("مهلت «%(task)s» جابه‌جا شد"), "warning"),
    "timer_fired": (lazy("زمان «%(task)s» فرا رسید"), "warning"),
    "message_received": (lazy("«%(task)s» دریافت شد"), "done"),
    "operation_done": (lazy("«%(task)s» انجام شد"), "done"),
    "incident_raised": (lazy("در «%(task)s» خطایی رخ داد و به سرپرست اطلاع داده شد"), "failed"),
    "incident_resolved": (lazy("خطای «%(task)s» برطرف شد"), "done"),
    "case_completed": (lazy("پرونده به پایان رسید"), "done"),
    "case_cancelled": (lazy("پرونده لغو شد"), "failed"),
    "case_suspended": (lazy("پرونده موقتاً متوقف شد"), "warning"),
    "case_resumed": (lazy("پرونده از سر گرفته شد"), "started"),
    "document_added": (lazy("فایل افزوده شد"), "note"),
}


@dataclass(frozen=True)
class Line:
    """One line of a history, in the reader's language. ``text``: the comment beside the sentence, "" without one."""

    entry: HistoryEntry
    words: str
    mark: str
    text: str

    @property
    def at(self) -> datetime:
        return self.entry.at

    @property
    def who(self) -> str:
        return self.entry.actor_name or (_("سامانه") if self.entry.actor_id is None else "")

    @property
    def values(self) -> dict[str, Any]:
        """The short answers of a completed task, by field name."""
        values = (self.entry.details or {}).get("values")
        return values if isinstance(values, dict) else {}


def entries(
    session: Session,
    case: Case,
    *,
    cursor: str | None = None,
    limit: int = 50,
    newest_first: bool = False,
    left: Departure | None = None,
) -> Page[Line]:
    """A page of the case's history, for whoever ``left`` it up to then. The caller has checked the permission.

    Raises ``InvalidSubmission`` for a ``cursor`` of another list.
    """
    limit = capped(limit)
    query = select(HistoryEntry).where(HistoryEntry.case_id == case.id)
    if left is not None:
        query = query.where(HistoryEntry.id <= left.last_entry_id)
    sort = "history:newest" if newest_first else "history"
    if cursor:
        (seen,) = read_cursor(cursor, sort, [int])
        query = query.where(HistoryEntry.id < seen if newest_first else HistoryEntry.id > seen)
    query = query.order_by(HistoryEntry.id.desc() if newest_first else HistoryEntry.id)
    rows = session.scalars(query.limit(limit + 1)).all()
    page = page_of(rows, limit, lambda entry: [entry.id], sort=sort)
    return Page([line(entry) for entry in page.items], page.next)


def line(entry: HistoryEntry) -> Line:
    """The entry as a line. For a kind of an operation's own, the sentence is the operation's ``text``."""
    details = entry.details or {}
    text = _text(details)
    task = stored(entry.task_name) or entry.task_key
    known = KINDS.get(entry.what)
    if known is None:
        return Line(entry, text or stored(entry.task_name) or _("رویدادی در پرونده ثبت شد"), "note", "")
    sentence, mark = known
    return Line(entry, str(sentence) % {"task": task}, mark, text)


def _text(details: Mapping[str, Any]) -> str:
    """The text of the details in the reader's language, with its values filled in; "" without one."""
    text = str(details.get("text") or "")
    values = {name: _formatted(value) for name, value in (details.get("text_values") or {}).items()}
    sentence = stored(text)
    return sentence % values if values else sentence


def _formatted(value: Any) -> str:
    if isinstance(value, dict):
        if "fa" in value:
            return str(BilingualText(value["fa"], value["en"]))
        moment = value.get("moment")
        return format_moment(datetime.fromisoformat(moment)) if moment else stored(str(value.get("text")))
    return str(value)  # pages write its digits as they write all
