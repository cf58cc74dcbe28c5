"""Every element that sends or takes a message, the cases that messages start, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from engine.bpmn.diagram import read_diagrams
from engine.deployment import checking
from engine.jobs import event_delivery
from models.case import Case, CaseStatus, Task, TaskStatus
from tests.engine.small import Small, chain, end, event, process, properties, service, start, user_task
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

# ---------------------------------------------------------------- every kind of thrower and catcher


@pytest.mark.both_databases("story")
def test_end_events_and_send_tasks_send_and_receive_tasks_and_edges_take(server: str) -> None:
    send = (
        f'<bpmn:sendTask id="ask" messageRef="question">{properties(correlation_key="order", payload="order")}'
        "</bpmn:sendTask>"
    )
    receive = (
        f'<bpmn:receiveTask id="hear" messageRef="question">{properties(correlation_key="order")}</bpmn:receiveTask>'
    )
    asker = process(
        start()
        + user_task("fill")
        + send
        + user_task("work")
        + event(
            "boundaryEvent",
            "answered",
            "message answer",
            attributes='attachedToRef="work" cancelActivity="false"',
            correlation_key="order",
        )
        + user_task("read")
        + end()
        + end("also")
        + chain("begin", "fill", "ask", "work", "done")
        + chain("answered", "read", "also"),
        key="asker",
        messages="question answer",
    )
    hearer = process(
        start()
        + user_task("fill")
        + receive
        + event("endEvent", "tell", "message answer", correlation_key="order", payload="order")
        + chain("begin", "fill", "hear", "tell"),
        key="hearer",
        messages="question answer",
    )
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
        start()
        + user_task("fill")
        + event("intermediateCatchEvent", "hear", "message paid", correlation_key="order", role="citizen")
        + user_task("ship")
        + end()
        + chain("begin", "fill", "hear", "ship", "done"),
        key="buyer",
        messages="paid",
    )
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
        start()
        + user_task("fill")
        + gateway
        + user_task("after_yes")
        + user_task("after_no")
        + end()
        + end("d2")
        + chain("begin", "fill", "which", "yes", "after_yes", "done")
        + chain("which", "no", "after_no", "d2"),
        key="buyer",
        messages="paid refused",
    )
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
        key="buyer",
        messages="paid",
    )
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
        event("startEvent", "begin", f"message {message}", role="citizen")
        + user_task("pack", scope="amount")
        + end()
        + chain("begin", "pack", "done"),
        key="packing",
        messages=message,
    )


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
        event("startEvent", "begin", "message paid")
        + service("try", "trade.fails", amount="amount - 7")
        + end()
        + chain("begin", "try", "done"),
        key="packing",
        messages="paid",
    )
    office = Small(server, SELLER, broken, operations=operations)
    sender = sell(office)
    for _ in range(event_delivery.MESSAGE_ATTEMPTS):
        office.worker.work()
        office.clock.now += timedelta(minutes=5)
    (incident,) = open_incidents(office)
    assert (incident.case_id, incident.element_id) == (sender, "tell")
    assert "ZeroDivisionError" in incident.message
    assert office.look(lambda session: session.scalar(select(func.count(Case.id)))) == 1
    office.close()


# ---------------------------------------------------------------- what is refused


def findings(*diagrams: bytes) -> list[tuple[str, str, str]]:
    seam = checking.Seam(
        operations=operations,
        roles=frozenset({"citizen"}),
        functions=frozenset(),
        form_fields=lambda *_: frozenset({"order", "amount"}),
    )
    files = {f"{read_diagrams(xml)[0].key}.bpmn": xml for xml in diagrams}
    return [(found.severity, found.element, found.text) for found in checking.check(files, seam).findings]


def test_a_message_that_nobody_and_nothing_can_send_is_refused() -> None:
    deaf = process(
        start() + event("intermediateCatchEvent", "hear", "message paid") + end() + chain("begin", "hear", "done"),
        messages="paid",
    )
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
    )
    assert ("error", "s2") in [found[:2] for found in findings(odd)]
