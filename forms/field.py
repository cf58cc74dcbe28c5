"""What every field of our forms has: the value read, the text as typed, the JSON value, the JSON schema.

A value takes the same way from a page and from JSON: it becomes the text that a person would have typed
(``flatten``), which ``parse`` reads.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import wtforms
from wtforms import widgets
from wtforms.validators import StopValidation, ValidationError

from models.digits import clean, persian_digits, storable
from models.language import current
from models.language import gettext as _

TYPED_LIMIT = 50_000  # characters that are looked at; a longer text is refused unread

Json = Any  # what json.dumps takes


class KartablField(wtforms.Field):
    """A field with a JSON value.

    ``data`` is the value read (``None`` when there is none), ``typed`` the text as it was typed,
    ``json_value`` what is submitted. ``shown_when``: ``("owner_kind", "person")``, the field of the same form
    and its values (several: with spaces between) for which this one is visible; while it is not, it is
    empty and not checked.
    """

    data: Any
    widget = widgets.TextInput()
    hint = "text"  # how the page draws it; x-widget of the schema
    empty: Json = None  # the JSON value of an empty field
    typed_limit: ClassVar[int] = TYPED_LIMIT  # characters of wrong text that the form gives back to be corrected
    attributes: ClassVar[dict[str, Any]] = {}  # HTML attributes of every field of the kind

    def __init__(
        self,
        label: Any = None,
        validators: Sequence[Any] | None = None,
        *,
        shown_when: tuple[str, str] | None = None,
        unit: Any = None,
        render_kw: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(label, validators, render_kw={**self.attributes, **(render_kw or {})}, **settings)
        self.shown_when = shown_when
        self.unit = unit  # the word after a number: "مترمربع"
        self.typed = ""
        self.errors: list[str] = []

    def process_data(self, value: Json) -> None:
        """Show a value that was saved before: a JSON value, or a draft's text, which may be wrong."""
        try:
            self._read(self.flatten(value))
        except ValueError:
            self.data = None

    def process_formdata(self, valuelist: list[str]) -> None:
        self._read(valuelist)

    def _read(self, texts: Sequence[str]) -> None:
        self.data = None
        text = texts[0] if texts else ""
        self.typed = storable(text[: self.typed_limit])
        if len(text) > TYPED_LIMIT:
            raise ValueError(self.too_long())
        if self.typed.strip():
            self.data = self.parse(self.typed)

    @property
    def title(self) -> str:
        """The label, in the reader's language, as errors name the field."""
        return str(self.label.text)

    def missing(self) -> str:
        """The error of a field that must be filled in and is empty."""
        if self.title.endswith(("؟", "?")):
            return _("به «%(field)s» پاسخ دهید.", field=self.title)
        return self.ask()

    def ask(self) -> str:
        """What to do with the field, said to somebody who left it empty."""
        return _("%(field)s را وارد کنید.", field=self.title)

    def too_long(self) -> str:
        """The error of a text that is too long to read."""
        return _("این متن بیش از اندازه بلند است.")

    def flatten(self, value: Json) -> list[str]:
        """The texts that a page would send for the JSON ``value``; ``ValueError`` when its type is wrong."""
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        if isinstance(value, int) and not isinstance(value, bool):
            return [_digits_of(value)]
        raise ValueError(_("%(field)s باید متن باشد.", field=self.title))

    def parse(self, text: str) -> Any:
        """The value of a text that is not blank; ``ValueError`` with a message for its writer."""
        return clean(text)

    def to_json(self) -> Json:
        """The JSON value of ``data``, which is not ``None``."""
        return self.data

    def json_schema(self) -> dict[str, Any]:
        """The schema of the kind; what the validators add comes on top."""
        return {"type": "string"}

    @property
    def is_empty(self) -> bool:
        return self.data is None or self.data == ""

    @property
    def is_visible(self) -> bool:
        if self.shown_when is None:
            return True
        name, values = self.shown_when
        other = self._form[name].data
        return ("true" if other is True else str(other)) in values.split()

    @property
    def json_value(self) -> Json:
        return self.empty if self.is_empty or not self.is_visible else self.to_json()

    @property
    def draft_value(self) -> Json:
        """The JSON value where there is one, else the text as it was typed: nothing is lost."""
        if not self.is_empty:
            return self.to_json()
        return self.typed if self.typed.strip() else self.empty

    @property
    def schema(self) -> dict[str, Any]:
        schema = self.json_schema()
        for validator in self.validators:
            schema |= getattr(validator, "schema", {})
        if self.empty is None and isinstance(schema.get("type"), str) and not self.flags.required:
            schema["type"] = [schema["type"], "null"]
            schema |= {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        schema |= {"title": str(self.label.text), "x-widget": self.hint}
        if self.description:
            schema["description"] = str(self.description)
        if self.unit:
            schema["x-unit"] = str(self.unit)
        if self.shown_when:
            schema["x-shown-when"] = {"field": self.shown_when[0], "values": self.shown_when[1].split()}
        return schema

    def validate(self, form: wtforms.Form, extra_validators: Iterable[Any] = ()) -> bool:
        self.errors = []
        if not self.is_visible:
            return True
        if self.process_errors:  # what cannot be read is not judged any further
            self.errors = [str(error) for error in self.process_errors]
            return False
        for validator in itertools.chain(self.validators, extra_validators):
            if self.is_empty and not getattr(validator, "judges_empty", False):
                continue
            try:
                validator(form, self)
            except (StopValidation, ValidationError) as error:
                self.errors.append(str(error.args[0]))
                break
        return not self.errors

    def _value(self) -> str:
        return self.typed


def _digits_of(number: int) -> str:
    """``number`` in digits; a number too long for that becomes one that every field finds too large."""
    return str(number) if abs(number) < 10**100 else "9" * 101


def local_digits(number: object) -> str:
    """``number`` with the digits of the current reader, an integer in groups of three: ``۲۰٬۰۰۰``."""
    text = f"{number:,}" if isinstance(number, int) else str(number)
    if current() != "fa":
        return text
    return persian_digits(text.replace(",", "٬") if isinstance(number, int) else text)
