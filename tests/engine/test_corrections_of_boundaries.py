"""Corrections 13 to 16, of boundary events and loops: what the library does as shipped, and what corrected.

More of what they make possible is in ``test_lowering_event_subprocesses`` and ``test_lowering_flows``.
"""

from __future__ import annotations

from SpiffWorkflow.bpmn.util.event import BpmnEvent

from tests.engine.drawing import (
    MESSAGES,
    Played,
    boundary,
    catch,
    end,
    fork,
    message,
    node,
    path,
    process,
    start,
    subprocess,
    user,
)
from tests.engine.shipped import Shipped, as_shipped


def deliver(case: Shipped, key: str) -> None:
    """As the library's documentation says to hand a message to a case."""
    (waiting,) = [task for task in case.workflow.get_tasks() if task.task_spec.name == key][-1:]
    case.workflow.catch(BpmnEvent(waiting.task_spec.event_definition, {}))
    case.workflow.do_engine_steps()


def at_subprocess(*, interrupting: bool) -> bytes:
    inner = start("s2") + path("s2", "x", "y", "e2") + user("x", "y") + end("e2")
    body = start() + subprocess("sub", inner) + path("s", "sub", "e") + end() + user("h")
    body += boundary("b", "sub", message(), interrupting=interrupting) + path("b", "h", "e3") + end("e3")
    return process(body, before=MESSAGES)


def test_13_an_event_goes_on_with_what_was_done_inside_until_then():
    with as_shipped():
        case = Shipped(at_subprocess(interrupting=True), n=0).does("x", n=1)
        deliver(case, "b")
        assert case.open("h")[0].data["n"] == 0
    assert Played(at_subprocess(interrupting=True), n=0).does("x", n=1).gets("b").task("h").data["n"] == 1


def test_13_an_event_that_does_not_interrupt_waits_again():
    with as_shipped():
        case = Shipped(at_subprocess(interrupting=False))
        deliver(case, "b")
        deliver(case, "b")
        assert case.tasks == ["h", "x"]
    assert Played(at_subprocess(interrupting=False)).gets("b").gets("b").tasks == ["h", "h", "x"]


def test_13_only_what_its_branch_changed_comes_back():
    case = Played(at_subprocess(interrupting=False), n=0, m=0).gets("b").does("x", n=1).does("y").does("h", m=1)
    assert case.done
    assert (case.workflow.data["n"], case.workflow.data["m"]) == (1, 1)


def test_14_a_condition_is_about_the_data_of_the_moment():
    condition = "<conditionalEventDefinition><condition>n == 1</condition></conditionalEventDefinition>"
    body = start() + fork("g") + path("s", "g", "a", "k", "e1") + path("g", "c", "z", "e2") + user("a", "k", "z")
    diagram = process(body + catch("c", condition) + end("e1") + end("e2"))
    with as_shipped():
        assert Shipped(diagram, n=0).does("a", n=1).tasks == ["k"]
    assert Played(diagram, n=0).does("a", n=1).tasks == ["k", "z"]


def test_16_a_list_of_the_last_round_is_the_loops():
    mark = "<standardLoopCharacteristics><loopCondition>more</loopCondition></standardLoopCharacteristics>"
    diagram = process(start() + node("userTask", "a", mark) + path("s", "a", "z", "e") + user("z") + end())
    with as_shipped():
        case = Shipped(diagram, more=True, rows=[1, 2]).does("a", more=False, rows=[3])
        assert case.open("z")[0].data["rows"] == [1]  # neither the old list nor the new one
    assert Played(diagram, more=True, rows=[1, 2]).does("a", more=False, rows=[3]).task("z").data["rows"] == [3]
