"""Labels of stored values of gas projects."""

from collections.abc import Mapping
from typing import Any

from models.billing import InvoiceLine
from models.language import lazy, stored
from workflows.formatting import label

SOURCES = {"new": lazy("ثبت ملک جدید"), "existing": lazy("ملک ثبت‌شده")}
WORK_TYPES = {"surface": lazy("روکار"), "concealed": lazy("زیرکار (توکار)")}
RISERS = {
    "none": lazy("علمک ندارد"),
    "requested": lazy("درخواست شده، نصب نشده"),
    "installed": lazy("نصب شده"),
}
USAGES = {
    "residential": lazy("مسکونی"),
    "commercial": lazy("تجاری"),
    "office": lazy("اداری"),
    "public": lazy("عمومی (آموزشی، درمانی، مذهبی)"),
    "workshop": lazy("کارگاهی"),
    "motor_room": lazy("موتورخانه"),
    "other": lazy("دیگر"),
}
ITEMS = {
    "inspection": lazy("بازرسی"),
    "repeated_visit": lazy("بازدید تکراری"),
    "class_difference": lazy("مابه‌التفاوت کلاس"),
}
STAGES = {
    "pre_inspection": lazy("پیش‌بازرسی"),
    "sub_work": lazy("زیرکار"),
    "final_inspection": lazy("بازرسی نهایی"),
}


def document_title(required: Mapping[str, Any]) -> str:
    """The title of a required document in the reader's language; the decision table stores the Persian title."""
    title = required["title"]
    return stored(title)


def service(line: InvoiceLine) -> str:
    """The service of an invoice line in the reader's language: the stage of an inspection, else item and stage."""
    stage = label(STAGES, line.stage)
    return stage if line.item == "inspection" and stage else f"{label(ITEMS, line.item)} {stage}".strip()
