"""What the token game is made of: tokens on their way, the scope they are in, and how branches join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

# What each task wrote last. Each number is written once, so the newest write is the largest.
Data = dict[str, int]


@dataclass
class Doable:
    """Something that may happen next: a task to do or an event that may come."""

    name: str
    data: Data
    happen: Callable[[Data], None]
    due: datetime | None = None


class Tokens:
    """What runs of one block. ``settle`` lets tokens flow on and says whether the block is done."""

    data: Data

    def tasks(self) -> list[Doable]:
        return []

    def events(self) -> list[Doable]:
        return []

    def settle(self) -> bool:
        raise NotImplementedError


class Clock(Protocol):
    """The game's moment."""

    now: datetime


@dataclass
class Scope:
    """A process or sub-process in the game, and what boundary events have set off beside it."""

    game: Clock
    beside: list[Tokens] = field(default_factory=list)


def newest(*parts: Data) -> Data:
    """What a join makes of its branches: no write is lost, and none is undone by an older value."""
    merged: Data = {}
    for part in parts:
        for name, value in part.items():
            merged[name] = max(value, merged.get(name, 0))
    return merged


class Block:
    """A piece of a process with one way in and one way out."""

    def draw(self) -> tuple[str, str, str]:
        """XML, the first node, the last node."""
        raise NotImplementedError

    def begin(self, data: Data, scope: Scope) -> Tokens:
        raise NotImplementedError


class Following(Tokens):
    """Stages one after the other, each with the data of the one before; ``None`` ends them."""

    def __init__(self, data: Data, scope: Scope) -> None:
        self.data = data
        self.scope = scope
        self.stage = -1
        self.now: Tokens | None = None

    def next_stage(self) -> Tokens | None:
        raise NotImplementedError

    def tasks(self) -> list[Doable]:
        return self.now.tasks() if self.now else []

    def events(self) -> list[Doable]:
        return self.now.events() if self.now else []

    def settle(self) -> bool:
        while self.now is None or self.now.settle():
            if self.now is not None:
                self.data = self.now.data
            self.stage += 1
            self.now = self.next_stage()
            if self.now is None:
                return True
        return False
