"""A second opinion on what a process does: a token game of its own, played beside the engine.

Random processes are built from blocks. Each block can draw itself for the engine, and can play itself with
tokens by the rules of BPMN alone. After every step both must have the same open tasks with the same data, the
same waiting events with the same due times, and the same answer to whether the process is completed. The
engine plays twice: pruned, stored and restored at every step, and in memory with its whole history.

    python -m tests.engine.oracle FIRST LAST     plays the seeds FIRST to LAST - 1
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from random import Random
from typing import Any

from engine import clock, pruning, state, stepping
from tests.engine import drawing
from tests.engine.blocks import (
    Awaited,
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
from tests.engine.tokens import Block, Data, Doable

STEPS = 30
DEPTH = 3


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
    chosen = random.choice(sorted(game.root.tasks() + game.root.events(), key=lambda one: (one.name, str(one.data))))
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
