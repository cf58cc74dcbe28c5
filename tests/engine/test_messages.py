"""Messages from one case to another by correlation key, through the service and the worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_events
from sqlalchemy import func, select

from engine.errors import OperationFailed
from engine.jobs import event_delivery, runner
from engine.jobs.worker import Worker
from engine.queries import cases
from models.case import Case, HistoryEntry
from models.job import JobKind
from tests.engine.small import NOW, Small, chain, end, event, process, service, start, user_task
from tests.engine.trade import (
    BUYER,
    SELLER,
    buy,
    open_incidents,
    open_keys,
    operations,
    sell,
    subscriptions,
    waiting_jobs,
)


@pytest.fixture
def office(server: str) -> Iterator[Small]:
    small = Small(server, BUYER, SELLER)
    yield small
    small.close()


@pytest.mark.both_databases("story")
def test_a_message_reaches_the_case_with_its_key_and_brings_only_what_is_named(office: Small) -> None:
    mine, other = buy(office, "A1"), buy(office, "B2")
    sender = sell(office, "A1", secret="x")
    assert open_keys(office, sender) == ["rest"]  # the sender waits for nobody
    assert open_keys(office, mine) == []
    office.worker.work()
    assert (open_keys(office, mine), open_keys(office, other)) == (["ship"], [])
    assert office.open(mine)["ship"].scope == "7"
    assert subscriptions(office) == [(other, "paid", "B2")]
    assert waiting_jobs(office) == []
    line = office.look(
        lambda session: session.scalars(select(HistoryEntry).where(HistoryEntry.what == "message_received")).one()
    )
    assert (line.case_id, line.task_key, line.details) == (
        mine,
        "await_payment",
        {"values": {"amount": 7, "order": "A1"}},
    )


def test_a_case_without_a_key_takes_nobodys_message(office: Small) -> None:
    keyless = [buy(office, None), buy(office, "")]
    sell(office, "A1")
    office.worker.work()
    assert [open_keys(office, case_id) for case_id in keyless] == [[], []]
    assert [key for *_, key in subscriptions(office)] == [None, None]
    sell(office, None)  # and a message without a key goes to nobody who waits
    office.worker.work()
    assert len(waiting_jobs(office)) == 2


def test_a_number_and_its_text_are_the_same_key(office: Small) -> None:
    case_id = buy(office, 17)
    sell(office, "17")
    office.worker.work()
    assert open_keys(office, case_id) == ["ship"]


@pytest.mark.both_databases("jobs")
def test_of_several_that_wait_the_oldest_subscription_takes_it(office: Small) -> None:
    first, second = buy(office), buy(office)
    sell(office)
    office.worker.work()
    assert (open_keys(office, first), open_keys(office, second)) == (["ship"], [])
    sell(office)
    office.worker.work()
    assert open_keys(office, second) == ["ship"]


@pytest.mark.both_databases("jobs")
def test_a_message_that_nobody_waits_for_yet_is_tried_again_with_growing_pauses(office: Small) -> None:
    sell(office)
    office.worker.work()
    (job,) = waiting_jobs(office)
    assert (job.attempts, job.run_at) == (1, NOW + timedelta(seconds=5))
    office.clock.now += timedelta(seconds=5)
    office.worker.work()
    (job,) = waiting_jobs(office)
    assert (job.attempts, job.run_at) == (2, office.clock.now + timedelta(seconds=10))
    case_id = buy(office)
    office.clock.now += timedelta(seconds=10)
    office.worker.work()
    assert open_keys(office, case_id) == ["ship"]
    assert waiting_jobs(office) == []


def test_at_last_it_is_an_incident_that_a_supervisor_may_retry(office: Small) -> None:
    sender = sell(office)
    for _ in range(event_delivery.MESSAGE_ATTEMPTS):
        office.worker.work()
        office.clock.now += timedelta(minutes=5)
    (incident,) = open_incidents(office)
    assert (incident.case_id, incident.element_id, incident.operation) == (sender, "tell", "message paid")
    assert "A1" in incident.message
    office.worker.work()
    assert waiting_jobs(office)[0].run_at is None
    case_id = buy(office)
    with office.engine.transaction() as session:
        office.engine.supervision.retry_incident(session, incident.id, by=office.actor("boss"))
    office.worker.work()
    assert open_keys(office, case_id) == ["ship"]
    assert open_incidents(office) == []


@pytest.mark.both_databases("jobs")
def test_a_message_for_a_suspended_case_is_held_until_it_resumes(office: Small) -> None:
    case_id, boss = buy(office), office.actor("boss")
    with office.engine.transaction() as session:
        office.engine.supervision.suspend(session, case_id, by=boss)
    sell(office)
    office.worker.work()
    (job,) = waiting_jobs(office)
    assert (job.run_at, job.attempts) == (None, 0)
    with office.engine.transaction() as session:
        office.engine.supervision.resume(session, case_id, by=boss)
    office.worker.work()
    assert open_keys(office, case_id) == ["ship"]
    assert waiting_jobs(office) == []


def test_a_message_held_for_a_case_that_is_cancelled_goes_to_another_one(office: Small) -> None:
    first, second, boss = buy(office), buy(office), office.actor("boss")
    with office.engine.transaction() as session:
        office.engine.supervision.suspend(session, first, by=boss)
    sender = sell(office)
    office.worker.work()
    with office.engine.transaction() as session:
        office.engine.supervision.cancel_case(session, first, by=boss, reason="x")
    assert [case_id for case_id, *_ in subscriptions(office)] == [second]
    with office.engine.transaction() as session:  # what is thrown is out, whatever becomes of the sender
        office.engine.supervision.cancel_case(session, sender, by=boss, reason="x")
    office.worker.work()
    assert open_keys(office, second) == ["ship"]


def test_what_the_case_waits_for_is_told_with_its_key(office: Small) -> None:
    case_id, keyless = buy(office, "A1"), buy(office, None)

    def told(session: Any, case: int) -> str:
        (sentence,) = cases.sentences(session, session.get_one(Case, case))
        return sentence

    assert "«paid» با کلید «A1»" in office.look(lambda session: told(session, case_id))
    assert "هنوز کلیدی ندارد" in office.look(lambda session: told(session, keyless))
    sender = sell(office, "ZZ")
    (wait,) = office.look(lambda session: cases.waits_for(session, session.get_one(Case, sender)))
    assert wait.task_key == "rest"  # a message on its way is nothing that the sender waits for
    view = office.look(lambda session: cases.diagram(session, session.get_one(Case, case_id)))
    assert view.waiting == ["await_payment"]


def test_a_key_that_is_no_text_and_no_number_fails_at_its_element(office: Small) -> None:
    case_id = office.start("seller").case.id
    with pytest.raises(OperationFailed) as failed:
        office.complete(case_id, "bill", order=["A1"], amount=7)
    assert (failed.value.element, failed.value.operation) == ("tell", "correlation_key")
    assert open_keys(office, case_id) == ["bill"]
    assert [incident.element_id for incident in open_incidents(office)] == ["tell"]


def test_a_payload_without_a_value_fails_at_its_element(office: Small) -> None:
    case_id = office.start("seller").case.id
    with pytest.raises(OperationFailed) as failed:
        office.complete(case_id, "bill", order="A1")
    assert failed.value.element == "tell"
    assert open_keys(office, case_id) == ["bill"]


# ---------------------------------------------------------------- exactly once


@pytest.mark.both_databases("locking")
def test_two_workers_race_for_one_delivery_and_one_of_them_makes_it(office: Small) -> None:
    waits = [buy(office, f"A{number}") for number in range(6)]
    for number in range(6):
        sell(office, f"A{number}")
    others = [Worker(office.engine) for _ in range(3)]
    for number, worker in enumerate(others):
        worker.name = f"worker-{number}"
    threads = [threading.Thread(target=worker.work) for worker in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    office.worker.work()
    assert [open_keys(office, case_id) for case_id in waits] == [["ship"]] * 6
    received = select(func.count(HistoryEntry.id)).where(HistoryEntry.what == "message_received")
    assert office.look(lambda session: session.scalar(received)) == 6
    assert waiting_jobs(office) == []


@pytest.mark.both_databases("locking")
def test_a_worker_whose_lease_ran_out_delivers_nothing(office: Small) -> None:
    case_id = buy(office)
    sell(office)
    with office.engine.transaction() as session:
        (job_id,) = runner.take(session, owner="slow", now=office.clock(), limit=5)
    office.clock.now += timedelta(minutes=2)
    with office.engine.transaction() as session:
        assert runner.take(session, owner="quick", now=office.clock(), limit=5) == [job_id]
    slow = waiting_jobs(office)[0]
    assert not event_delivery.run(office.engine, slow, owner="slow")
    assert open_keys(office, case_id) == []
    assert runner.run(office.engine, job_id, owner="quick")
    assert not runner.run(office.engine, job_id, owner="quick")
    assert open_keys(office, case_id) == ["ship"]


@pytest.mark.both_databases("jobs")
def test_after_a_crash_between_throw_and_delivery_the_job_is_there(office: Small) -> None:
    case_id = buy(office)
    sell(office)  # the process dies here: the step is committed, and so is the job
    (job,) = waiting_jobs(office)
    assert (job.kind, job.arguments["payload"]) == (JobKind.MESSAGE, {"amount": 7, "order": "A1"})
    with office.engine.transaction() as session:  # and a worker that has taken it dies, too
        runner.take(session, owner="dead", now=office.clock(), limit=5)
    office.worker.work()
    assert open_keys(office, case_id) == []
    office.clock.now += timedelta(minutes=2)
    office.worker.work()
    assert open_keys(office, case_id) == ["ship"]


@pytest.mark.both_databases("saving")
def test_a_delivery_that_fails_half_way_keeps_nothing(server: str) -> None:
    buyer = process(
        start()
        + user_task("fill")
        + event("intermediateCatchEvent", "await_payment", "message paid", correlation_key="order")
        + service("try", "trade.fails", amount="amount - 7")
        + end()
        + chain("begin", "fill", "await_payment", "try", "done"),
        key="buyer",
        messages="paid",
    )
    office = Small(server, buyer, SELLER, operations=operations)
    case_id = buy(office)
    sender = sell(office)
    office.worker.work()
    assert subscriptions(office) == [(case_id, "paid", "A1")]
    assert [(incident.case_id, incident.element_id) for incident in open_incidents(office)] == [(case_id, "try")]
    (job,) = waiting_jobs(office)
    assert (job.case_id, job.attempts) == (sender, 1)
    office.close()


# ---------------------------------------------------------------- what it costs


@pytest.mark.both_databases("sql")
def test_a_step_without_such_events_costs_nothing_more_however_many_wait(office: Small) -> None:
    def statements_of_a_step() -> int:
        case_id = sell(office, "nobody")
        counted: list[str] = []

        def count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            counted.append(statement)

        sql_events.listen(office.database, "before_cursor_execute", count)
        office.complete(case_id, "rest")
        sql_events.remove(office.database, "before_cursor_execute", count)
        assert not [statement for statement in counted if "event_subscriptions" in statement]
        return len(counted)

    before = statements_of_a_step()
    for number in range(20):
        buy(office, f"C{number}")
    assert statements_of_a_step() == before
