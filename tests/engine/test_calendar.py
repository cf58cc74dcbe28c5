"""The calendar changes while deadlines wait: what is told before, what moves, and what never does (CAL-1, TKT-5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from engine.contributions.operations import Operations
from engine.jobs import reschedule_deadlines
from engine.jobs.calendar_changes import Decided, Proposal
from engine.queries import history
from models.case import Case, HistoryEntry
from models.job import Incident, Job
from models.working_calendar import DayKind
from tests.engine.calendars import CHOICE, MONDAY, QUESTION, SUNDAY, TUESDAY, CalendarOffice, at, day, timer
from tests.engine.small import chain, end, process, service, start, user_task

pytestmark = pytest.mark.rule("CAL-1")

CLOSED = Proposal({SUNDAY: Decided(DayKind.HOLIDAY, "تعطیلی ناگهانی")})


@pytest.fixture
def office(server: str) -> Iterator[CalendarOffice]:
    office = CalendarOffice(server, QUESTION, CHOICE)
    yield office
    office.close()


@pytest.fixture
def question(office: CalendarOffice) -> int:
    """A case that was asked on Saturday at ten: answered by Monday at ten, or somebody is told."""
    return office.start().case.id


def test_a_deadline_remembers_what_it_was_counted_from(office: CalendarOffice, question: int) -> None:
    job = office.look(lambda session: session.scalars(select(Job).where(Job.case_id == question)).one())
    task = office.task(question, "answer")
    for row in (job, task):
        assert (row.counted_from, row.working_days, row.due_at) == (office.clock(), 2, MONDAY)
        assert row.calendar_revision == 1


@pytest.mark.both_databases("jobs")
@pytest.mark.rule("TKT-5")
def test_a_day_struck_while_something_waits_moves_the_task_the_timer_and_the_case_itself(
    office: CalendarOffice, question: int
) -> None:
    foreseen = office.preview(CLOSED)
    assert [(one.element, one.case_number, one.before, one.after) for one in foreseen.moved] == [
        (element, office.start_of(question).number, MONDAY, TUESDAY) for element in ("late", "answer")
    ]
    assert foreseen.total == 2
    assert office.timers(question) == {"late": MONDAY}, "a preview changes nothing"
    assert office.close_day() == 2
    assert office.timers(question) == {"late": TUESDAY}
    task = office.task(question, "answer")
    assert task.due_at == task.sort_due_at == TUESDAY
    office.until(MONDAY + timedelta(hours=3))
    assert set(office.open(question)) == {"answer"}
    office.until(TUESDAY)
    assert set(office.open(question)) == {"answer", "escalate"}
    assert len(office.history(question, "timer_fired")) == 1


def test_the_history_says_it_and_the_people_concerned_are_told(office: CalendarOffice, question: int) -> None:
    with office.engine.transaction() as session:
        task = office.task(question, "answer")
        office.engine.claim(session, task.id, by=office.actor("reza"))
    office.close_day()
    lines = [history.line(entry) for entry in office.history(question, "deadline_moved")]
    assert [line.words for line in lines] == ["مهلت «late» جابه‌جا شد", "مهلت «answer» جابه‌جا شد"]
    assert "از ۱۴۰۵/۰۹/۰۲ ساعت ۱۰:۰۰ به ۱۴۰۵/۰۹/۰۳ ساعت ۱۰:۰۰" in lines[0].text
    assert "تصمیم هیئت وزیران" in lines[0].text
    assert lines[0].who.strip() == "mina"
    for username in ("ali", "reza"):
        (notice,) = office.notices(username)
        assert notice.case_id == question
        assert "۱۴۰۵/۰۹/۰۳ ساعت ۱۰:۰۰" in notice.body
        assert "تصمیم هیئت وزیران" in notice.body
    assert office.notices("sara") == []


def test_what_has_fired_neither_moves_nor_fires_again(office: CalendarOffice, question: int) -> None:
    office.until(MONDAY)
    assert set(office.open(question)) == {"answer", "escalate"}
    office.clock.now = MONDAY + timedelta(hours=1)
    assert office.preview(CLOSED).total == 0
    assert office.close_day() == 0
    office.until(TUESDAY + timedelta(days=30))
    assert len(office.history(question, "timer_fired")) == 1
    assert office.history(question, "deadline_moved") == []
    assert office.task(question, "answer").due_at == MONDAY


def test_a_day_of_the_past_moves_what_still_waits(office: CalendarOffice, question: int) -> None:
    office.clock.now = at(1405, 9, 2, 9)  # Monday, an hour before the deadline
    assert office.close_day() == 2
    assert office.timers(question) == {"late": TUESDAY}


def test_an_overdue_task_that_no_timer_watches_is_overdue_no_more(server: str) -> None:
    plain = process(
        start() + user_task("answer", due="working_days(1)") + end() + chain("begin", "answer", "done"), key="plain"
    )
    office = CalendarOffice(server, plain)
    case_id = office.start("plain").case.id
    office.clock.now = at(1405, 9, 1, 12)
    assert office.close_day() == 1
    assert office.task(case_id, "answer").due_at == at(1405, 9, 2)
    office.close()


def test_a_day_that_is_worked_after_all_brings_the_deadline_forward_and_a_past_one_is_due_at_once(
    office: CalendarOffice,
) -> None:
    office.clock.now = at(1405, 9, 4, 10)  # Wednesday; two working days on is Sunday
    case_id = office.start().case.id
    assert office.timers(case_id) == {"late": at(1405, 9, 8)}
    office.clock.now = at(1405, 9, 7, 12)  # Saturday noon
    office.change(Proposal({day(1405, 9, 5): Decided(DayKind.WORKDAY)}))
    office.move()
    assert office.timers(case_id) == {"late": at(1405, 9, 7)}
    office.until(office.clock.now)
    assert set(office.open(case_id)) == {"answer", "escalate"}


@pytest.mark.both_databases("jobs")
def test_a_timer_does_not_fire_between_the_change_and_its_move(office: CalendarOffice, question: int) -> None:
    office.change(CLOSED)
    office.until(MONDAY)
    assert set(office.open(question)) == {"answer"}
    assert office.left() == 2
    assert office.move() == 2
    office.until(TUESDAY)
    assert set(office.open(question)) == {"answer", "escalate"}


@pytest.mark.both_databases("jobs")
def test_a_suspended_case_moves_too_and_holds_its_timer(office: CalendarOffice, question: int) -> None:
    boss = office.actor("boss")
    with office.engine.transaction() as session:
        office.engine.supervision.suspend(session, question, by=boss)
    office.close_day()
    office.until(TUESDAY + timedelta(hours=1))
    assert set(office.open(question)) == {"answer"}
    with office.engine.transaction() as session:
        office.engine.supervision.resume(session, question, by=boss)
    office.until(office.clock.now)
    assert set(office.open(question)) == {"answer", "escalate"}
    assert len(office.history(question, "timer_fired")) == 1


def test_behind_an_event_gateway_only_the_branch_in_working_days_moves(office: CalendarOffice) -> None:
    case_id = office.start("choice").case.id
    later = office.clock() + timedelta(hours=90)
    assert office.timers(case_id) == {"soon": at(1405, 9, 1), "later": later}
    assert office.close_day() == 1
    assert office.timers(case_id) == {"soon": at(1405, 9, 2), "later": later}
    office.until(at(1405, 9, 2))
    assert set(office.open(case_id)) == {"soon_done"}


def test_a_deadline_that_is_handed_on_as_data_is_reckoned_anew_where_it_is_used(server: str) -> None:
    operations = Operations()

    @operations.register("test_calendar.opened")
    def opened(context: Any, *, deadline: str) -> dict[str, Any]:
        return {"deadline": deadline, "steps": [deadline]}

    name = next(iter(operations)).name
    handing_on = process(
        start()
        + service("open", name, result="ticket", deadline="working_days(2)")
        + user_task("first", due="ticket['deadline']")
        + user_task("second", due="ticket['deadline']")
        + timer("late", "ticket['deadline']", attached_to="second")
        + user_task("escalate")
        + end()
        + end("told")
        + chain("begin", "open", "first", "second", "done")
        + chain("late", "escalate", "told"),
        key="handing_on",
    )
    office = CalendarOffice(server, handing_on, operations=operations)
    case_id = office.start("handing_on").case.id
    assert office.task(case_id, "first").due_at == MONDAY
    assert office.close_day() == 1
    assert office.task(case_id, "first").due_at == TUESDAY
    office.complete(case_id, "first")
    assert office.task(case_id, "second").due_at == TUESDAY
    assert office.timers(case_id) == {"late": TUESDAY}
    assert office.close_day(day(1405, 9, 2)) == 2
    assert office.timers(case_id) == {"late": at(1405, 9, 4)}
    office.close()


def test_a_deadline_on_a_whole_part_of_the_process_moves_and_outlives_the_tasks_in_it(server: str) -> None:
    """A timer on a subprocess, as for what may be handed on from one to the other: the deadline stays."""
    inner = start("open") + user_task("answer") + user_task("answer_elsewhere") + end("closed")
    inner += chain("open", "answer", "answer_elsewhere", "closed")
    handed_on = process(
        start()
        + f'<bpmn:subProcess id="handling">{inner}</bpmn:subProcess>'
        + timer("late", "working_days(2)", attached_to="handling")
        + user_task("escalate")
        + end()
        + end("told")
        + chain("begin", "handling", "done")
        + chain("late", "escalate", "told"),
        key="handed_on",
    )
    office = CalendarOffice(server, handed_on)
    case_id = office.start("handed_on").case.id
    office.clock.now = at(1405, 9, 1, 9)
    office.complete(case_id, "answer")
    assert office.timers(case_id) == {"late": MONDAY}
    assert office.close_day() == 1
    office.until(MONDAY)
    assert set(office.open(case_id)) == {"answer_elsewhere"}
    office.until(TUESDAY)
    assert set(office.open(case_id)) == {"answer_elsewhere", "escalate"}
    office.close()


def test_a_plain_length_of_time_does_not_move(server: str) -> None:
    plain = process(
        start()
        + user_task("answer")
        + timer("late", "'P2D'", attached_to="answer")
        + end()
        + end("told")
        + chain("begin", "answer", "done")
        + chain("late", "told"),
        key="plain",
    )
    office = CalendarOffice(server, plain)
    case_id = office.start("plain").case.id
    assert office.timers(case_id) == {"late": MONDAY}, "the same moment as two working days on"
    assert office.preview(CLOSED).total == 0
    assert office.close_day() == 0
    assert office.timers(case_id) == {"late": MONDAY}
    office.close()


@pytest.mark.both_databases("jobs")
def test_one_that_cannot_be_moved_holds_up_nobody_and_is_told(office: CalendarOffice, question: int) -> None:
    other = office.start().case.id
    with office.engine.transaction() as session:
        session.execute(update(Case).where(Case.id == question).values(state=b"?"))
    assert office.close_day() == 2
    assert office.timers(other) == {"late": TUESDAY}
    incident = office.look(lambda session: session.scalars(select(Incident)).one())
    assert incident.case_id == question
    assert office.move() == 0, "it is told once"
    assert office.look(lambda session: session.scalars(select(Incident)).one()).times == 1


def test_two_changes_before_the_deadlines_move_are_one_move(office: CalendarOffice, question: int) -> None:
    office.change(CLOSED)
    office.change(Proposal({day(1405, 9, 2): Decided(DayKind.HOLIDAY, "برف")}), reason="برف سنگین")
    assert office.move() == 2
    assert office.timers(question) == {"late": at(1405, 9, 4)}
    assert len(office.history(question, "deadline_moved")) == 2
    assert len(office.notices("ali")) == 1


def test_what_is_taken_back_is_as_it_was(office: CalendarOffice, question: int) -> None:
    office.close_day()
    office.change(Proposal({SUNDAY: Decided(None)}), reason="لغو شد")
    assert office.move() == 2
    assert office.timers(question) == {"late": MONDAY}


@pytest.mark.both_databases("jobs")
def test_many_cases_move_each_for_itself_and_the_rest_later(office: CalendarOffice) -> None:
    cases = [office.start().case.id for _ in range(7)]
    office.change(CLOSED)
    assert reschedule_deadlines.move_deadlines(office.engine, most=3) == 6
    assert office.left() == 8
    assert office.move() == 8
    assert office.left() == 0
    entries = office.look(
        lambda session: list(session.scalars(select(HistoryEntry.case_id).where(HistoryEntry.what == "deadline_moved")))
    )
    assert sorted(entries) == sorted(cases * 2)
