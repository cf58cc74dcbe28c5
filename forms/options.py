"""Fields in which people choose from options."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from wtforms import widgets
from wtforms.fields.choices import Choice as DrawnChoice
from wtforms.fields.choices import SelectFieldBase

from forms.field import Json, KartablField
from models.choice import Choice
from models.digits import clean, storable
from models.language import gettext as _


class OneOfField(KartablField, SelectFieldBase):
    """One of ``options``, given here or at run time by the form's ``choices``."""

    def __init__(
        self,
        label: Any = None,
        validators: Sequence[Any] | None = None,
        *,
        options: Sequence[Choice] = (),
        **settings: Any,
    ):
        super().__init__(label, validators, **settings)
        self._options = list(options)

    @property
    def options(self) -> list[Choice]:
        """What can be chosen now. Run-time choices are looked up as ``documents.title`` and as ``title``."""
        given = getattr(self._root, "run_time_choices", {})
        path = re.sub(r"-[0-9]+-", ".", self.name)
        return given.get(path, given.get(self.short_name, self._options))

    @property
    def _root(self) -> Any:
        form = self._form
        while getattr(form, "_parent_form", None) is not None:
            form = form._parent_form
        return form

    def ask(self) -> str:
        return _("%(field)s را انتخاب کنید.", field=self.title)

    def parse(self, text: str) -> str | int:
        typed = clean(text)
        for option in self.options:
            if typed == clean(str(option.value)):
                return option.value
        raise ValueError(_("یکی از گزینه‌های فهرست را انتخاب کنید."))

    def json_schema(self) -> dict[str, Any]:
        values = [option.value for option in self.options]
        kinds = {"integer" if isinstance(value, int) else "string" for value in values} or {"string"}
        names = {str(option.value): str(option.label) for option in self.options}
        return {"type": kinds.pop(), "enum": values, "x-labels": names} if len(kinds) == 1 else {"enum": values}

    def iter_choices(self) -> list[DrawnChoice]:
        return [
            DrawnChoice(value=str(o.value), label=str(o.label), selected=o.value == self.data, render_kw={})
            for o in self.options
        ]


class ChoiceField(OneOfField):
    """A short list, all of it seen at once: radio buttons."""

    hint = "radio"
    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.RadioInput()


class SelectField(OneOfField):
    """A longer list, folded; its first line is empty, so that nobody chooses without knowing it."""

    hint = "select"
    widget = widgets.Select()

    def iter_choices(self) -> list[DrawnChoice]:
        blank = DrawnChoice(value="", label=_("انتخاب کنید…"), selected=self.data is None, render_kw={})
        return [blank, *super().iter_choices()]


class ManyOfField(OneOfField):
    """Any number of the options: boxes to tick, each sent under the same name. JSON value: a list."""

    hint = "checkboxes"
    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()
    empty: Json = []  # noqa: RUF012 - replaced for each kind of field, never changed

    def flatten(self, value: Json) -> list[str]:
        if value is None or isinstance(value, str | int):
            return super().flatten(value)
        if isinstance(value, list | tuple):
            return [text for item in value[: len(self.options) + 1] for text in super(ManyOfField, self).flatten(item)]
        raise ValueError(_("%(field)s باید فهرستی از گزینه‌ها باشد.", field=self.title))

    def _read(self, texts: Iterable[str]) -> None:
        values = [storable(text[:200]) for text in texts if text.strip()][: len(self.options) + 1]
        self.typed = "\n".join(values)
        self.data = []
        chosen = {self.parse(text) for text in values}
        self.data = [option.value for option in self.options if option.value in chosen]

    @property
    def is_empty(self) -> bool:
        return not self.data

    @property
    def draft_value(self) -> Json:
        return self.data or [text for text in self.typed.split("\n") if text]

    def json_schema(self) -> dict[str, Any]:
        schema = {"type": "array", "items": super().json_schema(), "uniqueItems": True}
        return schema | ({"minItems": 1} if self.flags.required else {})

    def iter_choices(self) -> list[DrawnChoice]:
        return [
            DrawnChoice(value=str(o.value), label=str(o.label), selected=o.value in (self.data or ()), render_kw={})
            for o in self.options
        ]
