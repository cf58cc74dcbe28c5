"""Event subprocesses: what starts them, what they end, which data they see and bring back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engine.spiff import stepping
from engine.spiff.corrections.registry import UncaughtError
from tests.engine.beside import ERROR, ESCALATION, SIGNAL, TERMINATE, drawn, event_subprocess, lowered, play, tasks
from tests.engine.drawing import (
    HOUR,
    MONDAY,
    Played,
    boundary,
    end,
    fork,
    message,
    node,
    path,
    start,
    subprocess,
    timer,
    user,
)


def test_an_interrupting_message_ends_the_scope_and_sees_its_data():
    case = play(drawn(tasks("a", "b") + event_subprocess("o", message())), x=0)
    case.does("a", x=1).gets("x_o", {"why": "objection"})
    assert (case.tasks, case.waits) == (["h_o"], {})
    assert case.task("h_o").data == {"x": 1, "why": "objection"}
    assert case.does("h_o", x=5).done
    assert case.workflow.data["x"] == 5
    assert case.passed == ["s", "x_o", "e_o", "o"]


def test_a_message_that_does_not_interrupt_may_come_again_and_each_sees_the_moment():
    case = play(drawn(tasks("a", "b") + event_subprocess("o", message(), interrupting=False)), x=0)
    case.gets("x_o", {"said": 1}).does("a", x=1).gets("x_o", {"said": 2})
    assert case.tasks == ["b", "h_o", "h_o"]
    assert [task.data for task in _all(case, "h_o")] == [{"x": 0, "said": 1}, {"x": 1, "said": 2}]
    case.does("h_o").does("h_o").does("b", x=2)
    assert case.done
    assert {name: case.workflow.data[name] for name in ("x", "said")} == {"x": 2, "said": 2}


def test_what_one_that_does_not_interrupt_changed_comes_back_and_nothing_else():
    case = play(drawn(tasks("a", "b") + event_subprocess("o", message(), interrupting=False)), x=0, y=0)
    case.gets("x_o").does("a", x=1).does("h_o", y=7).does("b")
    assert case.done
    assert (case.workflow.data["x"], case.workflow.data["y"]) == (1, 7)  # y is brought, x is not put back to 0


def test_the_next_one_sees_what_the_one_before_has_changed():
    case = play(drawn(tasks("a") + event_subprocess("o", message(), interrupting=False)), count=0)
    for turn in range(5):
        case.gets("x_o")
        assert case.task("h_o").data["count"] == turn
        case.does("h_o", count=turn + 1)
    assert case.does("a").workflow.data["count"] == 5


def test_a_thousand_of_them_leave_nothing_behind():
    case = play(drawn(tasks("a") + event_subprocess("o", message(), interrupting=False)), count=0)
    sizes = []
    for turn in range(30):
        case.gets("x_o").does("h_o", count=turn)
        sizes.append(case.size)
    assert sizes[-1] == sizes[2]


def test_the_scope_goes_on_only_when_those_beside_it_are_through():
    case = play(drawn(tasks("a") + event_subprocess("o", message(), interrupting=False)))
    case.gets("x_o").does("a")
    assert (case.tasks, case.done, case.waits) == (["h_o"], False, {})
    assert case.does("h_o").done


@pytest.mark.parametrize("interrupting", [True, False])
@pytest.mark.parametrize(("value", "kind"), [("PT2H", "timeDuration"), ("2026-03-23T08:00:00+00:00", "timeDate")])
def test_a_timer_starts_one_at_its_time(value, kind, interrupting):
    case = play(drawn(tasks("a") + event_subprocess("o", timer(value, kind), interrupting=interrupting)))
    assert case.waits["x_o"].due == MONDAY + 2 * HOUR
    case.at(MONDAY + 2 * HOUR)
    assert case.tasks == (["h_o"] if interrupting else ["a", "h_o"])
    assert case.waits == {}


def test_a_repeating_timer_starts_one_each_time():
    diagram = drawn(tasks("a") + event_subprocess("o", timer("R3/PT1H", "timeCycle"), interrupting=False))
    case = play(diagram)
    case.at(MONDAY + HOUR).at(MONDAY + 2 * HOUR)
    assert case.tasks == ["a", "h_o", "h_o"]
    case.at(MONDAY + 3 * HOUR)
    assert (case.tasks, case.waits) == (["a", "h_o", "h_o", "h_o"], {})
    assert not case.does("a").done
    assert case.does("h_o").does("h_o").does("h_o").done


def test_an_error_of_the_scope_itself_reaches_it():
    case = play(drawn(tasks("a", last=ERROR) + event_subprocess("o", ERROR)), x=0)
    case.does("a", x=1)
    assert case.tasks == ["h_o"]
    assert case.task("h_o").data == {"x": 1}
    assert case.does("h_o").done


def test_an_error_from_deeper_reaches_it_and_one_of_another_code_does_not():
    inner = start("s2") + user("deep") + path("s2", "deep", "e2") + end("e2", ERROR)
    body = start() + subprocess("sub", inner) + path("s", "sub", "e") + end()
    assert play(drawn(body + event_subprocess("o", ERROR))).does("deep").tasks == ["h_o"]
    with pytest.raises(UncaughtError):
        play(drawn(body + event_subprocess("o", ERROR.replace("E1", "E2")))).does("deep")


def test_an_error_of_the_event_subprocess_itself_climbs_to_what_is_round_the_scope():
    inner = start("s2") + user("a") + path("s2", "a", "e2") + end("e2", ERROR)
    inner += event_subprocess("o", ERROR, last=ERROR)
    body = start() + subprocess("sub", inner) + path("s", "sub", "e") + end()
    body += boundary("b", "sub", ERROR) + user("h") + path("b", "h", "e3") + end("e3")
    assert play(drawn(body)).does("a").does("h_o").tasks == ["h"]


@pytest.mark.parametrize("interrupting", [True, False])
def test_an_escalation_starts_one(interrupting):
    body = start() + node("intermediateThrowEvent", "t", ESCALATION) + user("a") + path("s", "t", "a", "e") + end()
    case = play(drawn(body + event_subprocess("o", ESCALATION, interrupting=interrupting)))
    assert case.tasks == (["h_o"] if interrupting else ["a", "h_o"])


def test_a_signal_of_the_case_starts_one():
    body = start() + user("a", "b") + node("intermediateThrowEvent", "t", SIGNAL)
    body += path("s", "a", "t", "b", "e") + end()
    case = play(drawn(body + event_subprocess("o", SIGNAL, interrupting=False))).does("a")
    assert case.tasks == ["b", "h_o"]


def test_one_in_a_subprocess_ends_only_that():
    inner = start("s2") + user("a") + path("s2", "a", "e2") + end("e2") + event_subprocess("o", message())
    body = start() + fork("g") + path("s", "g", "sub", "z", "e") + path("g", "w", "e3") + user("w", "z") + end()
    case = play(drawn(body + subprocess("sub", inner) + end("e3")), x=0)
    case.gets("x_o")
    assert case.tasks == ["h_o", "w"]
    assert case.does("h_o", x=3).tasks == ["w", "z"]
    assert case.task("z").data == {"x": 3}


def test_one_in_a_called_process_brings_its_data_home():
    called = drawn(tasks("c") + event_subprocess("o", message(), interrupting=False), key="called")
    body = start() + node("callActivity", "call", calledElement="called") + user("z") + path("s", "call", "z", "e")
    case = play(drawn(body + end()), called, x=0)
    case.gets("x_o", {"said": True}).does("c", x=1).does("h_o")
    assert case.task("z").data == {"x": 1, "said": True}


def test_event_subprocesses_stand_in_event_subprocesses():
    inner = path("x_o", "h_o", "e_o") + user("h_o") + end("e_o") + event_subprocess("deep", message("M2"))
    case = play(drawn(tasks("a") + event_subprocess("o", message(), body=inner)))
    assert set(case.waits) == {"x_o"}
    case.gets("x_o")
    assert (case.tasks, set(case.waits)) == (["h_o"], {"x_deep"})
    assert case.gets("x_deep").tasks == ["h_deep"]
    assert case.does("h_deep").done


def test_a_terminating_end_ends_the_event_subprocesses_of_its_scope_too():
    body = tasks("a", last=TERMINATE) + event_subprocess("o", message(), interrupting=False)
    case = play(drawn(body)).gets("x_o")
    assert case.tasks == ["a", "h_o"]
    assert case.does("a").done
    assert (case.tasks, case.waits) == ([], {})


def test_a_terminating_end_inside_ends_only_the_event_subprocess():
    inner = fork("g") + path("x_o", "g", "h_o", "e_o") + path("g", "k", "e_k") + user("h_o", "k")
    inner += end("e_o", TERMINATE) + end("e_k")
    case = play(drawn(tasks("a") + event_subprocess("o", message(), interrupting=False, body=inner))).gets("x_o")
    assert case.does("h_o").tasks == ["a"]
    assert case.does("a").done


def test_an_interrupting_one_ends_those_beside_it_and_keeps_what_finished_ones_changed():
    body = tasks("a") + event_subprocess("n", message(), interrupting=False) + event_subprocess("o", message("M2"))
    case = play(drawn(body), y=0).gets("x_n").does("h_n", y=1).gets("x_n").gets("x_o")
    assert case.tasks == ["h_o"]
    assert case.task("h_o").data == {"y": 1}
    assert case.does("h_o").done


def test_instances_of_a_subprocess_have_each_their_own():
    mark = "<multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>"
    inner = start("s2") + user("a") + path("s2", "a", "e2") + end("e2") + event_subprocess("o", message()) + mark
    case = play(drawn(start() + subprocess("sub", inner) + user("z") + path("s", "sub", "z", "e") + end()))
    assert case.tasks == ["a", "a"]
    assert case.gets("x_o").tasks == ["a", "h_o"]
    assert case.does("a").does("h_o").tasks == ["z"]


def test_a_boundary_event_that_is_drawn_at_a_subprocess_takes_the_data_of_the_moment():
    inner = start("s2") + fork("g", "j") + path("s2", "g", "a", "j", "c", "e2") + path("g", "b", "j") + end("e2")
    inner += user("a", "b", "c")
    body = start() + subprocess("sub", inner) + path("s", "sub", "e") + end() + user("h")
    body += boundary("b1", "sub", message(), interrupting=False) + path("b1", "h", "e3") + end("e3")
    case = play(drawn(body), x=0, y=0).does("a", x=1).gets("b1")
    assert case.task("h").data == {"x": 1, "y": 0}
    case.does("b", y=2).gets("b1")
    assert [task.data for task in _all(case, "h")] == [{"x": 1, "y": 0}, {"x": 1, "y": 2}]
    case.does("h", x=9).does("h").does("c")
    assert case.done
    assert (case.workflow.data["x"], case.workflow.data["y"]) == (1, 2)  # a's value came last: sub ended last


def test_a_reminder_counts_for_the_next_one():
    body = tasks("a") + boundary("b", "a", timer("R/PT1H", "timeCycle"), interrupting=False)
    body += path("b", "h", "e2") + user("h") + end("e2")
    case = Played(lowered(drawn(body)), sent=0)
    for turn in range(4):
        case.at(MONDAY + timedelta(hours=turn + 1))
        assert case.task("h").data["sent"] == turn
        case.does("h", sent=turn + 1)
    assert case.does("a").done
    assert case.workflow.data["sent"] == 4


@pytest.mark.parametrize("store", [True, False])
def test_a_branch_that_outlives_its_activity_brings_nothing_stale_along(store):
    inner = start("s2") + path("s2", "x", "y", "e2") + user("x", "y") + end("e2")
    body = start() + fork("g", "j") + path("s", "g", "sub", "j", "z", "e") + path("g", "k", "j") + user("k", "z", "h")
    body += subprocess("sub", inner) + boundary("b", "sub", message(), interrupting=False) + end()
    body += path("b", "h", "e3") + end("e3")
    case = Played(lowered(drawn(body)), store=store, n=0, m=0).does("x", n=1).gets("b").does("y", n=2)
    case.does("k").does("z", n=3).does("h", m=1)  # the activity's own token was used up by the join meanwhile
    assert case.done
    assert (case.workflow.data["n"], case.workflow.data["m"]) == (3, 1)


def test_pruned_and_unpruned_cases_do_the_same():
    body = tasks("a", "b") + event_subprocess("n", message(), interrupting=False) + event_subprocess("o", message("M2"))
    seen = []
    for store in (True, False):
        case = Played(lowered(drawn(body)), store=store, x=0, y=0)
        case.gets("x_n", {"p": 1}).does("a", x=1).gets("x_n", {"p": 2}).does("h_n", y=5).gets("x_o", {"q": 1})
        seen.append((case.tasks, case.task("h_o").data, case.passed))
        assert case.does("h_o").done
        seen[-1] += (case.workflow.data,)
    assert seen[0] == seen[1]


def _all(case: Played, key: str) -> list[Any]:
    return [task for task in stepping.position(case.workflow).people.values() if task.task_spec.bpmn_id == key]
