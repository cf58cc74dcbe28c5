"""Pieces of a process that run several times: multi-instance activities and standard loops."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.engine import drawing
from tests.engine.blocks import Abreast, Call, Sequence, SequenceTokens, Sub, Task
from tests.engine.tokens import Block, Data, Doable, Following, Scope, Tokens, Values

INSTANCES = 3


@dataclass
class Many(Block):
    """Three instances, side by side or one after the other, of a task or of a subprocess that writes nothing.

    ``output``: each gives a number, and the list of them is there when all are done. ``enough``: an instance whose
    answer can be divided by four ends the others.
    """

    key: str
    sequential: bool
    body: Sub | Call | None = None
    output: bool = False
    enough: bool = False

    def draw(self) -> tuple[str, str, str]:
        output = f"<loopDataOutputRef>{self.key}o</loopDataOutputRef>" if self.output else ""
        output += f'<outputDataItem id="out_{self.key}"/>' if self.output else ""
        last = "<completionCondition>d % 4 == 0</completionCondition>" if self.enough else ""
        mark = drawing.each(sequential=self.sequential, item=f"item_{self.key}", inner=output, last=last)
        if self.body is None:
            return drawing.node("userTask", self.key, mark), self.key, self.key
        return self.body.drawn_with(mark), self.body.key, self.body.key

    def begin(self, data: Data, scope: Scope) -> Tokens:
        if self.output or self.enough:
            return ManyTokens(self, data)
        instances: list[Block] = [self.body or Task(self.key, mute=True) for _ in range(INSTANCES)]
        return SequenceTokens(Sequence(instances), data, scope) if self.sequential else Abreast(instances, data, scope)

    def parts(self) -> list[Block]:
        return [self.body] if self.body else []


@dataclass
class ManyTokens(Tokens):
    """Instances of a task with an output or a condition."""

    many: Many
    data: Data
    results: list[int] = field(default_factory=list)
    over: bool = False

    def tasks(self) -> list[Doable]:
        left = INSTANCES - len(self.results)
        open_now = 0 if self.over else min(left, 1) if self.many.sequential else left
        writes = f"out_{self.many.key}" if self.many.output else ""
        return [Doable(self.many.key, self.data, self.complete, writes=writes) for _ in range(open_now)]

    def complete(self, values: Values) -> None:
        self.results.append(values.step)
        self.over = len(self.results) == INSTANCES or (self.many.enough and values.d % 4 == 0)

    def settle(self) -> bool:
        if self.over and self.many.output:
            self.data = {**self.data, f"{self.many.key}o": self.results}
        return self.over


@dataclass
class Again(Block):
    """A task, or a subprocess that ends in one, that is repeated while its last answer is even, at most so often.

    ``before``: the condition is looked at before the first round, too; a task gives the first answer.
    """

    key: str
    before: bool
    most: int | None
    inside: Block | None = None

    def __post_init__(self) -> None:
        self.ask = Task(f"{self.key}a", answers=f"d_{self.key}")
        self.first = Task(f"{self.key}f", answers=f"d_{self.key}")
        self.round = Sub(f"{self.key}s", Sequence([self.inside, self.ask])) if self.inside else self.ask

    def draw(self) -> tuple[str, str, str]:
        mark = drawing.again(before=self.before, most=self.most, condition=f"d_{self.key} % 2 == 0")
        if isinstance(self.round, Sub):
            xml, last = self.round.drawn_with(mark), self.round.key
        else:
            xml, last = drawing.node("userTask", self.ask.name, mark), self.ask.name
        if not self.before:
            return xml, last, last
        return xml + drawing.user(self.first.name) + drawing.flow(self.first.name, last), self.first.name, last

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return AgainTokens(self, data, scope)

    def parts(self) -> list[Block]:
        return [self.round]


class AgainTokens(Following):
    def __init__(self, again: Again, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.again = again

    def next_stage(self) -> Tokens | None:
        again, rounds = self.again, self.stage if not self.again.before else self.stage - 1
        if again.before and self.stage == 0:
            return again.first.begin(self.data, self.scope)
        last = again.first if rounds == 0 else again.ask
        asked = rounds > 0 or again.before
        if (asked and last.answered % 2 != 0) or rounds == again.most:
            return None
        return again.round.begin(self.data, self.scope)

    def data_now(self) -> Data:
        return self.data  # a round that is not done yet has changed nothing
