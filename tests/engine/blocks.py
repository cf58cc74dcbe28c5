"""Pieces of a process that draw themselves and play themselves with tokens, by the rules of BPMN alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from tests.engine import drawing
from tests.engine.drawing import flow
from tests.engine.tokens import Block, Data, Doable, Following, Scope, Tokens, Values, newest


@dataclass
class Task(Block):
    """A person's task; it writes a number under its own name unless it is ``mute``."""

    name: str
    mute: bool = False
    answers: str = ""  # a variable for its answer
    answered: int = 0

    def draw(self) -> tuple[str, str, str]:
        return drawing.user(self.name), self.name, self.name

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return TaskTokens(self, data)


class TaskTokens(Tokens):
    def __init__(self, task: Task, data: Data) -> None:
        self.task, self.data, self.done, self.answer = task, data, False, 0

    def tasks(self) -> list[Doable]:
        writes = "" if self.task.mute else self.task.name
        one = Doable(self.task.name, self.data, self.complete, writes=writes, answers=self.task.answers)
        return [] if self.done else [one]

    def complete(self, values: Values) -> None:
        self.answer = self.task.answered = values.d
        self.data = self.data if self.task.mute else {**self.data, self.task.name: values.written}
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

    def parts(self) -> list[Block]:
        return self.blocks


class SequenceTokens(Following):
    def __init__(self, sequence: Sequence, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.blocks = sequence.blocks

    def next_stage(self) -> Tokens | None:
        more = self.stage < len(self.blocks)
        return self.blocks[self.stage].begin(self.data, self.scope) if more else None


@dataclass
class Split(Block):
    """Branches between two gateways; for exclusive and inclusive ones a task before them decides.

    ``by_itself``: the flows leave that task itself, without a gateway; ``free``: the first of them without a
    condition. ``linked``: link events lead the branches together again.
    """

    key: str
    kind: str
    branches: list[Block]
    by_itself: bool = False
    free: bool = False
    linked: bool = False

    def draw(self) -> tuple[str, str, str]:
        decide, join, default = f"{self.key}d", f"{self.key}j", f"{self.key}default"
        fork = decide if self.by_itself else f"{self.key}f"
        xml = self._joins(join)
        for number, branch in enumerate(self.branches):
            part, first, last = branch.draw()
            key = default if self.kind != "parallel" and number == len(self.branches) - 1 else None
            xml += part + flow(fork, first, self.condition(number), key=key)
            xml += flow(last, f"{self.key}t{number}" if self.linked else join)
        attributes = {} if self.kind == "parallel" else {"default": default}
        if self.by_itself:
            return xml + drawing.node("userTask", decide, **attributes), decide, join
        xml += drawing.node(f"{self.kind}Gateway", fork, **attributes)
        if self.kind == "parallel":
            return xml, fork, join
        return xml + drawing.user(decide) + flow(decide, fork), decide, join

    def _joins(self, join: str) -> str:
        if not self.linked:
            return drawing.node(f"{self.kind}Gateway", join)
        link = f'<linkEventDefinition name="{self.key}"/>'
        throws = (drawing.node("intermediateThrowEvent", f"{self.key}t{n}", link) for n in range(len(self.branches)))
        return "".join(throws) + drawing.catch(join, link)

    def condition(self, number: int) -> str | None:
        if self.kind == "parallel" or number == len(self.branches) - 1 or (self.free and number == 0):
            return None
        return f"d % 3 == {number}" if self.kind == "exclusive" else f"d % {number + 2} == 0"

    def chosen(self, d: int) -> list[Block]:
        """Exclusive takes the first true flow, inclusive every true one; the default if none is true."""
        if self.kind == "parallel":
            return self.branches
        always = self.branches[:1] if self.free else []
        conditional = list(enumerate(self.branches))[len(always) : -1]
        if self.kind == "exclusive":
            true = [branch for number, branch in conditional if d % 3 == number][:1]
        else:
            true = [branch for number, branch in conditional if d % (number + 2) == 0]
        return always + (true or self.branches[-1:])

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return SplitTokens(self, data, scope)

    def parts(self) -> list[Block]:
        return self.branches


class SplitTokens(Following):
    def __init__(self, split: Split, data: Data, scope: Scope) -> None:
        super().__init__(data, scope)
        self.split = split

    def next_stage(self) -> Tokens | None:
        if self.split.kind == "parallel" and not self.split.by_itself:
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

    def data_now(self) -> Data:
        return newest(*(branch.data_now() for branch in self.branches))


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

    def parts(self) -> list[Block]:
        return [self.body]


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
        return self.drawn_with(""), self.key, self.key

    def drawn_with(self, mark: str) -> str:
        """With the mark of a loop, or with more inside."""
        return drawing.subprocess(self.key, self.content() + mark)

    def content(self) -> str:
        return drawing.inside(self.body, self.key)

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return SubTokens(self.body, data, scope.inner())

    def parts(self) -> list[Block]:
        return [self.body]


@dataclass
class Call(Block):
    """A call activity; the process it calls has a file of its own."""

    key: str
    body: Block
    process: str = ""  # the key of the called process, where another block of the same body calls it, too

    def draw(self) -> tuple[str, str, str]:
        return self.drawn_with(""), self.key, self.key

    def drawn_with(self, mark: str) -> str:
        """With the mark of a loop."""
        return drawing.node("callActivity", self.key, mark, calledElement=self.process or f"{self.key}p")

    def begin(self, data: Data, scope: Scope) -> Tokens:
        return SubTokens(self.body, data, scope.inner())

    def parts(self) -> list[Block]:
        return [] if self.process else [self.body]


class SubTokens(Tokens):
    """Done when its body and everything that was set off beside it is done."""

    def __init__(self, body: Block, data: Data, scope: Scope) -> None:
        self.scope = scope
        self.data = data
        self.body = body.begin(data, self.scope)

    def _all(self) -> list[Tokens]:
        return [self.body, *self.scope.beside]

    def tasks(self) -> list[Doable]:
        return [task for tokens in self._all() for task in tokens.tasks()]

    def events(self) -> list[Doable]:
        return [event for tokens in self._all() for event in tokens.events()]

    def settle(self) -> bool:
        done = self.body.settle()
        done = all([tokens.settle() for tokens in self.scope.beside]) and done  # the body may have set off more
        if done:
            self.data = newest(*(tokens.data for tokens in self._all()))
        return done

    def data_now(self) -> Data:
        return newest(*(tokens.data_now() for tokens in self._all()))


def called(block: Block) -> list[bytes]:
    """The processes it calls, each drawn as a file."""
    files = [file for part in block.parts() for file in called(part)]
    if isinstance(block, Call) and not block.process:
        files.append(drawing.whole(block.body, f"{block.key}p"))
    return files
