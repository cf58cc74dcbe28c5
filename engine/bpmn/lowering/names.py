"""The ids of elements that lowering inserts."""

from __future__ import annotations

from engine.bpmn.diagram import INSERTED

_SCOPE = f"{INSERTED}scope."


def inserted(kind: str, cause: str) -> str:
    """The id of an inserted element: its kind, and the id of the drawn element it is there for."""
    return f"{INSERTED}{kind}.{cause}"


def is_inserted(identifier: str) -> bool:
    """Whether lowering inserted the element with this id."""
    return identifier.startswith(INSERTED)


def is_scope(spec_name: str) -> bool:
    """Whether a subprocess was put round the content of a scope for the sake of its event subprocesses."""
    return spec_name.startswith(_SCOPE)
