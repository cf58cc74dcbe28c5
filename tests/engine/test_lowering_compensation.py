"""Compensation: what is completed is undone, the last first, each once; and what of it is refused."""

from __future__ import annotations

import pytest

from engine.bpmn.diagram import read_diagrams
from engine.deployment.checking import constructs
from tests.engine.drawing import (
    MESSAGES,
    Played,
    boundary,
    choice,
    end,
    flow,
    fork,
    message,
    node,
    path,
    process,
    start,
    subprocess,
    user,
)

COMPENSATE = "<compensateEventDefinition/>"


def of(activity: str) -> str:
    return f'<compensateEventDefinition activityRef="{activity}"/>'


def undoing(*activities: str) -> str:
    """For each activity a compensation event ``c_`` at its edge, and the task ``undo_`` that it is associated with."""
    xml = ""
    for one in activities:
        xml += boundary(f"c_{one}", one, COMPENSATE) + node("userTask", f"undo_{one}", isForCompensation="true")
        xml += node("association", f"l_{one}", sourceRef=f"c_{one}", targetRef=f"undo_{one}")
    return xml


def throw(key: str, definition: str = COMPENSATE) -> str:
    return node("intermediateThrowEvent", key, definition)


def drawn(body: str) -> bytes:
    return process(start() + body + end(), before=MESSAGES)


def faults(file: bytes) -> list[str]:
    return [finding.element for diagram in read_diagrams(file) for finding in constructs.refused(diagram)]


THREE = drawn(
    user("a", "b", "c", "after") + undoing("a", "b", "c") + throw("t") + path("s", "a", "b", "t", "after", "c", "e")
)


@pytest.mark.parametrize("store", [True, False])
def test_what_is_completed_is_undone_the_last_first(store: bool) -> None:
    case = Played(THREE, store=store).does("a").does("b")
    assert case.tasks == ["undo_b"]
    assert case.does("undo_b").tasks == ["undo_a"]
    assert case.does("undo_a").tasks == ["after"]
    assert case.does("after").does("c").done


def test_what_was_never_done_is_not_undone() -> None:
    body = user("a", "b", "d") + undoing("a", "b") + choice("x", "no") + choice("m") + throw("t")
    body += path("s", "d", "x") + flow("x", "a", "way == 1") + flow("x", "b", key="no") + path("a", "m", "t", "e")
    assert Played(drawn(body + flow("b", "m"))).does("d", way=1).does("a").tasks == ["undo_a"]


def test_a_handler_works_with_the_data_of_the_moment_and_its_changes_stay() -> None:
    case = Played(THREE).does("a", x=1, y=1).does("b", x=2)
    assert (case.task("undo_b").data["x"], case.task("undo_b").data["y"]) == (2, 1)
    case.does("undo_b", x=3)
    assert case.task("undo_a").data["x"] == 3
    case.does("undo_a", y=4)
    assert {name: value for name, value in case.task("after").data.items()} == {"x": 3, "y": 4}


def test_one_activity_alone_may_be_named() -> None:
    body = user("a", "b", "after") + undoing("a", "b") + throw("t", of("a")) + path("s", "a", "b", "t", "after", "e")
    case = Played(drawn(body)).does("a").does("b")
    assert case.tasks == ["undo_a"]
    assert case.does("undo_a").tasks == ["after"]


def test_each_completion_is_undone_once() -> None:
    body = user("a", "again", "last") + undoing("a") + choice("m") + choice("x", "out") + throw("t") + throw("u")
    body += path("s", "m", "a", "again", "x") + flow("x", "m", "more") + flow("x", "t", key="out")
    case = Played(drawn(body + path("t", "u", "last", "e"))).does("a").does("again", more=True).does("a")
    case.does("again", more=False)
    for _ in range(2):
        case.does("undo_a")
    assert case.tasks == ["last"]


def test_an_end_event_may_throw() -> None:
    body = user("a") + undoing("a") + node("endEvent", "t", COMPENSATE) + path("s", "a", "t")
    case = Played(process(start() + body)).does("a")
    assert case.does("undo_a").done


def test_branches_side_by_side_are_undone_in_the_order_of_time() -> None:
    body = fork("f", "j") + user("a", "b") + undoing("a", "b") + throw("t")
    body += path("s", "f", "a", "j", "t", "e") + path("f", "b", "j")
    assert Played(drawn(body)).does("b").does("a").tasks == ["undo_a"]
    assert Played(drawn(body)).does("a").does("b").tasks == ["undo_b"]


def test_two_events_that_throw_at_once_have_each_what_they_took() -> None:
    body = fork("f", "j") + user("a", "b") + undoing("a", "b") + throw("t", of("a")) + throw("u", of("b")) + user("z")
    body += path("s", "f", "a", "t", "j", "z", "e") + path("f", "b", "u", "j")
    case = Played(drawn(body)).does("a", x=1).does("b", y=1)
    assert case.tasks == ["undo_a", "undo_b"]
    case.does("undo_b", y=2).does("undo_a", x=2)
    assert case.task("z").data == {"x": 2, "y": 2}


def nested(inner: str, *, more: str = "", thrown: str = COMPENSATE) -> bytes:
    return drawn(
        subprocess("sub", start("s2") + inner + end("e2"))
        + throw("t", thrown)
        + user("o", "z")
        + more
        + path("s", "o", "sub", "t", "z", "e")
    )


TWO_INSIDE = user("a", "b") + path("s2", "a", "b", "e2")


@pytest.mark.parametrize("thrown", [COMPENSATE, of("sub")])
@pytest.mark.parametrize("store", [True, False])
def test_a_completed_subprocess_is_undone_by_what_is_inside(thrown: str, store: bool) -> None:
    case = Played(nested(TWO_INSIDE + undoing("a", "b"), thrown=thrown), store=store).does("o").does("a").does("b")
    assert case.tasks == ["undo_b"]
    assert case.does("undo_b").does("undo_a").tasks == ["z"]


def test_a_handler_of_the_subprocess_stands_for_those_inside() -> None:
    case = Played(nested(TWO_INSIDE + undoing("a", "b"), more=undoing("sub"))).does("o").does("a").does("b")
    assert case.tasks == ["undo_sub"]
    assert case.does("undo_sub").tasks == ["z"]


def test_a_subprocess_undoes_what_was_done_inside_and_nothing_else() -> None:
    inner = user("a") + undoing("a") + throw("u") + path("s2", "a", "u", "e2")
    file = drawn(
        subprocess("sub", start("s2") + inner + end("e2"))
        + user("o", "z")
        + undoing("o")
        + throw("t")
        + path("s", "o", "sub", "z", "t", "e")
    )
    case = Played(file).does("o").does("a")
    assert case.tasks == ["undo_a"]
    case.does("undo_a").does("z")
    assert case.tasks == ["undo_o"]


def test_an_interrupted_subprocess_was_not_completed() -> None:
    edge = boundary("stop", "sub", message()) + flow("stop", "t2") + throw("t2") + path("t2", "z2", "e3") + user("z2")
    file = nested(TWO_INSIDE + undoing("a", "b"), more=edge + end("e3") + undoing("o"))
    case = Played(file).does("o").does("a").gets("stop")
    assert case.tasks == ["undo_o"]


ACCEPTED = [THREE, nested(TWO_INSIDE + undoing("a", "b")), nested(TWO_INSIDE + undoing("a", "b"), more=undoing("sub"))]


@pytest.mark.parametrize("file", ACCEPTED)
def test_what_runs_is_accepted(file: bytes) -> None:
    assert faults(file) == []


LINE = path("s", "a", "t", "e")
EVENT_SUBPROCESS = node(
    "subProcess",
    "v",
    node("startEvent", "x", message(), isInterrupting="false") + throw("t2") + end("ev") + path("x", "t2", "ev"),
    triggeredByEvent="true",
)
REFUSED = {
    "no handler": (user("a") + boundary("c", "a", COMPENSATE) + throw("t") + LINE, {"c", "t"}),
    "nobody's handler": (user("a") + node("userTask", "h", isForCompensation="true") + throw("t") + LINE, {"h", "t"}),
    "nobody throws": (user("a") + undoing("a") + path("s", "a", "e"), {"c_a"}),
    "nothing of that name": (
        user("a", "b") + undoing("a") + throw("t", of("b")) + path("s", "a", "b", "t", "e"),
        {"t"},
    ),
    "a handler with a flow": (user("a") + undoing("a") + throw("t") + LINE + flow("undo_a", "e"), {"undo_a"}),
    "a repeated task": (
        node("userTask", "a", '<standardLoopCharacteristics loopMaximum="2"/>') + undoing("a") + throw("t") + LINE,
        {"c_a"},
    ),
    "not waiting": (
        user("a") + undoing("a") + throw("t", '<compensateEventDefinition waitForCompletion="false"/>') + LINE,
        {"t"},
    ),
    "in an event subprocess": (user("a") + undoing("a") + throw("t") + LINE + EVENT_SUBPROCESS, {"t2"}),
    "caught in the flow": (user("a") + node("intermediateCatchEvent", "t", COMPENSATE) + LINE, {"t"}),
    "in a transaction": (
        node("transaction", "a", start("s2") + user("b") + undoing("b") + path("s2", "b", "e2") + end("e2"))
        + throw("t")
        + LINE,
        {"c_b"},
    ),
    "from outside what throws itself": (
        subprocess("a", start("s2") + user("b") + undoing("b") + throw("u") + path("s2", "b", "u", "e2") + end("e2"))
        + user("o")
        + undoing("o")
        + throw("t")
        + path("s", "o", "a", "t", "e"),
        {"t"},
    ),
}


@pytest.mark.parametrize(("body", "places"), REFUSED.values(), ids=REFUSED)
def test_what_would_be_undone_otherwise_is_refused(body: str, places: set[str]) -> None:
    assert places <= set(faults(drawn(body)))
