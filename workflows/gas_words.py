"""How gas projects speak: labels of stored values, numbers as readers write them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from models.digits import persian_digits
from models.language import current, lazy
from models.language import gettext as _

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
INVOICE_STATUSES = {
    "open": lazy("در انتظار پرداخت"),
    "paid": lazy("پرداخت شده"),
    "cancelled": lazy("باطل شده"),
}


def label(words: dict[str, Any], value: str) -> str:
    """The label of a stored value in the reader's language; a value without one stands for itself."""
    return str(words.get(value, value))


def document_title(wanted: Mapping[str, Any]) -> str:
    """The title of a required document in the reader's language; stored is the table's own, Persian one."""
    title = wanted["title"]
    return _(title)


def shown(value: object) -> str:
    """A code or a text with the digits of the reader."""
    return persian_digits(value) if current() == "fa" else str(value)


def code(value: object) -> str:
    """A code inside a sentence: isolated, else its parts change places after a Persian word (۳-۴۵۷ for ۴۵۷-۳)."""
    return f"\u2066{shown(value)}\u2069"


def number(value: int | float | Decimal) -> str:
    """A number with groups of thousands and without idle zeros: ``۱٬۲۰۰٫۵``."""
    exact = Decimal(str(value))
    plain = f"{exact:,f}"
    grouped = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return persian_digits(grouped.replace(",", "٬").replace(".", "٫")) if current() == "fa" else grouped


def rials(amount: int) -> str:
    return _("%(amount)s ریال", amount=number(amount))


def yes_no(value: bool) -> str:
    return _("بله") if value else _("خیر")


def region(number_of_region: int) -> str:
    return _("منطقه %(number)s", number=shown(number_of_region))
