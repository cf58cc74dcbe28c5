"""Filling the calendar, changing it, and two who do so at once (CAL-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, sessionmaker

import kartabl
from engine.calendar import holiday_import
from engine.errors import InvalidSubmission, NotAllowed
from engine.jobs import calendar_changes, reschedule_deadlines
from engine.jobs.calendar_changes import Decided, Hours, Proposal
from engine.settings import Settings
from models.account import Message
from models.case import HistoryEntry
from models.database import open_database, session_factory
from models.working_calendar import WEEKDAYS, CalendarChange, CalendarDay, CalendarSettings, DayKind, DaySource
from tests.databases import fresh_database, postgres_url
from tests.engine.calendars import MONDAY, SUNDAY, TUESDAY, CalendarOffice, at, day
from tests.engine.small import NOW
from tests.secret import SECRET_KEY

pytestmark = pytest.mark.rule("CAL-1")

CLOSED = Proposal({SUNDAY: Decided(DayKind.HOLIDAY, "تعطیلی ناگهانی")})


@pytest.fixture
def office(server: str) -> Iterator[CalendarOffice]:
    office = CalendarOffice(server)
    yield office
    office.close()


@pytest.fixture
def sessions(server: str) -> Iterator[sessionmaker[Session]]:
    """Sessions of a database whose calendar is empty."""
    database = open_database(fresh_database(server))
    yield session_factory(database)
    database.dispose()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each of them gives, or the error that it ends with, when all begin at the same moment."""
    ready = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        ready.wait()
        try:
            return work()
        except InvalidSubmission as refused:
            return refused

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


# ---------------------------------------------------------------- filling


@pytest.mark.both_databases("saving")
def test_the_public_holidays_of_twenty_one_years_are_taken_over_once(sessions: sessionmaker[Session]) -> None:
    def fill() -> int:
        with sessions.begin() as session:
            return holiday_import.fill(session, now=NOW)

    came = at_once(fill, fill)
    assert sorted(came)[0] == 0, "two processes at once: one of them fills"
    assert fill() == 0
    with sessions.begin() as session:
        rows = {row.day: row for row in session.scalars(select(CalendarDay))}
        assert len(rows) == max(came) > 21 * 20
        nowruz = rows[day(1406, 1, 1)]
        assert (nowruz.kind, nowruz.name, nowruz.estimated) == (DayKind.HOLIDAY, "جشن نوروز", False)
        assert rows[day(1390, 1, 1)] and rows[day(1410, 1, 1)]
        lunar = rows[day(1406, 1, 14)]
        assert (lunar.name, lunar.estimated) == ("شهادت امام جعفر صادق علیه السلام", True)
        assert not any("تخمینی" in row.name for row in rows.values())
        assert not any(row.estimated for row in rows.values() if row.day < day(1405, 1, 1))
        session.execute(delete(CalendarDay).where(CalendarDay.day == day(1406, 1, 14)))
    fill()
    with sessions.begin() as session:
        assert session.get(CalendarDay, day(1406, 1, 14)) is None, (
            "a year is taken over once, whatever the library says"
        )


@pytest.mark.both_databases("saving")
def test_a_later_version_adds_the_years_that_are_missing_and_touches_no_other(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        holiday_import.fill(session, now=NOW)
        session.add(CalendarDay(day=day(1411, 1, 1), kind=DayKind.WORKDAY, source=DaySource.ADMIN))
    with sessions.begin() as session:
        assert holiday_import.fill(session, now=NOW + timedelta(days=366)) > 20
        settings = session.scalars(select(CalendarSettings)).one()
        assert (settings.first_year, settings.last_year, settings.revision) == (1390, 1411, 2)
        assert session.get_one(CalendarDay, day(1411, 1, 1)).kind is DayKind.WORKDAY


def test_the_ordinary_week_counts_until_an_admin_decides_and_the_table_counts_afterwards(server: str) -> None:
    url = fresh_database(server)
    settings = Settings(secret_key=SECRET_KEY, database_url=url)
    application = kartabl.build(settings)
    calendar = application.engine.services.calendar
    assert calendar.current().revision == 0, "before it is filled, the ordinary week counts"
    assert (calendar.opens, calendar.closes, calendar.zone.key) == (time(7, 30), time(14, 30), "Asia/Tehran")
    with application.engine.transaction() as session:
        holiday_import.fill(session, now=NOW)
        week = session.scalars(select(CalendarSettings)).one()
        week.weekend, week.closes, week.revision = "friday", time(16), week.revision + 1
    with application.engine.transaction() as session:
        holiday_import.fill(session, now=NOW)
    later = kartabl.build(settings)
    calendar = later.engine.services.calendar
    assert (calendar.closes, calendar.is_working_day(day(1405, 9, 5))) == (time(16), True)
    for built in (application, later):
        built.database.dispose()


# ---------------------------------------------------------------- changing


def test_another_process_sees_the_change_at_its_next_step(office: CalendarOffice) -> None:
    database = open_database(office.url)
    other = kartabl.office_calendar(session_factory(database))
    assert other.add_working_days(NOW, 2) == MONDAY
    office.change(CLOSED)
    assert other.add_working_days(NOW, 2) == TUESDAY
    assert office.timers(office.start().case.id) == {"late": TUESDAY}
    database.dispose()


@pytest.mark.both_databases("locking")
def test_of_two_admins_who_save_at_once_the_second_is_shown_the_preview_again(office: CalendarOffice) -> None:
    office.start()
    other = Proposal({day(1405, 9, 2): Decided(DayKind.HOLIDAY, "برف")})
    ended = at_once(lambda: office.change(CLOSED, seen=1), lambda: office.change(other, seen=1))
    refused = [one for one in ended if isinstance(one, InvalidSubmission)]
    assert len(refused) == 1
    assert "تقویم در این فاصله تغییر کرد" in refused[0].errors[""][0]
    assert sorted(one for one in ended if not isinstance(one, InvalidSubmission)) == [2]
    assert office.look(lambda session: session.scalar(select(func.count()).select_from(CalendarChange))) == 1


@pytest.mark.both_databases("locking")
def test_workers_who_move_at_once_move_each_deadline_once(office: CalendarOffice) -> None:
    cases = [office.start().case.id for _ in range(6)]
    office.change(CLOSED)
    moved = at_once(*[lambda: reschedule_deadlines.move_deadlines(office.engine)] * 3)
    assert sum(moved) == 12
    assert all(office.timers(case_id) == {"late": TUESDAY} for case_id in cases)
    lines = office.look(
        lambda session: session.scalar(
            select(func.count()).select_from(HistoryEntry).where(HistoryEntry.what == "deadline_moved")
        )
    )
    assert lines == 12
    assert office.look(lambda session: session.scalar(select(func.count()).select_from(Message))) == 6


@pytest.mark.both_databases("locking")
def test_people_who_work_while_deadlines_move_lose_nothing(office: CalendarOffice) -> None:
    cases = [office.start().case.id for _ in range(6)]
    office.change(CLOSED)

    def answer() -> None:
        for case_id in cases[:3]:
            office.engine.in_transaction(partial(office.answered, case_id=case_id))

    at_once(answer, lambda: reschedule_deadlines.move_deadlines(office.engine))
    assert [office.timers(case_id) for case_id in cases] == [{}] * 3 + [{"late": TUESDAY}] * 3
    assert office.left() == 0


def test_an_estimated_day_is_confirmed_or_goes_to_the_day_the_moon_was_seen(office: CalendarOffice) -> None:
    estimated, next_day = day(1406, 1, 14), day(1406, 1, 15)
    with office.engine.transaction() as session:
        calendar_changes.confirm(session, day(1406, 2, 27), by=office.admin(), now=office.clock())
        proposal = calendar_changes.moved_holiday(session, estimated, next_day)
    office.change(proposal, reason="رؤیت هلال")
    rows = office.look(lambda session: {row.day: row for row in session.scalars(select(CalendarDay))})
    assert not rows[day(1406, 2, 27)].estimated
    assert estimated not in rows
    assert (rows[next_day].name, rows[next_day].estimated) == ("شهادت امام جعفر صادق علیه السلام", False)
    with office.engine.transaction() as session, pytest.raises(InvalidSubmission, match="action"):
        calendar_changes.confirm(session, next_day, by=office.admin(), now=office.clock())


@pytest.mark.both_databases("jobs")
def test_a_change_of_the_week_moves_what_waits(office: CalendarOffice) -> None:
    office.clock.now = at(1405, 9, 4, 10)  # Wednesday
    case_id = office.start().case.id
    office.change(Proposal(hours=Hours("friday", time(8), time(16), "Asia/Tehran")), reason="پنجشنبه کاری شد")
    assert office.move() == 2
    assert office.timers(case_id) == {"late": at(1405, 9, 7)}
    change = office.look(lambda session: session.scalars(select(CalendarChange)).one())
    assert (change.day, change.before["weekend"], change.after["weekend"]) == (None, "thursday,friday", "friday")


@pytest.mark.parametrize(
    ("proposal", "field"),
    [
        (Proposal({SUNDAY: Decided(DayKind.HOLIDAY, " ")}), "name"),
        (Proposal({SUNDAY: Decided(DayKind.HOLIDAY, "ن" * 201)}), "name"),
        (Proposal({day(1389, 1, 1): Decided(DayKind.HOLIDAY, "عید")}), "day"),
        (Proposal({SUNDAY: Decided(None)}), ""),
        (Proposal(hours=Hours("thursday,friday", time(7, 30), time(14, 30), "Asia/Tehran")), ""),
        (Proposal(hours=Hours("friday", time(15), time(8), "Asia/Tehran")), "closes"),
        (Proposal(hours=Hours("friday", time(8), time(15), "Asia/Nowhere")), "zone"),
        (Proposal(hours=Hours("friday", time(8), time(15), "../etc/passwd")), "zone"),
        (Proposal(hours=Hours("someday", time(8), time(15), "Asia/Tehran")), "weekend"),
        (Proposal(hours=Hours(",".join(WEEKDAYS), time(8), time(15), "Asia/Tehran")), "weekend"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_message_and_changes_nothing(
    office: CalendarOffice, proposal: Proposal, field: str
) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        office.change(proposal, seen=1)
    assert list(refused.value.errors) == [field]
    assert office.look(lambda session: session.scalars(select(CalendarSettings)).one()).revision == 1


def test_a_change_needs_a_reason_and_an_admin(office: CalendarOffice) -> None:
    for reason in ("", " \n", "د" * 501):
        with pytest.raises(InvalidSubmission, match="reason"):
            office.change(CLOSED, reason=reason)
    for who in ("ali", "boss"):
        with office.engine.transaction() as session, pytest.raises(NotAllowed):
            calendar_changes.apply(session, CLOSED, by=office.actor(who), reason="دلیل", now=office.clock(), seen=1)


@pytest.mark.pg
def test_what_a_step_armed_while_the_calendar_was_being_changed_moves_after_it() -> None:
    """The step reckons with the old calendar and is committed after the change: nobody saw it waiting."""
    office = CalendarOffice(postgres_url())
    with office.engine.transaction() as session:
        case_id = office.engine.start_case(session, "small", by=office.actor("ali")).case.id
        office.change(CLOSED)
        assert office.move() == 0
    assert office.timers(case_id) == {"late": MONDAY}
    assert office.left() == 2
    assert office.move() == 2
    assert office.timers(case_id) == {"late": TUESDAY}
    office.close()
