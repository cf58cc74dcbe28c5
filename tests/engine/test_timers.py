"""Timers of every kind: found by index, fired once, in order, whatever clock and workers do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as database_event
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

import kartabl
from engine.jobs import runner
from engine.settings import Settings
from models.case import Case, HistoryEntry
from models.job import Job, JobKind
from tests.engine.small import NOW, Small, chain, end, flow, process, start, user_task
from tests.prove.forks import at_once
from tests.secret import SECRET_KEY

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WORKERS = 3


def timer(identifier: str, kind: str, when: str, *, attached: bool = False, interrupting: bool = True) -> str:
    """A timer of the kind ``Duration``, ``Date`` or ``Cycle``: attached to the task ``wait``, or in the flow."""
    tag = "boundaryEvent" if attached else "intermediateCatchEvent"
    more = f' attachedToRef="wait" cancelActivity="{str(interrupting).lower()}"' if attached else ""
    definition = f"<bpmn:timerEventDefinition><bpmn:time{kind}>{when}</bpmn:time{kind}></bpmn:timerEventDefinition>"
    return f'<bpmn:{tag} id="{identifier}" name="{identifier}"{more}>{definition}</bpmn:{tag}>'


def attached(key: str, kind: str, when: str, *, interrupting: bool) -> bytes:
    return process(
        start()
        + user_task("wait")
        + end()
        + timer("late", kind, when, attached=True, interrupting=interrupting)
        + user_task("told")
        + end("told_end")
        + chain("begin", "wait", "done")
        + chain("late", "told", "told_end"),
        key=key,
    )


def in_the_flow(key: str, kind: str, when: str) -> bytes:
    return process(
        start() + timer("late", kind, when) + user_task("told") + end() + chain("begin", "late", "told", "done"),
        key=key,
    )


CHOICE = process(
    start()
    + '<bpmn:eventBasedGateway id="first"/>'
    + timer("late", "Duration", '"PT17H"')
    + timer("later", "Duration", '"P2D"')
    + user_task("told")
    + end()
    + end("other")
    + chain("begin", "first", "late", "told", "done")
    + chain("first", "later", "other"),
    key="choice",
)
# The flow waits as long as the person says.
ASKED = process(
    start() + user_task("ask") + timer("pause", "Duration", "answer") + end() + chain("begin", "ask", "pause", "done"),
    key="asked",
)
# Three timers of one task, drawn in the reverse of their order in time; the last one ends it.
THREE = process(
    start()
    + user_task("wait")
    + end()
    + timer("third", "Duration", '"PT3H"', attached=True)
    + timer("second", "Duration", '"PT2H"', attached=True, interrupting=False)
    + timer("first", "Duration", '"PT1H"', attached=True, interrupting=False)
    + end("one")
    + end("two")
    + end("three")
    + chain("begin", "wait", "done")
    + flow("first", "one")
    + flow("second", "two")
    + flow("third", "three"),
    key="three",
)
HOURLY = attached("hourly", "Cycle", '"R/PT1H"', interrupting=False)

# name → the diagram, when it fires first, whether the task that it is attached to stays, how often it fires in all
AT_NIGHT = timedelta(hours=17)  # what in_a_day() of the small engine says
KINDS: dict[str, tuple[bytes, timedelta, bool, int]] = {
    "ends_after": (attached("ends_after", "Duration", '"PT1H"', interrupting=True), HOUR, False, 1),
    "tells_after": (attached("tells_after", "Duration", '"PT1H"', interrupting=False), HOUR, True, 1),
    "ends_at": (attached("ends_at", "Date", "in_a_day()", interrupting=True), AT_NIGHT, False, 1),
    "tells_at": (attached("tells_at", "Date", "in_a_day()", interrupting=False), AT_NIGHT, True, 1),
    "ends_in_cycle": (attached("ends_in_cycle", "Cycle", '"R3/PT1H"', interrupting=True), HOUR, False, 1),
    "tells_in_cycle": (attached("tells_in_cycle", "Cycle", '"R3/PT1H"', interrupting=False), HOUR, True, 3),
    "waits_for": (in_the_flow("waits_for", "Duration", '"PT1H"'), HOUR, False, 1),
    "waits_until": (in_the_flow("waits_until", "Date", "in_a_day()"), AT_NIGHT, False, 1),
    "waits_a_cycle": (in_the_flow("waits_a_cycle", "Cycle", '"R3/PT1H"'), HOUR, False, 1),
    "choice": (CHOICE, AT_NIGHT, False, 1),
}


@pytest.fixture
def timed(server: str) -> Iterator[Small]:
    made = Small(server, ASKED, THREE, HOURLY, KINDS["ends_after"][0], KINDS["tells_in_cycle"][0])
    yield made
    made.close()


def fired(small: Small) -> list[tuple[int, str]]:
    """What fired, in the order in which it did: (case, element)."""
    rows = select(HistoryEntry.case_id, HistoryEntry.task_key).where(HistoryEntry.what == "timer_fired")
    return small.look(lambda session: [tuple(row) for row in session.execute(rows.order_by(HistoryEntry.id))])


def waiting(small: Small) -> int:
    return int(small.look(lambda session: session.scalar(select(func.count()).select_from(Job))))


def pause(small: Small, length: str) -> int:
    """A case that waits for so long from now on."""
    case = small.start("asked").case
    small.complete(case.id, "ask", answer=length)
    return case.id


@pytest.mark.both_databases("jobs")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fires_at_its_time_not_before_and_as_often_as_it_says(server: str, kind: str) -> None:
    diagram, due, stays, times = KINDS[kind]
    timed = Small(server, diagram)
    case = timed.start(kind).case
    timed.clock.now = NOW + due - timedelta(microseconds=1)
    assert timed.worker.work() == 0
    timed.clock.now = NOW + due
    assert timed.worker.work() == 1
    assert set(timed.open(case.id)) == ({"wait", "told"} if stays else {"told"})
    for _hour in range(9):
        timed.worker.work()
        timed.clock.advance(HOUR)
    assert fired(timed) == [(case.id, "late")] * times
    assert waiting(timed) == 0
    timed.close()


def test_the_timers_of_a_task_go_with_it(timed: Small) -> None:
    case = timed.start("three").case
    timed.clock.advance(HOUR)
    timed.worker.work()
    timed.complete(case.id, "wait")
    timed.clock.advance(DAY)
    assert timed.worker.work() == 0
    assert fired(timed) == [(case.id, "first")]


@pytest.mark.both_databases("jobs")
def test_after_a_long_stop_all_that_is_due_fires_once_and_in_the_order_of_its_time(timed: Small) -> None:
    hours = [17, 3, 29, 11, 5, 23, 2, 31, 7, 19, 13, 30, 4, 1, 26, 9, 21, 14, 6, 28, 16, 8, 25, 12]
    cases = {hour: pause(timed, f"PT{hour}H") for hour in hours}
    ahead = pause(timed, "P40D")
    timed.clock.advance(30 * DAY)
    assert timed.worker.work() == len(hours)
    assert [case for case, _element in fired(timed)] == [cases[hour] for hour in sorted(hours)]
    timed.worker.work()
    assert len(fired(timed)) == len(hours)
    assert timed.look(lambda session: session.scalars(select(Job.case_id)).all()) == [ahead]


@pytest.mark.both_databases("jobs")
def test_the_timers_of_one_case_fire_in_order_although_a_later_one_is_looked_at_first(timed: Small) -> None:
    """As when two workers have taken one each."""
    case = timed.start("three").case
    timed.clock.advance(DAY)
    with timed.engine.transaction() as session:
        taken = runner.take(session, owner="slow", now=timed.clock(), limit=2)
    with timed.engine.transaction() as session:
        rest = runner.take(session, owner="quick", now=timed.clock(), limit=2)
    assert (len(taken), len(rest)) == (2, 1)
    assert runner.run(timed.engine, rest[0], owner="quick")
    assert fired(timed) == [(case.id, "first"), (case.id, "second"), (case.id, "third")]
    assert not any(runner.run(timed.engine, job, owner="slow") for job in taken)
    assert len(fired(timed)) == 3


def test_a_repeating_timer_makes_nothing_up_for_a_stop(timed: Small) -> None:
    case = timed.start("hourly").case
    timed.clock.advance(30 * DAY + HOUR / 2)
    timed.worker.work()
    assert len(fired(timed)) == 1
    following = timed.look(lambda session: session.scalars(select(Job.due_at).where(Job.case_id == case.id)).one())
    assert following == NOW + 30 * DAY + HOUR


def test_a_clock_that_jumps_back_repeats_nothing(timed: Small) -> None:
    for key in ("hourly", "ends_after", "tells_in_cycle"):
        timed.start(key)
    timed.clock.advance(HOUR)
    timed.worker.work()
    before = fired(timed)
    assert len(before) == 3
    for back in (DAY, HOUR / 2, timedelta(seconds=1)):
        timed.clock.now = NOW + HOUR - back
        timed.worker.work()
        assert fired(timed) == before
    timed.clock.now = NOW + 2 * HOUR
    timed.worker.work()
    assert Counter(fired(timed)) == Counter([*before, *before[:1], *before[2:]])


@pytest.mark.both_databases("locking")
def test_a_lease_from_a_clock_that_jumped_back_holds_nothing_up(timed: Small) -> None:
    """A worker died while the clock was a day ahead: its lease would last until tomorrow."""
    case_id = pause(timed, "PT1H")
    timed.clock.advance(DAY)
    with timed.engine.transaction() as session:
        assert len(runner.take(session, owner="dead", now=timed.clock(), limit=5)) == 1
    timed.clock.now = NOW + 2 * HOUR
    timed.worker.work()
    assert fired(timed) == [(case_id, "pause")]


def test_a_lease_of_a_machine_whose_clock_is_a_little_ahead_is_respected(timed: Small) -> None:
    pause(timed, "PT1H")
    timed.clock.advance(2 * HOUR)
    with timed.engine.transaction() as session:
        runner.take(session, owner="other", now=timed.clock() + timedelta(seconds=30), limit=5)
    assert timed.worker.work() == 0


@pytest.mark.both_databases("jobs")
def test_what_became_due_while_a_case_was_suspended_fires_after_it_was_resumed_once(timed: Small) -> None:
    case, boss = timed.start("three").case, timed.actor("boss")
    with timed.engine.transaction() as session:
        timed.engine.supervision.suspend(session, case.id, by=boss)
    for _day in range(3):
        timed.clock.advance(DAY)
        timed.worker.work()
    assert fired(timed) == []
    with timed.engine.transaction() as session:
        timed.engine.supervision.resume(session, case.id, by=boss)
    timed.worker.work()
    assert fired(timed) == [(case.id, "first"), (case.id, "second"), (case.id, "third")]
    assert waiting(timed) == 0


@pytest.mark.both_databases("locking")
def test_a_case_that_is_resumed_just_when_the_worker_wants_to_hold_its_timer_is_not_held(timed: Small) -> None:
    case, boss = timed.start("ends_after").case, timed.actor("boss")
    with timed.engine.transaction() as session:
        timed.engine.supervision.suspend(session, case.id, by=boss)
    timed.clock.advance(HOUR)
    with timed.engine.transaction() as session:
        (job,) = runner.take(session, owner="worker", now=timed.clock(), limit=5)

    def resume(*_connection: Any) -> None:
        """Between reading that the case is suspended and holding the job."""
        with timed.engine.transaction() as session:
            timed.engine.supervision.resume(session, case.id, by=boss)

    database_event.listen(timed.database, "checkin", resume, once=True)
    assert not runner.run(timed.engine, job, owner="worker")
    timed.worker.work()
    assert fired(timed) == [(case.id, "late")]


# ---------------------------------------------------------------- many that wait, many that work


def fill(small: Small, *, many: int, due: int) -> int:
    """A case with rows of timers: ``many`` that wait for the next months, and some that are due. The case's id."""
    case_id = small.start("hourly").case.id

    def row(number: int, when: datetime) -> dict[str, Any]:
        return {
            "case_id": case_id,
            "kind": JobKind.TIMER,
            "element_id": "late",
            "process_key": "hourly",
            "token": f"copy-{number}",
            "due_at": when,
            "run_at": when,
        }

    rows = [row(number, NOW + DAY + number * timedelta(minutes=1)) for number in range(many)]
    rows += [row(many + number, NOW - HOUR) for number in range(due)]
    with small.engine.transaction() as session:
        session.execute(insert(Job), rows)
    with small.database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return case_id


@pytest.mark.both_databases("jobs")
def test_due_timers_are_found_by_an_index_in_order(timed: Small) -> None:
    fill(timed, many=20_000, due=30)
    asked: list[tuple[str, Any]] = []

    def sent(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    database_event.listen(timed.database, "before_cursor_execute", sent)
    with timed.engine.transaction() as session:
        assert len(runner.take(session, owner="worker", now=NOW, limit=20)) == 20
    database_event.remove(timed.database, "before_cursor_execute", sent)
    statement, parameters = next(one for one in asked if one[0].startswith("SELECT"))
    explain = "EXPLAIN QUERY PLAN" if timed.database.dialect.name == "sqlite" else "EXPLAIN"
    with timed.database.connect() as connection:
        plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
    assert "ix_jobs_run_at_id" in plan, plan
    assert not any(word in plan for word in ("Seq Scan", "SCAN", "Sort", "TEMP B-TREE")), plan


@pytest.mark.both_databases("jobs")
def test_the_worker_looks_only_at_what_is_due(timed: Small) -> None:
    fill(timed, many=2_000, due=0)
    cases = [pause(timed, "PT1H") for _ in range(3)]
    timed.clock.advance(HOUR / 2)
    looked_at: Counter[str] = Counter()

    def loaded(_session: Session, instance: object) -> None:
        if isinstance(instance, Job | Case):
            looked_at[type(instance).__name__] += 1

    database_event.listen(Session, "loaded_as_persistent", loaded)
    try:
        assert timed.worker.work() == 0
        assert looked_at == {}
        timed.clock.advance(HOUR * 3 / 4)
        assert timed.worker.work() == 4  # the pauses and the hourly one
    finally:
        database_event.remove(Session, "loaded_as_persistent", loaded)
    assert looked_at["Job"] <= 2 * 4
    assert looked_at["Case"] <= 3 * 4
    assert {case for case, _element in fired(timed)} >= set(cases)


@pytest.mark.both_databases("locking")
def test_several_worker_processes_fire_each_timer_once(timed: Small) -> None:
    paused = [pause(timed, "PT1H") for _ in range(40)]
    three = [timed.start("three").case.id for _ in range(10)]
    timed.database.dispose()

    def work(ready: Any) -> None:
        """A worker process: begins together with the others."""
        settings = Settings(secret_key=SECRET_KEY, database_url=timed.url)
        application = kartabl.build(settings, now=lambda: NOW + 30 * DAY)
        ready.wait()
        for _look in range(3):
            application.worker.work()
        application.database.dispose()

    at_once([work] * WORKERS)
    order = [element for _case, element in fired(timed) if element != "pause"]
    assert Counter(fired(timed)) == Counter(
        [
            *((case, "pause") for case in paused),
            *((case, name) for case in three for name in ("first", "second", "third")),
        ]
    )
    assert [order.count(name) for name in ("first", "second", "third")] == [10, 10, 10]
    assert waiting(timed) == 0
