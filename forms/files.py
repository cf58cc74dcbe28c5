"""Fields of files; the value of each file is the id of its document row: one file, or several of them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from markupsafe import Markup
from wtforms import widgets

from forms.field import Json, KartablField, local_digits
from forms.rows import RowsField, ValueForm
from models.digits import clean, storable
from models.language import gettext as _

MAX_FILES = 20  # of one field, unless a validator allows fewer or more
MAX_READ = 1_000  # ids that are read at all, however many were sent


@dataclass(frozen=True)
class HeldFile:
    """What a page shows of a document that a field holds; ``size`` is in words, and so is what is to know about it."""

    id: int
    name: str
    size: str
    note: str = ""


class DocumentField(KartablField):
    """A file; the value is the id of its document row.

    The page has two inputs of the same name: the hidden one holds the document that is there already, the
    file one a new upload. Whoever stores the upload puts the new id in the place of the old one.
    ``accept``: endings of the names of files that are taken (``["jpg", "png"]``); none: all that a case may hold.
    """

    hint = "document"
    attributes: ClassVar[dict[str, Any]] = {"accept": ".pdf,.jpg,.jpeg,.png"}

    def __init__(
        self, label: Any = None, validators: Sequence[Any] | None = None, *, accept: Sequence[str] = (), **settings: Any
    ) -> None:
        super().__init__(label, validators, **settings)
        self.accept = tuple(ending.lower().lstrip(".") for ending in accept)
        self.held: list[HeldFile] | None = None  # of ``ids`` those that are documents of the case; None: not looked up
        if self.accept:
            self.render_kw["accept"] = ",".join(f".{ending}" for ending in self.accept)

    @property
    def ids(self) -> list[int]:
        """The documents that the field names."""
        return [] if self.data is None else [self.data]

    def ask(self) -> str:
        return _("%(field)s را بارگذاری کنید.", field=self.title)

    @property
    def most(self) -> int:
        return 1

    def remove(self, document_id: int) -> None:
        """Hold this document no longer."""
        if self.data == document_id:
            self.data, self.typed = None, ""

    def flatten(self, value: Json) -> list[str]:
        if value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return super().flatten(value)
        raise ValueError(_("%(field)s باید شمارهٔ یک فایل بارگذاری‌شده باشد.", field=self.title))

    def parse(self, text: str) -> int:
        number = clean(text[:40])
        if not re.fullmatch(r"[0-9]{1,18}", number) or int(number) == 0:
            raise ValueError(_("این فایل پیدا نشد. آن را دوباره بارگذاری کنید."))
        return int(number)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 1}

    def __call__(self, **attributes: Any) -> Markup:
        held = Markup('<input type="hidden" name="{}" value="{}" data-document>').format(self.name, self.typed)
        return held + widgets.FileInput()(self, **{**self.render_kw, **attributes})


class DocumentsField(DocumentField):
    """Files; the value is the list of the ids of their document rows, each once, in the order of upload.

    How many there may be says the validator ``FilesBetween``; without one, at most ``MAX_FILES``. The page has a
    hidden input for each document that is there and one file input for new ones, all of the same name.
    """

    hint = "documents"
    empty: Json = []  # noqa: RUF012 - replaced for each kind of field, never changed
    attributes: ClassVar[dict[str, Any]] = {}

    @property
    def ids(self) -> list[int]:
        return list(self.data or [])

    @property
    def most(self) -> int:
        """How many files the field may hold."""
        given = [check.most_files for check in self.validators or () if hasattr(check, "most_files")]
        return min(given, default=MAX_FILES)

    def flatten(self, value: Json) -> list[str]:
        several = value if isinstance(value, list | tuple) else [] if value is None else [value]
        try:
            return [text for item in several[:MAX_READ] for text in super(DocumentsField, self).flatten(item)]
        except ValueError:
            raise ValueError(
                _("%(field)s باید فهرستی از شماره‌های فایل‌های بارگذاری‌شده باشد.", field=self.title)
            ) from None

    def _read(self, texts: Iterable[str]) -> None:
        """Read the valid ids into ``data``; then raise ``ValueError`` for a wrong one."""
        ids = [storable(text[:40]) for text in texts if text.strip()][:MAX_READ]
        self.typed = "\n".join(ids)
        self.data = []
        wrong: ValueError | None = None
        for text in ids:
            try:
                self.data.append(self.parse(text))
            except ValueError as error:
                wrong = error
        self.data = list(dict.fromkeys(self.data))
        if wrong is not None:
            raise wrong

    def remove(self, document_id: int) -> None:
        self.data = [held for held in self.ids if held != document_id]
        self.typed = "\n".join(map(str, self.data))

    def validate(self, form: Any, extra_validators: Iterable[Any] = ()) -> bool:
        if super().validate(form, extra_validators) and self.is_visible and len(self.ids) > self.most:
            self.errors.append(too_many(self, len(self.ids)))
        return not self.errors

    @property
    def is_empty(self) -> bool:
        return not self.data

    @property
    def draft_value(self) -> Json:
        return self.ids

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {
            "type": "array",
            "items": super().json_schema(),
            "uniqueItems": True,
            "maxItems": self.most,
        }
        return schema | ({"minItems": 1} if self.flags.required else {})

    def __call__(self, **attributes: Any) -> Markup:
        return widgets.FileInput(multiple=True)(self, **{**self.render_kw, **attributes})


def too_many(field: DocumentField, number: int) -> str:
    """The error of sending ``number`` files to a field that holds fewer."""
    return _(
        "اینجا حداکثر %(most)s فایل جا می‌گیرد و با آنچه ارسال کردید %(number)s تا می‌شد.",
        most=local_digits(field.most),
        number=local_digits(number),
    )


class Placed(NamedTuple):
    """A field of files: its dotted name, its name on the page that was sent, itself."""

    path: str
    sent_as: str
    field: DocumentField


def document_fields(
    form: ValueForm, path: str = "", sent_as: str = "", *, blank_rows: bool = False
) -> Iterator[Placed]:
    """The fields of a form that hold files; ``blank_rows``: also those of rows that there are not yet."""
    for name, field in form._fields.items():
        if isinstance(field, DocumentField):
            yield Placed(f"{path}{name}", f"{sent_as}{name}", field)
        elif isinstance(field, RowsField):
            for index, row in enumerate([*field.rows, *([field.blank_row()] if blank_rows else [])]):
                number = field.posted[index] if index < len(field.posted) else index  # rows are numbered anew
                yield from document_fields(row, f"{path}{name}.{index}.", f"{sent_as}{name}-{number}-")


def remove_file(form: ValueForm, argument: str) -> None:
    """Take the document out of the field that a button named: ``photos-17``, in a row ``meters-0-photos-17``."""
    name, _dash, number = argument.rpartition("-")
    for place in document_fields(form):
        if place.sent_as == name and number.isascii() and number.isdigit() and len(number) < 19:
            place.field.remove(int(number))
