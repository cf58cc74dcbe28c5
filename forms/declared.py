"""Forms from the fields that a diagram declares: an analyst needs no developer for a simple task."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forms.base import TaskForm, check_names
from forms.fields import (
    CheckField,
    DocumentField,
    DocumentsField,
    IntegerField,
    JalaliDateField,
    LongTextField,
    RialsField,
    SelectField,
    TextField,
)
from forms.validators import Required
from models.choice import Choice
from models.digits import clean

FIELDS: dict[str, Callable[..., Any]] = {
    "string": TextField,
    "text": LongTextField,
    "long": IntegerField,
    "boolean": CheckField,
    "date": JalaliDateField,
    "enum": SelectField,
    "money": RialsField,
    "file": DocumentField,
    "files": DocumentsField,
}


def declared_form(process_key: str, task_key: str, fields: Sequence[Mapping[str, Any]]) -> type[TaskForm]:
    """The form of a task without a Python form.

    Each field: ``id`` (letters, digits, ``_``), ``type`` (a key of ``FIELDS``; none means ``string``), and
    optionally ``label``, ``required``, ``default``, ``values`` (of an enum: ids with names, as a dict or a list
    of ``{"id", "name"}``). Raises ``ValueError``, in English for logs, when a declaration cannot be read.
    """
    members: dict[str, Any] = {}
    for field in fields:
        name = str(field.get("id", ""))
        if not (name.isidentifier() and name.isascii()) or name.startswith("_"):
            raise ValueError(f"{process_key}.{task_key}: {name!r} is no name for a field")
        if name in members:
            raise ValueError(f"{process_key}.{task_key}: field {name} is declared twice")
        members[name] = _field(f"{process_key}.{task_key}.{name}", field)
    form: type[TaskForm] = type(f"Declared_{task_key}", (TaskForm,), members)
    check_names(form)
    form.user_task = form.registered_as = (process_key, task_key)
    return form


def _field(place: str, declared: Mapping[str, Any]) -> Any:
    kind = str(declared.get("type") or "string")
    if kind not in FIELDS:
        raise ValueError(f"{place}: no type {kind!r}; there are {', '.join(FIELDS)}")
    settings: dict[str, Any] = {}
    if kind == "enum":
        settings["options"] = _options(place, declared.get("values") or [])
    if declared.get("default") not in (None, ""):
        settings["default"] = _default(kind, declared["default"])
    label = clean(str(declared.get("label") or declared["id"]))
    return FIELDS[kind](label, [Required()] if _is_true(declared.get("required")) else [], **settings)


def _options(place: str, values: Any) -> list[Choice]:
    pairs = values.items() if isinstance(values, Mapping) else [(v.get("id"), v.get("name")) for v in values]
    options = [Choice(str(value), clean(str(label or value))) for value, label in pairs if value not in (None, "")]
    if not options:
        raise ValueError(f"{place}: an enum needs values")
    return options


def _default(kind: str, default: Any) -> Any:
    return _is_true(default) if kind == "boolean" else str(default)


def _is_true(declared: Any) -> bool:
    """Is a declaration's text (``"true"``) or value true?"""
    return str(declared).strip().lower() in ("true", "1", "yes")
