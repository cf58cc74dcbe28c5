"""Event subprocesses in the whole service: people's actions, timers, what is written down, how the case ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.queries import cases
from models.case import Case, CaseStatus, FlowPassage, Task, TaskKind, TaskStatus
from models.job import Job
from tests.engine.small import Small, chain, end, flow, process, properties, start, user_task

MESSAGE = '<bpmn:messageEventDefinition messageRef="objection"/>'
TIMER = "<bpmn:timerEventDefinition><bpmn:timeCycle>R/P1D</bpmn:timeCycle></bpmn:timerEventDefinition>"
TERMINATE = '<bpmn:endEvent id="done"><bpmn:terminateEventDefinition/></bpmn:endEvent>'


def beside(key: str, definition: str, *, interrupting: bool, last: str = "", **more: str) -> str:
    flag = str(interrupting).lower()
    begin = f'<bpmn:startEvent id="{key}" name="{key}" isInterrupting="{flag}">{properties(**more)}{definition}'
    body = f"{begin}</bpmn:startEvent>{user_task('look_at_' + key, role='finance')}"
    body += (last or end(f"{key}_done")) + chain(key, f"look_at_{key}", f"{key}_done")
    return f'<bpmn:subProcess id="of_{key}" triggeredByEvent="true">{body}</bpmn:subProcess>'


def main(key: str, *extra: str, last: str = "") -> bytes:
    body = start() + user_task("first") + user_task("second") + (last or end())
    return process(body + chain("begin", "first", "second", "done") + "".join(extra), key=key, messages="objection")


OBJECTING = main("objecting", beside("objection", MESSAGE, interrupting=False, role="citizen"))
GIVEN_UP = '<bpmn:endEvent id="objection_done">' + properties(status="cancelled") + "</bpmn:endEvent>"
GIVING_UP = main("giving_up", beside("objection", MESSAGE, interrupting=True, last=GIVEN_UP, role="citizen"))
REMINDING = main("reminding", beside("reminder", TIMER, interrupting=False), last=TERMINATE)
BRANCHING = process(
    start()
    + user_task("first")
    + user_task("left")
    + user_task("right")
    + user_task("other")
    + end()
    + '<bpmn:inclusiveGateway id="join"/>'
    + flow("begin", "first")
    + flow("first", "left", "chosen == 1")
    + flow("first", "right", "chosen &gt;= 1")
    + flow("first", "other", identifier="otherwise")
    + chain("left", "join", "done")
    + flow("right", "join")
    + flow("other", "join"),
    key="branching",
).replace(b'<bpmn:userTask id="first"', b'<bpmn:userTask default="otherwise" id="first"')


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = Small(server, OBJECTING, GIVING_UP, REMINDING, BRANCHING)
    yield made
    made.close()


def object_to(small: Small, case_id: int, **values: object) -> None:
    by = small.actor("ali")
    with small.engine.transaction() as session:
        assert small.engine.deliver(session, case_id, "objection", by=by, values=values) is not None


def the_case(small: Small, case_id: int) -> Case:
    return small.look(lambda session: session.get_one(Case, case_id))


def test_a_person_may_begin_it_again_and_again_beside_the_main_course(small: Small) -> None:
    case_id = small.start("objecting").case.id
    assert small.open(case_id)["objection"].kind is TaskKind.ACTION
    for _turn in range(3):
        object_to(small, case_id, answer=1)
        assert sorted(small.open(case_id)) == ["first", "look_at_objection", "objection"]
        assert small.open(case_id)["look_at_objection"].role == "finance"
        small.complete(case_id, "look_at_objection", by="reza")
    small.complete(case_id, "first")
    object_to(small, case_id)
    small.complete(case_id, "second")
    assert sorted(small.open(case_id)) == ["look_at_objection"]
    assert the_case(small, case_id).status is CaseStatus.RUNNING
    small.complete(case_id, "look_at_objection", by="reza")
    found = the_case(small, case_id)
    assert (found.status, found.outcome) == (CaseStatus.COMPLETED, "done")


def test_what_is_passed_and_waited_at_is_told_by_drawn_elements_only(small: Small) -> None:
    case_id = small.start("objecting").case.id
    object_to(small, case_id)
    passed = small.look(lambda session: set(session.scalars(select(FlowPassage.element_id))))
    assert passed == {"begin", "objection"}
    rows = small.look(lambda session: session.scalars(select(Task).where(Task.case_id == case_id)).all())
    assert {row.process_key for row in rows} == {"objecting"}
    marked = small.look(lambda session: cases.diagram(session, session.get_one(Case, case_id)).waiting)
    assert marked == ["first", "look_at_objection"]
    waits = small.look(lambda session: [w.task_key for w in cases.waits_for(session, session.get_one(Case, case_id))])
    assert sorted(waits) == ["first", "look_at_objection"]


def test_an_interrupting_one_takes_the_case_over_to_its_own_end(small: Small) -> None:
    case_id = small.start("giving_up").case.id
    object_to(small, case_id)
    assert sorted(small.open(case_id)) == ["look_at_objection"]
    ended = small.look(lambda session: session.scalars(select(Task).where(Task.key == "first")).one())
    assert ended.status is TaskStatus.CANCELLED
    small.complete(case_id, "look_at_objection", by="reza")
    found = the_case(small, case_id)
    assert (found.status, found.outcome) == (CaseStatus.CANCELLED, "objection_done")


def test_a_timer_begins_it_every_day_and_a_terminating_end_ends_all_of_it(small: Small) -> None:
    case_id = small.start("reminding").case.id
    for day in range(1, 4):
        small.clock.advance(timedelta(days=1))
        small.worker.work()
        rows = small.look(lambda session: session.scalars(select(Task).where(Task.key == "look_at_reminder")).all())
        assert len(rows) == day
    small.complete(case_id, "first")
    small.complete(case_id, "second")
    assert (the_case(small, case_id).status, small.open(case_id)) == (CaseStatus.COMPLETED, {})
    assert small.look(lambda session: session.scalars(select(Job).where(Job.case_id == case_id)).all()) == []


@pytest.mark.parametrize(("chosen", "expected"), [(0, ["other"]), (1, ["left", "right"]), (2, ["right"])])
def test_conditions_on_flows_out_of_a_task_choose_by_what_was_submitted(small: Small, chosen, expected) -> None:
    case_id = small.start("branching").case.id
    small.complete(case_id, "first", chosen=chosen)
    assert sorted(small.open(case_id)) == expected
    for key in expected:
        small.complete(case_id, key)
    assert the_case(small, case_id).status is CaseStatus.COMPLETED
