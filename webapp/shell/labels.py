"""The words for states that pages show, in the reader's language."""

from __future__ import annotations

from typing import Any

from models.case import CaseStatus
from models.language import lazy
from webapp.shell import current

STATUSES: dict[str, Any] = {
    CaseStatus.RUNNING: lazy("در جریان"),
    CaseStatus.SUSPENDED: lazy("متوقف"),
    CaseStatus.COMPLETED: lazy("پایان‌یافته"),
    CaseStatus.CANCELLED: lazy("لغوشده"),
}

DELIVERY: dict[str, Any] = {
    "waiting": lazy("در صف ارسال"),
    "sent": lazy("ارسال شد"),
    "uncertain": lazy("نامشخص"),
    "failed": lazy("ناموفق"),
}

URGENT_UP_TO = 20  # a task of this priority or a smaller one is marked as urgent


def role_label(role: str, scope: str = "") -> str:
    """A role in words, with the division in which it is held; also one that exists only within a case."""
    within_case = current.application().case_roles.get(role)
    return str(within_case) if within_case else current.organisation().role_label(role, scope)


def status_label(status: str) -> str:
    return str(STATUSES.get(status, status))
