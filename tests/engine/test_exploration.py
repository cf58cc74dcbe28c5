"""Deadlocks, endless rounds and what runs side by side are found before a diagram is deployed."""

from __future__ import annotations

from engine.bpmn.diagram import read_diagrams
from engine.deployment.checking.soundness import exploration
from engine.deployment.checking.soundness.exploration import Exploration
from tests.engine import drawing
from tests.engine.drawing import boundary, choice, end, flow, fork, message, node, path, start, subprocess, timer, user


def explored(body: str, **limits: int) -> Exploration:
    (diagram,) = read_diagrams(drawing.process(body, before=drawing.MESSAGES))
    return exploration.explore(diagram, **limits)  # type: ignore[arg-type]


def found(body: str) -> list[tuple[str, str]]:
    return [(fault.severity, fault.element) for fault in explored(body).findings]


def service(*keys: str) -> str:
    return "".join(node("serviceTask", key) for key in keys)


def inclusive(key: str, default: str = "") -> str:
    return node("inclusiveGateway", key, **({"default": default} if default else {}))


# ---------------------------------------------------------------- deadlocks


def test_a_choice_whose_branches_meet_in_a_parallel_join_is_a_deadlock():
    body = start() + choice("x", "xb") + user("a", "b") + fork("j") + end()
    body += path("s", "x", "a", "j", "e") + flow("x", "b", key="xb") + flow("b", "j")
    exploration_ = explored(body)
    (fault,) = exploration_.findings
    assert (fault.severity, fault.element) == ("error", "j")
    assert "«j»" in fault.text and ("«a»" in fault.text or "«b»" in fault.text)


def test_a_branch_that_can_leave_before_the_join_is_a_deadlock():
    body = start() + fork("f", "j") + user("a", "b") + choice("x", "xj") + end() + end("gone")
    body += path("s", "f", "a", "j", "e") + path("f", "b", "x", "gone") + flow("x", "j", key="xj")
    assert found(body) == [("error", "j")]


def test_a_join_that_waits_for_what_is_never_reached_is_a_deadlock():
    body = start() + user("a", "lost") + fork("j") + end() + path("s", "a", "j", "e") + flow("lost", "j")
    assert found(body) == [("error", "j")]


def test_only_the_join_that_waits_first_is_named():
    body = start() + fork("f", "g", "j", "k") + choice("x", "xj") + user("a", "b", "c") + end() + end("gone")
    body += path("s", "f", "a", "j", "k", "e") + path("f", "x", "gone") + flow("x", "j", key="xj") + path("f", "c", "k")
    assert found(body.replace(fork("g"), "")) == [("error", "j")]


def test_two_gateways_that_ask_for_the_same_name_are_only_warned_of():
    body = start() + fork("f") + fork("j") + choice("x", "xe") + choice("y", "ye") + choice("m") + user("a", "b")
    body += end() + end("e1") + end("e2") + path("s", "f", "x") + flow("x", "a", "urgent") + flow("x", "e1", key="xe")
    body += path("f", "y") + flow("y", "b", "urgent") + flow("y", "e2", key="ye") + path("a", "j", "e") + flow("b", "j")
    assert found(body.replace(choice("m"), "")) == [("warning", "j")]


def test_a_stand_inside_a_subprocess_that_a_timer_ends_is_only_warned_of():
    inner = start("is") + choice("x", "xb") + user("a", "b") + fork("j") + end("ie")
    inner += path("is", "x", "a", "j", "ie") + flow("x", "b", key="xb") + flow("b", "j")
    body = start() + subprocess("sub", inner) + end() + path("s", "sub", "e")
    assert found(body) == [("error", "j")]
    late = boundary("late", "sub", timer("PT1H")) + end("given_up") + flow("late", "given_up")
    assert found(body + late) == [("warning", "j")]


def test_inclusive_joins_wait_for_each_other():
    body = start() + fork("f") + inclusive("i") + inclusive("k") + end() + user("a", "b")
    body += path("s", "f", "a", "i") + path("f", "b", "k") + path("i", "k") + flow("k", "i")
    assert ("error", "i") in found(body) or ("error", "k") in found(body)


# ---------------------------------------------------------------- what is no deadlock


def test_blocks_that_fit_are_clean():
    for split, join in (
        (fork("f"), fork("j")),
        (choice("f", "d"), choice("j")),
        (inclusive("f", "d"), inclusive("j")),
        (choice("f", "d"), inclusive("j")),
        (fork("f"), inclusive("j")),
    ):
        body = start() + split + join + user("a", "b") + end()
        body += path("s", "f", "a", "j", "e") + flow("f", "b", key="d") + flow("b", "j")
        assert found(body) == []


def test_branches_that_end_by_themselves_are_clean():
    body = start() + fork("f") + user("a", "b") + end() + end("e2") + path("s", "f", "a", "e") + path("f", "b", "e2")
    assert found(body) == []


def test_a_terminate_end_leaves_nothing_waiting():
    body = start() + fork("f", "j") + user("a", "b") + choice("x", "xj") + end()
    body += end("stop", "<terminateEventDefinition/>")
    body += path("s", "f", "a", "j", "e") + path("f", "b", "x", "stop") + flow("x", "j", key="xj")
    assert found(body) == []


def test_reminders_in_a_round_are_clean():
    body = start() + choice("m") + user("a", "r") + choice("x", "out") + end() + end("re")
    body += boundary("remind", "a", timer("R3/PT1H", "timeCycle"), interrupting=False)
    body += path("s", "m", "a", "x", "m") + flow("x", "e", key="out") + path("remind", "r", "re")
    assert found(body) == []


def test_a_loop_back_into_one_branch_is_clean():
    body = start() + fork("f", "j") + choice("m") + user("a", "b") + choice("x", "out") + end()
    body += path("s", "f", "m", "a", "x", "m") + flow("x", "j", key="out") + path("f", "b", "j", "e")
    assert found(body) == []


# ---------------------------------------------------------------- rounds


def test_a_round_of_services_that_a_condition_ends_is_warned_of():
    body = start() + choice("m") + service("a", "b") + choice("x", "out") + end()
    body += path("s", "m", "a", "b", "x", "m") + flow("x", "e", key="out")
    assert found(body) == [("warning", "m")]


def test_a_round_of_services_without_exit_is_refused():
    body = start() + choice("m") + service("a") + end() + path("s", "m", "a", "m")
    assert found(body) == [("error", "m")]


def test_a_person_in_the_round_is_enough():
    body = start() + choice("m") + service("a") + user("b") + choice("x", "out") + end()
    body += path("s", "m", "a", "b", "x", "m") + flow("x", "e", key="out")
    assert found(body) == []


def test_a_subprocess_in_the_round_waits_when_every_way_through_it_does():
    inner = start("is") + user("u") + end("ie") + path("is", "u", "ie")
    quick = inner + choice("x1", "q") + path("is", "x1", "u") + flow("x1", "ie", key="q")
    quick = quick.replace(path("is", "u", "ie"), "")
    around = start() + choice("m") + choice("x", "out") + end() + path("s", "m", "sub", "x", "m")
    around += flow("x", "e", key="out")
    assert found(around + subprocess("sub", inner)) == []
    inner = start("is") + choice("q", "around") + user("u") + end("ie") + path("is", "q", "u", "ie")
    assert found(around + subprocess("sub", inner + flow("q", "ie", key="around"))) == [("warning", "m")]


def test_a_round_of_people_without_an_end_is_refused():
    body = start() + choice("m") + user("a", "b") + path("s", "m", "a", "b", "m")
    assert found(body) == [("error", "m")]


# ---------------------------------------------------------------- side by side


def test_branches_that_meet_without_a_join_are_warned_of():
    body = start() + fork("f") + user("a", "b", "c") + end() + path("s", "f", "a", "c", "e") + path("f", "b", "c")
    assert found(body) == [("warning", "c")]


def test_what_can_be_active_at_the_same_time_is_known():
    inner = start("is") + user("u") + end("ie") + path("is", "u", "ie")
    body = start() + fork("f", "j") + user("a", "b", "c", "after") + subprocess("sub", inner) + end()
    body += path("s", "f", "a", "b", "j", "after", "e") + path("f", "c", "sub", "j")
    both = explored(body).at_the_same_time
    assert both("a", "c") and both("b", "u") and both("c", "b") and both("sub", "a")
    assert not both("a", "b") and not both("c", "u") and not both("after", "c")


def test_a_reminder_runs_beside_its_task_and_all_that_follows():
    body = start() + user("before", "a", "r", "after") + end() + end("re")
    body += boundary("remind", "a", message(), interrupting=False)
    body += path("s", "before", "a", "after", "e") + path("remind", "r", "re")
    both = explored(body).at_the_same_time
    assert both("r", "a") and both("r", "after") and not both("r", "before")


def test_an_interrupting_event_takes_the_place_of_its_task():
    body = start() + user("a", "r", "after") + end() + end("re") + boundary("late", "a", message())
    body += path("s", "a", "after", "e") + path("late", "r", "re")
    both = explored(body).at_the_same_time
    assert not both("r", "a") and not both("r", "after")


def test_an_event_subprocess_runs_beside_its_scope_unless_it_interrupts():
    for interrupts in ("true", "false"):
        begin = node("startEvent", "es", message(), isInterrupting=interrupts)
        beside = node(
            "subProcess", "ev", begin + user("r") + end("ee") + path("es", "r", "ee"), triggeredByEvent="true"
        )
        both = explored(start() + user("a") + end() + path("s", "a", "e") + beside).at_the_same_time
        assert both("r", "a") is (interrupts == "false")


# ---------------------------------------------------------------- bounds


def unstructured(width: int) -> str:
    """Branches with crossings between all of them, which no rule makes smaller."""
    body = start() + fork("f", "j") + end() + path("s", "f") + path("j", "e")
    for number in range(width):
        one, other = f"a{number}", f"b{number}"
        body += fork(f"g{number}", f"h{number}") + user(one, other) + path("f", f"g{number}", one)
        body += path(f"g{number}", f"h{(number + 1) % width}") + path(one, f"h{number}", other, "j")
    return body


def test_crossing_branches_are_explored_state_by_state():
    assert explored(unstructured(3)).findings == []


def test_a_bound_that_is_reached_is_said():
    result = explored(unstructured(12))
    assert not result.whole
    assert [fault.severity for fault in result.findings] == ["warning"]


def test_five_thousand_steps_are_explored_quickly():
    keys = [f"u{number}" for number in range(5000)]
    result = explored(start() + user(*keys) + end() + path("s", *keys, "e"))
    assert result.whole and result.findings == []


# ---------------------------------------------------------------- scopes and links, by the rules of what runs


def test_a_transaction_stays_in_the_flow_whatever_triggered_by_event_says():
    """The engine ignores the attribute there; the exploration left the transaction and its flows out."""
    inside = start("s2") + end("e2") + flow("s2", "e2")
    body = start() + choice("x", "xb") + user("a") + fork("j") + end()
    body += f'<transaction id="t" triggeredByEvent="true">{inside}</transaction>'
    body += path("s", "x", "t", "j", "e") + flow("x", "a", key="xb") + flow("a", "j")
    assert ("error", "j") in found(body)


def test_a_link_without_a_name_of_its_own_has_its_events_name():
    catch = '<intermediateCatchEvent id="c" name="L"><linkEventDefinition/></intermediateCatchEvent>'
    throw = '<intermediateThrowEvent id="t" name="L"><linkEventDefinition/></intermediateThrowEvent>'
    body = start() + user("a", "b") + fork("f", "j") + catch + throw + end()
    body += path("s", "f", "a", "t") + path("f", "b", "j", "e") + path("c", "j")
    assert found(body) == []
