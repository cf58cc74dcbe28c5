"""Tasks that are kept shut while an activity is at work: everybody sees them, nobody can complete them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_events
from sqlalchemy import select

from engine.contributions.operations import OperationContext, Operations
from engine.errors import Conflict, TaskLocked
from models.account import Person
from models.case import Participant, Task, TaskDraft, TaskKind, TaskStatus
from tests.engine.small import AnyForm, Small, chain, end, event, flow, process, properties, service, start, user_task

operations = Operations()


@operations.register("test_task_locks.give_desk")
def give_desk(context: OperationContext, *, to: str) -> dict[str, Any]:
    """Binds the lane of finance to a person, or to nobody."""
    found = context.session.scalars(select(Person.id).where(Person.username == to)).one_or_none()
    context.bind("finance", found)
    return {}


GATE = '<bpmn:exclusiveGateway id="{0}" default="{1}"/>'
TIMED = '<bpmn:timerEventDefinition><bpmn:timeDuration>"PT1H"</bpmn:timeDuration></bpmn:timerEventDefinition>'


def subprocess(identifier: str, body: str, **more: str) -> str:
    return f'<bpmn:subProcess id="{identifier}" name="بدهی">{properties(**more)}{body}</bpmn:subProcess>'


def message(identifier: str, at: str, *, interrupting: bool = True, role: str = "citizen") -> str:
    cancels = "" if interrupting else 'cancelActivity="false"'
    return event(
        "boundaryEvent",
        identifier,
        "message asked",
        attributes=f'attachedToRef="{at}" {cancels}',
        role=role,
        kind="action",
    )


DEBT = subprocess(
    "debt",
    start("owing") + user_task("pay") + end("settled") + chain("owing", "pay", "settled"),
    locks="visit",
    lock_reason="answer",
)
# ask → debt (locks visit) → visit (finance) → again? → ask
LOOP = process(
    start()
    + user_task("ask")
    + DEBT
    + user_task("visit", role="finance", due="in_a_day()", priority="7")
    + GATE.format("again", "again_done")
    + end()
    + message("give_up", "debt")
    + end("given_up")
    + chain("begin", "ask", "debt", "visit", "again", "done")
    + flow("again", "debt", "answer == 'more'")
    + flow("give_up", "given_up"),
    messages="asked",
)
# a stage with the debt in it; dismissing begins it anew, with another person at the desk
STAGE = process(
    start()
    + service("desk", "test_task_locks.give_desk", to="'reza'")
    + subprocess(
        "stage",
        start("staged")
        + DEBT
        + user_task("visit", role="finance")
        + end("visited")
        + chain("staged", "debt", "visit", "visited"),
    )
    + message("dismiss", "stage")
    + service("undesk", "test_task_locks.give_desk", to="answer")
    + end()
    + chain("begin", "desk", "stage", "done")
    + chain("dismiss", "undesk", "stage"),
    key="staged",
    messages="asked",
).replace(
    b'value="answer"/></spiffworkflow:properties></bpmn:extensionElements><bpmn:startEvent id="owing"',
    b"value=\"'\xd8\xa8\xd8\xaf\xd9\x87\xdb\x8c'\"/></spiffworkflow:properties></bpmn:extensionElements>"
    b'<bpmn:startEvent id="owing"',
)
# visit is open, and a debt that comes beside it shuts it
BESIDE = process(
    start()
    + user_task("visit", role="finance")
    + message("owe", "visit", interrupting=False)
    + user_task("pay", locks="visit")
    + end("paid")
    + end()
    + chain("begin", "visit", "done")
    + chain("owe", "pay", "paid"),
    key="beside",
    messages="asked",
)
# two activities shut one task, one of them by its own name
TWO = process(
    start()
    + '<bpmn:parallelGateway id="fork"/><bpmn:parallelGateway id="join"/>'
    + user_task("one", locks="visit")
    + user_task("two", locks="visit, other")
    + user_task("visit", role="finance")
    + user_task("other")
    + end()
    + chain("begin", "fork", "one", "join", "visit", "other", "done")
    + chain("fork", "two", "join"),
    key="two",
)
TIMER = process(
    start()
    + user_task("visit", role="finance")
    + f'<bpmn:boundaryEvent id="late" attachedToRef="visit" cancelActivity="false">{TIMED}</bpmn:boundaryEvent>'
    + user_task("pay", locks="visit")
    + end("paid")
    + end()
    + chain("begin", "visit", "done")
    + chain("late", "pay", "paid"),
    key="timer",
)
CALLED = process(
    start() + user_task("pay", locks="visit") + user_task("visit") + end() + chain("begin", "pay", "visit", "done"),
    key="called",
)
CALLING = process(
    start() + '<bpmn:parallelGateway id="fork"/><bpmn:parallelGateway id="join"/>'
    '<bpmn:callActivity id="first" calledElement="called"/><bpmn:callActivity id="second" calledElement="called"/>'
    + end("end")
    + chain("begin", "fork", "first", "join", "end")
    + chain("fork", "second", "join"),
    key="calling",
)
OUTER = process(
    start() + f'<bpmn:callActivity id="calls" calledElement="called">{properties(locks="after", lock_reason="why")}'
    "</bpmn:callActivity>" + user_task("after", role="finance") + end("end") + chain("begin", "calls", "after", "end"),
    key="outer",
)
STEPS = start() + user_task("first") + user_task("second") + user_task("third") + end()
PLAIN = process(STEPS + chain("begin", "first", "second", "third", "done"), key="plain")
IDLE = process(
    STEPS.replace(user_task("third"), user_task("third", locks="first"))
    + chain("begin", "first", "second", "third", "done"),
    key="idle",
)


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = Small(server, LOOP, STAGE, BESIDE, TWO, TIMER, CALLED, CALLING, OUTER, PLAIN, IDLE, operations=operations)
    yield made
    made.close()


def in_debt(small: Small, why: str = "بدهی دارد") -> int:
    case_id = small.start().case.id
    small.complete(case_id, "ask", answer=why)
    return case_id


def rows(small: Small, case_id: int, key: str) -> list[Task]:
    return list(
        small.look(
            lambda session: session.scalars(
                select(Task).where(Task.case_id == case_id, Task.key == key).order_by(Task.id)
            ).all()
        )
    )


def test_the_named_task_is_there_and_says_why_it_is_shut(small: Small) -> None:
    case_id = in_debt(small)
    visit = small.open(case_id)["visit"]
    assert (visit.locked, visit.kind, visit.role, visit.priority) == (
        "بدهی دارد",
        TaskKind.USER_TASK,
        "finance",
        7,
    )
    assert visit.due_at is None


def test_nobody_completes_it_and_nothing_moves(small: Small) -> None:
    case_id = in_debt(small)
    with pytest.raises(TaskLocked) as shut:
        small.complete(case_id, "visit", by="reza")
    assert shut.value.reason == "بدهی دارد"
    assert set(small.open(case_id)) == {"pay", "visit", "give_up"}


@pytest.mark.both_databases("saving")
def test_when_the_activity_ends_the_same_row_becomes_the_task(small: Small) -> None:
    case_id = in_debt(small)
    before = small.open(case_id)["visit"]
    with small.engine.transaction() as session:
        small.engine.save_draft(session, before.id, by=small.actor("reza"), values={"answer": "فردا"})
    small.clock.now += timedelta(hours=1)
    small.complete(case_id, "pay")
    visit = small.open(case_id)["visit"]
    assert visit.id == before.id
    assert (visit.locked, visit.due_at is not None, visit.sort_due_at) == (None, True, visit.due_at)
    assert visit.token != before.token
    assert visit.since > before.since
    assert small.look(lambda session: session.scalars(select(TaskDraft)).one().values) == {"answer": "فردا"}
    small.complete(case_id, "visit", by="reza", answer="enough")
    assert [row.status for row in rows(small, case_id, "visit")] == [TaskStatus.COMPLETED]


def test_whoever_has_taken_it_keeps_it(small: Small) -> None:
    case_id = in_debt(small)
    visit = small.open(case_id)["visit"]
    with small.engine.transaction() as session:
        small.engine.claim(session, visit.id, by=small.actor("reza"))
    small.complete(case_id, "pay")
    visit = small.open(case_id)["visit"]
    assert (visit.assignee_id, visit.claimed) == (small.actor("reza").person_id, True)


def test_its_group_sees_the_case_from_then_on(small: Small) -> None:
    case_id = in_debt(small)
    roles = small.look(
        lambda session: set(session.scalars(select(Participant.role).where(Participant.case_id == case_id)))
    )
    assert "finance" in roles


def test_an_interrupted_activity_takes_the_shut_task_along(small: Small) -> None:
    case_id = in_debt(small)
    with small.engine.transaction() as session:
        small.engine.deliver(session, case_id, "give_up", by=small.actor("ali"))
    assert small.open(case_id) == {}
    assert [row.status for row in rows(small, case_id, "visit")] == [TaskStatus.CANCELLED]


def test_a_cancelled_case_takes_it_along(small: Small) -> None:
    case_id = in_debt(small)
    with small.engine.transaction() as session:
        small.engine.supervision.cancel_case(session, case_id, by=small.actor("boss"), reason="x")
    assert small.open(case_id) == {}


def test_each_round_has_its_own(small: Small) -> None:
    case_id = in_debt(small)
    small.complete(case_id, "pay")
    small.complete(case_id, "visit", by="reza", answer="more")
    assert small.open(case_id)["visit"].locked == "more"
    small.complete(case_id, "pay")
    assert small.open(case_id)["visit"].locked is None
    assert len(rows(small, case_id, "visit")) == 2


@pytest.mark.both_databases("saving")
def test_a_stage_that_begins_anew_keeps_the_row_and_moves_it_to_the_new_person(small: Small) -> None:
    case_id = small.start("staged").case.id
    before = small.open(case_id)["visit"]
    assert before.assignee_id == small.actor("reza").person_id
    small.complete(case_id, "dismiss", answer="sara")
    visit = small.open(case_id)["visit"]
    assert (visit.id, visit.assignee_id, visit.locked) == (before.id, small.actor("sara").person_id, "بدهی")
    small.complete(case_id, "dismiss", answer="nobody")
    assert small.open(case_id)["visit"].assignee_id is None
    small.complete(case_id, "pay")
    assert small.open(case_id)["visit"].locked is None
    assert len(rows(small, case_id, "visit")) == 1


def test_a_task_that_is_open_already_is_shut_and_opened_again(small: Small) -> None:
    case_id = small.start("beside").case.id
    before = small.open(case_id)["visit"]
    assert before.locked is None
    small.complete(case_id, "owe")
    assert (small.open(case_id)["visit"].id, small.open(case_id)["visit"].locked) == (before.id, "pay")
    with pytest.raises(TaskLocked):
        small.complete(case_id, "visit", by="reza")
    small.complete(case_id, "pay")
    assert small.open(case_id)["visit"].locked is None
    small.complete(case_id, "visit", by="reza")
    assert len(rows(small, case_id, "visit")) == 1


def test_of_two_locks_the_last_one_opens_it(small: Small) -> None:
    case_id = small.start("two").case.id
    (before,) = rows(small, case_id, "visit")
    assert {key for key, task in small.open(case_id).items() if task.locked} == {"visit", "other"}
    small.complete(case_id, "one")
    assert small.open(case_id)["visit"].locked == "two"
    small.complete(case_id, "two")
    visit = small.open(case_id)
    assert set(visit) == {"visit"}
    assert (visit["visit"].id, visit["visit"].locked) == (before.id, None)
    assert [row.status for row in rows(small, case_id, "other")] == [TaskStatus.CANCELLED]


@pytest.mark.parametrize("first", ["one", "two"])
def test_in_whichever_order_the_locks_end(small: Small, first: str) -> None:
    case_id = small.start("two").case.id
    other = "two" if first == "one" else "one"
    small.complete(case_id, first)
    assert small.open(case_id)["visit"].locked == other
    small.complete(case_id, other)
    assert len(rows(small, case_id, "visit")) == 1


@pytest.mark.both_databases("locking")
def test_a_due_timer_that_shuts_the_task_comes_before_whoever_completes_it(small: Small) -> None:
    case_id = small.start("timer").case.id
    small.clock.now += timedelta(hours=2)
    with pytest.raises(TaskLocked):
        small.complete(case_id, "visit", by="reza")
    small.worker.work()
    assert small.open(case_id)["visit"].locked == "pay"


def test_each_call_of_a_process_shuts_its_own_task(small: Small) -> None:
    case_id = small.start("calling").case.id
    assert [row.locked for row in rows(small, case_id, "visit")] == ["pay", "pay"]
    small.complete(case_id, "pay")
    assert sorted(str(row.locked) for row in rows(small, case_id, "visit")) == ["None", "pay"]


def test_a_called_process_shuts_a_task_of_its_caller(small: Small) -> None:
    case_id = small.start("outer", why="پرداخت مانده است").case.id
    assert small.open(case_id)["after"].locked == "پرداخت مانده است"
    small.complete(case_id, "pay")
    small.complete(case_id, "visit")
    assert small.open(case_id)["after"].locked is None


@pytest.mark.both_databases("saving")
def test_a_long_reason_is_cut_and_none_is_the_activitys_name(small: Small) -> None:
    assert len(small.open(in_debt(small, "ب" * 400))["visit"].locked or "") == 300
    assert small.open(in_debt(small, ""))["visit"].locked == "بدهی"


def statements_of(small: Small, case_id: int, key: str, **more: str) -> list[str]:
    counted: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counted.append(statement.partition(" ")[0])

    sql_events.listen(small.database, "before_cursor_execute", count)
    small.complete(case_id, key, **more)
    sql_events.remove(small.database, "before_cursor_execute", count)
    return counted


@pytest.mark.both_databases("sql")
def test_a_step_without_locks_costs_nothing_more_and_an_opened_one_an_update(small: Small) -> None:
    plain, other = small.start("plain").case.id, small.start("idle").case.id
    assert statements_of(small, plain, "first") == statements_of(small, other, "first")
    opening = statements_of(small, in_debt(small), "pay")
    # The row is changed: nothing is inserted, and nobody asks whose it is.
    assert len(opening) <= len(statements_of(small, small.start("plain").case.id, "first"))


@pytest.mark.both_databases("locking")
def test_paying_and_completing_at_once_is_decided_by_the_cases_lock(small: Small) -> None:
    """Whoever completes the shut task is told that it is shut, or comes after the payment; nothing in between."""
    for _ in range(5):
        case_id = in_debt(small)
        tasks, actors = small.open(case_id), {"pay": small.actor("ali"), "visit": small.actor("reza")}
        ready, told = threading.Barrier(2), dict.fromkeys(actors, "done")

        def complete(key: str, tasks: Any = tasks, actors: Any = actors, ready: Any = ready, told: Any = told) -> None:
            ready.wait(10)
            try:
                with small.engine.transaction() as session:
                    form = AnyForm(("small", key), {"answer": "enough"})
                    small.engine.complete_task(session, tasks[key].id, by=actors[key], form=form)
            except (TaskLocked, Conflict) as error:
                told[key] = type(error).__name__

        threads = [threading.Thread(target=complete, args=(key,)) for key in actors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert told["pay"] == "done"
        ended = not small.open(case_id)
        assert ended == (told["visit"] == "done")
        assert len(rows(small, case_id, "visit")) == 1
