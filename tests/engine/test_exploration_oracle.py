"""The exploration against the engine itself: random processes, sound ones and ones that a mutation broke.

The engine is played through every state it can come to, stored and restored at each step. Whatever it comes to a
stand in was reported; what is reported as a sure deadlock, it comes to a stand in. EXPLORED_SEEDS says how many.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from engine import clock
from engine.bpmn.diagram import read_diagrams
from engine.deployment.checking.soundness import exploration
from engine.findings import Finding
from engine.spiff import pruning, state, stepping
from tests.engine import drawing, oracle
from tests.engine.blocks import called
from tests.engine.drawing import MONDAY, end

SEEDS = int(os.environ.get("EXPLORED_SEEDS", "30"))
MAX_POSITIONS = 40
ANSWERS = (0, 1, 2, 3)  # of a task: between them every branch of every gateway of the oracle's is taken


def invented(random: Random) -> tuple[str, list[bytes]]:
    """The content of a process, and the processes it calls."""
    process = oracle.Inventor(random).process()
    return process.content(), called(process)


def drawn(body: str) -> bytes:
    return drawing.process(body, before=drawing.DEFINITIONS)


def explored(body: str) -> exploration.Exploration:
    (diagram,) = read_diagrams(drawn(body))
    return exploration.explore(diagram)


def deadlocks(body: str) -> list[Finding]:
    return [finding for finding in explored(body).findings if finding.code == "flow.deadlock"]


def mutated(body: str, random: Random) -> str | None:
    """The same with one join of another kind, or with one branch that ends before its join. None: nothing to mutate."""
    joins = re.findall(r'<(?:exclusive|parallel|inclusive)Gateway id="k_\w+[jm]"></\w+>', body)
    if not joins:
        return None
    join = random.choice(joins)
    if random.random() < 0.3:
        key = join.partition('id="')[2].partition('"')[0]
        flows = re.findall(rf'<sequenceFlow id="\w+" sourceRef="\w+" targetRef="{key}"></sequenceFlow>', body)
        if not flows:
            return None
        astray = random.choice(flows)
        return body.replace(astray, astray.replace(f'targetRef="{key}"', 'targetRef="lost"') + end("lost"))
    kind = random.choice([one for one in ("exclusive", "parallel", "inclusive") if f"<{one}" not in join])
    return body.replace(join, re.sub("(?:exclusive|parallel|inclusive)Gateway", f"{kind}Gateway", join))


class Played:
    """The engine, brought to every position that it can come to."""

    def __init__(self, body: str, others: list[bytes]) -> None:
        (diagram,) = read_diagrams(drawn(body))
        read = diagram.names_read.union(*(one.names_read for other in others for one in read_diagrams(other)))
        self.asked = sorted(read - {"xs"} | {"d"})
        self.collected = {
            item.getparent().getparent().get("id"): item.get("id") for item in diagram.process.iter("{*}outputDataItem")
        }  # what an instance has to give
        self.specs = drawing.specs(drawn(body), *others)
        self.script_engine = drawing.PythonScriptEngine()
        self.whole = True

    def stands(self) -> bool:
        """Whether some way leads to where nothing goes on and the process is not complete."""
        first = state.new_workflow(self.specs, self.script_engine, {**dict.fromkeys(self.asked, 0), "xs": [1, 2, 3]})
        rest = self._rest(first)
        ahead = [] if first.is_completed() else [rest]
        seen = {self._position(first)}
        while ahead:
            if len(seen) > MAX_POSITIONS:
                self.whole = False
                return False
            stored = ahead.pop()
            moves = 0
            for workflow in self._moves(stored):
                moves += 1
                after = self._rest(workflow)
                if not workflow.is_completed() and (position := self._position(workflow)) not in seen:
                    seen.add(position)
                    ahead.append(after)
            if not moves:
                return True
        return False

    def _rest(self, workflow: Any) -> str:
        stepping.advance(workflow, now=MONDAY)
        pruning.prune(workflow)
        return state.dump(workflow)

    def _moves(self, stored: str) -> Iterator[Any]:
        """Each thing that may happen next, each time from the stored state."""
        asked = self._loaded(stored)
        for task in stepping.position(asked).people.values():
            for answer in ANSWERS:
                workflow = self._loaded(stored)
                again = next(one for one in stepping.position(workflow).people.values() if one.id == task.id)
                again.data.update(dict.fromkeys(self.asked, answer))
                if (collected := self.collected.get(again.task_spec.bpmn_id)) is not None:
                    again.data[collected] = answer
                with clock.at(MONDAY):
                    again.run()
                yield workflow
        for event in (one for one in stepping.waiting_events(asked) if one.kind in ("message", "timer")):
            workflow = self._loaded(stored)
            if event.due is None:
                stepping.deliver_message(workflow, event.token, {})
            else:
                stepping.fire_timer(workflow, event.token, event.due)
            yield workflow

    def _loaded(self, stored: str) -> Any:
        return state.load(stored, self.specs, self.script_engine)

    def _position(self, workflow: Any) -> tuple[tuple[str, ...], ...]:
        """Where the tokens are, whatever data they have."""
        tasks = [*workflow.tasks.values(), *(t for sub in workflow.subprocesses.values() for t in sub.tasks.values())]
        return tuple(
            sorted(
                (
                    task.workflow.spec.name,
                    task.task_spec.name,
                    str(task._state),
                    str(task.internal_data.get("came_from")),
                )
                for task in tasks
                if task._state & state.UNFINISHED
            )
        )


@pytest.mark.parametrize("first", range(0, SEEDS * 5, 50))
def test_sound_processes_have_no_deadlock(first):
    for seed in range(first, first + 50):
        body, _others = invented(Random(seed))
        assert [fault for fault in deadlocks(body) if fault.severity == "error"] == [], seed


def test_every_stand_of_the_engine_was_reported():
    stood = sound = 0
    for seed in range(SEEDS):
        random = Random(seed)
        whole, others = invented(random)
        body = mutated(whole, random)
        if body is None:
            continue
        played = Played(body, others)
        stands = played.stands()
        reported = deadlocks(body)
        if stands:
            assert reported, f"seed {seed}: the engine stands still and nothing was reported"
        elif played.whole:
            assert not [fault for fault in reported if fault.severity == "error"], f"seed {seed}: {reported}"
        stood, sound = stood + stands, sound + (played.whole and not stands)
    assert stood > SEEDS // 10 and sound > SEEDS // 10  # the mutations do break some, and not all
