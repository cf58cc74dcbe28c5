"""Turns SpiffWorkflow's exceptions into one error of the engine, with the element of the diagram."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from SpiffWorkflow.exceptions import SpiffWorkflowException

from engine.errors import EngineError


class LibraryError(EngineError):
    """SpiffWorkflow refused a step; ``element`` is the id in the diagram, "" if the library names none."""

    code = "library_error"

    def __init__(self, element: str, reason: str) -> None:
        super().__init__(reason)
        self.element = element


@contextmanager
def library_errors() -> Iterator[None]:
    """Raises ``LibraryError`` in place of any exception of SpiffWorkflow; all others pass unchanged."""
    try:
        yield
    except SpiffWorkflowException as error:
        raise LibraryError(_element_of(error), f"{type(error).__name__}: {error}") from error


def _element_of(error: SpiffWorkflowException) -> str:
    """The id of the element at which the task stood, else of the specification alone."""
    spec = getattr(getattr(error, "task", None), "task_spec", None) or getattr(error, "task_spec", None)
    return str(getattr(spec, "bpmn_id", None) or getattr(spec, "name", ""))
