"""The words for roles, states and orders that pages show, in the reader's language."""

from __future__ import annotations

from typing import Any

from models.case import CaseStatus
from models.language import lazy
from models.role_names import ROLE_LABELS

STATUSES: dict[str, Any] = {
    CaseStatus.RUNNING: lazy("در جریان"),
    CaseStatus.SUSPENDED: lazy("متوقف"),
    CaseStatus.FAILED: lazy("نیازمند رسیدگی"),
    CaseStatus.COMPLETED: lazy("پایان‌یافته"),
    CaseStatus.CANCELLED: lazy("لغوشده"),
}

SORTS: dict[str, Any] = {
    "priority": lazy("اولویت"),
    "due": lazy("مهلت"),
    "since": lazy("زمان رسیدن"),
    "number": lazy("شمارهٔ پرونده"),
}

DELIVERY: dict[str, Any] = {
    "waiting": lazy("در صف ارسال"),
    "sent": lazy("فرستاده شد"),
    "uncertain": lazy("نامعلوم"),
    "failed": lazy("ناموفق"),
}

URGENT_UP_TO = 20  # a task of this priority or a smaller one is marked as urgent


def role_label(role: str) -> str:
    """The role's name; a role that only a diagram knows is shown by its key."""
    return str(ROLE_LABELS.get(role, role))


def status_label(status: str) -> str:
    return str(STATUSES.get(status, status))
