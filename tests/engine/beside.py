"""Diagrams of event subprocesses for tests, run as the product runs them: with lowering."""

from __future__ import annotations

from engine.bpmn.diagram import read_diagrams
from engine.spiff import specs
from engine.spiff.state import ProcessSpecs
from tests.engine.drawing import MESSAGES, Played, end, node, path, process, start, user

ERRORS = (
    '<error id="E1" name="er" errorCode="c1"/><error id="E2" name="er2" errorCode="c2"/>'
    '<escalation id="X1" name="ex" escalationCode="x1"/><signal id="S1" name="sig"/>'
)
ERROR = '<errorEventDefinition errorRef="E1"/>'
ESCALATION = '<escalationEventDefinition escalationRef="X1"/>'
TERMINATE = "<terminateEventDefinition/>"
SIGNAL = '<signalEventDefinition signalRef="S1"/>'


def lowered(*files: bytes, key: str = "p") -> ProcessSpecs:
    """The process ``key`` of the files, with everything it calls, as it is deployed."""
    return specs.build(key, [diagram for file in files for diagram in read_diagrams(file)])


def play(*files: bytes, **data: object) -> Played:
    return Played(lowered(*files), **data)


def drawn(body: str, *, key: str = "p") -> bytes:
    return process(body, before=MESSAGES + ERRORS, key=key)


def event_subprocess(key: str, definition: str, *, interrupting: bool = True, body: str = "", last: str = "") -> str:
    """The event subprocess ``key``: start event ``x_key``, person's task ``h_key``, end event ``e_key``."""
    begin = node("startEvent", f"x_{key}", definition, isInterrupting=str(interrupting).lower())
    inner = body or user(f"h_{key}") + path(f"x_{key}", f"h_{key}", f"e_{key}") + end(f"e_{key}", last)
    return node("subProcess", key, begin + inner, triggeredByEvent="true")


def tasks(*keys: str, last: str = "") -> str:
    """A start event, these tasks one after the other, and the end event ``e``."""
    return start() + user(*keys) + path("s", *keys, "e") + end("e", last)
