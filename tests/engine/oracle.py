"""A second opinion on what a process does: a token game of its own, played beside the engine.

Random processes are built from blocks. Each block can draw itself for the engine, and can play itself with
tokens by the rules of BPMN alone. After every step both must have the same open tasks with the same data, the
same waiting events with the same due times, and the same answer to whether the process is completed. The
engine plays twice: pruned, stored and restored at every step, and in memory with its whole history.

    python -m tests.engine.oracle FIRST LAST [--processes N]     plays the seeds FIRST to LAST - 1
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine

from engine import clock
from engine.spiff import corrections, pruning, state, stepping
from tests.engine import drawing
from tests.engine.blocks import called
from tests.engine.drawing import MONDAY
from tests.engine.inventing import Inventor
from tests.engine.tokens import Block, Doable, Scope, Value, Values

STEPS = 30
SEEDS_AT_ONCE = 50


class Game:
    """The token game's side."""

    def __init__(self, process: Block) -> None:
        self.now = MONDAY
        self.root = process.begin({}, Scope(self))
        self.done = self.root.settle()

    def view(self) -> View:
        return View(
            sorted(_seen(task.name, task.data) for task in self.root.tasks()),
            sorted((event.name, str(event.due)) for event in self.root.events()),
            self.done,
        )


@dataclass(frozen=True)
class View:
    """What can be seen of a case from outside."""

    tasks: list[tuple[str, str]]
    events: list[tuple[str, str]]
    done: bool


def _seen(task: str, data: dict[str, Any]) -> tuple[str, str]:
    """A task with what was written; an instance does not compare the list that its like are making."""
    own = f"{task}o"
    return task, str(sorted((name, value) for name, value in data.items() if name.startswith("k_") and name != own))


class Side:
    """The engine's side; with ``store`` pruned, stored and restored at every step."""

    def __init__(self, specs: state.ProcessSpecs, *, store: bool) -> None:
        self.specs, self.store, self.now = specs, store, MONDAY
        self.script_engine = PythonScriptEngine()
        self.workflow = state.new_workflow(specs, self.script_engine, {"d": 0, "xs": [1, 2, 3]})
        self.go_on()

    def go_on(self) -> None:
        stepping.advance(self.workflow, now=self.now)
        if self.store:
            pruning.prune(self.workflow)
            self.workflow = state.load(state.dump(self.workflow), self.specs, self.script_engine)

    def view(self) -> View:
        return View(
            sorted(_seen(t.task_spec.bpmn_id, t.data) for t in stepping.position(self.workflow).people.values()),
            sorted((event.element, str(event.due)) for event in self.waiting()),
            bool(self.workflow.is_completed()),
        )

    def waiting(self) -> list[stepping.WaitingEvent]:
        """What comes from outside; errors and escalations come from within."""
        return [event for event in stepping.waiting_events(self.workflow) if event.kind in ("message", "timer")]

    def complete(self, chosen: Doable, values: Values) -> None:
        wanted = _seen(chosen.name, chosen.data)
        people = stepping.position(self.workflow).people.values()
        task = next(t for t in people if _seen(t.task_spec.bpmn_id, t.data) == wanted)
        task.data["d"] = values.d
        if chosen.answers:
            task.data[chosen.answers] = values.d
        if chosen.writes:
            task.data[chosen.writes] = values.step if chosen.writes.startswith("out_") else values.written
        with clock.at(self.now):
            task.run()
        self.go_on()

    def happen(self, chosen: Doable, values: Values) -> None:
        event = next(one for one in self.waiting() if one.element == chosen.name and one.due == chosen.due)
        if event.due is None:
            payload = {chosen.writes: values.written} if chosen.writes else {}
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
    found: object
    expected: View
    story: list[str]


def play(seed: int, steps: int = STEPS) -> int:
    """Play one seed to its end or for so many steps; returns the steps. Raises Difference."""
    random = Random(seed)
    process = Inventor(random).process()
    game = Game(process)
    story: list[str] = []
    sides: dict[str, Side] = {}
    step = 0
    try:
        drawn = drawing.process(process.content(), before=drawing.DEFINITIONS)
        specs = drawing.specs(drawn, *called(process))
        sides = {name: Side(specs, store=name == "stored") for name in ("stored", "in memory")}
        while True:
            _compare(seed, step, game, sides, story)
            if game.done or step == steps:
                return step
            step += 1
            _one_step(random, game, list(sides.values()), step, story)
    except Difference:
        raise
    except Exception as error:  # whatever the engine raises is a difference, too: the game goes on
        raise Difference(seed, step, "error", repr(error), game.view(), story) from error


def _compare(seed: int, step: int, game: Game, sides: dict[str, Side], story: list[str]) -> None:
    expected = game.view()
    for name, side in sides.items():
        if (found := side.view()) != expected:
            raise Difference(seed, step, name, found, expected, story)


def _one_step(random: Random, game: Game, sides: list[Side], number: int, story: list[str]) -> None:
    """Something happens, on the game's side and on the engine's."""
    choices = sorted(game.root.tasks() + game.root.events(), key=lambda one: (one.name, str(one.data), str(one.due)))
    chosen = random.choice(choices)
    values = Values(number, random.randint(0, 11), _value(random, number))
    if chosen.due is not None:
        story.append(f"{number}: until {_time_passes(game, sides, values):%H:%M}")
        return
    story.append(f"{number}: {chosen.name} {values.d} {chosen.writes}")
    is_task = any(one.name == chosen.name for one in game.root.tasks())
    chosen.happen(values)
    for side in sides:
        if is_task:
            side.complete(chosen, values)
        else:
            side.happen(chosen, values)
    game.done = game.root.settle()


def _value(random: Random, number: int) -> Value:
    """What is written holds its step's number; lists and mappings get shorter, too."""
    several: Value = [number] * random.randint(1, 3)
    mapping: Value = {"at": number, random.choice("abc"): number}
    return random.choice([number, several, mapping, number])


def _time_passes(game: Game, sides: list[Side], values: Values) -> Any:
    """Time goes on to the first due timer; of several that are due then, each that still waits fires."""
    game.now = min(event.due for event in game.root.events() if event.due)
    while due := sorted((e.name, e) for e in game.root.events() if e.due and e.due <= game.now)[:1]:
        event = due[0][1]
        seen = Doable(event.name, event.data, event.happen, event.due)
        event.happen(values)
        game.done = game.root.settle()
        for side in sides:
            side.now = game.now
            side.happen(seen, values)
    return game.now


# ---------------------------------------------------------------- many seeds


def play_several(seeds: range) -> tuple[int, list[str]]:
    """How many steps these seeds made, and what the engine did otherwise."""
    steps, differences = 0, []
    for seed in seeds:
        try:
            steps += play(seed)
        except Difference as difference:
            differences.append(_in_words(difference))
    return steps, differences


def _in_words(difference: Difference) -> str:
    return (
        f"seed {difference.seed}, step {difference.step}, {difference.side}:\n"
        f"  engine: {difference.found}\n  game:   {difference.expected}\n  story:  {'; '.join(difference.story)}"
    )


def play_all(first: int, last: int, processes: int) -> Iterator[tuple[int, int, list[str]]]:
    """(seeds, steps, differences) of each batch, as they come in."""
    batches = [range(at, min(at + SEEDS_AT_ONCE, last)) for at in range(first, last, SEEDS_AT_ONCE)]
    with multiprocessing.get_context("spawn").Pool(processes, initializer=corrections.install) as pool:
        for number, (steps, differences) in enumerate(pool.imap(play_several, batches)):
            yield len(batches[number]), steps, differences


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.engine.oracle", description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    asked = parser.parse_args(arguments)
    played = steps = differences = 0
    for seeds, more, found in play_all(asked.first, asked.last, asked.processes):
        played, steps, differences = played + seeds, steps + more, differences + len(found)
        for one in found:
            print(one)
        if played % 1000 < SEEDS_AT_ONCE:
            print(f"… {played} processes, {steps} steps, {differences} differences", file=sys.stderr, flush=True)
    print(f"{played} processes, {steps} steps, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
