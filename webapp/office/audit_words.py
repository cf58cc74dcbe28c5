"""What rows of the audit log say in words: what was done, by whom, on what, and what was before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from engine.audit.events import EVENTS
from engine.audit.retention import RULES
from engine.identity.permissions import GRANTABLE
from forms.calendar import WEEKDAYS
from forms.organisation import LABELS
from forms.people import KINDS
from models import jalali
from models.audit import AuditEvent
from models.language import gettext as _
from models.language import lazy, listed
from models.organisation import KIND_LABELS
from models.second_factor import FactorKind
from models.working_calendar import DayKind
from webapp.shell import current
from webapp.shell.labels import role_label, status_label

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
    "backup": lazy("نسخهٔ پشتیبان"),
    "signing_key": lazy("کلید امضا"),
    "audit": lazy("تاریخچهٔ سامانه"),
    "sign_in": lazy("ورود سازمانی"),
    "external_identity": lazy("حساب سازمانی"),
    "claim_value": lazy("مقدار ورود سازمانی"),
    **KIND_LABELS,
}
FIELDS: dict[str, Any] = {
    **LABELS,
    "role": lazy("نقش"),
    "scope": lazy("واحد یا منطقه"),
    "active": lazy("فعال"),
    "offered": lazy("فعال"),
    "allowed": lazy("حساب جدید مجاز است"),
    "kind": lazy("نوع"),
    "name": lazy("مناسبت"),
    "estimated": lazy("برآوردی"),
    "value": lazy("مقدار"),
    "version": lazy("نسخه"),
    "sha256": lazy("اثر انگشت SHA-256"),
    "revision": lazy("نسخهٔ پایگاه داده"),
    "status": lazy("وضعیت"),
    "assignee": lazy("مسئول"),
    "task": lazy("کار"),
    "incident": lazy("خطای اجرا"),
    "element": lazy("شناسه در نمودار"),
    "document": lazy("شمارهٔ فایل"),
    "finding": lazy("یافتهٔ ویروس‌یاب"),
    "uploaded_by": lazy("بارگذاری‌کنندهٔ فایل"),
    "printout": lazy("سند چاپی"),
    "type": lazy("نوع فایل"),
    "rows": lazy("تعداد ردیف‌ها"),
    "count": lazy("تعداد دستگاه‌ها"),
    "cases": lazy("تعداد پرونده‌ها"),
    "days": lazy("تعداد روزها"),
    "last_year": lazy("آخرین سال"),
    "before": lazy("تا زمان"),
    "made_at": lazy("زمان ساخت"),
    "by": lazy("از راه"),
    "step": lazy("مرحلهٔ دوم"),
    "reason": lazy("دلیل"),
    "issuer": lazy("سرور ورود سازمانی"),
    "subject": lazy("شناسه در ورود سازمانی"),
    "weekend": lazy("روزهای تعطیل هفته"),
    "opens": lazy("شروع ساعت اداری"),
    "closes": lazy("پایان ساعت اداری"),
    "zone": lazy("منطقهٔ زمانی"),
    "seconds": lazy("جلوتر از ساعت واقعی (ثانیه)"),
    "filter_person": lazy("فیلتر انجام‌دهنده"),
    "filter_event": lazy("فیلتر کار"),
    "filter_subject": lazy("فیلتر موضوع"),
    "filter_address": lazy("فیلتر نشانی شبکه"),
    "filter_since": lazy("فیلتر از تاریخ"),
    "filter_until": lazy("فیلتر تا تاریخ"),
}
_WAYS: dict[str, Any] = {"browser": lazy("مرورگر"), "api": "API"}  # by what somebody came in
_FACTORS: dict[str, Any] = {FactorKind.TOTP: lazy("کد برنامه"), FactorKind.SMS: lazy("کد پیامک")}
_REASONS: dict[str, Any] = {
    "locked": lazy("حساب غیرفعال است"),
    "unlinked": lazy("حساب سازمانی به حسابی وصل نیست"),
}
_DAYS: dict[str, Any] = {DayKind.HOLIDAY: lazy("تعطیل"), DayKind.WORKDAY: lazy("روز کاری")}
_KINDS: dict[str, Any] = {**{str(one.value): one.label for one in KINDS}, **_FACTORS, **_DAYS}
_WEEKDAYS: dict[str, Any] = {str(one.value): one.label for one in WEEKDAYS}


def title_of(row: AuditEvent) -> str:
    """What was done; an event that this version does not know is named by its key."""
    return _title(row.event)


def _title(event: str) -> str:
    return str(EVENTS[event].title) if event in EVENTS else event


def who(row: AuditEvent) -> str:
    """Who acted, by name."""
    if row.actor_name:
        return row.actor_name
    if row.address == "command":
        return _("فرمان در سرور")
    return _("سامانه") if row.actor else _("ناشناس")


def subject_of(row: AuditEvent) -> str:
    """The kind of what was acted on, in words, and what it is called where its key does not say that."""
    kind = str(SUBJECTS.get(row.subject_kind, row.subject_kind))
    name = _name(row.subject_kind, row.subject_key)
    return f"{kind}: {name}" if name else kind


def _name(kind: str, key: str) -> str:
    application = current.application()
    if kind == "role":
        return role_label(key)
    if kind in KIND_LABELS:
        named = current.organisation().divisions.get((kind, key))
        return str(named.name) if named else ""
    if kind == "office_rule":
        return str(application.office_rules[key].label) if key in application.office_rules else ""
    if kind == "calendar":
        return jalali.jalali_text(date.fromisoformat(key)) if key else ""
    if kind == "audit":
        return next((str(rule.label) for retention, rule in RULES.items() if retention == key), "")
    return ""


def difference(row: AuditEvent) -> list[tuple[str, str, str]]:
    """What changed: the label of each value, before, after. Values that stayed are left out."""
    before, after = row.before or {}, row.after or {}
    names = [*before, *(name for name in after if name not in before)]
    return [
        (str(FIELDS.get(name, name)), _value(name, before), _value(name, after))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _value(name: str, state: Mapping[str, Any]) -> str:
    value = state.get(name)
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return _("بله") if value else _("خیر")
    if name == "scope":
        return str(current.organisation().division_name(str(state.get("role", "")), str(value)))
    if isinstance(value, list):
        return listed(_words(name, str(one)) for one in value)
    return _words(name, str(value))


def _words(name: str, value: str) -> str:
    return _IN_WORDS[name](value) if name in _IN_WORDS else value


def _of(labels: Mapping[str, Any]) -> Callable[[str], str]:
    return lambda value: str(labels.get(value, value))


def _moment(value: str) -> str:
    return jalali.moment_text(datetime.fromisoformat(value), current.zone())


_IN_WORDS: dict[str, Callable[[str], str]] = {
    "role": role_label,
    "granted_by": role_label,
    "status": status_label,
    "divided_by": _of(KIND_LABELS),
    "permissions": _of(GRANTABLE),
    "kind": _of(_KINDS),
    "by": _of(_WAYS),
    "step": _of(_FACTORS),
    "reason": _of(_REASONS),
    "weekend": lambda value: listed(_of(_WEEKDAYS)(one.strip()) for one in value.split(",")),
    "before": _moment,
    "made_at": _moment,
    "filter_event": _title,
}
