"""Corrections 6 to 12, of events and loops: what the library does as shipped, and what corrected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser

from engine import clock
from engine.spiff import corrections, state, stepping
from engine.spiff.corrections.registry import CORRECTIONS, UncaughtError
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
    specs,
    start,
    subprocess,
    timer,
    user,
)
from tests.engine.shipped import Shipped, as_shipped

# ---------------------------------------------------------------- 6


def test_6_a_jalali_date_does_not_fire_at_once():
    body = start() + path("s", "c", "a", "e") + catch("c", timer("'1404-01-01'", "timeDate")) + user("a") + end()
    with as_shipped():
        case = Shipped(process(body))
        case.workflow.do_engine_steps()
        assert case.tasks == ["a"]
    with pytest.raises(stepping.EngineError, match=r"c: .* has no time zone"):
        Played(process(body))


def test_6_timers_know_only_the_moment_of_the_step():
    diagram = process(start() + path("s", "c", "a", "e") + catch("c", timer("PT0.001S")) + user("a") + end())
    case = Played(diagram)
    case.workflow.refresh_timers()
    assert case.tasks == []
    assert case.at(MONDAY + HOUR).tasks == ["a"]


# ---------------------------------------------------------------- 7


def test_7_a_wait_keeps_the_data_it_began_with_and_needs_no_parent():
    body = start() + path("s", "c", "z", "e") + catch("c", message()) + user("z") + end()
    diagram = process(body, before=MESSAGES)

    def changed_while_waiting(workflow: Any) -> int:
        task = next(task for task in workflow.tasks.values() if task.task_spec.name == "c")
        task.data["seen"] = 2
        workflow.update_waiting_tasks()
        return int(task.data["seen"])

    with as_shipped():
        assert changed_while_waiting(Shipped(diagram, seen=1).workflow) == 1
    case = Played(diagram, seen=1)
    assert changed_while_waiting(case.workflow) == 2
    assert case.gets("c").task("z").data == {"seen": 2}


# ---------------------------------------------------------------- 8


def two_timers(first: str, second: str) -> bytes:
    body = start() + path("s", "g") + node("eventBasedGateway", "g")
    for key, length in (("one", first), ("two", second)):
        body += node("intermediateCatchEvent", key, timer(length), name="deadline")
        body += path("g", key, f"after_{key}", f"end_{key}") + user(f"after_{key}") + end(f"end_{key}")
    return process(body)


def test_8_timers_of_one_event_gateway_have_their_own_due_times():
    with as_shipped():
        case = Shipped(two_timers("'PT9H'", "'PT1H'"))
        gateway = case.workflow.get_next_task(spec_name="g")
        assert isinstance(gateway.internal_data["event_value"], str)  # one for both
    case = Played(two_timers("PT9H", "PT1H"))
    assert [case.waits[key].due - MONDAY for key in ("one", "two")] == [9 * HOUR, HOUR]
    assert case.at(MONDAY + HOUR).tasks == ["after_two"]


# ---------------------------------------------------------------- 9


ERRORS = '<error id="E1" name="er" errorCode="c1"/><escalation id="X1" name="ex" escalationCode="x1"/>'
ERROR = '<errorEventDefinition errorRef="E1"/>'
ESCALATION = '<escalationEventDefinition escalationRef="X1"/>'


def failing(outside: str = "") -> bytes:
    inner = start("s2") + path("s2", "x", "e2") + user("x") + end("e2", ERROR)
    body = start() + path("s", "sub", "n", "e") + subprocess("sub", inner) + user("n") + end()
    return process(body + outside, before=ERRORS)


def test_9_an_error_that_nothing_catches_is_not_passed_over():
    with as_shipped():
        assert Shipped(failing()).does("x").tasks == ["n"]
    with pytest.raises(UncaughtError, match="c1 of e2"):
        Played(failing()).does("x")


def test_9_an_error_is_caught_by_what_it_comes_out_of_and_by_nothing_else():
    def sub(key: str, catches: str) -> str:
        inner = start(f"s_{key}") + path(f"s_{key}", f"x_{key}", f"e_{key}") + user(f"x_{key}")
        inner += end(f"e_{key}", ERROR if key == "one" else "")
        handler = boundary(f"b_{key}", key, catches) + path(f"b_{key}", f"h_{key}", f"he_{key}")
        return (
            subprocess(key, inner)
            + handler
            + user(f"h_{key}")
            + end(f"he_{key}")
            + path("g", key, f"n_{key}")
            + (end(f"n_{key}"))
        )

    diagram = process(start() + fork("g") + path("s", "g") + sub("two", ERROR) + sub("one", ERROR), before=ERRORS)
    with as_shipped():
        assert Shipped(diagram).does("x_one").tasks == ["h_one", "h_two"]
    assert Played(diagram).does("x_one").tasks == ["h_one", "x_two"]


def test_9_an_error_climbs_until_something_catches_it():
    inner = start("s3") + path("s3", "x", "e3") + user("x") + end("e3", ERROR)
    middle = start("s2") + path("s2", "deep", "e2") + subprocess("deep", inner) + end("e2")
    body = start() + path("s", "sub", "e") + subprocess("sub", middle) + end() + user("h") + end("e4")
    body += boundary("b", "sub", "<errorEventDefinition/>") + path("b", "h", "e4")
    assert Played(process(body, before=ERRORS)).does("x").tasks == ["h"]


def test_9_an_escalation_that_nothing_catches_changes_nothing():
    inner = start("s2") + path("s2", "t", "x", "e2") + user("x") + end("e2")
    inner += node("intermediateThrowEvent", "t", ESCALATION)
    body = start() + path("s", "sub", "e") + subprocess("sub", inner) + end()
    assert Played(process(body, before=ERRORS)).tasks == ["x"]

    caught = body + boundary("b", "sub", ESCALATION, interrupting=False) + path("b", "h", "e3") + user("h") + end("e3")
    assert Played(process(caught, before=ERRORS)).tasks == ["h", "x"]


def test_9_a_terminating_end_throws_nothing_outwards():
    inner = start("s2") + fork("g") + path("s2", "g", "x", "e2") + path("g", "y", "e3") + user("x", "y") + end("e3")
    inner += end("e2", "<terminateEventDefinition/>")
    diagram = process(start() + path("s", "sub", "n", "e") + subprocess("sub", inner) + user("n") + end())
    with as_shipped():
        assert len(Shipped(diagram).does("x").workflow.get_events()) == 1
    case = Played(diagram).does("x")
    assert (case.tasks, case.events) == (["n"], [])


# ---------------------------------------------------------------- 10


def test_10_a_signal_at_an_end_is_thrown():
    diagram = process(
        start() + path("s", "e") + end("e", '<signalEventDefinition signalRef="S1"/>'),
        before='<signal id="S1" name="done"/>',
    )
    with as_shipped():
        assert Shipped(diagram).workflow.get_events() == []
    assert [(event.kind, event.name) for event in Played(diagram).events] == [("signal", "done")]


# ---------------------------------------------------------------- 11


def many(*, sequential: bool = False, inner: str = "") -> bytes:
    mark = each(sequential=sequential, inner=inner)
    return process(start() + path("s", "a", "z", "e") + node("userTask", "a", mark) + user("z") + end())


def test_11_instances_report_back_in_a_process_that_never_made_them():
    parser = SpiffBpmnParser()
    parser.add_bpmn_str(many())
    assert parser.get_spec("p").task_specs["a [child]"].completed_event.n_subscribers() == 0

    case = Played(many(), xs=[1, 2])
    stored = state.dump(case.workflow)
    case.specs = specs(many())
    case.workflow = state.load(stored, case.specs, PythonScriptEngine())
    assert case.does("a").does("a").tasks == ["z"]


# ---------------------------------------------------------------- 12


@pytest.mark.parametrize("sequential", [True, False])
def test_12_instances_with_an_item_and_without_an_output(sequential):
    if sequential:
        with as_shipped(), pytest.raises(Exception, match="already exists"):
            Shipped(many(sequential=True), xs=[10, 20, 30]).does("a")
    case = Played(many(sequential=sequential), xs=[10, 20, 30])
    for _ in range(3):
        assert "a" in case.tasks
        case.does("a")
    assert case.tasks == ["z"]
    assert case.task("z").data == {"xs": [10, 20, 30]}


def test_12_an_instance_that_changed_nothing_does_not_undo_what_another_one_wrote():
    with as_shipped():
        case = Shipped(many(), xs=[1, 2], found=False).does("a", found=True).does("a")
        assert case.open("z")[0].data["found"] is False
    case = Played(many(), xs=[1, 2], found=False).does("a", found=True).does("a")
    assert case.task("z").data["found"] is True


def test_12_nothing_in_a_list_is_an_item_like_another():
    case = Played(many(sequential=True), xs=[1, None, 3])
    for _ in range(3):
        case.does("a")
    assert case.tasks == ["z"]


OUTPUT = '<loopDataOutputRef>results</loopDataOutputRef><outputDataItem id="result"/>'


def test_12_a_list_of_results_is_made_anew_in_every_round():
    body = start() + path("s", "m", "a", "q") + choice("m") + choice("q", "out") + user("z") + end()
    body += node("userTask", "a", each(inner=OUTPUT)) + flow("q", "m", "again") + flow("q", "z", key="out")
    diagram = process(body + flow("z", "e"))

    def one_round(case: Any, *results: int) -> None:
        for result in results:
            case.does("a", result=result)

    with as_shipped(), pytest.raises(Exception, match="the output must be empty"):
        one_round(Shipped(diagram, xs=[1, 2], again=True), 1, 2)
    case = Played(diagram, xs=[1, 2], again=True)
    one_round(case, 1, 2)
    for task in case.workflow.tasks.values():
        task.data["again"] = False
    one_round(case, 3, 4)
    assert case.task("z").data["results"] == [3, 4]


def test_12_a_number_of_instances_with_a_mapping_for_results():
    mark = (
        '<multiInstanceLoopCharacteristics isSequential="false"><loopCardinality>2</loopCardinality>'
        f"{OUTPUT}</multiInstanceLoopCharacteristics>"
    )
    diagram = process(start() + path("s", "a", "z", "e") + node("userTask", "a", mark) + user("z") + end())
    with as_shipped(), pytest.raises(NameError, match="data_ouput"):
        Shipped(diagram, results={})
    case = Played(diagram, results={}).does("a", result=1).does("a", result=2)
    assert case.task("z").data["results"] == {"0": 1, "1": 2}


def test_12_a_boundary_event_may_lead_straight_to_instances():
    body = start() + path("s", "a", "e") + user("a") + end() + boundary("b", "a", message())
    body += node("userTask", "many", each()) + path("b", "many", "e2") + end("e2")
    assert Played(process(body, before=MESSAGES), xs=[1, 2]).gets("b").tasks == ["many", "many"]


# ---------------------------------------------------------------- 17


def thrown_beside_a_catch(kind: str) -> bytes:
    thrown = f'<{kind}EventDefinition {kind}Ref="X1"/>'
    body = start() + path("s", "f") + fork("f") + path("f", "t0", "t", "e") + user("t0") + end()
    body += node("intermediateThrowEvent", "t", thrown) + path("f", "c", "after", "e2") + user("after") + end("e2")
    return process(body + catch("c", thrown), before=f'<{kind} id="X1" name="x1"/>')


def test_17_a_message_does_not_go_to_whoever_waits_in_the_same_case():
    diagram = thrown_beside_a_catch("message")
    with as_shipped():
        case = Shipped(diagram).does("t0")
        assert (case.tasks, case.workflow.get_events()) == (["after"], [])
    case = Played(diagram).does("t0")
    assert (case.tasks, [(event.name, event.element) for event in case.events]) == ([], [("x1", "t")])


def test_17_a_signal_that_its_own_case_catches_leaves_the_case_all_the_same():
    diagram = thrown_beside_a_catch("signal")
    with as_shipped():
        case = Shipped(diagram).does("t0")
        assert (case.tasks, case.workflow.get_events()) == (["after"], [])
    case = Played(diagram).does("t0")
    assert (case.tasks, [(event.name, event.element) for event in case.events]) == (["after"], [("x1", "t")])


# ---------------------------------------------------------------- all


def test_installing_the_corrections_again_changes_nothing():
    before = {key: key[0].__dict__[key[1]] for key in CORRECTIONS}
    corrections.install()
    assert before == {key: key[0].__dict__[key[1]] for key in CORRECTIONS}
    assert json.dumps([correction.name for correction in CORRECTIONS.values()])


def test_another_version_of_the_library_is_refused(monkeypatch):
    monkeypatch.setattr(corrections, "LIBRARY_VERSION", "3.1.0")
    with pytest.raises(ImportError, match=r"written for SpiffWorkflow 3\.1\.0, not 3\.2\.0"):
        corrections.install()


def test_the_clock_wants_a_time_zone():
    with pytest.raises(ValueError, match="time zone"), clock.at(MONDAY.replace(tzinfo=None)):
        pass
