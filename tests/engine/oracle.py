"""A second opinion on what a process does: a token game of its own, played beside the engine.

Random processes are built from blocks. Each block can draw itself for the engine, and can play itself with
tokens by the rules of BPMN alone. After every step both must have the same open tasks with the same data, the
same waiting events with the same due times, and the same answer to whether the process is completed. The
engine plays twice: pruned, stored and restored at every step, and in memory with its whole history.

    python -m tests.engine.oracle FIRST LAST     plays the seeds FIRST to LAST - 1
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from engine import clock, pruning, state, stepping
from tests.engine import drawing
from tests.engine.blocks import (
    Awaited,
    Block,
    Data,
    Doable,
    Guarded,
    GuardedTokens,
    Loop,
    Many,
    Sequence,
    Split,
    Sub,
    SubTokens,
    Task,
)
from tests.engine.drawing import MONDAY, flow

Data = dict[
    str, int
]  # what each task wrote last; each number is written once, so the newest write is the largest

STEPS = 30
DEPTH = 3


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


@dataclass
class Scope:
    """A process or sub-process in the game, and what boundary events have set off beside it."""

    game: Game
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


# ---------------------------------------------------------------- blocks


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
        xml += "".join(flow(one[2], other[1]) for one, other in itertools.pairwise(drawn))
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
            xml += (
                part
                + flow(fork, first, None if otherwise else self.condition(number), key=key)
                + flow(last, join)
            )
        attributes = {} if self.kind == "parallel" else {"default": default}
        xml += drawing.node(f"{self.kind}Gateway", fork, **attributes) + drawing.node(
            f"{self.kind}Gateway", join
        )
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

    def __init__(self, body: Block, data: Data, game: Game) -> None:
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
        return (
            SequenceTokens(Sequence(instances), data, scope)
            if self.sequential
            else Abreast(instances, data, scope)
        )


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


# ---------------------------------------------------------------- random processes


class Inventor:
    """Makes up a process from a seed."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.number = 0

    def key(self, letter: str) -> str:
        self.number += 1
        return f"k_{letter}{self.number}"

    def process(self) -> Block:
        return Sequence([self.block(DEPTH), self.block(DEPTH)])

    def block(self, depth: int) -> Block:
        if depth <= 0:
            return Task(self.key("u"))
        kinds = (
            "task",
            "sequence",
            "parallel",
            "inclusive",
            "exclusive",
            "loop",
            "sub",
            "many",
            "guarded",
            "awaited",
        )
        kind = self.random.choice(kinds)
        return getattr(self, f"_{kind}")(depth - 1)

    def blocks(self, depth: int) -> list[Block]:
        return [self.block(depth) for _ in range(self.random.randint(2, 3))]

    def _task(self, depth: int) -> Block:
        return Task(self.key("u"))

    def _sequence(self, depth: int) -> Block:
        return Sequence(self.blocks(depth))

    def _parallel(self, depth: int) -> Block:
        return Split(self.key("p"), "parallel", self.blocks(depth))

    def _inclusive(self, depth: int) -> Block:
        return Split(self.key("o"), "inclusive", self.blocks(depth))

    def _exclusive(self, depth: int) -> Block:
        return Split(self.key("x"), "exclusive", self.blocks(depth))

    def _loop(self, depth: int) -> Block:
        return Loop(self.key("l"), self.block(depth))

    def _sub(self, depth: int) -> Block:
        return Sub(self.key("s"), self.block(depth))

    def _many(self, depth: int) -> Block:
        return Many(self.key("i"), self.random.random() < 0.5)

    def _guarded(self, depth: int) -> Block:
        interrupting = self.random.random() < 0.5
        activity = self.random.choice([self._task, self._sub, self._many])(depth)
        mute = Sequence([Task(self.key("h"), mute=True), Task(self.key("h"), mute=True)])
        handler = self.block(depth) if interrupting else mute
        return Guarded(self.key("g"), activity, self.random.choice([0, 1, 3]), interrupting, handler)

    def _awaited(self, depth: int) -> Block:
        return Awaited(self.key("a"), [self.block(depth - 1) for _ in range(3)])


# ---------------------------------------------------------------- the two sides


class Game:
    """The token game's side."""

    def __init__(self, body: Block) -> None:
        self.now = MONDAY
        self.root = SubTokens(body, {}, self)
        self.done = self.root.settle()

    def view(self) -> View:
        return View(
            sorted((task.name, sorted(task.data.items())) for task in self.root.tasks()),
            sorted((event.name, str(event.due)) for event in self.root.events()),
            self.done,
        )


@dataclass(frozen=True)
class View:
    """What can be seen of a case from outside."""

    tasks: list[tuple[str, list[tuple[str, int]]]]
    events: list[tuple[str, str]]
    done: bool


def written(data: dict[str, Any]) -> Data:
    return {name: value for name, value in data.items() if name.startswith("k_")}


class Side:
    """The engine's side; with ``store`` pruned, stored and restored at every step."""

    def __init__(self, specs: state.ProcessSpecs, *, store: bool) -> None:
        self.specs, self.store, self.now = specs, store, MONDAY
        self.script_engine = drawing.PythonScriptEngine()
        self.most = 0
        self.workflow = state.new_workflow(specs, self.script_engine, {"d": 0, "xs": [1, 2, 3]})
        self.go_on()

    def go_on(self) -> None:
        stepping.advance(self.workflow, now=self.now)
        if self.store:
            pruning.prune(self.workflow)
            self.workflow = state.load(state.dump(self.workflow), self.specs, self.script_engine)

    def view(self) -> View:
        return View(
            sorted((t.task_spec.bpmn_id, sorted(written(t.data).items())) for t in self.tasks()),
            sorted((event.element, str(event.due)) for event in stepping.waiting_events(self.workflow)),
            self.workflow.is_completed(),
        )

    def tasks(self) -> list[Any]:
        return stepping.open_user_tasks(self.workflow)

    def complete(self, chosen: Doable, values: Data, mute: bool) -> None:
        task = next(
            t for t in self.tasks() if t.task_spec.bpmn_id == chosen.name and written(t.data) == chosen.data
        )  # fmt: skip
        task.data["d"] = values["d"]
        if not mute:
            task.data[chosen.name] = values["written"]
        with clock.at(self.now):
            task.run()
        self.go_on()

    def happen(self, name: str, payload: Data) -> None:
        event = next(event for event in stepping.waiting_events(self.workflow) if event.element == name)
        if event.due is None:
            stepping.deliver_message(self.workflow, event.token, payload)
        else:
            stepping.fire_timer(self.workflow, event.token, self.now)
        self.go_on()


@dataclass(frozen=True)
class Difference(Exception):
    """The engine and the token game do not agree."""

    seed: int
    step: int
    side: str
    expected: View
    found: View
    story: list[str]


def play(seed: int) -> int:
    """Play one seed to its end or for ``STEPS`` steps; returns the steps. Raises Difference."""
    random = Random(seed)
    body = Inventor(random).process()
    xml, first, last = body.draw()
    diagram = drawing.process(
        drawing.start() + flow("s", first) + xml + flow(last, "e") + drawing.end(), before=drawing.MESSAGES
    )
    specs = drawing.specs(diagram)
    game = Game(body)
    sides = {"stored": Side(specs, store=True), "in memory": Side(specs, store=False)}
    story: list[str] = []
    for step in range(STEPS):
        expected = game.view()
        for name, side in sides.items():
            if (found := side.view()) != expected:
                raise Difference(seed, step, name, expected, found, story)
        if game.done:
            return step
        story.append(_one_step(random, game, list(sides.values()), step + 1))
    return STEPS


def _one_step(random: Random, game: Game, sides: list[Side], number: int) -> str:
    """Something happens, on the game's side and on the engine's."""
    chosen = random.choice(
        sorted(game.root.tasks() + game.root.events(), key=lambda one: (one.name, str(one.data)))
    )
    if chosen.due is not None:
        return _time_passes(game, sides)
    values = {"d": random.randint(0, 11), "written": number}
    if any(one.name == chosen.name for one in game.root.tasks()):
        chosen.happen(values)
        mute = chosen.name.startswith(("k_h", "k_i"))
        for side in sides:
            side.complete(chosen, values, mute)
    else:
        # What goes on beside writes nothing: two of the kind may run at once, and then any order is right.
        payload = {f"{chosen.name}": number} if _interrupts(chosen) else {}
        chosen.happen(payload)
        for side in sides:
            side.happen(chosen.name, payload)
    game.done = game.root.settle()
    return f"{chosen.name} {values}"


def _interrupts(event: Doable) -> bool:
    tokens = getattr(event.happen, "__self__", None)
    return not isinstance(tokens, GuardedTokens) or tokens.block.interrupting


def _time_passes(game: Game, sides: list[Side]) -> str:
    """Time goes on to the first due timer; of several that are due then, each that still waits fires."""
    game.now = min(event.due for event in game.root.events() if event.due)
    while due := sorted((e.name, e) for e in game.root.events() if e.due and e.due <= game.now)[:1]:
        name, event = due[0]
        event.happen({})
        game.done = game.root.settle()
        for side in sides:
            side.now = game.now
            side.happen(name, {})
    return f"until {game.now:%H:%M}"


def main(arguments: list[str]) -> int:
    first, last = int(arguments[0]), int(arguments[1])
    differences = steps = 0
    for seed in range(first, last):
        try:
            steps += play(seed)
        except Difference as difference:
            differences += 1
            print(difference)
    print(f"{last - first} processes, {steps} steps, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
