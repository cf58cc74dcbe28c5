"""Submissions of forms, validated once, here, for pages, API, commands and tests alike."""

from __future__ import annotations

from typing import Protocol

from engine.contributions.operations import Json
from engine.errors import InvalidSubmission


class SubmittedForm(Protocol):
    """A form bound to a submission. ``forms.base.TaskForm`` implements it."""

    user_task: tuple[str, str]  # process key, task key

    def validate(self) -> bool: ...

    @property
    def submission(self) -> dict[str, Json]: ...

    @property
    def error_map(self) -> dict[str, list[str]]: ...


def accepted(form: SubmittedForm, process_key: str, element: str) -> dict[str, Json]:
    """Validate the form of this element. Returns field name → JSON value.

    Raises ``InvalidSubmission``, and ``ValueError`` for the form of another element.
    """
    if form.user_task != (process_key, element):
        raise ValueError(f"{form!r} is not the form of {process_key}.{element}")
    if not form.validate():
        raise InvalidSubmission(form.error_map)
    return form.submission
