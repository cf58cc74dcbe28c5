"""The form of a user task, and the register of all of them by process and task key.

A form knows nothing of the web (no CSRF, no requests) nor of the engine. It is bound in one of two ways, from
a page or from JSON, with the very same validation.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self, TypeVar

from forms.field import Json
from forms.files import remove_file
from forms.rows import ADD, REMOVE, REMOVE_FILE, RowsField, ValueForm, flatten
from forms.rows import FormData as FormData
from models.choice import Choice
from models.digits import ascii_digits
from models.language import lazy

Choices = Mapping[str, Sequence[Choice]]  # by field name; of a field in rows: "documents.title"


class MultiDict(Protocol):
    """What a page sent: names, each with its texts. Werkzeug's and ours both are."""

    def __iter__(self) -> Any: ...
    def __contains__(self, name: object, /) -> bool: ...
    def getlist(self, name: str, /) -> list[str]: ...


class TaskForm(ValueForm):
    """The fields of one user task.

    Create it by ``from_request``, ``from_values`` or ``unbound``. ``submission`` counts only after ``validate``.
    ``preset`` holds what was saved before; a bound form does not fill its gaps from it.
    """

    user_task: ClassVar[tuple[str, str]] = ("", "")  # process key, task key
    registered_as: ClassVar[tuple[str, str]] = ("", "")  # the same, but under its present name where it was renamed
    submit_label: ClassVar[Any] = lazy("ثبت و ادامه")
    refresh_label: ClassVar[Any] = None  # a second button: saves the draft and shows the page anew
    inline: ClassVar[bool] = False  # a small form beside the task, for actions such as cancelling
    confirm: ClassVar[Any] = None  # the question of a dialog before submitting

    def __init__(
        self,
        formdata: MultiDict | None = None,
        *,
        preset: Mapping[str, Json] | None = None,
        choices: Choices | None = None,
        input_errors: Mapping[str, list[str]] | None = None,
    ) -> None:
        self.preset = dict(preset or {})
        self.run_time_choices = dict(choices or {})
        self.commands = _commands(formdata)
        self._input_errors = dict(input_errors or {})
        super().__init__(formdata, data=self.preset if formdata is None else None)

    @classmethod
    def from_request(
        cls, formdata: MultiDict, *, preset: Mapping[str, Json] | None = None, choices: Choices | None = None
    ) -> Self:
        """Bound to what a page sent. Names that are no fields (``csrf_token``) are left alone."""
        return cls(formdata, preset=preset, choices=choices)

    @classmethod
    def from_values(
        cls,
        values: Mapping[str, Json],
        *,
        preset: Mapping[str, Json] | None = None,
        choices: Choices | None = None,
    ) -> Self:
        """Bound to JSON values. Unknown names and wrong types are errors of ``validate``, in place."""
        formdata, errors = flatten(cls.unbound(choices=choices), values)
        return cls(formdata, preset=preset, choices=choices, input_errors=errors)

    @classmethod
    def unbound(cls, *, preset: Mapping[str, Json] | None = None, choices: Choices | None = None) -> Self:
        """The form before anything is sent, with ``preset``: a draft or the saved values."""
        return cls(None, preset=preset, choices=choices)

    @classmethod
    def json_schema(cls, choices: Choices | None = None) -> dict[str, Any]:
        """JSON Schema 2020-12 of ``submission``, with titles in the reader's language.

        ``x-widget`` says how a page draws a field, ``x-shown-when`` when, ``x-labels`` the options' names.
        """
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        return head | cls.unbound(choices=choices).value_schema()

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        self.form_errors: list[str] = []
        accepted = super().validate(extra_validators)
        for path, messages in self._input_errors.items():
            field = self._field_at(path)
            if field is not None:
                field.errors = list(messages)
        return accepted and not self._input_errors and not self.form_errors

    @property
    def error_map(self) -> dict[str, list[str]]:
        """Messages by dotted name (``meters.0.consumption``); ``""`` holds those of the form as a whole."""
        errors = {"": [str(message) for message in self.form_errors]} if self.form_errors else {}
        return errors | self._input_errors | dict(self.error_paths())

    @property
    def errors(self) -> dict[str, list[str]]:
        return self.error_map

    def add_errors(self, errors: Mapping[str, Sequence[str]]) -> None:
        """Add the errors of an operation that refused. Row numbers count as in ``submission``, without blank rows."""
        for path, messages in errors.items():
            field = self._field_at(path, submitted=True)
            target = self.form_errors if field is None else field.errors
            target.extend(str(message) for message in messages)

    def _field_at(self, path: str, *, submitted: bool = False) -> Any:
        """The field of a dotted name. ``submitted``: its row's number counts the filled rows only."""
        name, _dot, rest = path.partition(".")
        field = self._fields.get(name)
        if not rest or not isinstance(field, RowsField):
            return field if not rest else None
        number, _dot, inner = rest.partition(".")
        rows = [row for _index, row in field.filled] if submitted else field.rows
        if not (number.isascii() and number.isdigit() and len(number) < 7 and int(number) < len(rows)):
            return field
        return rows[int(number)]._fields.get(inner, field if submitted else None)

    def apply_row_commands(self) -> bool:
        """Apply the button of a row or file (``_add=meters``, ``_remove=meters-1``,
        ``_remove_file=photos-17``). Was there such a button?

        The caller draws the form again from ``draft_values``.
        """
        for command, argument in self.commands:
            if command == REMOVE_FILE:
                remove_file(self, argument)
            name, _dash, index = argument.partition("-")
            field = self._fields.get(name)
            if not isinstance(field, RowsField) or command == REMOVE_FILE:
                continue
            if command == ADD:
                field.add_row()
            elif index.isascii() and index.isdigit() and len(index) < 7:
                field.remove_row(int(index))
        return bool(self.commands)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'.'.join(self.user_task)}>"


def _commands(formdata: MultiDict | None) -> list[tuple[str, str]]:
    if formdata is None:
        return []
    names = [name for name in (ADD, REMOVE, REMOVE_FILE) if name in formdata]
    return [(name, ascii_digits(text)) for name in names for text in formdata.getlist(name)]


_registered: dict[tuple[str, str], type[TaskForm]] = {}
_former_processes: dict[str, str] = {}  # former process key → present one

F = TypeVar("F", bound=type[TaskForm])


def user_task(task_key: str, *, formerly: Sequence[str] = ()) -> Callable[[F], F]:
    """Decorator in ``forms/<process_key>.py``: the class is the form of this task of the process.

    ``formerly``: keys that the task had in earlier diagrams, which running cases may still be on. Its form, its
    briefing and its template have these names, too.
    """

    def register(form: F) -> F:
        process_key = form.__module__.rpartition(".")[2]
        check_names(form)
        form.user_task = form.registered_as = (process_key, task_key)
        _add(form)
        for former in formerly:
            _add(_named(form, (process_key, former)))
        return form

    return register


def renamed_process(*, formerly: str, now: str) -> None:
    """In ``forms/<now>.py``: the process had another key, on which cases may still run. Its forms are theirs, too."""
    if formerly in _former_processes:
        raise ValueError(f"Process {formerly} was renamed twice")
    _former_processes[formerly] = now


def _add(form: type[TaskForm]) -> None:
    if form.user_task in _registered:
        raise ValueError(f"Form {form.user_task[0]}.{form.user_task[1]} is registered twice")
    _registered[form.user_task] = form


def _named(form: type[TaskForm], user_task: tuple[str, str]) -> type[TaskForm]:
    """The same form for the task under a former name."""
    named: type[TaskForm] = type(form.__name__, (form,), {"user_task": user_task, "__doc__": form.__doc__})
    return named


def check_names(form: type[TaskForm]) -> None:
    """A field may not hide what every form has. Raises ``ValueError``."""
    for name in vars(form):
        if hasattr(vars(form)[name], "_formfield") and hasattr(TaskForm, name):
            raise ValueError(f"{form.__name__}: a field cannot be called {name}")


def form_for(process_key: str, task_key: str) -> type[TaskForm] | None:
    """The Python form of a task, also under a former name of the task or its process.

    None: the diagram's own fields make it (``forms/declared.py``), or there is none.
    """
    form = _registered.get((process_key, task_key))
    present = _former_processes.get(process_key)
    if form is None and present is not None and (of_present := form_for(present, task_key)) is not None:
        form = _registered[process_key, task_key] = _named(of_present, (process_key, task_key))
    return form


def former_tasks() -> dict[tuple[str, str], tuple[str, str]]:
    """Renamed tasks: (process key, former task key) → the present ones."""
    return {key: form.registered_as for key, form in _registered.items() if key != form.registered_as}


def former_processes() -> dict[str, str]:
    """Renamed processes: former key → present key."""
    return dict(_former_processes)


def registered() -> dict[tuple[str, str], type[TaskForm]]:
    """All Python forms by process key and task key, each under its present name only."""
    return {key: form for key, form in _registered.items() if key == form.registered_as}
