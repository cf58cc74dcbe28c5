"""Tasks that go from unit to unit, what may be done at them, and due dates that a timer at the edge gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.actor import Actor, actor_for
from engine.contributions.operations import OperationContext, Operations
from engine.errors import NotFound, TaskNotOpen
from models.account import Person, RoleGrant
from models.case import Task
from tests.engine.small import NOW, AnyForm, Small, chain, end, flow, process, properties, service, start, user_task

operations = Operations()
HOUR = timedelta(hours=1)


@operations.register("test_passing_on.pass_on")
def pass_on(context: OperationContext, *, submission: dict[str, Any]) -> None:
    """Give the task ``answer`` to another unit."""
    context.pass_on("answer", submission["unit"])


def timer(key: str, host: str, expression: str, *, interrupting: bool) -> str:
    ends = "true" if interrupting else "false"
    tag = "timeDuration" if expression.startswith("P") else "timeDate"
    return (
        f'<bpmn:boundaryEvent id="{key}" name="{key}" attachedToRef="{host}" cancelActivity="{ends}">'
        f"<bpmn:timerEventDefinition><bpmn:{tag}>{expression}</bpmn:{tag}></bpmn:timerEventDefinition>"
        "</bpmn:boundaryEvent>"
    )


def action(key: str, host: str) -> str:
    return (
        f'<bpmn:boundaryEvent id="{key}" attachedToRef="{host}" cancelActivity="false">{properties(role="finance")}'
        f'<bpmn:messageEventDefinition messageRef="{key}"/></bpmn:boundaryEvent>'
    )


def drawn(expression: str, *, interrupting: bool = False) -> bytes:
    return process(
        start()
        + user_task("answer", role="finance", scope="'north'", due="late")
        + action("transfer", "answer")
        + action("remark", "answer")
        + timer("late", "answer", expression, interrupting=interrupting)
        + service("passing", "test_passing_on.pass_on", submission="submission")
        + end()
        + end("passed")
        + end("told")
        + end("remarked")
        + chain("begin", "answer", "done")
        + chain("transfer", "passing", "passed")
        + flow("late", "told")
        + flow("remark", "remarked"),
        messages="transfer remark",
    )


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = with_units(Small(server, drawn("working_days(2)"), operations=operations))
    yield made
    made.close()


def with_units(small: Small) -> Small:
    with small.engine.transaction() as session:
        for name in ("north", "south"):
            grants = [RoleGrant(role="finance", scope=name)]
            session.add(
                Person(username=name, first_name=name, last_name="", password_hash="", created_at=NOW, roles=grants)
            )
    return small


def case_id(small: Small) -> int:
    return small.start().case.id


def open_tasks(small: Small, case: int) -> dict[str, Task]:
    return small.open(case)


def does(small: Small, task: Task, by: str, **values: Any) -> None:
    with small.engine.transaction() as session:
        form = AnyForm((task.process_key, task.key), values)
        small.engine.complete_task(session, task.id, by=actor(small, by), form=form)


def actor(small: Small, name: str) -> Actor:
    return small.look(lambda session: actor_for(session.scalars(select(Person).where(Person.username == name)).one()))


def test_what_can_be_done_at_a_task_is_for_the_unit_that_has_the_task(small: Small) -> None:
    tasks = open_tasks(small, case_id(small))
    assert {key: task.scope for key, task in tasks.items()} == dict.fromkeys(("answer", "transfer", "remark"), "north")
    with pytest.raises(NotFound):
        does(small, tasks["transfer"], "south", unit="south")


@pytest.mark.both_databases("saving")
def test_a_task_passed_on_stays_the_same_task_and_all_at_it_goes_along(small: Small) -> None:
    case = case_id(small)
    before = open_tasks(small, case)
    with small.engine.transaction() as session:
        small.engine.claim(session, before["answer"].id, by=actor(small, "north"))
    small.clock.now += HOUR
    does(small, before["transfer"], "north", unit="south")

    after = open_tasks(small, case)
    assert {key: task.scope for key, task in after.items()} == dict.fromkeys(("answer", "transfer", "remark"), "south")
    moved = after["answer"]
    assert (moved.id, moved.due_at, moved.assignee_id, moved.claimed) == (
        before["answer"].id,
        before["answer"].due_at,
        None,
        False,
    )
    does(small, after["transfer"], "south", unit="north")
    assert open_tasks(small, case)["transfer"].scope == "north"


def test_a_task_is_due_when_the_timer_at_its_edge_goes_off(small: Small) -> None:
    task = open_tasks(small, case_id(small))["answer"]
    assert task.due_at == small.engine.services.calendar.add_working_days(NOW, 2)
    assert (task.counted_from, task.working_days) == (NOW, 2)


def test_a_length_of_time_does_as_well_and_what_ended_the_task_is_told(server: str) -> None:
    small = with_units(Small(server, drawn("PT4H", interrupting=True), operations=operations))
    case = case_id(small)
    task = open_tasks(small, case)["answer"]
    assert task.due_at == NOW + 4 * HOUR
    small.clock.now += 5 * HOUR
    with pytest.raises(TaskNotOpen) as at_once:
        does(small, task, "north")
    assert at_once.value.because == "late"
    small.worker.work()
    with pytest.raises(TaskNotOpen) as later:
        does(small, task, "north")
    assert (later.value.because, later.value.at) == ("late", NOW + 5 * HOUR)
    small.close()
