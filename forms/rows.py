"""A field with rows of fields, such as the list of meters, and the form of one row."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import wtforms
from wtforms.utils import unset_value

from forms.field import Json, KartablField, local_digits
from models.digits import clean
from models.language import gettext as _
from models.language import lazy

ADD, REMOVE = "_add", "_remove"  # names of the buttons; their values: "meters", "meters-1"
REMOVE_FILE = "_remove_file"  # the name of a file's button; its value: "photos-17", the page's name and the document
ADD_ROW, REMOVE_ROW = lazy("افزودن ردیف"), lazy("حذف ردیف")
TOO_FEW = lazy("حداقل یک ردیف را پر کنید.")
MAX_WRONG_NAMES = 20  # names that are no fields: so many are named, the others are left out of the answer


class ValueForm(wtforms.Form):
    """A form with JSON values: a whole one or one row."""

    @property
    def submission(self) -> dict[str, Json]:
        """The JSON values. Invisible fields are in it, empty."""
        return {name: field.json_value for name, field in self._fields.items()}

    @property
    def draft_values(self) -> dict[str, Json]:
        """What was typed, wrong things included, so that a draft loses nothing."""
        return {name: field.draft_value for name, field in self._fields.items()}

    @property
    def is_blank(self) -> bool:
        return all(field.is_empty and not field.typed.strip() for field in self._fields.values())

    def error_paths(self, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
        """Each field that has errors, by its dotted name."""
        for name, field in self._fields.items():
            if field.errors:
                yield f"{prefix}{name}", list(field.errors)
            if isinstance(field, RowsField):
                for index, entry in enumerate(field.entries):
                    yield from entry.form.error_paths(f"{prefix}{name}.{index}.")

    def value_schema(self) -> dict[str, Any]:
        """The JSON schema of ``submission``."""
        fields = self._fields.items()
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: field.schema for name, field in fields},
            "required": [name for name, field in fields if field.flags.required],
            "additionalProperties": False,
        }
        conditions = [
            {
                "if": {"properties": {check.other: {"const": check.value}}, "required": [check.other]},
                "then": {"required": [name], "properties": {name: {"not": {"enum": ["", None]}}}},
            }
            for name, field in fields
            for check in field.validators or ()
            if hasattr(check, "other")
        ]
        return schema | ({"allOf": conditions} if conditions else {})


class RowForm(ValueForm):
    """The fields of one row."""


class RowsField(wtforms.FieldList):
    """``min_rows`` to ``max_rows`` rows of ``row_form``. A row in which nothing is typed does not count.

    ``errors`` holds what is wrong with the list as a whole; the errors of its rows are at their fields.
    """

    hint = "rows"
    empty: ClassVar[list[Json]] = []
    shown_when: tuple[str, str] | None = None
    typed = ""

    def __init__(
        self,
        row_form: type[RowForm],
        label: Any = None,
        *,
        min_rows: int = 1,
        max_rows: int = 50,
        fixed: bool = False,
        blank: bool = True,
        add_label: Any = ADD_ROW,
        remove_label: Any = REMOVE_ROW,
        too_few: Any = TOO_FEW,
        **settings: Any,
    ) -> None:
        super().__init__(wtforms.FormField(row_form, ""), label, min_entries=1 if blank else 0, **settings)
        self.row_form = row_form
        self.min_rows = min_rows
        self.max_rows = max_rows
        self.fixed = fixed  # the page neither adds nor removes rows
        self.blank = blank  # there always is a row, to begin with an empty one
        self.add_label = add_label
        self.remove_label = remove_label
        self.too_few = too_few
        self.posted: list[int] = []  # the index each entry had on the page; scripts there may leave gaps
        if min_rows:
            self.flags.required = True

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        self.process_errors: list[str] = []
        self.errors: list[str] = []
        self.posted = self._posted(formdata) if formdata else []
        super().process(formdata, self._known(data), extra_filters)

    def _posted(self, formdata: Iterable[str]) -> list[int]:
        """Indices of the rows sent, one more at most than are accepted.

        FieldList's own reading of the names breaks at ``meters-²-units``, and counts ``meters2-0-units`` in.
        """
        shape = re.compile(rf"{re.escape(self.name)}-([0-9]{{1,6}})(-.*)?", re.DOTALL)
        indices = {int(match[1]) for match in map(shape.fullmatch, formdata) if match}
        return sorted(indices)[: self.max_rows + 1]

    def _extract_indices(self, prefix: str, formdata: Any) -> list[int]:
        return self.posted

    def _known(self, data: Any) -> list[dict[str, Json]]:
        """Of a draft's rows, whatever they are, what the row's form knows."""
        names = self.blank_row()._fields if isinstance(data, list) else ()
        rows = data[: self.max_rows + 1] if isinstance(data, list) else []
        return [{name: row[name] for name in names if name in row} for row in rows if isinstance(row, Mapping)]

    def blank_row(self) -> RowForm:
        """A row apart from the list: for its columns, its schema, a template of a new row."""
        return self.row_form(prefix=f"{self.name}-0-", meta={"_parent_form": self._form})

    @property
    def rows(self) -> list[RowForm]:
        return [entry.form for entry in self.entries]

    @property
    def filled(self) -> list[tuple[int, RowForm]]:
        """The rows that count, each with its place on the page."""
        return [(index, row) for index, row in enumerate(self.rows) if not row.is_blank]

    def validate(self, form: wtforms.Form, extra_validators: Iterable[Any] = ()) -> bool:
        self.errors = []
        rows_are_right = all([row.validate() for _index, row in self.filled])
        if len(self.filled) < self.min_rows:
            self.errors.append(str(self.too_few))
        if len(self.filled) > self.max_rows:
            self.errors.append(_("حداکثر %(most)s ردیف پذیرفته می‌شود.", most=local_digits(self.max_rows)))
        if rows_are_right and not self.errors:
            self._run_validation_chain(form, extra_validators)
        return rows_are_right and not self.errors

    def add_row(self) -> None:
        if len(self.entries) < self.max_rows:
            self.append_entry()

    def remove_row(self, posted_index: int) -> None:
        if posted_index in self.posted:
            self.pop_entry(self.posted.index(posted_index))
            self.posted.remove(posted_index)
        if self.blank and not self.entries:
            self.append_entry()

    @property
    def json_value(self) -> Json:
        return [row.submission for _index, row in self.filled]

    @property
    def draft_value(self) -> Json:
        return [row.draft_values for row in self.rows]

    @property
    def is_empty(self) -> bool:
        return not self.filled

    @property
    def is_visible(self) -> bool:
        return True

    @property
    def schema(self) -> dict[str, Any]:
        return {
            "type": "array",
            "items": self.blank_row().value_schema(),
            "minItems": self.min_rows,
            "maxItems": self.max_rows,
            "title": str(self.label.text),
            "x-widget": self.hint,
        }


class FormData(dict[str, list[str]]):
    """Names with their texts, as a page sends them: what WTForms reads."""

    def getlist(self, name: str) -> list[str]:
        return self.get(name, [])


def flatten(form: ValueForm, values: Mapping[Any, Json]) -> tuple[FormData, dict[str, list[str]]]:
    """The JSON ``values`` as a page would send them, and what is wrong with their names and types, dotted."""
    formdata, errors = FormData(), dict[str, list[str]]()
    _flatten(form, values, "", formdata, errors)
    return formdata, errors


def _flatten(
    form: ValueForm, values: Mapping[Any, Json], dotted: str, formdata: FormData, errors: dict[str, list[str]]
) -> None:
    unknown = (name for name in values if name not in form._fields)
    for name in itertools.islice(unknown, max(0, MAX_WRONG_NAMES - len(errors))):
        errors[f"{dotted}{clean(str(name)[:200])[:100]}"] = [_("این فرم چنین فیلدی ندارد.")]
    for name, field in form._fields.items():
        if name not in values:
            continue
        value = values[name]
        if isinstance(field, RowsField):
            _flatten_rows(field, value, f"{dotted}{name}", formdata, errors)
        elif isinstance(field, KartablField):
            try:
                formdata[f"{dotted.replace('.', '-')}{name}"] = field.flatten(value)
            except ValueError as error:
                errors[f"{dotted}{name}"] = [str(error)]


def _flatten_rows(field: RowsField, rows: Json, dotted: str, formdata: FormData, errors: dict[str, list[str]]) -> None:
    if rows is None:
        return
    if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
        errors[dotted] = [_("%(field)s باید فهرستی از ردیف‌ها باشد.", field=str(field.label.text))]
        return
    for index, row in enumerate(rows[: field.max_rows + 1]):
        formdata[f"{dotted}-{index}"] = [""]  # so that a row without any value keeps its place
        if isinstance(row, Mapping):
            _flatten(field.blank_row(), row, f"{dotted}.{index}.", formdata, errors)
        else:
            errors[f"{dotted}.{index}"] = [_("هر ردیف باید مجموعه‌ای از فیلدها باشد.")]
