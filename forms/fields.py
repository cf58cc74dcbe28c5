"""The kinds of fields of our forms, all to be imported from here.

What they share is in ``forms/field.py``, lists of options in ``forms/options.py``, rows in ``forms/rows.py``,
files in ``forms/files.py``.
"""

import math
import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar

from wtforms import widgets

from forms.field import Json, KartablField, local_digits
from forms.files import DocumentField as DocumentField
from forms.files import DocumentsField as DocumentsField
from forms.options import ChoiceField as ChoiceField
from forms.options import ManyOfField as ManyOfField
from forms.options import SelectField as SelectField
from forms.rows import RowForm as RowForm
from forms.rows import RowsField as RowsField
from models import identifiers
from models.digits import clean
from models.jalali import jalali_text, parse_jalali
from models.language import gettext as _

MAX_RIALS = 10**15


class TextField(KartablField):
    """One line of text, at most ``most`` characters."""

    empty = ""

    def __init__(self, label: Any = None, validators: Sequence[Any] | None = None, *, most: int = 200, **settings: Any):
        super().__init__(label, validators, **settings)
        self.most = most
        self.render_kw.setdefault("maxlength", most)

    def parse(self, text: str) -> str:
        text = self._tidy(clean(text))
        if len(text) > self.most:
            raise ValueError(self.too_long())
        return text

    def too_long(self) -> str:
        return _("حداکثر %(most)s کاراکتر وارد کنید.", most=local_digits(self.most))

    def _tidy(self, text: str) -> str:
        return " ".join(text.split())

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.most}


class LongTextField(TextField):
    """Lines of text, at most ``most`` characters."""

    widget = widgets.TextArea()
    hint = "textarea"
    typed_limit = 2_000_000  # all that a page can send: a long text comes back to be shortened
    attributes: ClassVar[dict[str, Any]] = {"rows": 5}

    def __init__(
        self, label: Any = None, validators: Sequence[Any] | None = None, *, most: int = 4000, **settings: Any
    ):
        super().__init__(label, validators, most=most, **settings)

    def ask(self) -> str:
        return _("%(field)s را بنویسید.", field=self.title)

    def _tidy(self, text: str) -> str:
        return text


class DigitsField(KartablField):
    """A code of ``least`` to ``most`` digits; leading zeros stay, spaces and dashes go."""

    hint = "digits"
    empty = ""
    attributes: ClassVar[dict[str, Any]] = {"inputmode": "numeric", "dir": "ltr", "autocomplete": "off"}

    def __init__(
        self,
        label: Any = None,
        validators: Sequence[Any] | None = None,
        *,
        least: int = 1,
        most: int = 30,
        **settings: Any,
    ):
        super().__init__(label, validators, **settings)
        self.least = least
        self.most = most

    def parse(self, text: str) -> str:
        code = re.sub(r"[\s\-]", "", clean(text[:200]))
        if not re.fullmatch(r"[0-9]+", code):
            raise ValueError(_("فقط رقم وارد کنید."))
        if not self.least <= len(code) <= self.most:
            limits = {"least": local_digits(self.least), "most": local_digits(self.most)}
            if self.least == self.most:
                raise ValueError(_("این شماره %(most)s رقم است.", **limits))
            raise ValueError(_("این شماره از %(least)s تا %(most)s رقم است.", **limits))
        return code

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^([0-9]{{{self.least},{self.most}}})?$"}


class CodeField(KartablField):
    """A code in Latin letters, digits, ``-`` and ``/``, such as a property code; stored in capitals."""

    hint = "code"
    empty = ""
    attributes: ClassVar[dict[str, Any]] = {"dir": "ltr", "autocomplete": "off"}

    def __init__(self, label: Any = None, validators: Sequence[Any] | None = None, *, most: int = 40, **settings: Any):
        super().__init__(label, validators, **settings)
        self.most = most
        self.render_kw.setdefault("maxlength", most)

    def parse(self, text: str) -> str:
        code = re.sub(r"\s", "", clean(text[:200])).upper()
        if not re.fullmatch(r"[0-9A-Z][0-9A-Z\-/]*", code):
            raise ValueError(_("فقط رقم، حرف لاتین و خط تیره وارد کنید."))
        if len(code) > self.most:
            raise ValueError(_("حداکثر %(most)s کاراکتر وارد کنید.", most=local_digits(self.most)))
        return code

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.most}


class NationalCodeField(KartablField):
    """A person's national code, checked by its check digit (REG-4)."""

    hint = "digits"
    empty = ""
    attributes: ClassVar[dict[str, Any]] = {"inputmode": "numeric", "dir": "ltr", "autocomplete": "off"}
    digits = 10

    def parse(self, text: str) -> str:
        return identifiers.national_code(text)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^([0-9]{{{self.digits}}})?$"}


class CompanyIdField(NationalCodeField):
    """A company's national id, checked by its check digit (REG-4)."""

    digits = 11

    def parse(self, text: str) -> str:
        return identifiers.company_id(text)


class PostalCodeField(NationalCodeField):
    """A postal code of ten digits."""

    attributes: ClassVar[dict[str, Any]] = {
        "inputmode": "numeric",
        "dir": "ltr",
        "autocomplete": "postal-code",
    }

    def parse(self, text: str) -> str:
        return identifiers.postal_code(text)


class MobileField(NationalCodeField):
    """A mobile number; ``+98912…`` and the like become ``0912…``."""

    hint = "tel"
    widget = widgets.TelInput()
    attributes: ClassVar[dict[str, Any]] = {"inputmode": "tel", "dir": "ltr", "autocomplete": "tel-national"}
    digits = 11

    def parse(self, text: str) -> str:
        return identifiers.mobile(text)


class IntegerField(KartablField):
    """A whole number, with or without separators of thousands."""

    hint = "number"
    attributes: ClassVar[dict[str, Any]] = {"inputmode": "numeric", "dir": "ltr", "autocomplete": "off"}
    _shape = re.compile(r"-?([0-9]{1,18}|[0-9]{1,3}([٬,،' ][0-9]{3}){1,5})")

    def flatten(self, value: Json) -> list[str]:
        if isinstance(value, float) and math.isfinite(value) and abs(value) < 10**18:
            return [str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")]
        if value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return super().flatten(value)
        raise ValueError(_("%(field)s باید عدد باشد.", field=self.title))

    def parse(self, text: str) -> int | Decimal:
        number = " ".join(clean(text[:120]).replace("−", "-").split())
        if re.fullmatch(r"-?[0-9]{19,}", number):
            raise ValueError(_("این عدد بیش از اندازه بزرگ است."))
        if not self._shape.fullmatch(number):
            raise ValueError(_("عددی بدون اعشار وارد کنید."))
        return int(re.sub(r"[^0-9\-]", "", number))

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer"}

    def _value(self) -> str:
        return self.typed if self.data is None else local_digits(self.typed)


class DecimalField(IntegerField):
    """A number with at most ``places`` decimals, after ``.`` or ``٫``. Its JSON value is a number."""

    attributes: ClassVar[dict[str, Any]] = {"inputmode": "decimal", "dir": "ltr", "autocomplete": "off"}

    def __init__(self, label: Any = None, validators: Sequence[Any] | None = None, *, places: int = 2, **settings: Any):
        super().__init__(label, validators, **settings)
        self.places = places

    def parse(self, text: str) -> Decimal:
        number = clean(text[:120]).replace("٫", ".").replace("−", "-")
        whole, _point, fraction = number.partition(".")
        if re.fullmatch(r"-?[0-9]{13,}", whole):  # a float keeps 15 digits: 12 and at most 3 decimals
            raise ValueError(_("این عدد بیش از اندازه بزرگ است."))
        if not self._shape.fullmatch(whole) or not re.fullmatch(r"(\.[0-9]+)?", number[len(whole) :]):
            raise ValueError(_("عددی مانند ۱۲۰ یا ۱۲۰٫۵ وارد کنید."))
        if len(fraction.rstrip("0")) > self.places:
            raise ValueError(_("حداکثر %(places)s رقم اعشار وارد کنید.", places=local_digits(self.places)))
        return Decimal(f"{re.sub(r'[^0-9-]', '', whole)}.{fraction or 0}")

    def to_json(self) -> Json:
        return int(self.data) if self.data == int(self.data) else float(self.data)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "number"}

    def _value(self) -> str:
        text = super()._value()
        return text if text == self.typed else text.replace(".", "٫")


class RialsField(IntegerField):
    """Money: whole Rials, not negative (FEE-3)."""

    hint = "money"

    def parse(self, text: str) -> int:
        amount = int(super().parse(text))
        if not 0 <= amount <= MAX_RIALS:
            raise ValueError(_("مبلغ را به ریال، بدون اعشار و بدون علامت منفی وارد کنید."))
        return amount

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 0, "maximum": MAX_RIALS}


class JalaliDateField(KartablField):
    """A day, typed in Jalali (CAL-4). Its JSON value is an ISO date."""

    hint = "date"
    attributes: ClassVar[dict[str, Any]] = {
        "inputmode": "numeric",
        "dir": "ltr",
        "autocomplete": "off",
        "placeholder": "۱۴۰۴/۰۸/۳۰",
    }

    def parse(self, text: str) -> date | datetime:
        return parse_jalali(text)

    def to_json(self) -> str:
        return self.data.isoformat() if self.data else ""

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}

    def _value(self) -> str:
        if self.data is None:
            return self.typed
        return local_digits(jalali_text(self.data))


class TimeOfDayField(KartablField):
    """A time of day of the organisation, ``14:05``. Its JSON value is the same text."""

    hint = "time"
    empty = ""
    attributes: ClassVar[dict[str, Any]] = {
        "dir": "ltr",
        "autocomplete": "off",
        "inputmode": "numeric",
        "placeholder": "۰۹:۳۰",
    }
    _shape = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?")

    def parse(self, text: str) -> time:
        match = self._shape.fullmatch(clean(text[:20]).replace(".", ":").replace("٫", ":"))
        if match is None or int(match[1]) > 23 or int(match[2] or 0) > 59:
            raise ValueError(_("ساعت را به شکل ۰۹:۳۰ وارد کنید."))
        return time(int(match[1]), int(match[2] or 0))

    def to_json(self) -> str:
        return f"{self.data:%H:%M}" if self.data else ""

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9])?$"}

    def _value(self) -> str:
        return self.typed if self.data is None else local_digits(f"{self.data:%H:%M}")


class CheckField(KartablField):
    """A box to tick. Not ticked is ``false``, never empty in JSON."""

    hint = "checkbox"
    widget = widgets.CheckboxInput()
    empty = False

    def ask(self) -> str:
        return _("گزینهٔ «%(field)s» را علامت بزنید.", field=self.title)

    def flatten(self, value: Json) -> list[str]:
        if value is None or isinstance(value, bool):
            return ["true"] if value else []
        if isinstance(value, str):
            return [value]
        raise ValueError(_("%(field)s باید درست یا نادرست (true یا false) باشد.", field=self.title))

    def _read(self, texts: Sequence[str]) -> None:
        text = texts[-1].strip().lower()[:10] if texts else ""
        self.data = text not in ("", "false", "off", "no", "0")
        self.typed = "true" if self.data else ""

    @property
    def is_empty(self) -> bool:
        return not self.data

    def json_schema(self) -> dict[str, Any]:
        return {"const": True} if self.flags.required else {"type": "boolean"}

    def _value(self) -> str:
        return "true"
