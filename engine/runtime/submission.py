"""What a person sends with a form: validated once, here, whichever door it comes through."""

from __future__ import annotations

from typing import Protocol

from engine.contributions.operations import Json
from engine.errors import InvalidSubmission


class SubmittedForm(Protocol):
    """A form bound to what somebody sent; ``forms.base.TaskForm`` is one."""

    user_task: tuple[str, str]  # process key, task key

    def validate(self) -> bool: ...

    @property
    def submission(self) -> dict[str, Json]: ...

    @property
    def error_map(self) -> dict[str, list[str]]: ...


def accepted(form: SubmittedForm, process_key: str, element: str) -> dict[str, Json]:
    """The values of the form of this element. Raises ``InvalidSubmission``; ``ValueError`` for another one's form."""
    if form.user_task != (process_key, element):
        raise ValueError(f"{form!r} is not the form of {process_key}.{element}")
    if not form.validate():
        raise InvalidSubmission(form.error_map)
    return form.submission
