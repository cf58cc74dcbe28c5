"""What can happen to a case, on both databases: completing, refusing, claiming, failing, timing, suspending."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import undefer

from engine.bpmn.diagram import read_diagrams
from engine.contributions.operations import OperationContext, Operations, OutsideContext
from engine.deployment import definitions
from engine.errors import (
    EngineError,
    InvalidSubmission,
    NotAllowed,
    NotFound,
    OperationFailed,
    Refusal,
    TaskClaimed,
    TaskNotOpen,
)
from engine.jobs import purge
from models.account import RoleGrant
from models.case import Case, CaseStatus, HistoryEntry, Task, TaskDraft
from models.job import Incident, Job
from models.organisation import Role
from models.outbox import Sms
from tests.engine.small import NOW, AnyForm, Small, chain, end, flow, process, properties, service, start, user_task

pytestmark = pytest.mark.both_databases("saving")

operations = Operations()
outcomes: dict[str, Any] = {}


@operations.register("test_service.weigh")
def weigh(context: OperationContext, *, submission: dict[str, Any]) -> dict[str, Any]:
    """Refuses "no", fails at "break", sends an SMS otherwise."""
    context.sms("09120000000", f"پاسخ: {submission['answer']}")
    if submission["answer"] == "no":
        raise Refusal({"answer": ["نه پذیرفته نیست."]})
    if submission["answer"] == "break":
        raise ValueError("broken inside")
    context.flash("ثبت شد.")
    return {"weight": 3}


@operations.register("test_service.ask_outside", outside=True, attempts=2)
def ask_outside(context: OutsideContext, *, weight: int) -> dict[str, Any]:
    """Answers what the test has put into ``outcomes``; raises it when it is an exception."""
    outcomes.setdefault("keys", []).append(context.idempotency_key)
    answer = outcomes["answer"]
    if isinstance(answer, Exception):
        raise answer
    return {"weight": weight, "said": answer}


LOOP = process(
    start()
    + user_task("ask")
    + service("weighing", "test_service.weigh", submission="submission")
    + '<bpmn:exclusiveGateway id="again" default="again_done"/>'
    + end()
    + chain("begin", "ask", "weighing", "again", "done")
    + flow("again", "ask", "answer == 'more'")
)
OUTSIDE = process(
    start()
    + user_task("ask")
    + service("weighing", "test_service.weigh", submission="submission")
    + service("net", "test_service.ask_outside", result="told", weight="result['weight']")
    + user_task("after")
    + end()
    + chain("begin", "ask", "weighing", "net", "after", "done"),
    key="outside",
)
TIMED = process(
    start()
    + user_task("wait", role="finance")
    + user_task("chased", role="finance")
    + end()
    + end("late_end")
    + '<bpmn:boundaryEvent id="late" attachedToRef="wait"><bpmn:timerEventDefinition><bpmn:timeDuration>"PT1H"'
    "</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>"
    f'<bpmn:boundaryEvent id="withdraw" attachedToRef="wait">{properties(role="citizen")}'
    '<bpmn:messageEventDefinition messageRef="withdrawn"/></bpmn:boundaryEvent>'
    + end("withdrawn_end")
    + chain("begin", "wait", "done")
    + chain("late", "chased", "late_end")
    + flow("withdraw", "withdrawn_end"),
    key="timed",
    messages="withdrawn",
)


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    outcomes.clear()
    made = Small(server, LOOP, OUTSIDE, TIMED, operations=operations)
    yield made
    made.close()


def case_of(small: Small, case_id: int) -> Case:
    found: Case = small.look(lambda session: session.get(Case, case_id, options=[undefer(Case.state)]))
    return found


def count(small: Small, table: type) -> int:
    found: int = small.look(lambda session: session.scalar(select(func.count()).select_from(table)))
    return found


def test_a_case_starts_with_a_number_and_its_first_task_for_the_starter(small: Small) -> None:
    case = small.start().case
    assert case.number == "1405-000001-8"
    assert [(task.key, task.assignee_id) for task in small.open(case.id).values()] == [
        ("ask", small.actor("ali").person_id)
    ]


def test_a_process_of_another_role_cannot_be_started_and_is_not_told_to_exist(small: Small) -> None:
    with pytest.raises(NotFound):
        small.start(by="reza")


def test_completing_a_task_runs_on_to_the_next_wait_and_tells_the_person(small: Small) -> None:
    case = small.start().case
    result = small.complete(case.id, "ask", answer="more")
    assert result.flashes == ["ثبت شد."]
    assert [task.key for task in small.open(case.id).values()] == ["ask"]
    assert small.complete(case.id, "ask", answer="enough").case.status is CaseStatus.COMPLETED
    assert case_of(small, case.id).outcome == "done"


def test_what_was_submitted_is_not_kept_in_the_state_but_for_what_the_diagram_reads(small: Small) -> None:
    case = small.start().case
    small.complete(case.id, "ask", answer="more", secret="شمارهٔ ملی")
    state = case_of(small, case.id).state.decode()
    assert "more" in state
    assert "شمارهٔ ملی" not in state


def test_a_refusal_of_an_operation_undoes_everything_and_leaves_the_task(small: Small) -> None:
    case = small.start().case
    before = case_of(small, case.id)
    with pytest.raises(InvalidSubmission) as refused:
        small.complete(case.id, "ask", answer="no")
    assert refused.value.errors == {"answer": ["نه پذیرفته نیست."]}
    after = case_of(small, case.id)
    assert (after.revision, after.state) == (before.revision, before.state)
    assert list(small.open(case.id)) == ["ask"]
    assert count(small, Sms) == 0


def test_a_failing_operation_leaves_the_task_and_an_incident_that_counts_up(small: Small) -> None:
    case = small.start().case
    for _ in range(2):
        with pytest.raises(OperationFailed):
            small.complete(case.id, "ask", answer="break")
    assert list(small.open(case.id)) == ["ask"]
    assert count(small, Sms) == 0
    incident = small.look(lambda session: session.scalars(select(Incident)).one())
    assert (incident.element_id, incident.times, incident.case_id) == ("weighing", 2, case.id)
    assert "broken inside" in incident.message


def test_the_second_of_two_completions_is_told_who_was_quicker(small: Small) -> None:
    case = small.start().case
    task = small.open(case.id)["ask"]
    small.complete(case.id, "ask", answer="more")
    with pytest.raises(TaskNotOpen) as late, small.engine.transaction() as session:
        form = AnyForm(("small", "ask"), {"answer": "more"})
        small.engine.complete_task(session, task.id, by=small.actor("ali"), form=form)
    assert (late.value.status, late.value.case) == ("completed", case.number)
    assert (late.value.by or "").strip() == "ali"


def test_many_at_once_complete_a_task_once(small: Small) -> None:
    case = small.start().case
    task, actor = small.open(case.id)["ask"], small.actor("ali")
    told: list[str] = []

    def complete() -> None:
        form = AnyForm(("small", "ask"), {"answer": "more"})
        try:
            small.engine.in_transaction(
                lambda session: small.engine.complete_task(session, task.id, by=actor, form=form)
            )
            told.append("done")
        except EngineError as error:
            told.append(error.code)

    threads = [threading.Thread(target=complete) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["done"] + ["task_not_open"] * 5
    assert count(small, Sms) == 1
    entries = select(func.count()).select_from(HistoryEntry).where(HistoryEntry.what == "task_completed")
    assert small.look(lambda session: session.scalar(entries)) == 1


def test_a_stranger_does_not_find_the_task(small: Small) -> None:
    case = small.start().case
    with pytest.raises(NotFound):
        small.complete(case.id, "ask", by="sara", answer="more")


def test_a_claimed_task_is_one_persons_until_it_is_released(small: Small) -> None:
    case = small.start("timed").case
    task = small.open(case.id)["wait"]
    assert task.assignee_id is None
    with small.engine.transaction() as session:
        assert small.engine.claim(session, task.id, by=small.actor("reza")).claimed
    small.add_person("mina", "finance")
    with pytest.raises(TaskClaimed), small.engine.transaction() as session:
        small.engine.claim(session, task.id, by=small.actor("mina"))
    with small.engine.transaction() as session:
        assert small.engine.release(session, task.id, by=small.actor("reza")).assignee_id is None


@pytest.mark.parametrize("how", ["complete", "claim", "release"])
def test_a_role_that_is_taken_while_the_request_waits_ends_the_act(small: Small, how: str) -> None:
    """The roles are read again under the lock: the actor of the request has those of its beginning."""
    case = small.start("timed").case
    task, reza = small.open(case.id)["wait"], small.actor("reza")
    with small.engine.transaction() as session:
        if how == "release":
            small.engine.claim(session, task.id, by=reza)
        session.execute(delete(RoleGrant).where(RoleGrant.person_id == reza.person_id))
        session.add(Role(key="finance", name_fa="مالی", name_en="Finance", position=1, active=True))
    acts = {
        "claim": small.engine.claim,
        "release": small.engine.release,
        "complete": partial(small.engine.complete_task, form=AnyForm((task.process_key, task.key), {})),
    }
    with pytest.raises(NotFound), small.engine.transaction() as session:
        acts[how](session, task.id, by=reza)


def test_a_draft_is_kept_for_its_writer_and_goes_with_the_task(small: Small) -> None:
    case = small.start().case
    task, actor = small.open(case.id)["ask"], small.actor("ali")
    with small.engine.transaction() as session:
        small.engine.save_draft(session, task.id, by=actor, values={"answer": "نیمه"})
    with small.engine.transaction() as session:
        assert small.engine.open_task(session, task.id, by=actor).draft == {"answer": "نیمه"}
    purge.sweep(small.engine)
    assert count(small, TaskDraft) == 1
    small.complete(case.id, "ask", answer="more")
    purge.sweep(small.engine)
    assert count(small, TaskDraft) == 0


def test_an_outside_operation_is_called_by_the_worker_with_one_key_over_all_tries(small: Small) -> None:
    case = small.start("outside").case
    outcomes["answer"] = RuntimeError("no network")
    small.complete(case.id, "ask", answer="yes")
    assert small.open(case.id) == {}
    small.worker.work()
    assert small.open(case.id) == {}
    outcomes["answer"] = "fine"
    small.worker.work()
    assert small.open(case.id) == {}, "the pause is not over yet"
    small.clock.advance(timedelta(seconds=10))
    small.worker.work()
    assert list(small.open(case.id)) == ["after"]
    assert len(outcomes["keys"]) == 2
    assert len(set(outcomes["keys"])) == 1
    assert count(small, Job) == 0


def test_an_outside_operation_without_tries_left_becomes_an_incident_that_a_supervisor_retries(small: Small) -> None:
    case = small.start("outside").case
    outcomes["answer"] = RuntimeError("no network")
    small.complete(case.id, "ask", answer="yes")
    for _ in range(4):
        small.worker.work()
        small.clock.advance(timedelta(minutes=10))
    incident = small.look(lambda session: session.scalars(select(Incident)).one())
    assert incident.job_id is not None
    with pytest.raises(NotAllowed), small.engine.transaction() as session:
        small.engine.supervision.retry_incident(session, incident.id, by=small.actor("ali"))
    outcomes["answer"] = "fine"
    with small.engine.transaction() as session:
        small.engine.supervision.retry_incident(session, incident.id, by=small.actor("boss"))
    small.worker.work()
    assert list(small.open(case.id)) == ["after"]
    assert small.look(lambda session: session.scalars(select(Incident)).one().resolved_at) is not None


def test_a_timer_fires_when_it_is_due_and_only_once(small: Small) -> None:
    case = small.start("timed").case
    small.clock.advance(timedelta(minutes=59))
    small.worker.work()
    assert set(small.open(case.id)) == {"wait", "withdraw"}
    small.clock.advance(timedelta(minutes=2))
    assert small.worker.work() == 1
    assert list(small.open(case.id)) == ["chased"]
    assert small.worker.work() == 0
    assert small.look(lambda session: session.get(Task, 1).status.value) == "cancelled"


def test_a_timer_that_is_due_goes_before_the_person(small: Small) -> None:
    case = small.start("timed").case
    small.clock.advance(timedelta(hours=2))
    with pytest.raises(TaskNotOpen):
        small.complete(case.id, "wait", by="reza", answer="too late")
    small.worker.work()
    assert list(small.open(case.id)) == ["chased"]


def test_an_action_interrupts_what_it_is_attached_to(small: Small) -> None:
    case = small.start("timed").case
    small.complete(case.id, "withdraw")
    assert case_of(small, case.id).outcome == "withdrawn_end"
    assert count(small, Job) == 0


def test_a_suspended_case_holds_its_timers_and_tasks_until_it_is_resumed(small: Small) -> None:
    case = small.start("timed").case
    with small.engine.transaction() as session:
        small.engine.supervision.suspend(session, case.id, by=small.actor("boss"), reason="بررسی")
    small.clock.advance(timedelta(hours=2))
    small.worker.work()
    with pytest.raises(TaskNotOpen):
        small.complete(case.id, "wait", by="reza", answer="x")
    with small.engine.transaction() as session:
        small.engine.supervision.resume(session, case.id, by=small.actor("boss"))
    small.worker.work()
    assert list(small.open(case.id)) == ["chased"]


def test_a_cancelled_case_leaves_nothing_waiting(small: Small) -> None:
    case = small.start("timed").case
    with small.engine.transaction() as session:
        small.engine.supervision.cancel_case(session, case.id, by=small.actor("boss"), reason="اشتباه")
    assert small.open(case.id) == {}
    assert count(small, Job) == 0
    assert case_of(small, case.id).status is CaseStatus.CANCELLED


def test_a_case_stays_on_the_version_it_was_started_on(small: Small) -> None:
    case = small.start().case
    other = LOOP.replace(b'name="ask"', b'name="ask anew"')
    with small.engine.transaction() as session:
        made = definitions.deploy(session, {"small": read_diagrams(other)[0]}, now=NOW)
        assert [row.version for row in made] == [2]
    small.complete(case.id, "ask", answer="more")
    assert small.open(case.id)["ask"].name == "ask"
    assert small.open(small.start().case.id)["ask"].name == "ask anew"


def test_the_state_does_not_grow_with_the_visits(small: Small) -> None:
    case = small.start().case
    sizes = []
    for _ in range(30):
        small.complete(case.id, "ask", answer="more")
        sizes.append(len(case_of(small, case.id).state))
    assert sizes[-1] == sizes[2]
