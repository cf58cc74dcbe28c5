"""Links, branching without a gateway, conditions that are waited for: what runs of them and how."""

from __future__ import annotations

import pytest

from engine.spiff import state
from engine.spiff.corrections.registry import UncaughtError
from tests.engine.beside import ERROR, ESCALATION, SIGNAL, drawn, event_subprocess, play, tasks
from tests.engine.drawing import (
    HOUR,
    MONDAY,
    boundary,
    catch,
    choice,
    each,
    end,
    flow,
    fork,
    message,
    node,
    path,
    start,
    subprocess,
    timer,
    user,
)


def link(name: str) -> str:
    return f'<linkEventDefinition name="{name}"/>'


def condition(text: str) -> str:
    return f"<conditionalEventDefinition><condition>{text}</condition></conditionalEventDefinition>"


def throw(key: str, inner: str) -> str:
    return node("intermediateThrowEvent", key, inner)


# Links


def test_a_link_goes_on_at_the_catching_one_of_its_name():
    body = start() + path("s", "a", "t") + user("a", "z", "y") + throw("t", link("L")) + catch("c", link("L"))
    body += catch("d", link("other")) + throw("u", link("other")) + path("d", "y", "u2") + end("u2")
    body += path("c", "z", "e") + end() + boundary("b", "a", message()) + path("b", "u")
    case = play(drawn(body)).does("a")
    assert (case.tasks, case.passed) == (["z"], ["s", "t", "c"])
    assert case.does("z").done
    assert play(drawn(body)).gets("b").tasks == ["y"]


def test_several_throwing_links_lead_to_one_catching():
    body = start() + fork("g") + path("s", "g", "a", "t1") + path("g", "b", "t2") + user("a", "b", "z")
    body += throw("t1", link("L")) + throw("t2", link("L")) + catch("c", link("L")) + path("c", "z", "e") + end()
    case = play(drawn(body)).does("a").does("b")
    assert case.tasks == ["z", "z"]
    assert case.does("z").does("z").done


def test_a_link_may_lead_back():
    body = start() + path("s", "m", "a", "q") + choice("m") + user("a") + choice("q", "out") + end()
    body += flow("q", "t", "more") + flow("q", "e", key="out") + throw("t", link("L")) + catch("c", link("L"))
    body += path("c", "m")
    case = play(drawn(body), more=True)
    for _turn in range(4):
        case.does("a")
    assert case.tasks == ["a"]
    assert case.does("a", more=False).done


def test_links_of_one_name_in_different_scopes_do_not_meet():
    inner = start("s2") + throw("t2", link("L")) + path("s2", "t2") + catch("c2", link("L")) + user("deep")
    inner += path("c2", "deep", "e2") + end("e2")
    body = start() + subprocess("sub", inner) + path("s", "sub", "t") + throw("t", link("L")) + catch("c", link("L"))
    body += user("z") + path("c", "z", "e") + end()
    assert play(drawn(body)).does("deep").tasks == ["z"]


# Branching without a gateway


def test_several_flows_out_of_a_task_are_all_taken():
    body = start() + path("s", "a", "x", "e1") + path("a", "y", "e2") + user("a", "x", "y") + end("e1") + end("e2")
    case = play(drawn(body)).does("a")
    assert case.tasks == ["x", "y"]
    assert not case.does("x").done
    assert case.does("y").done


def test_several_flows_out_of_a_start_and_a_boundary_event_are_all_taken():
    body = start() + path("s", "a", "e1") + path("s", "x", "e2") + user("a", "x", "h", "k") + end("e1") + end("e2")
    body += boundary("b", "a", message()) + path("b", "h", "e3") + path("b", "k", "e4") + end("e3") + end("e4")
    case = play(drawn(body))
    assert case.tasks == ["a", "x"]
    assert case.gets("b").tasks == ["h", "k", "x"]


def conditional(*, default: bool, free: bool) -> bytes:
    """``a`` leads to ``big`` and ``huge`` by conditions, to ``other`` by default and to ``always``."""
    body = start() + path("s", "a") + flow("a", "big", "n &gt; 10") + flow("a", "huge", "n &gt; 100")
    if default:
        body += flow("a", "other", key="d")
    if free:
        body += flow("a", "always")
    body += node("userTask", "a", **({"default": "d"} if default else {}))
    keys = ["big", "huge", *(["other"] if default else []), *(["always"] if free else [])]
    return drawn(body + user(*keys) + "".join(path(key, f"e_{key}") + end(f"e_{key}") for key in keys))


@pytest.mark.parametrize(
    ("default", "free", "n", "expected"),
    [
        (True, False, 5, ["other"]),
        (True, False, 50, ["big"]),
        (True, False, 500, ["big", "huge"]),
        (False, True, 5, ["always"]),
        (False, True, 500, ["always", "big", "huge"]),
        (True, True, 5, ["always", "other"]),
        (True, True, 50, ["always", "big"]),
    ],
)
def test_conditions_on_flows_out_of_a_task_choose_among_them(default, free, n, expected):
    assert play(conditional(default=default, free=free), n=n).does("a").tasks == expected


def test_one_condition_beside_a_default_flow_is_a_choice():
    body = start() + path("s", "a") + node("userTask", "a", default="d") + user("x", "y")
    body += flow("a", "x", "wrong") + flow("a", "y", key="d") + path("x", "e1") + path("y", "e2")
    body += end("e1") + end("e2")
    assert play(drawn(body), wrong=True).does("a").tasks == ["x"]
    assert play(drawn(body), wrong=False).does("a").tasks == ["y"]


def test_branches_of_a_task_meet_again_in_an_inclusive_gateway():
    body = start() + path("s", "a") + node("userTask", "a", default="d") + user("x", "y", "z")
    body += flow("a", "x", "n &gt; 1") + flow("a", "y", "n &gt; 2") + flow("a", "j", key="d")
    body += node("inclusiveGateway", "j") + path("x", "j") + path("y", "j") + path("j", "z", "e") + end()
    case = play(drawn(body), n=3).does("a").does("x")
    assert case.tasks == ["y"]
    assert case.does("y").tasks == ["z"]


# Escalations


def test_an_escalation_is_caught_at_the_edge_and_the_subprocess_goes_on():
    inner = start("s2") + path("s2", "t", "x", "u", "e2") + user("x") + end("e2")
    inner += throw("t", ESCALATION) + throw("u", ESCALATION)
    body = start() + subprocess("sub", inner) + path("s", "sub", "z", "e") + user("z", "h") + end()
    body += boundary("b", "sub", ESCALATION, interrupting=False) + path("b", "h", "e3") + end("e3")
    case = play(drawn(body))
    assert case.tasks == ["h", "x"]
    assert case.does("x").tasks == ["h", "h", "z"]  # thrown twice, caught twice


def test_an_escalation_ends_what_an_interrupting_event_stands_at():
    inner = start("s2") + path("s2", "x", "t", "y", "e2") + user("x", "y") + end("e2") + throw("t", ESCALATION)
    body = start() + subprocess("sub", inner) + path("s", "sub", "z", "e") + user("z", "h") + end()
    body += boundary("b", "sub", ESCALATION) + path("b", "h", "e3") + end("e3")
    case = play(drawn(body), n=0).does("x", n=1)
    assert (case.tasks, case.task("h").data) == (["h"], {"n": 1})


def test_an_escalation_end_event_ends_quietly_when_nothing_catches_it():
    inner = start("s2") + path("s2", "x", "e2") + user("x") + end("e2", ESCALATION)
    body = start() + subprocess("sub", inner) + path("s", "sub", "z", "e") + user("z") + end("e", ESCALATION)
    assert play(drawn(body)).does("x").tasks == ["z"]
    assert play(drawn(body)).does("x").does("z").done


def test_an_escalation_of_a_called_process_reaches_its_caller():
    called = drawn(start("cs") + path("cs", "t", "cu", "ce") + throw("t", ESCALATION) + user("cu") + end("ce"), key="c")
    body = start() + node("callActivity", "call", calledElement="c") + path("s", "call", "e") + end() + user("h")
    body += boundary("b", "call", ESCALATION, interrupting=False) + path("b", "h", "e2") + end("e2")
    assert play(drawn(body), called).tasks == ["cu", "h"]


# Errors and cancels


def test_an_error_of_a_called_process_takes_its_data_along():
    called = drawn(start("cs") + path("cs", "cu", "ce") + user("cu") + end("ce", ERROR), key="c")
    body = start() + node("callActivity", "call", calledElement="c") + path("s", "call", "e") + end() + user("h")
    body += boundary("b", "call", ERROR) + path("b", "h", "e2") + end("e2")
    case = play(drawn(body), called, n=0).does("cu", n=4)
    assert case.task("h").data == {"n": 4}


def test_an_error_of_the_process_itself_is_not_passed_over():
    with pytest.raises(UncaughtError):
        play(drawn(tasks("a", last=ERROR))).does("a")


def test_a_transaction_is_cancelled_with_all_that_runs_in_it():
    inner = start("s2") + fork("g") + path("s2", "g", "x", "ec") + path("g", "y", "e2") + user("x", "y") + end("e2")
    inner += end("ec", "<cancelEventDefinition/>") + event_subprocess("n", message(), interrupting=False)
    body = start() + node("transaction", "t", inner) + path("s", "t", "z", "e") + user("z", "h") + end()
    body += boundary("b", "t", "<cancelEventDefinition/>") + path("b", "h", "e3") + end("e3")
    case = play(drawn(body), n=0).gets("x_n")
    assert case.tasks == ["h_n", "x", "y"]
    assert case.does("x", n=1).tasks == ["h"]
    assert case.task("h").data["n"] == 1
    assert case.does("h").done


def test_the_case_ends_when_the_last_of_several_ends_is_reached():
    body = start() + fork("g") + path("s", "g", "a", "e1") + path("g", "b", "e2") + user("a", "b")
    case = play(drawn(body + end("e1") + end("e2")), n=0).does("a", n=1)
    assert not case.done
    assert case.does("b", m=2).done
    assert (case.workflow.data["n"], case.workflow.data["m"]) == (1, 2)


# Conditions that are waited for


def test_a_condition_becomes_true_by_what_another_branch_does():
    body = start() + fork("g") + path("s", "g", "a", "b", "e1") + path("g", "c", "z", "e2") + user("a", "b", "z")
    body += catch("c", condition("n &gt; 2")) + end("e1") + end("e2")
    case = play(drawn(body), n=0)
    assert case.does("a", n=1).tasks == ["b"]
    assert case.does("b", n=3).tasks == ["z"]  # the branch came to its end with it


def test_a_condition_does_not_hold_before_its_names_have_values():
    body = start() + fork("g") + path("s", "g", "a", "e1") + path("g", "c", "z", "e2") + user("a", "z")
    body += catch("c", condition("paid")) + end("e1") + end("e2")
    case = play(drawn(body))
    assert case.tasks == ["a"]
    assert case.does("a", paid=True).tasks == ["z"]


def test_a_condition_that_is_true_is_not_waited_for():
    body = start() + path("s", "c", "z", "e") + catch("c", condition("n &gt; 2")) + user("z") + end()
    assert play(drawn(body), n=3).tasks == ["z"]


def test_a_condition_about_what_is_done_inside_interrupts_a_subprocess():
    inner = start("s2") + path("s2", "x", "y", "e2") + user("x", "y") + end("e2")
    body = start() + subprocess("sub", inner) + path("s", "sub", "e") + end() + user("h")
    body += boundary("b", "sub", condition("n &gt; 2")) + path("b", "h", "e3") + end("e3")
    assert play(drawn(body), n=0).does("x", n=1).tasks == ["y"]
    case = play(drawn(body), n=0).does("x", n=3)
    assert (case.tasks, case.task("h").data) == (["h"], {"n": 3})


def test_a_condition_beside_the_scope_fires_each_time_it_becomes_true():
    body = tasks("a", "b", "c", "d") + event_subprocess("o", condition("n &gt; 2"), interrupting=False)
    case = play(drawn(body), n=0)
    assert case.does("a", n=3).tasks == ["b", "h_o"]
    assert case.does("b", n=4).tasks == ["c", "h_o"]  # it was true all the time
    assert case.does("c", n=0).does("d", n=5).tasks == ["h_o"]


# Loops, and what comes after an event-based gateway


def loop(text: str, **attributes: str) -> str:
    inner = f"<loopCondition>{text}</loopCondition>" if text else ""
    return node("standardLoopCharacteristics", "loop", inner, **attributes)


def test_a_loop_keeps_the_data_of_its_last_round_exactly():
    body = start() + node("userTask", "a", loop("more")) + path("s", "a", "z", "e") + user("z") + end()
    case = play(drawn(body), more=True, rows=[1, 2, 3])
    case.does("a", rows=[4]).does("a", rows=[], more=False)
    assert case.task("z").data == {"more": False, "rows": []}


def test_a_loop_of_many_rounds_stays_small():
    body = start() + node("userTask", "a", loop("more")) + path("s", "a", "e") + end()
    case, sizes = play(drawn(body), more=True), []
    for _turn in range(20):
        sizes.append(len(state.dump(case.does("a").workflow)))
    assert sizes[-1] - sizes[1] < 10


def test_a_loop_ends_at_its_maximum_and_may_not_begin_at_all():
    body = start() + node("userTask", "a", loop("", loopMaximum="2")) + path("s", "a", "z", "e") + user("z") + end()
    assert play(drawn(body)).does("a").does("a").tasks == ["z"]
    body = start() + node("userTask", "a", loop("more", testBefore="true")) + path("s", "a", "z", "e")
    assert play(drawn(body + user("z") + end()), more=False).tasks == ["z"]


@pytest.mark.parametrize("sequential", [True, False])
def test_instances_without_output_bring_back_what_each_changed(sequential):
    body = start() + node("userTask", "a", each(sequential=sequential)) + path("s", "a", "z", "e") + user("z") + end()
    case = play(drawn(body), xs=[1, 2], n=0, m=0).does("a", n=1).does("a", m=2)
    assert {name: case.task("z").data[name] for name in ("n", "m")} == {"n": 1, "m": 2}


def test_a_boundary_event_leads_straight_to_instances():
    body = start() + path("s", "a", "e") + user("a") + end() + boundary("b", "a", message())
    body += node("userTask", "many", each()) + path("b", "many", "e2") + end("e2")
    case = play(drawn(body), xs=[1, 2]).gets("b")
    assert case.tasks == ["many", "many"]
    assert case.does("many").does("many").done


def after_gateway() -> bytes:
    body = start() + path("s", "g") + node("eventBasedGateway", "g")
    branches = {
        "t1": catch("t1", timer("PT9H")),
        "t2": catch("t2", timer("PT1H")),
        "m": catch("m", message()),
        "r": node("receiveTask", "r", messageRef="M2"),
        "i": catch("i", SIGNAL),
    }
    for key, event in branches.items():
        body += event + path("g", key, f"u_{key}", f"e_{key}") + user(f"u_{key}") + end(f"e_{key}")
    return drawn(body)


def test_the_first_event_after_a_gateway_wins():
    case = play(after_gateway())
    assert sorted(case.waits) == ["i", "m", "r", "t1", "t2"]
    assert case.at(MONDAY + HOUR).tasks == ["u_t2"]
    assert play(after_gateway()).gets("m", {"x": 1}).task("u_m").data == {"x": 1}
    assert play(after_gateway()).gets("r", {"x": 2}).task("u_r").data == {"x": 2}
    assert play(after_gateway()).gets("i").tasks == ["u_i"]
