"""Draws small diagrams for the engine's tests, and plays them with everything stored after each step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any, Protocol

from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine

from engine import clock
from engine.bpmn.diagram import read_diagrams
from engine.spiff import pruning, state, stepping
from engine.spiff.specs import build

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" id="D" targetNamespace="x">'
)
_numbers = count()

MONDAY = datetime(2026, 3, 23, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CODES = '<error id="E1" name="e1" errorCode="1"/><escalation id="X1" name="x1" escalationCode="1"/>'
MESSAGES = '<message id="M1" name="m1"/><message id="M2" name="m2"/>'
DEFINITIONS = MESSAGES + CODES


def process(body: str, *, before: str = "", key: str = "p") -> bytes:
    return f'{_HEAD}{before}<process id="{key}" isExecutable="true">{body}</process></definitions>'.encode()


def path(*nodes: str) -> str:
    """Flows from each to the next: ``path("s", "a", "e")``."""
    return "".join(flow(one, other) for one, other in pairwise(nodes))


def flow(source: str, target: str, condition: str | None = None, *, key: str | None = None) -> str:
    inner = f'<conditionExpression xsi:type="tFormalExpression">{condition}</conditionExpression>' if condition else ""
    identifier = key or f"flow{next(_numbers)}"
    return f'<sequenceFlow id="{identifier}" sourceRef="{source}" targetRef="{target}">{inner}</sequenceFlow>'


def node(tag: str, key: str, inner: str = "", **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<{tag} id="{key}"{more}>{inner}</{tag}>'


def user(*keys: str) -> str:
    return "".join(node("userTask", key) for key in keys)


def start(key: str = "s") -> str:
    return node("startEvent", key)


def end(key: str = "e", inner: str = "") -> str:
    return node("endEvent", key, inner)


def fork(*keys: str) -> str:
    return "".join(node("parallelGateway", key) for key in keys)


def choice(key: str, default: str = "") -> str:
    return node("exclusiveGateway", key, **({"default": default} if default else {}))


def message(key: str = "M1") -> str:
    return f'<messageEventDefinition messageRef="{key}"/>'


def timer(value: str, kind: str = "timeDuration") -> str:
    return f"<timerEventDefinition><{kind}>{value}</{kind}></timerEventDefinition>"


def boundary(key: str, activity: str, definition: str, *, interrupting: bool = True) -> str:
    return node("boundaryEvent", key, definition, attachedToRef=activity, cancelActivity=str(interrupting).lower())


def catch(key: str, definition: str) -> str:
    return node("intermediateCatchEvent", key, definition)


def subprocess(key: str, body: str) -> str:
    return node("subProcess", key, body)


def again(*, before: bool = False, most: int | None = None, condition: str = "") -> str:
    """The mark of a standard loop: ``before`` tests the condition before the first round, too."""
    maximum = f' loopMaximum="{most}"' if most is not None else ""
    inner = f"<loopCondition>{condition}</loopCondition>" if condition else ""
    test = f'testBefore="{str(before).lower()}"{maximum}'
    return f"<standardLoopCharacteristics {test}>{inner}</standardLoopCharacteristics>"


def each(*, sequential: bool = False, inner: str = "", over: str = "xs", item: str = "item", last: str = "") -> str:
    """The multi-instance mark of a task, one instance for each of the list ``over``."""
    return (
        f'<multiInstanceLoopCharacteristics isSequential="{str(sequential).lower()}">'
        f"<loopDataInputRef>{over}</loopDataInputRef>{inner}"
        f'<inputDataItem id="{item}"/>{last}</multiInstanceLoopCharacteristics>'
    )


class Drawn(Protocol):
    """A piece of a process that can draw itself."""

    def draw(self) -> tuple[str, str, str]:
        """XML, the first node, the last node."""


def inside(piece: Drawn, key: str) -> str:
    """A piece with a start event and an end event of its own, ``{key}s`` and ``{key}e``."""
    xml, first, last = piece.draw()
    return xml + start(f"{key}s") + flow(f"{key}s", first) + end(f"{key}e") + flow(last, f"{key}e")


def whole(piece: Drawn, key: str = "p") -> bytes:
    """A piece as a process in a file of its own."""
    return process(inside(piece, f"{key}_"), before=DEFINITIONS, key=key)


def specs(*files: bytes) -> state.ProcessSpecs:
    """The process ``p`` and all it calls, as the product builds them."""
    return build("p", (diagram for file in files for diagram in read_diagrams(file)))


class Played:
    """A case that is pruned, stored and restored after every step, as in the product."""

    def __init__(self, *files: bytes | state.ProcessSpecs, store: bool = True, **data: Any) -> None:
        first = files[0]
        self.specs = first if isinstance(first, state.ProcessSpecs) else specs(*files)
        self.script_engine = PythonScriptEngine()
        self.now = MONDAY
        self.passed: list[str] = []
        self.store = store
        self.workflow = state.new_workflow(self.specs, self.script_engine, data)
        self._go_on()

    def _go_on(self) -> None:
        self.passed += [step.element for step in stepping.advance(self.workflow, now=self.now)]
        self.events = stepping.thrown_events(self.workflow)
        if self.store:
            pruning.prune(self.workflow)
            stored = state.dump(self.workflow)
            self.workflow = state.load(stored, self.specs, self.script_engine)
            assert state.dump(self.workflow) == stored

    @property
    def tasks(self) -> list[str]:
        return sorted(task.task_spec.bpmn_id for task in stepping.position(self.workflow).people.values())

    @property
    def waits(self) -> dict[str, stepping.WaitingEvent]:
        return {event.element: event for event in stepping.waiting_events(self.workflow)}

    @property
    def done(self) -> bool:
        return bool(self.workflow.is_completed())

    def task(self, key: str) -> Any:
        return next(t for t in stepping.position(self.workflow).people.values() if t.task_spec.bpmn_id == key)

    def does(self, key: str, **data: Any) -> Played:
        """The first open task of this name is completed with these values."""
        with clock.at(self.now):
            task = self.task(key)
            task.data.update(data)
            task.run()
        self._go_on()
        return self

    def gets(self, key: str, payload: Mapping[str, Any] | None = None) -> Played:
        """The message that this event waits for arrives."""
        stepping.deliver_message(self.workflow, self.waits[key].token, payload or {})
        self._go_on()
        return self

    def at(self, moment: datetime) -> Played:
        """Time passes; due timers fire, the oldest first."""
        self.now = moment
        while due := sorted((e.due, e.token) for e in self.waits.values() if e.due and e.due <= moment):
            stepping.fire_timer(self.workflow, due[0][1], moment)
            self._go_on()
        return self

    @property
    def size(self) -> int:
        """Tasks held in memory, sub-processes included."""
        return len(self.workflow.tasks) + sum(len(one.tasks) for one in self.workflow.subprocesses.values())
