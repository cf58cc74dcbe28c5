"""The filters over a list and the day of a week, as forms: words, choices, days typed in Jalali."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from wtforms.fields.choices import Choice as DrawnChoice

from forms.base import TaskForm, check_names
from forms.fields import JalaliDateField, SelectField, TextField
from models.language import gettext as _
from models.language import lazy


class DeclaredFilter(Protocol):
    """What is to be known of a filter. ``kind``: search, choice, date_from or date_to."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> Any: ...
    @property
    def kind(self) -> str: ...


class AnyOrOneField(SelectField):
    """One of the options, or whatever there is."""

    def iter_choices(self) -> list[DrawnChoice]:
        everything, *options = super().iter_choices()
        return [DrawnChoice("", _("همه"), everything.selected, {}), *options]


FIELDS: dict[str, Callable[..., Any]] = {
    "search": TextField,
    "choice": AnyOrOneField,
    "date_from": JalaliDateField,
    "date_to": JalaliDateField,
}


class FiltersForm(TaskForm):
    """The filters of a list; ``filters_form`` creates the class."""

    date_keys: tuple[str, str] | None = None  # the fields of a range's first and last day, when the list has both

    def validate(self, extra_validators: Any = None) -> bool:
        accepted = super().validate(extra_validators)
        if not accepted or self.date_keys is None:
            return accepted
        first, last = (self._fields[key] for key in self.date_keys)
        if first.data and last.data and last.data < first.data:
            last.errors = [_("پایان بازه پیش از شروع آن است.")]
            return False
        return True


class WeekForm(TaskForm):
    """The day whose week the page displays."""

    day = JalaliDateField(lazy("رفتن به هفتهٔ این روز"))


def filters_form(key: str, filters: Sequence[DeclaredFilter]) -> type[FiltersForm]:
    """The form of the filters of the list ``key``; what its choices offer is given at run time."""
    members: dict[str, Any] = {one.key: FIELDS[one.kind](one.label) for one in filters}
    kinds = {one.kind: one.key for one in filters}
    if {"date_from", "date_to"} <= kinds.keys():
        members["date_keys"] = (kinds["date_from"], kinds["date_to"])
    form: type[FiltersForm] = type(f"Filters_{key}", (FiltersForm,), members)
    check_names(form)
    return form
