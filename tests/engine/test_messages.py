"""Messages from one case to another by correlation key, through the service and the worker, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_events
from sqlalchemy import func, select

from engine import cases, checking, delivery, jobs
from engine.diagrams import read as diagrams_of
from engine.errors import OperationFailed
from engine.operations import OperationContext, Operations
from engine.worker import Worker
from models.case import Case, CaseStatus, HistoryEntry, Task, TaskStatus
from models.event import EventSubscription
from models.job import Incident, Job, JobKind
from tests.databases import SQLITE, postgres_url
from tests.engine.small import NOW, Small, chain, end, event, process, properties, service, start, user_task

operations = Operations()


@operations.register
def fails(context: OperationContext, *, amount: int) -> int:
    """Divides by what the message brought."""
    return 100 // amount


def waiting(inner: str = "", *, key: str = "buyer") -> bytes:
    """A case of an order: fills in its number, then waits for its payment."""
    return process(
        start() + user_task("fill")
        + event("intermediateCatchEvent", "await_payment", "message paid", correlation_key="order")
        + (inner or user_task("ship", due="'2026-12-01T00:00:00+00:00'", scope="amount"))
        + end() + chain("begin", "fill", "await_payment", "ship", "done"),
        key=key, messages="paid",
    )  # fmt: skip


SELLER = process(
    start() + user_task("bill")
    + event("intermediateThrowEvent", "tell", "message paid", correlation_key="order", payload="amount, order")
    + user_task("rest") + end() + chain("begin", "bill", "tell", "rest", "done"),
    key="seller", messages="paid",
)  # fmt: skip
BUYER = waiting()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)])
def server(request: pytest.FixtureRequest) -> str:
    return SQLITE if request.param == "sqlite" else postgres_url()


@pytest.fixture
def office(server: str) -> Iterator[Small]:
    small = Small(server, BUYER, SELLER)
    yield small
    small.close()


def buy(office: Small, order: Any = "A1", key: str = "buyer") -> int:
    """A case that waits for the payment of an order."""
    case_id = office.start(key).case.id
    office.complete(case_id, "fill", order=order)
    return case_id


def sell(office: Small, order: Any = "A1", **values: Any) -> int:
    case_id = office.start("seller").case.id
    office.complete(case_id, "bill", order=order, amount=7, **values)
    return case_id


def open_keys(office: Small, case_id: int) -> list[str]:
    return sorted(office.open(case_id))


def waiting_jobs(office: Small) -> list[Job]:
    return office.look(lambda session: session.scalars(select(Job).order_by(Job.id)).all())


def subscriptions(office: Small) -> list[tuple[int, str, str | None]]:
    return office.look(
        lambda session: [
            (row.case_id, row.name, row.key)
            for row in session.scalars(select(EventSubscription).order_by(EventSubscription.id))
        ]
    )


def open_incidents(office: Small) -> list[Incident]:
    return office.look(lambda session: session.scalars(select(Incident).where(Incident.resolved_at.is_(None))).all())


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


def test_of_several_that_wait_the_oldest_subscription_takes_it(office: Small) -> None:
    first, second = buy(office), buy(office)
    sell(office)
    office.worker.work()
    assert (open_keys(office, first), open_keys(office, second)) == (["ship"], [])
    sell(office)
    office.worker.work()
    assert open_keys(office, second) == ["ship"]


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
    for _ in range(delivery.MESSAGE_ATTEMPTS):
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


# ---------------------------------------------------------------- every kind of thrower and catcher


def test_end_events_and_send_tasks_send_and_receive_tasks_and_edges_take(server: str) -> None:
    send = (
        f'<bpmn:sendTask id="ask" messageRef="question">{properties(correlation_key="order", payload="order")}'
        "</bpmn:sendTask>"
    )
    receive = (
        f'<bpmn:receiveTask id="hear" messageRef="question">{properties(correlation_key="order")}</bpmn:receiveTask>'
    )
    asker = process(
        start() + user_task("fill") + send + user_task("work")
        + event(
            "boundaryEvent", "answered", "message answer", attributes='attachedToRef="work" cancelActivity="false"',
            correlation_key="order",
        )
        + user_task("read") + end() + end("also") + chain("begin", "fill", "ask", "work", "done")
        + chain("answered", "read", "also"),
        key="asker", messages="question answer",
    )  # fmt: skip
    hearer = process(
        start() + user_task("fill") + receive
        + event("endEvent", "tell", "message answer", correlation_key="order", payload="order")
        + chain("begin", "fill", "hear", "tell"),
        key="hearer", messages="question answer",
    )  # fmt: skip
    office = Small(server, asker, hearer)
    hearers = [buy(office, "A1", "hearer") for _ in range(2)]
    asked = buy(office, "A1", "asker")
    office.worker.work()
    assert open_keys(office, asked) == ["read", "work"]
    assert office.look(lambda session: session.get_one(Case, hearers[0]).status) is CaseStatus.COMPLETED
    buy(office, "A1", "asker")  # it asks the second one, whose answer the first asker, still at work, gets too
    office.worker.work()
    tasks = office.look(
        lambda session: session.scalars(select(Task.key).where(Task.case_id == asked, Task.status == "open")).all()
    )
    assert sorted(tasks) == ["read", "read", "work"]
    office.complete(asked, "work")
    assert asked not in [case_id for case_id, *_ in subscriptions(office)]
    office.close()


def test_a_person_or_a_message_may_end_the_same_wait(server: str) -> None:
    both = process(
        start() + user_task("fill")
        + event("intermediateCatchEvent", "hear", "message paid", correlation_key="order", role="citizen")
        + user_task("ship") + end() + chain("begin", "fill", "hear", "ship", "done"),
        key="buyer", messages="paid",
    )  # fmt: skip
    office = Small(server, both, SELLER)
    by_message, by_person = buy(office, "A1"), buy(office, "B2")
    sell(office, "A1")
    office.worker.work()
    assert open_keys(office, by_message) == ["ship"]
    heard = office.look(lambda session: session.scalars(select(Task).where(Task.key == "hear").order_by(Task.id)).all())
    assert [task.status for task in heard] == [TaskStatus.COMPLETED, TaskStatus.OPEN]
    with office.engine.transaction() as session:
        assert office.engine.deliver(session, by_person, "hear", by=office.actor("ali")) is not None
    assert open_keys(office, by_person) == ["ship"]
    assert subscriptions(office) == []
    office.close()


def test_the_branch_of_an_event_gateway_has_its_own_key(server: str) -> None:
    gateway = (
        '<bpmn:eventBasedGateway id="which"/>'
        + event("intermediateCatchEvent", "yes", "message paid", correlation_key="order")
        + event("intermediateCatchEvent", "no", "message refused", correlation_key="order + '-no'")
    )
    buyer = process(
        start() + user_task("fill") + gateway + user_task("after_yes") + user_task("after_no") + end() + end("d2")
        + chain("begin", "fill", "which", "yes", "after_yes", "done") + chain("which", "no", "after_no", "d2"),
        key="buyer", messages="paid refused",
    )  # fmt: skip
    office = Small(server, buyer, SELLER)
    case_id = buy(office)
    assert [(name, key) for _, name, key in subscriptions(office)] == [("paid", "A1"), ("refused", "A1-no")]
    sell(office)
    office.worker.work()
    assert open_keys(office, case_id) == ["after_yes"]
    assert subscriptions(office) == []
    office.close()


def test_an_event_subprocess_gets_its_key_when_the_case_has_it(server: str) -> None:
    beside = (
        '<bpmn:subProcess id="stop" triggeredByEvent="true">'
        + event("startEvent", "stopped", "message paid", correlation_key="order")
        + user_task("mourn")
        + end("e2")
        + chain("stopped", "mourn", "e2")
        + "</bpmn:subProcess>"
    )
    buyer = process(
        start() + user_task("fill") + user_task("work") + end() + chain("begin", "fill", "work", "done") + beside,
        key="buyer", messages="paid",
    )  # fmt: skip
    office = Small(server, buyer, SELLER)
    case_id = office.start("buyer").case.id
    assert subscriptions(office) == [(case_id, "paid", None)]
    sell(office)
    office.worker.work()
    assert open_keys(office, case_id) == ["fill"]
    office.complete(case_id, "fill", order="A1")
    assert subscriptions(office) == [(case_id, "paid", "A1")]
    office.clock.now += timedelta(seconds=5)
    office.worker.work()
    assert open_keys(office, case_id) == ["mourn"]
    office.close()


# ---------------------------------------------------------------- starting cases


def started_by_message(message: str = "paid") -> bytes:
    return process(
        event("startEvent", "begin", f"message {message}", role="citizen") + user_task("pack", scope="amount")
        + end() + chain("begin", "pack", "done"),
        key="packing", messages=message,
    )  # fmt: skip


def test_a_message_that_nobody_waits_for_starts_the_process_that_it_begins(server: str) -> None:
    office = Small(server, BUYER, SELLER, started_by_message())
    waits = buy(office)
    sender = sell(office)
    sell(office, "other")
    office.worker.work()
    assert open_keys(office, waits) == ["ship"]  # who waits with the key goes before a start
    (made,) = office.look(lambda session: session.scalars(select(Case).where(Case.process_key == "packing")).all())
    assert made.refers_to_id != sender
    assert made.started_by_id is None
    assert office.open(made.id)["pack"].scope == "7"
    assert waiting_jobs(office) == []
    assert not office.look(lambda session: office.engine.may_start(session, "packing", office.actor("ali")))
    office.close()


def test_a_case_that_cannot_be_started_is_an_incident_of_the_sender(server: str) -> None:
    broken = process(
        event("startEvent", "begin", "message paid") + service("try", "test_messages.fails", amount="amount - 7")
        + end() + chain("begin", "try", "done"),
        key="packing", messages="paid",
    )  # fmt: skip
    office = Small(server, SELLER, broken, operations=operations)
    sender = sell(office)
    for _ in range(delivery.MESSAGE_ATTEMPTS):
        office.worker.work()
        office.clock.now += timedelta(minutes=5)
    (incident,) = open_incidents(office)
    assert (incident.case_id, incident.element_id) == (sender, "tell")
    assert "ZeroDivisionError" in incident.message
    assert office.look(lambda session: session.scalar(select(func.count(Case.id)))) == 1
    office.close()


# ---------------------------------------------------------------- exactly once


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


def test_a_worker_whose_lease_ran_out_delivers_nothing(office: Small) -> None:
    case_id = buy(office)
    sell(office)
    with office.engine.transaction() as session:
        (job_id,) = jobs.take(session, owner="slow", now=office.clock(), limit=5)
    office.clock.now += timedelta(minutes=2)
    with office.engine.transaction() as session:
        assert jobs.take(session, owner="quick", now=office.clock(), limit=5) == [job_id]
    slow = waiting_jobs(office)[0]
    assert not delivery.run(office.engine, slow, owner="slow")
    assert open_keys(office, case_id) == []
    assert jobs.run(office.engine, job_id, owner="quick")
    assert not jobs.run(office.engine, job_id, owner="quick")
    assert open_keys(office, case_id) == ["ship"]


def test_after_a_crash_between_throw_and_delivery_the_job_is_there(office: Small) -> None:
    case_id = buy(office)
    sell(office)  # the process dies here: the step is committed, and so is the job
    (job,) = waiting_jobs(office)
    assert (job.kind, job.arguments["payload"]) == (JobKind.MESSAGE, {"amount": 7, "order": "A1"})
    with office.engine.transaction() as session:  # and a worker that has taken it dies, too
        jobs.take(session, owner="dead", now=office.clock(), limit=5)
    office.worker.work()
    assert open_keys(office, case_id) == []
    office.clock.now += timedelta(minutes=2)
    office.worker.work()
    assert open_keys(office, case_id) == ["ship"]


def test_a_delivery_that_fails_half_way_keeps_nothing(server: str) -> None:
    buyer = process(
        start() + user_task("fill")
        + event("intermediateCatchEvent", "await_payment", "message paid", correlation_key="order")
        + service("try", "test_messages.fails", amount="amount - 7") + end()
        + chain("begin", "fill", "await_payment", "try", "done"),
        key="buyer", messages="paid",
    )  # fmt: skip
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


# ---------------------------------------------------------------- what is refused


def findings(*diagrams: bytes) -> list[tuple[str, str, str]]:
    seam = checking.Seam(
        operations=operations, roles=frozenset({"citizen"}), functions=frozenset(),
        form_fields=lambda *_: frozenset({"order", "amount"}),
    )  # fmt: skip
    files = {f"{diagrams_of(xml)[0].key}.bpmn": xml for xml in diagrams}
    return [(found.severity, found.element, found.message) for found in checking.check(files, seam).findings]


def test_a_message_that_nobody_and_nothing_can_send_is_refused() -> None:
    deaf = process(
        start() + event("intermediateCatchEvent", "hear", "message paid") + end() + chain("begin", "hear", "done"),
        messages="paid",
    )  # fmt: skip
    (found,) = findings(deaf)
    assert found[:2] == ("error", "hear")
    assert "correlation_key" in found[2]


def test_a_thrown_message_that_nobody_of_the_bundle_receives_is_told() -> None:
    assert [found[:2] for found in findings(SELLER)] == [("warning", "tell")]
    assert [found for found in findings(SELLER, BUYER) if found[1] == "tell"] == []


def test_a_message_starts_one_process_and_no_more() -> None:
    other = started_by_message().replace(b'"packing"', b'"sending"')
    assert [found[:2] for found in findings(SELLER, started_by_message(), other)] == [("error", "begin")]


def test_a_send_task_without_a_message_is_refused() -> None:
    mute = process(start() + '<bpmn:sendTask id="ask"/>' + end() + chain("begin", "ask", "done"))
    assert [found[:2] for found in findings(mute)] == [("error", "ask")]


def test_a_subprocess_inside_the_flow_is_not_started_by_a_message() -> None:
    inner = event("startEvent", "s2", "message paid", correlation_key="order") + end("e2") + chain("s2", "e2")
    odd = process(
        start() + f'<bpmn:subProcess id="sub">{inner}</bpmn:subProcess>' + end() + chain("begin", "sub", "done"),
        messages="paid",
    )  # fmt: skip
    assert ("error", "s2") in [found[:2] for found in findings(odd)]
