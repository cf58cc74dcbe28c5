"""Whatever goes wrong inside a step: nothing of it is kept, and an incident says where and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from engine.contributions.operations import OperationContext, Operations
from engine.errors import OperationFailed
from engine.jobs import runner
from models.case import Case, CaseStatus, HistoryEntry
from models.job import Incident, Job
from tests.engine.small import Small, chain, end, event, flow, process, service, start, user_task

operations = Operations()


@operations.register("test_failed_steps.number")
def number(context: OperationContext, *, of: str) -> Any:
    """A number that cannot be stored, or starts a case that fails."""
    if of == "other":
        return context.start_case("broken", data={}, bindings={}).id
    return float(of)


@pytest.fixture
def opened(server: str) -> Iterator[list[Small]]:
    made: list[Small] = []
    yield made
    for office in made:
        office.close()


def office_with(opened: list[Small], server: str, *diagrams: bytes) -> Small:
    opened.append(Small(server, *diagrams, operations=operations))
    return opened[-1]


def after_asking(body: str, *, errors: str = "", key: str = "small") -> bytes:
    """A task ``ask`` that leads to ``next``, which ``body`` draws."""
    return process(start() + user_task("ask") + chain("begin", "ask", "next") + body, errors=errors, key=key)


def incidents(office: Small) -> list[Incident]:
    return office.look(lambda session: session.scalars(select(Incident).order_by(Incident.id)).all())


def fails(office: Small, **values: Any) -> OperationFailed:
    """Complete ``ask`` of a new case; it fails, and nothing but an incident is left of it."""
    case_id = office.start().case.id
    before = office.look(lambda session: session.get_one(Case, case_id).revision)
    with pytest.raises(OperationFailed) as failed:
        office.complete(case_id, "ask", **values)
    assert list(office.open(case_id)) == ["ask"]
    case = office.look(lambda session: session.get_one(Case, case_id))
    assert (case.revision, case.status) == (before, CaseStatus.RUNNING)
    told = office.look(lambda session: session.scalars(select(HistoryEntry.what)).all())
    assert "task_completed" not in told
    (incident,) = incidents(office)
    assert incident.id == failed.value.incident_id
    assert (incident.case_id, incident.element_id, incident.operation) == (
        case_id,
        failed.value.element,
        failed.value.operation,
    )
    assert incident.message == failed.value.reason
    return failed.value


@pytest.mark.both_databases("saving")
def test_an_error_that_nothing_catches_is_an_incident_with_its_code(server: str, opened: list[Small]) -> None:
    office = office_with(opened, server, after_asking(event("endEvent", "next", "error E7"), errors="E7"))
    failure = fails(office)
    assert (failure.element, failure.operation) == ("next", "error")
    assert "E7" in failure.reason


def test_an_error_out_of_a_subprocess_that_catches_another_one_is_an_incident(server: str, opened: list[Small]) -> None:
    inner = '<bpmn:startEvent id="s2"/>' + event("endEvent", "bad", "error E7")
    body = (
        f'<bpmn:subProcess id="next">{inner}{chain("s2", "bad")}</bpmn:subProcess>'
        + end()
        + flow("next", "done")
        + event("boundaryEvent", "other", "error E8", attributes='attachedToRef="next"')
        + end("d2")
        + flow("other", "d2")
    )
    failure = fails(office_with(opened, server, after_asking(body, errors="E7 E8")))
    assert failure.element == "bad"


def test_a_case_that_runs_in_circles_by_itself_is_stopped(server: str, opened: list[Small]) -> None:
    body = (
        '<bpmn:exclusiveGateway id="next"/><bpmn:exclusiveGateway id="round" default="back"/>'
        + service("count", "test_failed_steps.number", of="'1'")
        + flow("next", "count")
        + flow("count", "round")
        + flow("round", "next", identifier="back")
        + flow("round", "done", "result > 5")
        + end()
    )
    failure = fails(office_with(opened, server, after_asking(body)))
    assert failure.operation == "loop"
    assert failure.element in ("next", "count", "round")
    assert "count" in failure.reason


def test_a_timer_whose_value_is_no_time_fails_where_it_begins(server: str, opened: list[Small]) -> None:
    timer = (
        '<bpmn:intermediateCatchEvent id="next"><bpmn:timerEventDefinition><bpmn:timeDuration>length'
        "</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>"
    )
    failure = fails(office_with(opened, server, after_asking(timer + end() + flow("next", "done"))), length="soon")
    assert (failure.element, failure.operation) == ("next", "timer")
    assert "soon" in failure.reason


@pytest.mark.both_databases("saving")
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_value_that_cannot_be_stored_is_an_incident(server: str, opened: list[Small], value: str) -> None:
    body = service("next", "test_failed_steps.number", of="answer") + user_task("more") + end()
    failure = fails(office_with(opened, server, after_asking(body + chain("next", "more", "done"))), answer=value)
    assert (failure.element, failure.operation) == ("next", "test_failed_steps.number")


def test_an_expression_that_cannot_be_worked_out_names_its_element(server: str, opened: list[Small]) -> None:
    body = (
        '<bpmn:exclusiveGateway id="next" default="no"/>'
        + flow("next", "yes", "answer > 5")
        + flow("next", "done", identifier="no")
        + end()
        + end("yes")
    )
    failure = fails(office_with(opened, server, after_asking(body)), answer="text")
    assert (failure.element, failure.operation) == ("next", "expression")


def test_an_error_of_the_library_itself_is_an_incident(
    server: str, opened: list[Small], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = office_with(opened, server, after_asking(user_task("next") + end() + flow("next", "done")))

    def breaks(*_arguments: Any) -> None:
        raise KeyError("lost task")

    case_id = office.start().case.id
    monkeypatch.setattr("engine.spiff.stepping._next_to_run", breaks)
    with pytest.raises(OperationFailed, match="lost task"):
        office.complete(case_id, "ask")
    monkeypatch.undo()
    assert [(one.case_id, one.operation) for one in incidents(office)] == [(case_id, "step")]
    office.complete(case_id, "ask")
    assert list(office.open(case_id)) == ["next"]


@pytest.mark.both_databases("saving")
def test_a_damaged_state_is_an_incident_and_leaves_the_case_as_it_is(server: str, opened: list[Small]) -> None:
    office = office_with(opened, server, after_asking(user_task("next") + end() + flow("next", "done")))
    case_id = office.start().case.id
    with office.engine.transaction() as session:
        session.execute(update(Case).values(state=b'{"format":1'))
    with pytest.raises(OperationFailed):
        office.complete(case_id, "ask")
    assert [(one.case_id, one.operation) for one in incidents(office)] == [(case_id, "state")]


def test_a_case_that_fails_while_another_one_starts_it_is_an_incident_of_that_one(
    server: str, opened: list[Small]
) -> None:
    broken = process(start() + event("endEvent", "bad", "error E7") + chain("begin", "bad"), key="broken", errors="E7")
    body = service("next", "test_failed_steps.number", of="answer") + end() + flow("next", "done")
    office = office_with(opened, server, after_asking(body), broken)
    assert fails(office, answer="other").element == "bad"


@pytest.mark.both_databases("saving")
def test_a_case_that_fails_at_its_very_start_does_not_come_into_being(server: str, opened: list[Small]) -> None:
    office = office_with(
        opened, server, process(start() + event("endEvent", "bad", "error E7") + chain("begin", "bad"), errors="E7")
    )
    with pytest.raises(OperationFailed) as failed:
        office.start()
    assert (failed.value.element, failed.value.incident_id) == ("bad", None)
    assert office.look(lambda session: session.scalars(select(Case)).all()) == []


@pytest.mark.both_databases("jobs")
def test_a_timer_that_leads_into_an_error_is_tried_again_and_then_told(server: str, opened: list[Small]) -> None:
    timer = (
        '<bpmn:boundaryEvent id="late" attachedToRef="next"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H'
        "</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>"
    )
    body = user_task("next") + timer + event("endEvent", "bad", "error E7") + end()
    office = office_with(opened, server, after_asking(body + flow("late", "bad") + flow("next", "done"), errors="E7"))
    case_id = office.start().case.id
    office.complete(case_id, "ask")
    for _ in range(runner.TIMER_ATTEMPTS):
        office.clock.now += timedelta(hours=1)
        office.worker.work()
    assert list(office.open(case_id)) == ["next"]
    found = incidents(office)
    assert [(one.element_id, one.operation, one.times) for one in found] == [("bad", "error", 5), ("late", "timer", 1)]
    assert office.look(lambda session: session.scalars(select(Job)).one()).run_at is None
