"""Signals inside a case and from one case to all others, through the service and the worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from engine.jobs import event_delivery, runner
from engine.jobs.worker import Worker
from models.case import Case, CaseStatus, HistoryEntry, Task
from models.event import EventSubscription
from models.job import Incident, Job, JobKind
from tests.engine.small import NOW, Small, chain, end, event, flow, process, service, start, user_task
from tests.engine.trade import operations

CLOSER = process(
    start()
    + user_task("decide")
    + event("intermediateThrowEvent", "close", "signal closed", payload="reason")
    + user_task("rest")
    + end()
    + chain("begin", "decide", "close", "rest", "done"),
    key="closer",
    signals="closed",
)
WAITER = process(
    start()
    + user_task("enter")
    + event("intermediateCatchEvent", "await_end", "signal closed")
    + user_task("leave", scope="reason")
    + end()
    + chain("begin", "enter", "await_end", "leave", "done"),
    key="waiter",
    signals="closed",
)


@pytest.fixture
def office(server: str) -> Iterator[Small]:
    small = Small(server, CLOSER, WAITER)
    yield small
    small.close()


def waits(office: Small, key: str = "waiter") -> int:
    case_id = office.start(key).case.id
    office.complete(case_id, "enter")
    return case_id


def closes(office: Small, reason: str = "rain") -> int:
    case_id = office.start("closer").case.id
    office.complete(case_id, "decide", reason=reason)
    return case_id


def open_keys(office: Small, case_id: int) -> list[str]:
    return sorted(office.open(case_id))


def left(office: Small) -> list[Job]:
    return office.look(lambda session: session.scalars(select(Job).order_by(Job.id)).all())


def received(office: Small) -> int:
    of_signals = select(func.count(HistoryEntry.id)).where(HistoryEntry.what == "message_received")
    return office.look(lambda session: session.scalar(of_signals))


@pytest.mark.both_databases("jobs")
def test_a_signal_reaches_every_case_that_waits_and_each_gets_what_it_carries(office: Small) -> None:
    listening = [waits(office) for _ in range(3)]
    not_yet = office.start("waiter").case.id
    sender = closes(office)
    assert open_keys(office, sender) == ["rest"]
    assert [open_keys(office, case_id) for case_id in listening] == [[], [], []]
    office.worker.work()
    assert [office.open(case_id)["leave"].scope for case_id in listening] == ["rain"] * 3
    assert open_keys(office, not_yet) == ["enter"]
    assert left(office) == []
    assert office.look(lambda session: session.scalar(select(func.count(EventSubscription.id)))) == 0


def test_who_begins_to_wait_after_the_throw_hears_nothing(office: Small) -> None:
    early = waits(office)
    closes(office)
    late = waits(office)
    office.worker.work()
    assert (open_keys(office, early), open_keys(office, late)) == (["leave"], [])
    closes(office, "again")
    office.worker.work()
    assert office.open(late)["leave"].scope == "again"


@pytest.mark.both_databases("jobs")
def test_a_signal_is_spread_in_pieces_and_everyone_gets_it_once(office: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_delivery, "BATCH", 2)
    listening = [waits(office) for _ in range(5)]
    closes(office)
    office.worker.work()
    assert [open_keys(office, case_id) for case_id in listening] == [["leave"]] * 5
    assert received(office) == 5


def test_inside_the_same_case_a_signal_arrives_at_once_at_every_kind_of_catch(server: str) -> None:
    beside = (
        '<bpmn:subProcess id="beside" triggeredByEvent="true">'
        + event("startEvent", "heard", "signal closed", attributes='isInterrupting="false"')
        + user_task("note")
        + end("e_note")
        + chain("heard", "note", "e_note")
        + "</bpmn:subProcess>"
    )
    body = (
        start()
        + '<bpmn:parallelGateway id="fork"/>'
        + user_task("say")
        + event("intermediateThrowEvent", "close", "signal closed")
        + end("e1")
        + event("intermediateCatchEvent", "hear", "signal closed")
        + user_task("after_hear")
        + end("e2")
        + user_task("work")
        + event("boundaryEvent", "stop", "signal closed", attributes='attachedToRef="work"')
        + user_task("after_stop")
        + end("e3")
        + end("e4")
        + '<bpmn:eventBasedGateway id="which"/>'
        + event("intermediateCatchEvent", "branch", "signal closed")
        + event("intermediateCatchEvent", "other", "signal never")
        + user_task("after_branch")
        + end("e5")
        + end("e6")
        + chain("begin", "fork", "say", "close", "e1")
        + chain("fork", "hear", "after_hear", "e2")
        + chain("fork", "work", "e3")
        + chain("stop", "after_stop", "e4")
        + chain("fork", "which", "branch", "after_branch", "e5")
        + chain("which", "other", "e6")
        + beside
    )
    office = Small(server, process(body, signals="closed never"))
    case_id = office.start().case.id
    assert open_keys(office, case_id) == ["say", "work"]
    office.complete(case_id, "say", answer="go")
    assert open_keys(office, case_id) == ["after_branch", "after_hear", "after_stop", "note"]
    office.worker.work()  # and it is not delivered to its own case a second time
    assert open_keys(office, case_id) == ["after_branch", "after_hear", "after_stop", "note"]
    assert received(office) == 0
    office.close()


def test_in_another_case_too_it_arrives_at_every_token_in_one_step(server: str) -> None:
    both = process(
        start()
        + user_task("enter")
        + '<bpmn:parallelGateway id="fork"/>'
        + event("intermediateCatchEvent", "hear", "signal closed")
        + user_task("after_hear")
        + end("e2")
        + user_task("work")
        + event("boundaryEvent", "stop", "signal closed", attributes='attachedToRef="work"')
        + user_task("after_stop")
        + end("e3")
        + end("e4")
        + chain("begin", "enter", "fork", "hear", "after_hear", "e2")
        + chain("fork", "work", "e3")
        + chain("stop", "after_stop", "e4"),
        key="waiter",
        signals="closed",
    )
    office = Small(server, CLOSER.replace(b'"reason"', b'""'), both)
    case_id = waits(office)
    closes(office)
    with office.engine.transaction() as session:  # the signal is addressed: one delivery for the case
        (job_id,) = runner.take(session, owner="w", now=office.clock(), limit=5)
    runner.run(office.engine, job_id, owner="w")
    assert [job.kind for job in left(office)] == [JobKind.DELIVERY]
    office.worker.work()
    assert open_keys(office, case_id) == ["after_hear", "after_stop"]
    office.close()


def test_a_signal_end_event_is_heard_although_its_case_is_over(server: str) -> None:
    closer = process(
        start()
        + user_task("decide")
        + event("endEvent", "close", "signal closed", payload="reason")
        + chain("begin", "decide", "close"),
        key="closer",
        signals="closed",
    )
    office = Small(server, closer, WAITER)
    case_id = waits(office)
    sender = closes(office)
    assert office.look(lambda session: session.get_one(Case, sender).status) is CaseStatus.COMPLETED
    office.worker.work()
    assert open_keys(office, case_id) == ["leave"]
    office.close()


def test_a_suspended_case_hears_it_when_it_resumes_and_a_cancelled_one_never(office: Small) -> None:
    suspended, cancelled, boss = waits(office), waits(office), office.actor("boss")
    with office.engine.transaction() as session:
        office.engine.supervision.suspend(session, suspended, by=boss)
    closes(office)
    with office.engine.transaction() as session:
        (job_id,) = runner.take(session, owner="w", now=office.clock(), limit=5)
    runner.run(office.engine, job_id, owner="w")
    with office.engine.transaction() as session:
        office.engine.supervision.cancel_case(session, cancelled, by=boss, reason="x")
    office.worker.work()
    assert [(job.case_id, job.run_at) for job in left(office)] == [(suspended, None)]
    with office.engine.transaction() as session:
        office.engine.supervision.resume(session, suspended, by=boss)
    office.worker.work()
    assert open_keys(office, suspended) == ["leave"]
    assert left(office) == []


def test_a_signal_starts_a_case_of_the_newest_version_of_each_process_that_it_begins(server: str) -> None:
    def cleaning(key: str) -> bytes:
        return process(
            event("startEvent", "begin", "signal closed")
            + user_task("sweep", scope="reason")
            + end()
            + chain("begin", "sweep", "done"),
            key=key,
            signals="closed",
        )

    office = Small(server, CLOSER, cleaning("cleaning"), cleaning("airing"))
    sender = closes(office)
    office.worker.work()
    made = office.look(
        lambda session: session.scalars(select(Case).where(Case.id != sender).order_by(Case.process_key)).all()
    )
    assert [(case.process_key, case.refers_to_id, case.started_by_id) for case in made] == [
        ("airing", sender, None),
        ("cleaning", sender, None),
    ]
    assert [office.open(case.id)["sweep"].scope for case in made] == ["rain", "rain"]
    assert left(office) == []
    office.close()


def test_a_delivery_that_fails_is_an_incident_of_the_one_that_hears_it_and_may_be_retried(server: str) -> None:
    waiter = process(
        start()
        + user_task("enter")
        + event("intermediateCatchEvent", "await_end", "signal closed")
        + service("try", "trade.fails", amount="reason")
        + user_task("leave")
        + end()
        + chain("begin", "enter", "await_end", "try", "leave", "done"),
        key="waiter",
        signals="closed",
    )
    office = Small(server, CLOSER, waiter, WAITER.replace(b'"waiter"', b'"calm"'), operations=operations)
    case_id, calm = waits(office), waits(office, "calm")
    closes(office, 0)  # type: ignore[arg-type]
    for _ in range(runner.TIMER_ATTEMPTS):
        office.worker.work()
        office.clock.now += timedelta(minutes=30)
    assert open_keys(office, calm) == ["leave"]  # the others do not wait for it
    found = office.look(lambda session: session.scalars(select(Incident).order_by(Incident.id)).all())
    assert [(one.case_id, one.element_id, one.operation) for one in found] == [
        (case_id, "try", "trade.fails"),
        (case_id, "await_end", "delivery closed"),
    ]
    with office.engine.transaction() as session:
        office.engine.supervision.retry_incident(session, found[1].id, by=office.actor("boss"))
    office.worker.work()
    assert [(job.kind, job.attempts) for job in left(office)] == [(JobKind.DELIVERY, 1)]
    office.close()


# ---------------------------------------------------------------- exactly once, and without deadlock


@pytest.mark.both_databases("locking")
def test_workers_race_and_each_case_hears_it_once(office: Small) -> None:
    listening = [waits(office) for _ in range(6)]
    closes(office)
    closes(office, "snow")
    workers = [Worker(office.engine) for _ in range(3)]
    for number, worker in enumerate(workers):
        worker.name = f"worker-{number}"
    threads = [threading.Thread(target=worker.work) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    office.clock.now += timedelta(minutes=2)
    office.worker.work()
    assert [open_keys(office, case_id) for case_id in listening] == [["leave"]] * 6
    assert received(office) == 6
    assert left(office) == []


@pytest.mark.both_databases("jobs")
def test_after_a_crash_while_the_signal_is_spread_nobody_is_forgotten_and_nobody_hears_it_twice(
    office: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_delivery, "BATCH", 2)
    listening = [waits(office) for _ in range(5)]
    closes(office)
    add, calls = event_delivery._add, []

    def dies(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        add(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(event_delivery, "_add", dies)
    with office.engine.transaction() as session:
        (job_id,) = runner.take(session, owner="dead", now=office.clock(), limit=5)
    with pytest.raises(KeyboardInterrupt):
        runner.run(office.engine, job_id, owner="dead")
    assert [job.kind for job in left(office)] == [JobKind.SIGNAL, JobKind.DELIVERY, JobKind.DELIVERY]
    office.clock.now += timedelta(minutes=2)
    office.worker.work()
    assert [open_keys(office, case_id) for case_id in listening] == [["leave"]] * 5
    assert received(office) == 5


@pytest.mark.both_databases("locking")
def test_cases_that_signal_each_other_do_not_lock_each_other(server: str) -> None:
    def player(key: str, says: str, hears: str) -> bytes:
        """Hears the other one, answers, and waits again."""
        return process(
            start()
            + user_task("enter")
            + '<bpmn:exclusiveGateway id="again"/>'
            + event("intermediateCatchEvent", "hear", f"signal {hears}")
            + event("intermediateThrowEvent", "say", f"signal {says}")
            + end()
            + '<bpmn:exclusiveGateway id="enough" default="on"/>'
            + chain("begin", "enter", "again", "hear", "say")
            + flow("say", "enough")
            + flow("enough", "again", identifier="on")
            + flow("enough", "done", "case == 0"),
            key=key,
            signals="ping pong",
        )

    server_case = process(
        start() + user_task("enter") + event("endEvent", "say", "signal ping") + chain("begin", "enter", "say"),
        key="server",
        signals="ping",
    )
    office = Small(server, player("one", "pong", "ping"), player("two", "ping", "pong"), server_case)
    players = [waits(office, "one"), waits(office, "two"), waits(office, "one"), waits(office, "two")]
    waits(office, "server")
    workers = [Worker(office.engine) for _ in range(3)]
    errors: list[BaseException] = []

    def plays(worker: Worker, name: str) -> None:
        worker.name = name
        try:
            while received(office) < 4 and not errors:
                with office.engine.transaction() as session:
                    taken = runner.take(session, owner=name, now=office.clock(), limit=2)
                for job_id in taken:
                    runner.run(office.engine, job_id, owner=name)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=plays, args=(one, f"w{number}")) for number, one in enumerate(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert errors == []
    assert received(office) >= 4
    statuses = office.look(lambda session: [session.get_one(Case, case_id).status for case_id in players])
    assert statuses == [CaseStatus.RUNNING] * 4
    failed = office.look(lambda session: session.scalars(select(Incident.message)).all())
    assert list(failed) == []
    office.close()


@pytest.mark.both_databases("sql")
def test_the_step_that_throws_costs_the_same_however_many_wait(office: Small) -> None:
    closes(office)
    office.worker.work()
    for _ in range(10):
        waits(office)
    closes(office)
    assert [job.kind for job in left(office)] == [JobKind.SIGNAL]  # one row, addressed by the worker
    assert left(office)[0].run_at == NOW


def test_a_task_that_the_signal_ended_is_marked_so(server: str) -> None:
    waiter = process(
        start()
        + user_task("enter")
        + user_task("work")
        + event("boundaryEvent", "stop", "signal closed", attributes='attachedToRef="work"')
        + user_task("leave")
        + end()
        + end("e2")
        + chain("begin", "enter", "work", "done")
        + chain("stop", "leave", "e2"),
        key="waiter",
        signals="closed",
    )
    office = Small(server, CLOSER, waiter)
    case_id = waits(office)
    closes(office)
    office.worker.work()
    assert open_keys(office, case_id) == ["leave"]
    ended = office.look(lambda session: session.scalars(select(Task).where(Task.key == "work")).one())
    assert ended.status == "cancelled"
    office.close()
