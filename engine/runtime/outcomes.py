"""Results of the engine's calls: the outcome of a step, and views of a task and of a process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.contributions.briefings import Briefing
from models.case import Case, Task


@dataclass
class StepResult:
    """Outcome of a step: the case, and texts of operations for the person who did the step."""

    case: Case
    flashes: list[str] = field(default_factory=list)


@dataclass
class TaskView:
    """An open task with everything that its page shows."""

    task: Task
    case: Case
    briefing: Briefing
    draft: dict[str, Any] | None
    fields: tuple[dict[str, Any], ...]  # form fields declared in the diagram, for tasks without a form of their own


@dataclass(frozen=True)
class StartView:
    """A process that a person may start, with everything that its start page shows."""

    process_key: str
    name: str
    key: str  # id of the start event, whose form the page shows
    fields: tuple[dict[str, Any], ...]  # form fields declared in the diagram
