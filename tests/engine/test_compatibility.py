"""Another version of the code meets running cases: whatever their pinned diagrams rely on and miss is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event as sql_events
from sqlalchemy import select

from engine.bpmn.diagram import read_diagrams
from engine.contributions.operations import OperationContext, Operations
from engine.deployment import checking, definitions
from engine.deployment.compatibility import (
    Compatibility,
    Incompatible,
    IncompatibleDefinitions,
    remember_names,
)
from models.case import CaseStatus
from models.definition import DecisionDefinition, ProcessDefinition
from tests.engine.small import NOW, Small, chain, end, event, flow, process, service, start, user_task

pytestmark = pytest.mark.both_databases("sql")

TABLE = (
    '<bpmn:businessRuleTask id="deciding" name="تعرفه"><bpmn:extensionElements>'
    "<spiffworkflow:calledDecisionId>tariff</spiffworkflow:calledDecisionId></bpmn:extensionElements>"
    "</bpmn:businessRuleTask>"
)
BODY = (
    start()
    + user_task("ask", due="in_a_day()")
    + service("noting", "test_compatibility.note", text="answer")
    + user_task("check", role="finance")
    + '<bpmn:exclusiveGateway id="which" default="else"/>'
    + flow("which", "done", "answer == 'yes'", identifier="if_yes")
    + flow("which", "again", identifier="else")
    + user_task("again")
    + end()
    + chain("begin", "ask", "noting", "check", "which")
    + flow("again", "done")
)
NOTE = "test_compatibility.note"
ALL_FIELDS = {("small", "ask"): {"answer"}, ("small", "check"): set[str](), ("small", "again"): set[str]()}


def note(context: OperationContext, *, text: str, loud: bool = False) -> None:
    """Notes nothing."""


def operations(function: Callable[..., Any] | None = None, *, name: str = NOTE, formerly: str = "") -> Operations:
    made = Operations()
    if function is not None:
        made.register(name, formerly=formerly.split())(function)
    return made


def forms_of(known: Mapping[tuple[str, str], set[str]]) -> Callable[[str, str], frozenset[str] | None]:
    return lambda key, task: frozenset(known[key, task]) if (key, task) in known else None


SEAM = checking.Seam(
    operations=operations(note),
    roles=frozenset({"citizen", "finance", "supervisor"}),
    form_fields=forms_of(ALL_FIELDS),
    functions=frozenset({"in_a_day"}),
)


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = Small(server, process(BODY), operations=SEAM.operations)
    with made.engine.transaction() as session:
        remember_names(session, SEAM)
    yield made
    made.close()


@pytest.fixture
def statements(small: Small) -> Iterator[list[str]]:
    """The statements that the database of ``small`` is sent."""
    sent: list[str] = []

    def note_down(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    sql_events.listen(small.database, "before_cursor_execute", note_down)
    yield sent
    sql_events.remove(small.database, "before_cursor_execute", note_down)


def found(small: Small, seam: checking.Seam, **more: Any) -> list[Incompatible]:
    found: list[Incompatible] = small.look(Compatibility(seam, **more).findings)
    return found


def test_the_code_that_deployed_it_fits(small: Small) -> None:
    small.start()
    assert found(small, SEAM) == []


def changed_note(context: OperationContext, *, text: str, to: int) -> None:
    """The same operation, with a parameter that it did not have."""


def narrow_note(context: OperationContext) -> None:
    """The same operation, without the parameter that it had."""


@pytest.mark.parametrize(
    ("seam", "wanted"),
    [
        (
            replace(SEAM, form_fields=forms_of({key: ALL_FIELDS[key] for key in ALL_FIELDS if key[1] != "check"})),
            ("form", "check", "small.check"),
        ),
        (replace(SEAM, operations=operations()), ("operation", "noting", "test_compatibility.note")),
        (
            replace(SEAM, operations=operations(changed_note)),
            ("parameter", "noting", "test_compatibility.note(to)"),
        ),
        (
            replace(SEAM, operations=operations(narrow_note)),
            ("parameter", "noting", "test_compatibility.note(text)"),
        ),
        (replace(SEAM, roles=frozenset({"citizen"})), ("role", "check", "finance")),
        (replace(SEAM, functions=frozenset()), ("function", "ask", "in_a_day")),
        (replace(SEAM, form_fields=forms_of(ALL_FIELDS | {("small", "ask"): {"reply"}})), ("name", "if_yes", "answer")),
    ],
    ids=["form", "operation", "required parameter", "unknown parameter", "role", "function", "field"],
)
def test_what_is_missing_is_named_with_element_and_cases(
    small: Small, seam: checking.Seam, wanted: tuple[str, str, str]
) -> None:
    small.start()
    small.start(by="sara")
    ended = small.start()
    with small.engine.transaction() as session:
        small.engine.supervision.cancel_case(session, ended.case.id, by=small.actor("boss"), reason="test")
    every = {(one.kind, one.element, one.missing): one for one in found(small, seam)}
    assert wanted in every, every
    finding = every[wanted]
    assert (finding.process, finding.version, finding.cases, finding.severity) == ("small", 1, 2, "error")
    with pytest.raises(IncompatibleDefinitions):
        small.look(Compatibility(seam).demand)


def test_a_version_without_running_cases_may_rely_on_what_it_likes(small: Small) -> None:
    nothing = replace(SEAM, operations=operations(), roles=frozenset(), form_fields=forms_of({}))
    compatibility = Compatibility(nothing)
    assert small.look(compatibility.findings) == []
    case = small.start().case
    assert small.look(compatibility.errors), "a new case is seen by the same object"
    with small.engine.transaction() as session:
        small.engine.supervision.suspend(session, case.id, by=small.actor("boss"), reason="test")
    assert small.look(compatibility.errors), "a suspended case goes on one day"
    with small.engine.transaction() as session:
        small.engine.supervision.cancel_case(session, case.id, by=small.actor("boss"), reason="test")
    assert small.look(compatibility.errors) == []


def test_a_renamed_operation_is_found_by_its_former_name(small: Small) -> None:
    small.start()
    renamed = replace(SEAM, operations=operations(note, name="small.note", formerly=NOTE))
    assert found(small, renamed) == []


def test_names_that_were_unset_already_are_no_fault(server: str) -> None:
    body = start() + user_task("ask", scope="given_by_nobody") + end() + chain("begin", "ask", "done")
    small = Small(server, process(body))
    seam = replace(SEAM, form_fields=forms_of({("small", "ask"): set()}))
    small.start(given_by_nobody="")
    assert found(small, seam) == [], "nothing is known of a version that nobody has looked at"
    with small.engine.transaction() as session:
        remember_names(session, seam)
    assert small.look(lambda session: session.scalars(select(ProcessDefinition.names_unset)).all()) == [
        ["given_by_nobody"]
    ]
    assert found(small, seam) == []
    small.close()


def test_what_is_taken_out_of_the_submission_has_to_be_a_field(server: str) -> None:
    body = (
        start()
        + user_task("ask")
        + service("noting", "test_compatibility.note", text="submission[&quot;answer&quot;]")
        + end()
        + chain("begin", "ask", "noting", "done")
    )
    small = Small(server, process(body), operations=SEAM.operations)
    small.start()
    assert found(small, SEAM) == []
    changed = replace(SEAM, form_fields=forms_of({("small", "ask"): {"reply"}}))
    assert [(one.kind, one.element, one.missing, one.severity) for one in found(small, changed)] == [
        ("field", "noting", "answer", "error")
    ]
    small.close()


def test_a_decision_table_has_to_be_there_in_whatever_version(server: str) -> None:
    body = start() + user_task("ask") + TABLE + end() + chain("begin", "ask", "deciding", "done")
    small = Small(server, process(body.replace(TABLE, user_task("deciding"))))
    with small.engine.transaction() as session:
        diagram = read_diagrams(process(body))[0]
        definitions.deploy(session, {"small": diagram}, now=NOW)
    small.start()
    seam = replace(SEAM, form_fields=forms_of({("small", "ask"): set()}))
    assert [(one.kind, one.element, one.missing, one.name) for one in found(small, seam)] == [
        ("decision", "deciding", "tariff", "تعرفه")
    ]
    assert found(small, seam, decisions=["tariff"]) == [], "it comes with the code"
    with small.engine.transaction() as session:
        row = DecisionDefinition(key="tariff", version=1, name="x", xml=b"", sha256="", deployed_at=NOW)
        session.add(row)
    assert found(small, seam) == [], "it is deployed"
    small.close()


def test_a_called_version_is_looked_at_as_it_was_pinned(server: str) -> None:
    """The caller's case runs the called version of its own day; a later one that fits does not help it."""
    calls = '<bpmn:callActivity id="paying" calledElement="paid"/>'
    caller = process(start() + calls + end() + chain("begin", "paying", "done"), key="caller")
    called = '<bpmn:startEvent id="begin"/>' + user_task("pay") + end() + chain("begin", "pay", "done")
    small = Small(server, caller, process(called, key="paid"))
    small.start("caller")
    newer = {
        diagram.key: diagram
        for xml in (caller, process(called.replace("pay<", "x<").replace('"pay"', '"settle"'), key="paid"))
        for diagram in read_diagrams(xml)
    }
    with small.engine.transaction() as session:
        definitions.deploy(session, newer, now=NOW)
    seam = replace(SEAM, form_fields=forms_of({("paid", "settle"): set()}))
    assert [(one.process, one.version, one.element, one.cases) for one in found(small, seam)] == [("paid", 1, "pay", 1)]
    small.start("caller")
    assert [(one.version, one.cases) for one in found(small, seam)] == [(1, 1)]
    small.close()


def test_an_event_that_a_person_triggers_needs_its_form_too(server: str) -> None:
    body = (
        start()
        + user_task("ask")
        + event("boundaryEvent", "stopping", "message stop", attributes='attachedToRef="ask"', role="citizen")
        + end()
        + end("stopped")
        + chain("begin", "ask", "done")
        + flow("stopping", "stopped")
    )
    small = Small(server, process(body, messages="stop"))
    small.start()
    seam = replace(SEAM, form_fields=forms_of({("small", "ask"): set()}))
    assert [(one.kind, one.element) for one in found(small, seam)] == [("form", "stopping")]
    small.close()


def test_looking_again_costs_one_statement(small: Small, statements: list[str]) -> None:
    compatibility = Compatibility(SEAM)
    small.start()
    small.look(compatibility.findings)
    for _more in range(3):
        small.start()
    statements.clear()
    small.look(compatibility.findings)
    about_cases = [one for one in statements if "cases" in one or "process_definitions" in one]
    assert len(about_cases) == 1, about_cases


def test_running_cases_are_found_by_an_index_of_running_cases(small: Small, statements: list[str]) -> None:
    small.start()
    assert small.start().case.status is CaseStatus.RUNNING
    statements.clear()
    small.look(Compatibility(replace(SEAM, roles=frozenset())).findings)
    counted = [one for one in statements if "count(" in one]
    assert len(counted) == 1 and "GROUP BY" in counted[0]
    if small.database.dialect.name == "sqlite":
        plan = small.look(
            lambda session: (
                session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {counted[0].replace('(?)', '(1)')}").all()
            )
        )
        assert "ix_cases_running_definition_id" in str(plan)
