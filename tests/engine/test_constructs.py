"""Constructs of BPMN that the product allows, played with everything stored after each step."""

from __future__ import annotations

import pytest

from engine.calendar import timers
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


def test_data_goes_into_a_called_process_and_comes_back():
    called = process(start("cs") + path("cs", "cu", "ce") + user("cu") + end("ce"), key="called")
    body = start() + path("s", "call", "z", "e") + node("callActivity", "call", calledElement="called") + user("z")
    case = Played(process(body + end()), called, invoice=7)
    assert case.task("cu").data == {"invoice": 7}
    assert case.does("cu", paid=True).task("z").data == {"invoice": 7, "paid": True}


def test_an_error_in_a_called_process_reaches_its_caller():
    error = '<error id="E1" name="er" errorCode="c1"/>'
    called = process(
        start("cs") + path("cs", "cu", "ce") + user("cu") + end("ce", '<errorEventDefinition errorRef="E1"/>'),
        before=error,
        key="called",
    )
    body = start() + path("s", "call", "e") + node("callActivity", "call", calledElement="called") + end()
    body += (
        boundary("b", "call", '<errorEventDefinition errorRef="E9"/>') + path("b", "h", "e2") + user("h") + end("e2")
    )
    assert Played(process(body, before=error.replace("E1", "E9")), called).does("cu").tasks == ["h"]


def test_a_cancelled_transaction_goes_its_cancel_way():
    inner = start("s2") + path("s2", "x", "q") + user("x") + choice("q", "fine") + flow("q", "ec", "cancelled")
    inner += flow("q", "e2", key="fine") + end("e2") + end("ec", "<cancelEventDefinition/>")
    body = start() + path("s", "t", "z", "e") + node("transaction", "t", inner) + user("z", "h") + end()
    body += boundary("b", "t", "<cancelEventDefinition/>") + path("b", "h", "e3") + end("e3")
    assert Played(process(body)).does("x", cancelled=True).tasks == ["h"]
    assert Played(process(body)).does("x", cancelled=False).tasks == ["z"]


def test_a_terminating_end_ends_everything_beside_it():
    body = start() + path("s", "g", "a", "e") + fork("g") + path("g", "sub", "e2") + user("a") + end("e2")
    body += end("e", "<terminateEventDefinition/>") + boundary("b", "sub", timer("PT1H"), interrupting=False)
    body += path("b", "h", "e4") + user("h") + end("e4")
    body += subprocess("sub", start("s3") + path("s3", "x", "e3") + user("x") + end("e3"))
    case = Played(process(body)).at(MONDAY + HOUR)
    assert case.tasks == ["a", "h", "x"]
    assert case.does("a").done
    assert (case.tasks, case.waits) == ([], {})


@pytest.mark.parametrize("sequential", [True, False])
def test_instances_may_end_early(sequential):
    mark = each(sequential=sequential, inner="").replace(
        '<inputDataItem id="item"/>',
        '<inputDataItem id="item"/><completionCondition>enough</completionCondition>',
    )
    body = start() + path("s", "a", "z", "e") + node("userTask", "a", mark) + user("z") + end()
    case = Played(process(body), xs=[1, 2, 3], enough=False).does("a")
    assert set(case.tasks) == {"a"}
    assert case.does("a", enough=True).tasks == ["z"]


def test_each_instance_has_its_item():
    body = start() + path("s", "a", "z", "e") + node("userTask", "a", each()) + user("z") + end()
    case = Played(process(body), xs=["x", "y"])
    assert case.task("a").data["item"] == "x"
    assert case.does("a").task("a").data["item"] == "y"


def test_an_empty_list_has_no_instances():
    body = start() + path("s", "a", "z", "e") + node("userTask", "a", each()) + user("z") + end()
    assert Played(process(body), xs=[]).tasks == ["z"]


def test_subprocesses_as_instances_run_beside_each_other():
    inner = start("s2") + path("s2", "x", "y", "e2") + user("x", "y") + end("e2") + each()
    case = Played(
        process(start() + path("s", "sub", "z", "e") + subprocess("sub", inner) + user("z") + end()),
        xs=[1, 2],
    )
    assert case.does("x").does("y").tasks == ["x"]
    assert case.does("x").does("y").tasks == ["z"]


def test_a_standard_loop_goes_on_while_its_condition_holds():
    mark = "<standardLoopCharacteristics><loopCondition>wrong</loopCondition></standardLoopCharacteristics>"
    body = start() + path("s", "a", "z", "e") + node("userTask", "a", mark) + user("z") + end()
    case = Played(process(body), wrong=True)
    assert case.does("a").does("a").tasks == ["a"]
    assert case.does("a", wrong=False).tasks == ["z"]


def test_a_signal_reaches_every_part_of_the_case():
    signal = '<signalEventDefinition signalRef="S1"/>'
    body = start() + fork("g") + path("s", "g", "c", "h", "e") + path("g", "u", "t", "e2") + user("h", "u") + end()
    body += catch("c", signal) + node("intermediateThrowEvent", "t", signal) + end("e2")
    case = Played(process(body, before='<signal id="S1" name="sig"/>')).does("u")
    assert case.tasks == ["h"]
    assert [event.name for event in case.events] == ["sig"]  # for the other cases


def test_a_receive_task_waits_for_its_message():
    body = start() + path("s", "r", "z", "e") + node("receiveTask", "r", messageRef="M1") + user("z") + end()
    case = Played(process(body, before=MESSAGES))
    assert (case.waits["r"].kind, case.waits["r"].message) == ("message", "m1")
    assert case.gets("r", {"x": 1}).task("z").data == {"x": 1}


def test_a_condition_is_looked_at_again_when_a_task_beside_it_completes():
    body = start() + fork("g") + path("s", "g", "c", "h", "e") + path("g", "u", "v", "e2") + user("h", "u", "v")
    body += end() + end("e2")
    body += catch("c", "<conditionalEventDefinition><condition>flag == True</condition></conditionalEventDefinition>")
    case = Played(process(body))
    assert case.waits["c"].kind == "conditional"
    assert case.does("u", flag=True).tasks == ["h", "v"]


def test_a_message_may_interrupt_a_task_again_and_again_in_a_loop():
    body = start() + path("s", "m", "a", "e") + choice("m") + user("a", "h") + end() + path("b", "h", "m")
    case = Played(process(body + boundary("b", "a", message()), before=MESSAGES))
    for _ in range(5):
        assert case.gets("b").does("h").tasks == ["a"]
    assert case.does("a").done


def test_the_steps_of_a_thousand_rounds_without_storing_are_all_there():
    body = start() + path("s", "m", "a", "q") + choice("m") + user("a") + choice("q", "out") + flow("q", "m", "more")
    case = Played(process(body + flow("q", "e", key="out") + end()), store=False, more=True)
    for _ in range(400):  # four tasks each: as shipped the case is "completed" after 249
        case.does("a")
    assert case.tasks == ["a"]


@pytest.mark.parametrize(
    ("duration", "day"),
    [
        ("P2D", "2026-01-02"),
        ("P1M", "2026-01-31"),
        ("P2M", "2026-02-28"),
        ("P1Y", "2026-12-31"),
        ("P2W", "2026-01-14"),
        ("PT36H", "2026-01-01"),
        ("P1DT12H", "2026-01-01"),
    ],
)
def test_durations_follow_the_calendar(duration, day):
    new_years_eve = MONDAY.replace(year=2025, month=12, day=31)
    assert timers.later(new_years_eve, duration, element="t").date().isoformat() == day


@pytest.mark.parametrize("text", ["", "P", "PT", "P1", "1D", "PT1D", "P-1D", "P1.5M", "2 days"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(timers.BadTimer):
        timers.later(MONDAY, text, element="t")


@pytest.mark.parametrize("text", ["", "R3", "R3/PT0S", "R3/x", "Rx/PT1H", "PT1H", 5, "R3/PT1H/PT1H/PT1H"])
def test_what_is_no_cycle_is_refused(text):
    with pytest.raises(timers.BadTimer):
        timers.cycle(text, now=MONDAY, element="t")


def test_a_cycle_may_begin_at_a_moment():
    cycle = timers.cycle("R2/2026-04-01T08:00:00+03:30/P1W", now=MONDAY, element="t")
    assert (cycle.first.isoformat(), cycle.period, cycle.repetitions) == (
        "2026-04-01T04:30:00+00:00",
        "P1W",
        2,
    )
