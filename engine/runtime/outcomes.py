"""What the engine hands to whoever asked: a step's outcome, a task and a process as their pages need them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.contributions.briefings import Briefing
from models.case import Case, Task


@dataclass
class StepResult:
    """What came of a step: the case, and what the operations told the person who did it."""

    case: Case
    flashes: list[str] = field(default_factory=list)


@dataclass
class TaskView:
    """An open task as its page needs it."""

    task: Task
    case: Case
    briefing: Briefing
    draft: dict[str, Any] | None
    fields: tuple[dict[str, Any], ...]  # form fields declared in the diagram, for tasks without a form of their own


@dataclass(frozen=True)
class StartView:
    """A process that a person may start, as the page for it needs it."""

    process_key: str
    name: str
    key: str  # the start event's id: whose form is asked for
    fields: tuple[dict[str, Any], ...]  # form fields declared in the diagram
