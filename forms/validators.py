"""Checks on one field's value. What a check knows it also says in the field's JSON schema (``schema``).

A check does not run on an empty field unless it has ``judges_empty``.
"""

from decimal import Decimal
from typing import Any, ClassVar

from wtforms import Field, Form
from wtforms.validators import StopValidation, ValidationError

from models.digits import persian_digits
from models.language import current
from models.language import gettext as _


def number_text(number: int | Decimal) -> str:
    """``number`` as the current reader writes it."""
    grouped = f"{number:,}"
    return persian_digits(grouped.replace(",", "٬").replace(".", "٫")) if current() == "fa" else grouped


class Required:
    """The field must be filled in (a box: ticked)."""

    judges_empty = True
    schema: ClassVar[dict[str, Any]] = {}
    field_flags: ClassVar[dict[str, Any]] = {"required": True}

    def __init__(self, message: Any = None) -> None:
        self.message = message

    def __call__(self, form: Form, field: Field) -> None:
        if field.is_empty:
            raise StopValidation(str(self.message or field.missing()))


class RequiredWhen:
    """The field must be filled in when the form's ``other`` field has ``value`` (REG-4)."""

    judges_empty = True
    schema: ClassVar[dict[str, Any]] = {}

    def __init__(self, other: str, value: str, message: Any = None) -> None:
        self.other = other
        self.value = value
        self.message = message

    def __call__(self, form: Form, field: Field) -> None:
        if form[self.other].data == self.value and field.is_empty:
            raise StopValidation(str(self.message or field.missing()))


class NumberBetween:
    """The number lies from ``least`` to ``most``; with ``above`` it must be more than ``least``."""

    def __init__(self, least: int, most: int, *, above: bool = False) -> None:
        self.least = least
        self.most = most
        self.above = above
        self.schema: dict[str, Any] = {"exclusiveMinimum" if above else "minimum": least, "maximum": most}

    def __call__(self, form: Form, field: Field) -> None:
        limits = {"least": number_text(self.least), "most": number_text(self.most)}
        if field.data > self.most or field.data < self.least:
            raise ValidationError(_("عددی از %(least)s تا %(most)s وارد کنید.", **limits))
        if self.above and field.data == self.least:
            raise ValidationError(_("عددی بزرگ‌تر از %(least)s و حداکثر %(most)s وارد کنید.", **limits))


class FilesBetween:
    """A field of files holds from ``least`` to ``most`` of them. One that must not be empty is ``Required`` besides."""

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most_files = most
        self.schema: dict[str, Any] = {"anyOf": [{"maxItems": 0}, {"minItems": least}]} if least > 1 else {}

    def __call__(self, form: Form, field: Field) -> None:
        if len(field.data) < self.least:  # how many there are at most says the field itself
            raise ValidationError(_("حداقل %(least)s فایل بارگذاری کنید.", least=number_text(self.least)))
