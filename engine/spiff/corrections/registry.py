"""The registry of corrections, and the errors that corrections raise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.errors import EngineError

Method = TypeVar("Method", bound=Callable[..., Any])


class TaskNotReady(EngineError):
    """A task was to run that is not waiting to be run: it is completed, cancelled, or still waits."""

    code = "task_not_ready"

    def __init__(self, element: str, state: str) -> None:
        super().__init__(f"{element} is {state}")
        self.element = element
        self.state = state


class UncaughtError(EngineError):
    """An error end event was reached and nothing round it catches the error."""

    code = "uncaught_error"

    def __init__(self, element: str, error_code: str | None) -> None:
        super().__init__(f"Nothing catches the error {error_code} of {element}")
        self.element = element
        self.error_code = error_code


@dataclass(frozen=True)
class Correction:
    """One replaced method of the library."""

    owner: type
    name: str
    replacement: Callable[..., Any]
    shipped: Any  # the library's own; None where the class only inherited it


CORRECTIONS: dict[tuple[type, str], Correction] = {}


def instead_of(owner: type, name: str) -> Callable[[Method], Method]:
    """Decorator: the function takes the place of ``owner.name`` once the corrections are applied."""

    def register(function: Method) -> Method:
        CORRECTIONS[owner, name] = Correction(owner, name, function, owner.__dict__.get(name))
        return function

    return register


def original(owner: type, name: str) -> Callable[..., Any]:
    """The library's own method, for corrections that only add to it."""
    shipped: Callable[..., Any] = CORRECTIONS[owner, name].shipped
    return shipped
