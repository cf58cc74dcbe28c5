"""The stored form of a case: what it keeps, what it refuses, and how small and quick it is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal

import pytest
from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine

from engine.spiff import pruning, state, stepping
from tests.engine.drawing import (
    MONDAY,
    Played,
    boundary,
    choice,
    end,
    flow,
    path,
    process,
    specs,
    start,
    subprocess,
    timer,
    user,
)

STRAIGHT = process(start() + path("s", "a", "z", "e") + user("a", "z") + end())
LOOP = process(
    start()
    + path("s", "m", "a", "q")
    + choice("m")
    + user("a")
    + choice("q", "out")
    + flow("q", "m", "more")
    + flow("q", "e", key="out")
    + end()
    + boundary("b", "a", timer("P2D"), interrupting=False)
    + path("b", "h", "e2")
    + user("h")
    + end("e2")
)


def stored(case: Played) -> dict:
    return json.loads(state.dump(case.workflow))


def test_any_json_value_comes_back_as_it_was():
    data = {
        "text": "پرونده‌ی گاز",
        "number": 10**18,
        "half": 0.5,
        "yes": True,
        "none": None,
        "list": [1, "1", [True]],
        "typename": "Task",
        "deep": {"typename": {"typename": "UUID", "value": 5}},
        "": {"": []},
    }
    assert Played(STRAIGHT, **data).task("a").data == data


def test_one_true_and_one_point_nought_are_three_values():
    case = Played(STRAIGHT, value=1).does("a", value=True)
    assert case.task("z").data["value"] is True


@pytest.mark.parametrize(
    "value",
    [
        Decimal(1),
        datetime(2026, 1, 1),
        {1, 2},
        (1, 2),
        {5: 1},
        b"x",
        float("nan"),
        float("inf"),
        {"x": [{1: 1}]},
    ],
)
def test_a_value_that_would_come_back_otherwise_is_refused(value):
    with pytest.raises(state.StateUnwritable):
        Played(STRAIGHT, value=value)


def test_thrown_events_that_nobody_took_are_not_lost_silently():
    body = start() + path("s", "t", "a", "e") + user("a") + end()
    body += '<intermediateThrowEvent id="t"><messageEventDefinition messageRef="M1"/></intermediateThrowEvent>'
    case = state.new_workflow(specs(process(body, before='<message id="M1" name="m1"/>')), PythonScriptEngine(), {})
    stepping.advance(case, now=MONDAY)
    with pytest.raises(state.StateUnwritable, match="m1"):
        state.dump(case)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"[]",
        b'"x"',
        b"{",
        b"{}",
        b'{"format":2,"tasks":[]}',
        b'{"format":1}',
        b'{"format":1,"tasks":[]}',
        b'{"format":1,"tasks":[{"id":"x","spec":"Start","state":64}]}',
        b"\xff",
    ],
)
def test_a_state_that_cannot_be_read_says_so(damaged):
    with pytest.raises(state.StateUnreadable):
        state.load(damaged, specs(STRAIGHT), PythonScriptEngine())


def test_a_state_of_another_diagram_is_refused():
    case = Played(STRAIGHT)
    other = specs(process(start() + path("s", "b", "e") + user("b") + end()))
    with pytest.raises(state.StateUnreadable, match="Damaged, or not of p"):
        state.load(state.dump(case.workflow), other, PythonScriptEngine())


def test_lists_of_a_task_are_its_own_after_restoring():
    case = Played(STRAIGHT, xs=[1], deep={"ys": [1]})
    task = case.task("a")
    task.data["xs"].append(2)
    task.data["deep"]["ys"].append(2)
    assert case.workflow.task_tree.data == {"xs": [1], "deep": {"ys": [1]}}


def test_the_diagram_is_not_in_the_state():
    assert len(state.dump(Played(STRAIGHT, case=1).workflow)) < 250


def test_a_completed_case_keeps_its_data_and_nothing_else():
    case = Played(STRAIGHT, case=1).does("a", x=2).does("z")
    kept = stored(case)
    assert (kept["completed"], kept["data"], len(kept["tasks"])) == (True, {"case": 1, "x": 2}, 1)
    assert case.done


def test_a_hundred_rounds_take_the_room_of_one():
    case = Played(LOOP, more=True)
    before = len(state.dump(case.workflow))
    sizes = {len(state.dump(case.does("a").workflow)) for _ in range(100)}
    assert sizes == {before}


def test_a_hundred_reminders_take_hardly_more_room_than_one():
    case = Played(
        process(
            start()
            + path("s", "a", "e")
            + user("a")
            + end()
            + path("b", "h", "e2")
            + user("h")
            + end("e2")
            + boundary("b", "a", timer("R/P1D", "timeCycle"), interrupting=False)
        )
    )
    sizes = []
    for day in range(100):
        case.at(case.waits["b"].due).does("h", reminded=day)
        sizes.append(case.size)
    assert max(sizes) == sizes[1]
    assert case.does("a").done
    assert case.workflow.data["reminded"] == 99


def test_finished_subprocesses_leave_nothing():
    inner = start("s2") + path("s2", "x", "e2") + user("x") + end("e2")
    body = start() + path("s", "m", "sub", "q") + choice("m") + choice("q", "out") + subprocess("sub", inner)
    case = Played(process(body + flow("q", "m", "more") + flow("q", "e", key="out") + end()), more=True)
    sizes = [case.does("x").size for _ in range(20)]
    assert set(sizes) == {sizes[0]}


def test_pruning_says_how_much_it_dropped_and_a_second_time_drops_nothing():
    case = Played(LOOP, store=False, more=True)
    case.does("a").does("a")
    assert pruning.prune(case.workflow) > 5
    assert pruning.prune(case.workflow) == 0


def test_threads_store_and_restore_at_the_same_time():
    shared = specs(LOOP)

    def many_steps(number: int) -> int:
        case = Played(shared, more=True, number=number)
        for _ in range(30):
            case.does("a")
        return int(case.task("a").data["number"])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(many_steps, range(24))) == list(range(24))
