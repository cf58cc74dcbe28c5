"""What a case does when it advances, what it says it waits for, and how one event is made to happen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine import clock
from engine.calendar.timers import BadTimer
from engine.spiff import stepping
from tests.engine.drawing import (
    HOUR,
    MESSAGES,
    MONDAY,
    Played,
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
    process,
    start,
    subprocess,
    timer,
    user,
)


def after(first: str, *, inside: str = "", **more: str) -> bytes:
    """``a`` with a boundary event ``b`` that leads to ``h``."""
    body = start() + path("s", "a", "e") + user("a", "h") + first + path("b", "h", "e2") + end() + end("e2") + inside
    return process(body, before=MESSAGES)


def event_gateway(*branches: tuple[str, str]) -> bytes:
    body = start() + path("s", "g") + node("eventBasedGateway", "g")
    for key, definition in branches:
        body += catch(key, definition) + path("g", key, f"after_{key}", f"end_{key}")
        body += user(f"after_{key}") + end(f"end_{key}")
    return process(body, before=MESSAGES)


def test_what_ran_is_told_in_order_without_the_librarys_own_tasks():
    case = Played(process(start() + path("s", "m", "a", "e") + choice("m") + user("a") + end()))
    assert case.passed == ["s", "m"]
    assert case.does("a").passed == ["s", "m", "e"]
    assert case.done


def test_tasks_inside_subprocesses_and_instances_are_open_tasks_too():
    inner = start("s2") + path("s2", "inner", "e2") + user("inner") + end("e2")
    body = start() + path("s", "g") + fork("g") + path("g", "sub", "e") + path("g", "many", "e3")
    body += subprocess("sub", inner) + node("userTask", "many", each()) + end() + end("e3")
    assert Played(process(body), xs=[1, 2]).tasks == ["inner", "many", "many"]


def test_a_process_that_runs_in_circles_is_stopped():
    body = start() + path("s", "m", "m2") + choice("m") + choice("m2", "out") + flow("m2", "m", "True")
    body += flow("m2", "e", key="out") + end()
    with pytest.raises(stepping.LoopsByItself, match="m → m2"):
        Played(process(body))


def test_an_interrupting_timer_ends_the_task_at_its_time_and_not_before():
    case = Played(after(boundary("b", "a", timer("PT2H"))))
    assert case.waits["b"].due == MONDAY + 2 * HOUR
    assert (case.waits["b"].kind, case.waits["b"].attached_to, case.waits["b"].interrupting) == (
        "timer",
        "a",
        True,
    )

    with pytest.raises(stepping.EventNotWaiting):
        stepping.fire_timer(case.workflow, case.waits["b"].token, MONDAY + HOUR)
    assert case.at(MONDAY + HOUR).tasks == ["a"]
    assert case.at(MONDAY + 2 * HOUR).tasks == ["h"]
    assert case.waits == {}


def test_a_repeating_reminder_fires_as_often_as_it_says_and_catches_up_once():
    case = Played(after(boundary("b", "a", timer("R3/PT1H", "timeCycle"), interrupting=False)))
    assert case.at(MONDAY + HOUR).tasks == ["a", "h"]
    assert case.waits["b"].due == MONDAY + 2 * HOUR

    case.at(MONDAY + 5.5 * HOUR)  # nobody was there for three periods
    assert case.tasks == ["a", "h", "h"]
    assert case.waits["b"].due == MONDAY + 6 * HOUR

    case.at(MONDAY + 6 * HOUR)
    assert case.tasks == ["a", "h", "h", "h"]
    assert case.waits == {}
    case.does("a")
    assert case.tasks == ["h", "h", "h"]
    assert not case.done
    assert case.does("h").does("h").does("h").done


def test_a_reminder_that_is_open_outlives_the_task_it_reminded_of():
    case = Played(after(boundary("b", "a", timer("R/PT1H", "timeCycle"), interrupting=False)))
    case.at(MONDAY + HOUR).does("a")
    assert case.tasks == ["h"]
    assert case.waits == {}
    assert case.does("h").done


def test_a_repeating_timer_that_interrupts_fires_once():
    case = Played(after(boundary("b", "a", timer("R3/PT1H", "timeCycle"))))
    assert case.at(MONDAY + 9 * HOUR).tasks == ["h"]


def test_the_due_time_is_fixed_when_the_wait_begins():
    body = after(boundary("b", "a", timer("limit")), inside="")
    case = Played(body, limit="PT2H")
    case.now += HOUR
    for task in case.workflow.tasks.values():
        task.data["limit"] = "PT9H"
    case._go_on()
    assert case.waits["b"].due == MONDAY + 2 * HOUR


def test_a_timer_may_give_a_moment():
    moment = MONDAY + timedelta(days=2)
    assert (
        Played(after(boundary("b", "a", timer("when", "timeDate"))), when=moment.isoformat()).waits["b"].due == moment
    )


@pytest.mark.parametrize("value", ["1404-01-01T00:00:00+03:30", "2026-01-01T00:00:00", "2 days", 5, None])
def test_a_value_that_is_no_moment_is_refused_when_the_wait_begins(value):
    with pytest.raises(BadTimer) as refused:
        Played(after(boundary("b", "a", timer("when", "timeDate"))), when=value)
    assert refused.value.element == "b"


@pytest.mark.parametrize("interrupting", [True, False])
def test_a_message_moves_only_its_own_event_and_brings_its_payload(interrupting):
    case = Played(after(boundary("b", "a", message(), interrupting=interrupting)), kept=1, old=1)
    assert case.waits["b"].message == "m1"
    case.gets("b", {"old": 2, "new": 3})
    assert case.tasks == (["h"] if interrupting else ["a", "h"])
    assert case.task("h").data == {"kept": 1, "old": 2, "new": 3}
    if not interrupting:
        assert case.task("a").data == {"kept": 1, "old": 1}


def test_two_events_with_the_same_message_do_not_both_fire():
    body = start() + path("s", "g") + fork("g") + path("g", "c1", "u1", "e1") + path("g", "c2", "u2", "e2")
    body += catch("c1", message()) + catch("c2", message()) + user("u1", "u2") + end("e1") + end("e2")
    case = Played(process(body, before=MESSAGES)).gets("c2")
    assert case.tasks == ["u2"]
    assert list(case.waits) == ["c1"]


def test_the_branches_of_an_event_gateway_wait_side_by_side_and_the_first_one_ends_the_others():
    diagram = event_gateway(("paid", message()), ("late", timer("PT1H")), ("very_late", timer("PT2H")))
    case = Played(diagram)
    tokens = {key: event.token for key, event in case.waits.items()}
    assert {key: event.due for key, event in case.waits.items()} == {
        "paid": None,
        "late": MONDAY + HOUR,
        "very_late": MONDAY + 2 * HOUR,
    }
    case._go_on()
    assert tokens == {key: event.token for key, event in case.waits.items()}

    assert case.gets("paid", {"reference": "7"}).tasks == ["after_paid"]
    assert case.task("after_paid").data == {"reference": "7"}
    assert case.waits == {}
    with pytest.raises(stepping.EventNotWaiting):
        stepping.fire_timer(case.workflow, tokens["late"], MONDAY + 9 * HOUR)


def test_the_earlier_timer_of_an_event_gateway_wins():
    case = Played(event_gateway(("slow", timer("PT3H")), ("quick", timer("PT1H"))))
    assert case.at(MONDAY + HOUR).tasks == ["after_quick"]
    assert case.at(MONDAY + 9 * HOUR).tasks == ["after_quick"]


def test_events_at_a_task_inside_a_subprocess_wait_and_fire_there():
    inner = start("s2") + path("s2", "a", "e2") + user("a", "h") + boundary("b", "a", timer("PT1H"))
    inner += path("b", "h", "e3") + end("e2") + end("e3")
    case = Played(process(start() + path("s", "sub", "z", "e") + subprocess("sub", inner) + user("z") + end()))
    assert case.waits["b"].process == "sub"
    assert case.at(MONDAY + HOUR).tasks == ["h"]
    assert case.does("h").tasks == ["z"]


def test_an_interrupted_subprocess_takes_its_tasks_and_its_timers_with_it():
    inner = start("s2") + path("s2", "x", "e2") + user("x", "y") + boundary("t", "x", timer("PT1H"), interrupting=False)
    inner += path("t", "y", "e3") + end("e2") + end("e3")
    body = start() + path("s", "sub", "e") + subprocess("sub", inner) + boundary("b", "sub", message())
    case = Played(process(body + path("b", "h", "e4") + user("h") + end() + end("e4"), before=MESSAGES))
    case.at(MONDAY + HOUR)
    assert case.tasks == ["x", "y"]
    assert case.gets("b").tasks == ["h"]
    assert case.waits == {}
    assert case.workflow.subprocesses == {}


def test_a_message_nobody_in_the_case_waits_for_is_handed_out_once():
    throw = node("intermediateThrowEvent", "t", message())
    case = Played(process(start() + path("s", "t", "a", "e") + throw + user("a") + end(), before=MESSAGES))
    assert [(event.kind, event.name) for event in case.events] == [("message", "m1")]
    assert stepping.thrown_events(case.workflow) == []


SIGNALS = '<signal id="S1" name="s1"/><signal id="S2" name="s2"/>'


def signal(key: str) -> str:
    return f'<signalEventDefinition signalRef="{key}"/>'


def test_a_signal_thrown_in_a_case_reaches_an_event_gateway_of_the_same_case_and_goes_out_too():
    body = start() + path("s", "f") + fork("f") + path("f", "t0", "t", "e") + user("t0") + end()
    body += node("intermediateThrowEvent", "t", signal("S2")) + path("f", "g") + node("eventBasedGateway", "g")
    for key, definition in (("one", signal("S1")), ("two", signal("S2"))):
        body += catch(key, definition) + path("g", key, f"after_{key}", f"end_{key}") + user(f"after_{key}")
        body += end(f"end_{key}")
    case = Played(process(body, before=SIGNALS)).does("t0")
    assert case.tasks == ["after_two"]
    assert [(event.kind, event.name, event.element) for event in case.events] == [("signal", "s2", "t")]


def test_a_message_variable_of_the_diagram_gets_the_payload():
    variable = (
        '<messageEventDefinition messageRef="M1"><extensionElements><spiffworkflow:messageVariable>letter'
        "</spiffworkflow:messageVariable></extensionElements></messageEventDefinition>"
    )
    case = Played(after(boundary("b", "a", variable))).gets("b", {"x": 1})
    assert case.task("h").data == {"x": 1, "letter": {"x": 1}}


def test_a_timer_without_a_moment_of_the_step_is_a_mistake():
    with pytest.raises(RuntimeError, match="No moment is set"):
        clock.now()
