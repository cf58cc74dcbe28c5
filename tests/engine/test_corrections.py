"""Corrections 1 to 5, of how tokens move: what the library does as shipped, and what corrected.

A test of the shipped behaviour that fails says: this correction is not needed any more.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.spiff import state
from engine.spiff.corrections.registry import TaskNotReady
from tests.engine.drawing import (
    MESSAGES,
    Played,
    boundary,
    choice,
    each,
    end,
    flow,
    fork,
    message,
    node,
    path,
    process,
    specs,
    start,
    subprocess,
    user,
)
from tests.engine.shipped import Shipped, as_shipped


def blocks(number: int) -> bytes:
    """Parallel blocks in a row."""
    body, nodes = start() + end(), ["s"]
    for i in range(number):
        body += fork(f"g{i}", f"j{i}") + user(f"a{i}", f"b{i}") + path(f"g{i}", f"a{i}", f"j{i}")
        body += path(f"g{i}", f"b{i}", f"j{i}") + flow(nodes[-1], f"g{i}")
        nodes.append(f"j{i}")
    return process(body + flow(nodes[-1], "e"))


def looped(gateway: str, conditions: tuple[str | None, str | None] = (None, None)) -> bytes:
    """a and b between two gateways, then ``again`` decides on another round."""
    body = start() + path("s", "m", "f") + choice("m") + user("a", "b", "again", "after") + end()
    body += node(gateway, "f") + node(gateway, "j") + choice("q", "out")
    for task, condition in zip("ab", conditions, strict=True):
        body += flow("f", task, condition) + flow(task, "j")
    return process(
        body + path("j", "again", "q") + flow("q", "m", "more") + flow("q", "after", key="out") + flow("after", "e")
    )


PARALLEL = looped("parallelGateway")
INCLUSIVE = looped("inclusiveGateway", ("True", "True"))


def rounds_right(case: Any, orders: tuple[tuple[str, str], ...]) -> bool:
    """Whether the join waits for both tasks in each round."""
    for first, second in orders:
        if case.does(first).tasks != [second] or case.does(second).tasks != ["again"]:
            return False
        case.does("again", more=True)
    return bool(case.tasks == ["a", "b"])


# ---------------------------------------------------------------- 1


def test_1_nothing_is_predicted_behind_a_join():
    with as_shipped():
        assert len(Shipped(blocks(8)).workflow.tasks) > 2_000
    case = Played(blocks(8), store=False)
    assert case.size < 10
    for i in range(8):
        case.does(f"a{i}").does(f"b{i}")
    assert case.done


# ---------------------------------------------------------------- 2


ROUNDS = [(one, other, one, other) for one in permutations("ab") for other in permutations("ab")]


def test_2_a_parallel_join_in_a_loop_waits_for_both_in_every_round():
    with as_shipped():
        assert not all(rounds_right(Shipped(PARALLEL), rounds) for rounds in ROUNDS)
    for store in (True, False):
        assert all(rounds_right(Played(PARALLEL, store=store), rounds) for rounds in ROUNDS)


def test_2_an_inclusive_join_in_a_loop_waits_for_both_in_every_round():
    with as_shipped():
        assert not any(rounds_right(Shipped(INCLUSIVE), rounds) for rounds in ROUNDS)
    for store in (True, False):
        assert all(rounds_right(Played(INCLUSIVE, store=store), rounds) for rounds in ROUNDS)


def test_2_an_inclusive_join_waits_for_a_task_beside_a_flow_that_leads_straight_to_it():
    body = start() + path("s", "f") + node("inclusiveGateway", "f") + node("inclusiveGateway", "j") + user("a", "z")
    body += flow("f", "j", "True") + flow("f", "a", "True") + path("a", "j", "z", "e") + end()
    for diagram in (body, body.replace('id="f"', 'id="f" name="the other order"')):
        case = Played(process(diagram))
        assert case.tasks == ["a"]
        assert case.does("a").tasks == ["z"]


def test_2_two_flows_from_one_gateway_to_one_join_make_one_token():
    body = start() + fork("f", "j") + flow("s", "f") + flow("f", "j") + flow("f", "j") + path("j", "z", "e")
    assert Played(process(body + user("z") + end())).tasks == ["z"]


def test_2_a_token_too_many_waits_for_the_next_round_and_is_not_lost():
    body = start() + fork("g", "j") + path("s", "g") + choice("m") + user("a", "b", "c", "z") + end()
    body += path("g", "a", "m", "j") + path("g", "b", "m") + path("g", "c", "j", "z", "e")
    case = Played(process(body))
    case.does("a").does("b")
    assert case.tasks == ["c"]
    assert case.does("c").tasks == ["z"]
    assert not case.does("z").done  # as in BPMN: one token waits at the join for ever


# ---------------------------------------------------------------- 3


REVIEWS = process(
    start() + fork("g", "j") + user("a", "b", "z") + path("s", "g", "a", "j", "z", "e") + path("g", "b", "j") + end()
)


def test_3_a_branch_that_changed_nothing_does_not_undo_what_another_one_wrote():
    def reviewed(case: Any) -> Any:
        return case.does("a", approved=True).does("b")

    with as_shipped():
        assert reviewed(Shipped(REVIEWS, approved=False)).open()[0].data["approved"] is False
    assert reviewed(Played(REVIEWS, approved=False)).task("z").data == {"approved": True}


def test_3_what_both_wrote_is_the_later_ones_and_mappings_are_joined():
    case = Played(REVIEWS, marks={"old": 0}, who="", gone=1)
    del case.task("a").data["gone"]
    case.does("b", marks={"old": 0, "b": 2}, who="b").does("a", marks={"old": 1, "a": 1}, who="a")
    assert case.task("z").data == {"marks": {"old": 1, "a": 1, "b": 2}, "who": "a"}


def test_3_a_reminder_set_off_later_does_not_bring_back_what_was_there_when_it_began():
    inner = start("s2") + path("s2", "m", "a", "q") + choice("m") + user("a", "h") + choice("q", "out")
    inner += flow("q", "m", "more") + flow("q", "last", key="out") + user("last") + path("last", "e2") + end("e2")
    inner += boundary("b", "a", message(), interrupting=False) + path("b", "h", "e3") + end("e3")
    body = start() + path("s", "sub", "z", "e") + subprocess("sub", inner) + user("z") + end()
    case = Played(process(body, before=MESSAGES)).gets("b").does("a", written=1, more=True)
    case.gets("b").does("a", written=2, more=False).does("last").does("h").does("h")
    assert case.task("z").data == {"written": 2, "more": False}


# ---------------------------------------------------------------- 4


def deep_case(depth: int) -> Any:
    case = state.new_workflow(specs(process(start() + path("s", "a", "e") + user("a") + end())), None, {})
    task = case.task_tree
    for _ in range(depth):
        task._set_state(TaskState.COMPLETED)
        task = Task(case, case.spec.task_specs["a"], task, TaskState.READY)
    return case


def test_4_a_task_below_a_thousand_others_is_still_there():
    case = deep_case(1_100)
    with as_shipped():
        assert case.get_tasks(state=TaskState.READY) == []
        assert case.is_completed()
    case.completed = False
    (last,) = case.get_tasks(state=TaskState.READY)
    assert not case.is_completed()
    assert last.is_descendant_of(case.task_tree)
    assert last.find_ancestor("Start") is case.task_tree


# ---------------------------------------------------------------- 5


def test_5_a_completed_or_cancelled_task_cannot_be_run_again():
    diagram = process(start() + path("s", "a", "z", "e") + user("a", "z") + end())
    with as_shipped():
        case = Shipped(diagram)
        task = case.open("a")[0]
        case.does("a")
        task.run()  # and nobody says a word
    case = Played(diagram, store=False)
    task = case.task("a")
    case.does("a")
    with pytest.raises(TaskNotReady, match="a is COMPLETED"):
        task.run()
    task = case.task("z")
    task.cancel()
    with pytest.raises(TaskNotReady, match="z is CANCELLED"):
        task.run()


MANY_SUBPROCESSES = process(
    start()
    + path("s", "sub", "e")
    + end()
    + boundary("b", "sub", message())
    + path("b", "h", "e2")
    + user("h")
    + end("e2")
    + subprocess("sub", start("s2") + path("s2", "x", "e3") + user("x") + end("e3") + each()),
    before=MESSAGES,
)


def test_5_instances_that_are_subprocesses_are_closed_with_their_activity():
    case = Played(MANY_SUBPROCESSES, xs=[1, 2])
    assert case.tasks == ["x", "x"]
    assert case.gets("b").tasks == ["h"]
    assert case.workflow.subprocesses == {}


def test_5_an_activity_interrupted_from_inside_does_not_go_on():
    inner = start("s2") + path("s2", "x", "e3") + user("x") + end("e3", '<errorEventDefinition errorRef="E1"/>')
    body = start() + path("s", "sub", "n", "e") + subprocess("sub", inner) + user("n", "h") + end() + end("e2")
    body += boundary("b", "sub", '<errorEventDefinition errorRef="E1"/>') + path("b", "h", "e2")
    case = Played(process(body, before='<error id="E1" name="er" errorCode="c1"/>')).does("x")
    assert case.tasks == ["h"]
    assert case.does("h").done
