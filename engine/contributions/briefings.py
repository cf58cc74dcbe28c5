"""Briefings: the blocks beside a task's form and on a case's page, built by processes and drawn by the web.

Each block class has a ``kind``; the page draws it by the template ``parts/<kind>.html``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.contributions.operations import Services
from engine.contributions.renames import Renames
from models.case import Case, FlowPassage
from models.choice import Choice


@dataclass(frozen=True)
class Facts:
    """A titled list of labels and values."""

    kind: ClassVar[str] = "facts"
    title: str
    items: list[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """A titled table of texts; ``footer`` is a last row of sums; ``numeric`` are the places of columns of amounts."""

    kind: ClassVar[str] = "table"
    title: str
    columns: list[str]
    rows: list[list[str]]
    footer: list[str] | None = None
    numeric: Collection[int] = ()


@dataclass(frozen=True)
class Notice:
    """A highlighted sentence. ``tone``: info, success, warning or danger."""

    kind: ClassVar[str] = "notice"
    tone: str
    text: str


@dataclass(frozen=True)
class Link:
    """A link to another page. ``external``: it leaves the product (a bank's page)."""

    kind: ClassVar[str] = "link"
    label: str
    url: str
    primary: bool = False
    external: bool = False


@dataclass(frozen=True)
class Step:
    """One step of a longer form. ``state``: done, current or ahead."""

    key: str
    label: str
    state: str


@dataclass(frozen=True)
class Steps:
    """A row of steps with the current one marked."""

    kind: ClassVar[str] = "steps"
    items: list[Step]


@dataclass(frozen=True)
class File:
    """A document of the case for download by the readers of the block. ``size`` in bytes."""

    id: int
    name: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A contribution to a conversation. ``side``: asks or answers; ``own``: written by the present reader.

    ``unit``: "" for none; ``at``: aware.
    """

    side: str
    heading: str
    name: str
    unit: str
    at: datetime
    text: str
    own: bool = False
    files: list[File] = field(default_factory=list)


@dataclass(frozen=True)
class Conversation:
    """A conversation of two sides, oldest entry first."""

    kind: ClassVar[str] = "conversation"
    title: str
    entries: list[Entry]


Block = Facts | Table | Notice | Link | Steps | Conversation


@dataclass
class Briefing:
    """``values``: presets of the form's fields; ``choices``: options of select fields; ``blocks``: beside the form."""

    values: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, list[Choice]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)


@dataclass(kw_only=True)
class BriefingContext:
    """Input of a briefing, for reading only. ``now``: aware, UTC."""

    session: Session
    case: Case
    actor: Actor
    now: datetime
    services: Services
    left: bool = False  # the reader left the case: only what was theirs until then (INS-17)
    typed: dict[str, Any]  # the person's draft by field name, maybe invalid
    evaluate: Callable[[str, dict[str, Any]], Any] = field(repr=False)
    key_in_diagram: Callable[[str], str] = field(repr=False)  # a task's present key → its key in the case's diagram
    renames: Renames = field(default_factory=Renames, repr=False)

    @cached_property
    def completed(self) -> frozenset[str]:
        """Present keys of the elements that the case has passed, its completed tasks among them; each once."""
        passed = select(FlowPassage.process_key, FlowPassage.element_id).where(FlowPassage.case_id == self.case.id)
        return frozenset(self.renames.task(process, element)[1] for process, element in self.session.execute(passed))

    def decide(self, decision_id: str, **inputs: Any) -> Any:
        """Evaluate the newest deployed decision table. Returns its outputs; ``None`` if no rule matches."""
        return self.evaluate(decision_id, inputs)


TaskBriefing = Callable[[BriefingContext], Briefing]
CaseBriefing = Callable[[BriefingContext], list[Block]]


class Briefings:
    """The registry of briefings, by process and user task."""

    def __init__(self, renames: Renames | None = None) -> None:
        self._tasks: dict[tuple[str, str], TaskBriefing] = {}
        self._cases: dict[str, CaseBriefing] = {}
        self._left: dict[str, CaseBriefing] = {}
        self._renames = renames or Renames()

    def register(self, process_key: str, task_key: str) -> Callable[[TaskBriefing], TaskBriefing]:
        """Decorator: the briefing of a user task. Raises ``ValueError`` when the task has one."""

        def add(function: TaskBriefing) -> TaskBriefing:
            if (process_key, task_key) in self._tasks:
                raise ValueError(f"Two briefings for {process_key}.{task_key}")
            self._tasks[process_key, task_key] = function
            return function

        return add

    def register_case(self, process_key: str) -> Callable[[CaseBriefing], CaseBriefing]:
        """Decorator: the blocks on the page of a case. Raises ``ValueError`` when the process has some."""

        def add(function: CaseBriefing) -> CaseBriefing:
            if process_key in self._cases:
                raise ValueError(f"Two case briefings for {process_key}")
            self._cases[process_key] = function
            return function

        return add

    def register_left(self, process_key: str) -> Callable[[CaseBriefing], CaseBriefing]:
        """Decorator: what somebody who left a case goes on reading of it: their own part, as it was (INS-17).

        Raises ``ValueError`` when the process has such a function.
        """

        def add(function: CaseBriefing) -> CaseBriefing:
            if process_key in self._left:
                raise ValueError(f"Two briefings of {process_key} for those who left")
            self._left[process_key] = function
            return function

        return add

    def for_task(self, process_key: str, task_key: str, context: BriefingContext) -> Briefing:
        """The briefing of a task, maybe under a former name; an empty one when the process has none for it."""
        function = self._tasks.get(self._renames.task(process_key, task_key))
        return function(context) if function else Briefing()

    def for_case(self, process_key: str, context: BriefingContext) -> list[Block]:
        """The blocks of a case's page for this reader; none when the process has no such function."""
        registered = self._left if context.left else self._cases
        function = registered.get(self._renames.process(process_key))
        return function(context) if function else []

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._tasks)
