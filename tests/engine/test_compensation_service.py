"""Compensation in the whole service: the handlers are people's tasks, and the history names what was drawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from models.case import Case, CaseStatus, FlowPassage
from tests.databases import SQLITE
from tests.engine.small import Small, chain, process, start, user_task

UNDONE = process(
    start()
    + user_task("book")
    + user_task("pay")
    + '<bpmn:boundaryEvent id="edge" attachedToRef="book"><bpmn:compensateEventDefinition/></bpmn:boundaryEvent>'
    + user_task("give_back").replace("<bpmn:userTask ", '<bpmn:userTask isForCompensation="true" ')
    + '<bpmn:association id="line" sourceRef="edge" targetRef="give_back"/>'
    + '<bpmn:endEvent id="done"><bpmn:compensateEventDefinition/></bpmn:endEvent>'
    + chain("begin", "book", "pay", "done")
)


@pytest.fixture
def small() -> Iterator[Small]:
    made = Small(SQLITE, UNDONE)
    yield made
    made.close()


def test_a_handler_is_a_persons_task_and_then_the_case_is_completed(small: Small) -> None:
    case = small.start().case.id
    small.complete(case, "book")
    small.complete(case, "pay")
    assert list(small.open(case)) == ["give_back"]
    small.complete(case, "give_back")
    assert small.open(case) == {}
    assert small.look(lambda session: session.get_one(Case, case).status) is CaseStatus.COMPLETED
    passed = small.look(lambda session: set(session.scalars(select(FlowPassage.element_id))))
    assert passed == {"begin", "book", "pay", "done", "give_back"}
