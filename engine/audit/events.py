"""The register of the audit log's events: key, how long it is kept, and its title for people.

Whoever records a new kind of event registers it beside the others of its kind; a domain registers its own in its own
module. A key stands in stored rows and is never changed.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.language import LazyText, lazy


class Retention(enum.StrEnum):
    """How long an event is kept; the days of each class are rules of the office (``engine.audit.retention``)."""

    ACCESS = "access"  # who came in, and who tried to
    READING = "reading"  # what left: documents, exports
    CHANGE = "change"  # what somebody changed
    PERMANENT = "permanent"  # never removed: by what the log itself is verified


@dataclass(frozen=True)
class Event:
    """A kind of event."""

    key: str
    retention: Retention
    title: LazyText


_events: dict[str, Event] = {}
EVENTS: Mapping[str, Event] = MappingProxyType(_events)


def register(key: str, retention: Retention, title: LazyText) -> str:
    """Add a kind of event. Returns its key. Raises ``ValueError`` when the key is taken or too long."""
    if key in _events or not 0 < len(key) <= 40:
        raise ValueError(f"{key!r} cannot be the key of another audit event")
    _events[key] = Event(key, retention, title)
    return key


# Coming in
SIGNED_IN = register("signed_in", Retention.ACCESS, lazy("ورود"))
SIGN_IN_FAILED = register("sign_in_failed", Retention.ACCESS, lazy("ورود ناموفق"))
PASSWORD_ONLY = register("password_only", Retention.ACCESS, lazy("رمز عبور درست، بدون مرحلهٔ دوم"))
PROVIDER_ONLY = register("provider_only", Retention.ACCESS, lazy("ورود سازمانی درست، بدون مرحلهٔ دوم"))
SIGNED_OUT = register("signed_out", Retention.ACCESS, lazy("خروج"))
SESSIONS_ENDED = register("sessions_ended", Retention.ACCESS, lazy("خروج از دستگاه‌های دیگر"))

CONFIRMATION_FAILED = register("confirmation_failed", Retention.ACCESS, lazy("تایید ناموفق هویت"))

# Accounts
REGISTERED = register("registered", Retention.CHANGE, lazy("ثبت‌نام"))
ACCOUNT_CREATED = register("account_created", Retention.CHANGE, lazy("ساخت حساب"))
ROLE_GRANTED = register("role_granted", Retention.CHANGE, lazy("افزودن نقش"))
ROLE_REVOKED = register("role_revoked", Retention.CHANGE, lazy("حذف نقش"))
ACCOUNT_LOCKED = register("account_locked", Retention.CHANGE, lazy("غیرفعال شدن حساب"))
ACCOUNT_UNLOCKED = register("account_unlocked", Retention.CHANGE, lazy("فعال شدن حساب"))
PASSWORD_CHANGED = register("password_changed", Retention.CHANGE, lazy("تغییر رمز عبور"))
PASSWORD_RESET = register("password_reset", Retention.CHANGE, lazy("ساخت رمز عبور جدید برای شخص"))
PASSWORD_RECOVERED = register("password_recovered", Retention.CHANGE, lazy("بازیابی رمز عبور"))
SECOND_FACTOR_ENROLLED = register("second_factor_enrolled", Retention.CHANGE, lazy("فعال شدن ورود دومرحله‌ای"))
SECOND_FACTOR_REMOVED = register("second_factor_removed", Retention.CHANGE, lazy("غیرفعال شدن ورود دومرحله‌ای"))
SECOND_FACTOR_RESET = register("second_factor_reset", Retention.CHANGE, lazy("حذف ورود دومرحله‌ای شخص"))
RECOVERY_CODES_MADE = register("recovery_codes_made", Retention.CHANGE, lazy("ساخت کدهای بازیابی جدید"))

# The organisation's OpenID provider
IDENTITY_LINKED = register("identity_linked", Retention.CHANGE, lazy("وصل شدن حساب سازمانی"))
IDENTITY_UNLINKED = register("identity_unlinked", Retention.CHANGE, lazy("قطع پیوند حساب سازمانی"))
CLAIM_ROLE_ADDED = register("claim_role_added", Retention.CHANGE, lazy("افزودن نقش برای یک مقدار ورود سازمانی"))
CLAIM_ROLE_REMOVED = register("claim_role_removed", Retention.CHANGE, lazy("حذف نقش برای یک مقدار ورود سازمانی"))
NEW_ACCOUNTS_SWITCHED = register("new_accounts_switched", Retention.CHANGE, lazy("تغییر اجازهٔ حساب جدید"))

# What left
DOCUMENT_DOWNLOADED = register("document_downloaded", Retention.READING, lazy("دریافت فایل"))
BACKUP_TAKEN = register("backup_taken", Retention.READING, lazy("پشتیبان‌گیری"))
LIST_EXPORTED = register("list_exported", Retention.READING, lazy("دریافت فایل فهرست"))

# What was kept out
FILE_INFECTED = register("file_infected", Retention.CHANGE, lazy("حذف فایل آلوده"))

# The office
ROLE_CHANGED = register("role_changed", Retention.CHANGE, lazy("تغییر نقش‌ها"))
DIVISION_CHANGED = register("division_changed", Retention.CHANGE, lazy("تغییر واحدها و منطقه‌ها"))
CALENDAR_CHANGED = register("calendar_changed", Retention.CHANGE, lazy("تغییر تقویم کاری"))
OFFICE_RULE_CHANGED = register("office_rule_changed", Retention.CHANGE, lazy("تغییر قواعد سازمان"))
PROCESS_OFFERED = register("process_offered", Retention.CHANGE, lazy("فعال شدن فرایند"))
PROCESS_WITHDRAWN = register("process_withdrawn", Retention.CHANGE, lazy("غیرفعال شدن فرایند"))
DEPLOYED = register("deployed", Retention.CHANGE, lazy("انتشار نمودار یا جدول تصمیم"))
MESSAGE_SENT = register("message_sent", Retention.CHANGE, lazy("ارسال پیام"))
CLOCK_MOVED = register("clock_moved", Retention.CHANGE, lazy("تغییر ساعت آزمایشی"))
BACKUP_RESTORED = register("backup_restored", Retention.CHANGE, lazy("بازیابی نسخهٔ پشتیبان"))
SCHEMA_CHANGED = register("schema_changed", Retention.CHANGE, lazy("به‌روز شدن پایگاه داده"))

# Cases, by supervisors
CASE_SUSPENDED = register("case_suspended", Retention.CHANGE, lazy("توقف پرونده"))
CASE_RESUMED = register("case_resumed", Retention.CHANGE, lazy("از سرگیری پرونده"))
CASE_CANCELLED = register("case_cancelled", Retention.CHANGE, lazy("لغو پرونده"))
TASK_REASSIGNED = register("task_reassigned", Retention.CHANGE, lazy("واگذاری کار"))
INCIDENT_RETRIED = register("incident_retried", Retention.CHANGE, lazy("تلاش دوباره پس از خطای اجرا"))

# The log itself
PRUNED = register("audit_pruned", Retention.PERMANENT, lazy("حذف تاریخچهٔ قدیمی"))
