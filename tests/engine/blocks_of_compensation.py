"""Pieces of a process that can be undone, and the events that undo them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.engine import drawing
from tests.engine.blocks import Sequence, Sub, SubTokens, Task, TaskTokens
from tests.engine.tokens import Block, Data, Following, Scope, Tokens, Values

COMPENSATE = "<compensateEventDefinition/>"


@dataclass
class Undoable(Block):
    """A task with a handler that undoes it."""

    key: str

    def __post_init__(self) -> None:
        self.handler = Task(f"{self.key}n")

    def draw(self) -> tuple[str, str, str]:
        edge = f"{self.key}b"
        xml = drawing.user(self.key) + drawing.boundary(edge, self.key, COMPENSATE)
        xml += drawing.node("userTask", self.handler.name, isForCompensation="true")
        line = drawing.node("association", f"{self.key}l", sourceRef=edge, targetRef=self.handler.name)
        return xml + line, self.key, self.key

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return UndoableTokens(self, data, scope)


class UndoableTokens(TaskTokens):
    def __init__(self, block: Undoable, data: Data, scope: Scope) -> None:
        super().__init__(Task(block.key), data)
        self.block, self.scope = block, scope

    def complete(self, values: Values) -> None:
        super().complete(values)
        self.scope.completed.append((self.block, self.block.key))


class Around(Sub):
    """A subprocess that hands on, when it is completed, what can be undone of it."""

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return AroundTokens(self, data, scope)


class AroundTokens(SubTokens):
    def __init__(self, block: Around, data: Data, outside: Scope) -> None:
        super().__init__(block.body, data, outside.inner())
        self.outside, self.key, self.handed_on = outside, block.key, False

    def settle(self) -> bool:
        done = super().settle()
        if done and not self.handed_on:
            self.handed_on = True
            self.outside.completed += [(*one, self.key) for one in self.scope.completed]
        return done


@dataclass
class Undo(Block):
    """An event that undoes what is completed in its scope, or one activity of it: the last first, each once."""

    key: str
    wanted: str = ""

    def draw(self) -> tuple[str, str, str]:
        reference = f' activityRef="{self.wanted}"' if self.wanted else ""
        definition = f"<compensateEventDefinition{reference}/>"
        return drawing.node("intermediateThrowEvent", self.key, definition), self.key, self.key

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return UndoTokens(self, data, scope)


class UndoTokens(Following):
    def __init__(self, undo: Undo, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        mine = [one for one in scope.completed if undo.wanted in ("", *one[1:])]
        scope.completed[:] = [one for one in scope.completed if one not in mine]
        self.handlers = [one[0].handler for one in reversed(mine)]

    def next_stage(self) -> Tokens | None:
        more = self.stage < len(self.handlers)
        return self.handlers[self.stage].begin(self.data, self.scope) if more else None


def names(block: Block) -> Iterator[str]:
    """What an event may name: the activities that can be undone, in this scope."""
    if isinstance(block, Undoable | Around):
        yield block.key
    if not isinstance(block, Sub):
        for part in block.parts():
            yield from names(part)


def scope_of(key: str, *parts: Block) -> Sub:
    """The subprocess in which these are done and undone."""
    return Sub(key, Sequence(list(parts)))
