"""What the token game is made of: tokens on their way, the scope they are in, and how branches join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

# What each task wrote last: the number of its step, alone or in a list or a mapping. Each number is written once, so
# the newest write has the largest.
Value = int | list[int] | dict[str, int]
Data = dict[str, Value]


def written_at(value: Value) -> int:
    """The step that wrote a value."""
    if isinstance(value, dict):
        return value["at"]
    return value[0] if isinstance(value, list) else value


@dataclass
class Values:
    """What a person answers: the step's number, ``d`` to decide with, and what is written, made of the number."""

    step: int
    d: int
    written: Value


@dataclass
class Doable:
    """Something that may happen next: a task to do or an event that may come."""

    name: str
    data: Data
    happen: Callable[[Values], None]
    due: datetime | None = None
    writes: str = ""  # the variable that a task writes; what runs beside something writes nothing
    answers: str = ""  # the variable its answer goes to, besides ``d``


class Tokens:
    """What runs of one block. ``settle`` lets tokens flow on and says whether the block is done."""

    data: Data

    def tasks(self) -> list[Doable]:
        return []

    def events(self) -> list[Doable]:
        return []

    def settle(self) -> bool:
        raise NotImplementedError

    def data_now(self) -> Data:
        """What an event at the edge goes on with: nothing that was done inside so far is lost to it."""
        return self.data


class Clock(Protocol):
    """The game's moment."""

    now: datetime


Catch = Callable[[], None]


@dataclass
class Scope:
    """A process or sub-process in the game, what events have set off beside it, who catches what is thrown."""

    game: Clock
    catches: tuple[tuple[str, Catch], ...] = ()  # (error or escalation, what then happens), the nearest first
    beside: list[Tokens] = field(default_factory=list)
    completed: list[Any] = field(default_factory=list)  # (what can be undone, its name and those round it)

    def inner(self, *catches: tuple[str, Catch]) -> Scope:
        return Scope(self.game, catches + self.catches)

    def throw(self, kind: str) -> None:
        for caught, catch in self.catches:
            if caught == kind:
                catch()
                return


def newest(*parts: Data) -> Data:
    """What a join makes of its branches: no write is lost, and none is undone by an older value."""
    merged: Data = {}
    for part in parts:
        for name, value in part.items():
            merged[name] = max(value, merged.get(name, 0), key=written_at)
    return merged


class Block:
    """A piece of a process with one way in and one way out."""

    def draw(self) -> tuple[str, str, str]:
        """XML, the first node, the last node."""
        raise NotImplementedError

    def begin(self, data: Data, scope: Scope) -> Tokens:
        raise NotImplementedError

    def parts(self) -> list[Block]:
        """The blocks it is made of."""
        return []


class Following(Tokens):
    """Stages one after the other, each with the data of the one before; ``None`` ends them."""

    def __init__(self, data: Data, scope: Scope) -> None:
        self.data = data
        self.scope = scope
        self.stage = -1
        self.now: Tokens | None = None
        self.over = False

    def next_stage(self) -> Tokens | None:
        raise NotImplementedError

    def tasks(self) -> list[Doable]:
        return self.now.tasks() if self.now else []

    def events(self) -> list[Doable]:
        return self.now.events() if self.now else []

    def data_now(self) -> Data:
        return self.now.data_now() if self.now else self.data

    def settle(self) -> bool:
        while not self.over and (self.now is None or self.now.settle()):
            if self.now is not None:
                self.data = self.now.data
            self.stage += 1
            self.now = self.next_stage()
            self.over = self.now is None
        return self.over
