"""Values in the reader's language: digits, amounts, codes, labels."""

from decimal import Decimal
from typing import Any

from models.digits import persian_digits
from models.language import current
from models.language import gettext as _


def label(words: dict[str, Any], value: str) -> str:
    """The label of a stored value in the reader's language; a value without one stands for itself."""
    return str(words.get(value, value))


def localized(value: object) -> str:
    """A code or a text with the digits of the reader."""
    return persian_digits(value) if current() == "fa" else str(value)


def code(value: object) -> str:
    """A code inside a sentence: isolated, else its parts change places after a Persian word (۳-۴۵۷ for ۴۵۷-۳)."""
    return f"\u2066{localized(value)}\u2069"


def number(value: int | float | Decimal) -> str:
    """A number with groups of thousands and without idle zeros: ``۱٬۲۰۰٫۵``."""
    exact = Decimal(str(value))
    plain = f"{exact:,f}"
    grouped = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return persian_digits(grouped.replace(",", "٬").replace(".", "٫")) if current() == "fa" else grouped


def plain_number(value: Decimal | float) -> int | float:
    """A stored decimal as the JSON number of a form."""
    return int(value) if value == int(value) else float(value)


def rials(amount: int) -> str:
    """An amount of whole Rials with its unit."""
    return _("%(amount)s ریال", amount=number(amount))


def yes_no(value: bool) -> str:
    return _("بله") if value else _("خیر")
