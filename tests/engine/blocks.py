"""Pieces of a process that draw themselves and play themselves with tokens, by the rules of BPMN alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from tests.engine import drawing
from tests.engine.drawing import flow, path
from tests.engine.tokens import Block, Clock, Data, Doable, Following, Scope, Tokens, newest


@dataclass
class Task(Block):
    """A person's task; it writes a number under its own name unless it is ``mute``."""

    name: str
    mute: bool = False

    def draw(self) -> tuple[str, str, str]:
        return drawing.user(self.name), self.name, self.name

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return TaskTokens(self, data)


class TaskTokens(Tokens):
    def __init__(self, task: Task, data: Data) -> None:
        self.task, self.data, self.done, self.answer = task, data, False, 0

    def tasks(self) -> list[Doable]:
        return [] if self.done else [Doable(self.task.name, self.data, self.complete)]

    def complete(self, values: Data) -> None:
        self.answer = values["d"]
        self.data = self.data if self.task.mute else {**self.data, self.task.name: values["written"]}
        self.done = True

    def settle(self) -> bool:
        return self.done


@dataclass
class Sequence(Block):
    blocks: list[Block]

    def draw(self) -> tuple[str, str, str]:
        drawn = [block.draw() for block in self.blocks]
        xml = "".join(part for part, _, _ in drawn)
        xml += "".join(flow(one[2], other[1]) for one, other in pairwise(drawn))
        return xml, drawn[0][1], drawn[-1][2]

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return SequenceTokens(self, data, scope)


class SequenceTokens(Following):
    def __init__(self, sequence: Sequence, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.blocks = sequence.blocks

    def next_stage(self) -> Tokens | None:
        more = self.stage < len(self.blocks)
        return self.blocks[self.stage].begin(self.data, self.scope) if more else None


@dataclass
class Split(Block):
    """Branches between two gateways; for exclusive and inclusive ones a task before them decides."""

    key: str
    kind: str
    branches: list[Block]

    def draw(self) -> tuple[str, str, str]:
        fork, join, decide = f"{self.key}f", f"{self.key}j", f"{self.key}d"
        default = f"{self.key}default"
        xml = ""
        for number, branch in enumerate(self.branches):
            part, first, last = branch.draw()
            otherwise = self.kind == "parallel" or number == len(self.branches) - 1
            key = default if otherwise and self.kind != "parallel" else None
            xml += part + flow(fork, first, None if otherwise else self.condition(number), key=key) + flow(last, join)
        attributes = {} if self.kind == "parallel" else {"default": default}
        xml += drawing.node(f"{self.kind}Gateway", fork, **attributes) + drawing.node(f"{self.kind}Gateway", join)
        if self.kind == "parallel":
            return xml, fork, join
        return xml + drawing.user(decide) + flow(decide, fork), decide, join

    def condition(self, number: int) -> str:
        return f"d % 3 == {number}" if self.kind == "exclusive" else f"d % {number + 2} == 0"

    def chosen(self, d: int) -> list[Block]:
        """Exclusive takes the first true flow, inclusive every true one; the default if none is true."""
        conditional = self.branches[:-1]
        if self.kind == "exclusive":
            true = [branch for number, branch in enumerate(conditional) if d % 3 == number][:1]
        else:
            true = [branch for number, branch in enumerate(conditional) if d % (number + 2) == 0]
        return true or self.branches[-1:]

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return SplitTokens(self, data, scope)


class SplitTokens(Following):
    def __init__(self, split: Split, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.split = split

    def next_stage(self) -> Tokens | None:
        if self.split.kind == "parallel":
            return Abreast(self.split.branches, self.data, self.scope) if self.stage == 0 else None
        if self.stage == 0:
            self.decision = TaskTokens(Task(f"{self.split.key}d"), self.data)
            return self.decision
        if self.stage == 1:
            return Abreast(self.split.chosen(self.decision.answer), self.data, self.scope)
        return None


class Abreast(Tokens):
    """Branches side by side, done when all are done."""

    def __init__(self, branches: list[Block], data: Data, scope: Scope) -> None:
        self.data = data
        self.branches = [branch.begin(data, scope) for branch in branches]

    def tasks(self) -> list[Doable]:
        return [task for branch in self.branches for task in branch.tasks()]

    def events(self) -> list[Doable]:
        return [event for branch in self.branches for event in branch.events()]

    def settle(self) -> bool:
        done = all([branch.settle() for branch in self.branches])
        if done:
            self.data = newest(*(branch.data for branch in self.branches))
        return done


@dataclass
class Loop(Block):
    """A body, then a task that decides on another round, then a task after the last one."""

    key: str
    body: Block

    def draw(self) -> tuple[str, str, str]:
        merge, ask, gateway, leave = (f"{self.key}{part}" for part in ("m", "d", "q", "x"))
        xml, first, last = self.body.draw()
        xml += drawing.choice(merge) + drawing.user(ask, leave) + drawing.choice(gateway, f"{self.key}out")
        xml += flow(merge, first) + flow(last, ask) + flow(ask, gateway) + flow(gateway, merge, "d % 2 == 0")
        return xml + flow(gateway, leave, key=f"{self.key}out"), merge, leave

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return LoopTokens(self, data, scope)


class LoopTokens(Following):
    def __init__(self, loop: Loop, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.loop = loop

    def next_stage(self) -> Tokens | None:
        if self.stage == 2 and self.asked.answer % 2 == 0:
            self.stage = 0
        if self.stage == 0:
            return self.loop.body.begin(self.data, self.scope)
        if self.stage == 1:
            self.asked = TaskTokens(Task(f"{self.loop.key}d"), self.data)
            return self.asked
        return TaskTokens(Task(f"{self.loop.key}x"), self.data) if self.stage == 2 else None


@dataclass
class Sub(Block):
    """An embedded sub-process."""

    key: str
    body: Block

    def draw(self) -> tuple[str, str, str]:
        xml, first, last = self.body.draw()
        xml += drawing.start(f"{self.key}s") + flow(f"{self.key}s", first)
        xml += drawing.end(f"{self.key}e") + flow(last, f"{self.key}e")
        return drawing.subprocess(self.key, xml), self.key, self.key

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return SubTokens(self.body, data, scope.game)


class SubTokens(Tokens):
    """Done when its body and everything that was set off beside it is done."""

    def __init__(self, body: Block, data: Data, game: Clock) -> None:
        self.scope = Scope(game)
        self.data = data
        self.body = body.begin(data, self.scope)

    def _all(self) -> list[Tokens]:
        return [self.body, *self.scope.beside]

    def tasks(self) -> list[Doable]:
        return [task for tokens in self._all() for task in tokens.tasks()]

    def events(self) -> list[Doable]:
        return [event for tokens in self._all() for event in tokens.events()]

    def settle(self) -> bool:
        done = all([tokens.settle() for tokens in self._all()])
        if done:
            self.data = newest(*(tokens.data for tokens in self._all()))
        return done


@dataclass
class Many(Block):
    """A task with three instances, side by side or one after the other."""

    key: str
    sequential: bool

    def draw(self) -> tuple[str, str, str]:
        mark = drawing.each(sequential=self.sequential, item=f"item_{self.key}")
        return drawing.node("userTask", self.key, mark), self.key, self.key

    def begin(self, data: Data, scope: Scope) -> Tokens:
        instances: list[Block] = [Task(self.key, mute=True) for _ in range(3)]
        return SequenceTokens(Sequence(instances), data, scope) if self.sequential else Abreast(instances, data, scope)


@dataclass
class Guarded(Block):
    """A task or sub-process with a message or a timer attached, whose way joins again or runs beside."""

    key: str
    activity: Block
    hours: int  # 0: a message
    interrupting: bool
    handler: Block

    def draw(self) -> tuple[str, str, str]:
        event, merge = f"{self.key}b", f"{self.key}m"
        xml, activity, _ = self.activity.draw()
        definition = drawing.timer(f"PT{self.hours}H") if self.hours else drawing.message()
        xml += drawing.boundary(event, activity, definition, interrupting=self.interrupting)
        part, first, last = self.handler.draw()
        xml += part + flow(event, first)
        if self.interrupting:
            return xml + drawing.choice(merge) + flow(activity, merge) + flow(last, merge), activity, merge
        return xml + drawing.end(f"{self.key}e") + flow(last, f"{self.key}e"), activity, activity

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return GuardedTokens(self, data, scope)


class GuardedTokens(Tokens):
    def __init__(self, block: Guarded, data: Data, scope: Scope) -> None:
        self.block, self.data, self.scope = block, data, scope
        self.before = data
        self.on_way = block.activity.begin(data, scope)
        self.armed = True
        self.due = scope.game.now + timedelta(hours=block.hours) if block.hours else None

    def tasks(self) -> list[Doable]:
        return self.on_way.tasks()

    def events(self) -> list[Doable]:
        own = [Doable(f"{self.block.key}b", self.before, self.fire, self.due)] if self.armed else []
        return own + self.on_way.events()

    def fire(self, payload: Data) -> None:
        self.armed = False
        if self.block.interrupting:
            self.on_way = self.block.handler.begin({**self.before, **payload}, self.scope)
        else:
            self.scope.beside.append(self.block.handler.begin(self.before, self.scope))

    def settle(self) -> bool:
        done = self.on_way.settle()
        if done:
            self.armed, self.data = False, self.on_way.data
        return done


@dataclass
class Awaited(Block):
    """An event-based gateway: a message, a short timer and a long one, each with a way of its own."""

    key: str
    ways: list[Block]

    def draw(self) -> tuple[str, str, str]:
        gateway, merge = f"{self.key}g", f"{self.key}m"
        xml = drawing.node("eventBasedGateway", gateway) + drawing.choice(merge)
        for number, way in enumerate(self.ways):
            event = f"{self.key}c{number}"
            definition = drawing.timer(f"PT{2 * number}H") if number else drawing.message()
            part, first, last = way.draw()
            xml += part + drawing.catch(event, definition) + path(gateway, event, first) + flow(last, merge)
        return xml, gateway, merge

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return AwaitedTokens(self, data, scope)


class AwaitedTokens(Following):
    def __init__(self, block: Awaited, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.block = block
        self.began = scope.game.now
        self.chosen: Tokens | None = None

    def events(self) -> list[Doable]:
        if self.chosen is not None:
            return self.chosen.events()
        return [
            Doable(
                f"{self.block.key}c{number}", self.data, self._take(way),
                self.began + timedelta(hours=2 * number) if number else None,
            )
            for number, way in enumerate(self.block.ways)
        ]  # fmt: skip

    def _take(self, way: Block) -> Callable[[Data], None]:
        def take(payload: Data) -> None:
            self.chosen = way.begin({**self.data, **payload}, self.scope)

        return take

    def tasks(self) -> list[Doable]:
        return self.chosen.tasks() if self.chosen else []

    def settle(self) -> bool:
        if self.chosen is None or not self.chosen.settle():
            return False
        self.data = self.chosen.data
        return True
