"""The calendar piece by piece: how it is stored, filled and shown by year; how deadlines remember their basis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from engine import clock
from engine.actor import Actor
from engine.calendar import deadlines, holiday_import, office_calendar, year
from engine.calendar.deadlines import Counted, Current, Deadlines
from engine.calendar.office_calendar import OfficeCalendar
from engine.calendar.working_time import WorkingCalendar
from engine.errors import NotAllowed, NotFound
from models.database import open_database, session_factory
from models.working_calendar import CalendarChange, CalendarDay, CalendarSettings, DayKind, DaySource
from tests.databases import SQLITE, fresh_database
from tests.engine.calendars import at, day

pytestmark = pytest.mark.rule("CAL-1")

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)  # Saturday 1405/08/30, 10:00 in Tehran
TODAY = NOW.date()
ADMIN = Actor(person_id=1, username="mina", name="mina", roles=frozenset({"admin"}))
CITIZEN = Actor(person_id=2, username="ali", name="ali")


@pytest.fixture
def empty() -> Iterator[sessionmaker[Session]]:
    database = open_database(fresh_database(SQLITE))
    yield session_factory(database)
    database.dispose()


@pytest.fixture
def filled(empty: sessionmaker[Session]) -> sessionmaker[Session]:
    with empty.begin() as session:
        holiday_import.fill(session, now=NOW)
    return empty


def week(weekend: frozenset[int] = frozenset({3, 4})) -> WorkingCalendar:
    return WorkingCalendar(weekend, time(7, 30), time(14, 30), ZoneInfo("Asia/Tehran"), lambda day: False)


# ---------------------------------------------------------------- deadlines


class Given:
    """A source with one calendar, and how often it was read."""

    def __init__(self, current: Current) -> None:
        self.current, self.times = current, 0

    def read(self, session: Session) -> Current:
        self.times += 1
        return self.current


def step(revision: int = 7, calendar: WorkingCalendar | None = None) -> Deadlines:
    return Deadlines(Session(), Given(Current(calendar or week(), revision)))


def test_a_basis_is_stored_as_a_list_and_read_again() -> None:
    counted = Counted(NOW, 2, 7)
    assert counted.stored() == ["2026-11-21T06:30:00+00:00", 2, 7]
    assert Counted.read(counted.stored()) == counted
    assert Counted.read(None) is None and Counted.read([]) is None
    assert Counted.columns(counted) == {"counted_from": NOW, "working_days": 2, "calendar_revision": 7}
    assert Counted.columns(None) == {"counted_from": None, "working_days": None, "calendar_revision": None}
    assert counted.due(week()) == at(1405, 9, 2)


def test_a_step_counts_by_one_calendar_from_its_own_time() -> None:
    source = Given(Current(week(), 7))
    mine = Deadlines(Session(), source)
    with clock.at(NOW):
        text = mine.count(2)
    assert text == at(1405, 9, 2).isoformat()
    assert mine.read(text) == (text, Counted(NOW, 2, 7))
    assert mine.due(Counted(NOW, 1, 7)) == at(1405, 9, 1)
    assert source.times == 1


def test_a_deadline_of_an_older_calendar_is_counted_anew() -> None:
    with_thursday = step(8, week(frozenset({4})))
    text = at(1405, 9, 7).isoformat()
    with_thursday.load({text: [at(1405, 9, 4).isoformat(), 2, 7], "empty": []})
    assert with_thursday.read(text) == (at(1405, 9, 7).isoformat(), Counted(at(1405, 9, 4), 2, 8))
    assert with_thursday.read("empty") == ("empty", None)
    assert with_thursday.read(5) == (5, None)
    assert with_thursday.read("another") == ("another", None)


def test_only_deadlines_that_the_data_has_are_kept() -> None:
    mine = step()
    assert mine.in_use(["a"]) == {}
    basis = [NOW.isoformat(), 2, 7]
    mine.load({"a": basis, "b": basis, "c": basis, "d": basis})
    assert mine.in_use(["a", {"x": ["b"]}, [{"y": "c"}], 5]) == {"a": basis, "b": basis, "c": basis}


def test_outside_a_step_no_deadline_is_known() -> None:
    mine = step()
    assert deadlines.of_step() is None
    with clock.at(NOW), mine.in_force():
        text = mine.count(1)
        assert deadlines.of_step() is mine
        assert deadlines.read(text) == (text, Counted(NOW, 1, 7))
    assert deadlines.of_step() is None
    assert deadlines.read(text) == (text, None)


# ---------------------------------------------------------------- the calendar of the tables


def test_an_empty_table_leaves_the_initial_calendar(empty: sessionmaker[Session]) -> None:
    initial = week()
    with empty() as session, pytest.raises(LookupError, match="not been filled"):
        office_calendar.load(session)
    for office in (OfficeCalendar(initial), OfficeCalendar(initial, empty)):
        assert office.current() == Current(initial, 0)
        assert office.last is initial


def test_the_table_is_read_anew_only_after_a_change(filled: sessionmaker[Session]) -> None:
    office = OfficeCalendar(week(frozenset()), filled)
    first = office.current()
    assert (first.revision, first.calendar.weekend) == (1, frozenset({3, 4}))
    assert office.current() is first and office.last is first.calendar
    with filled.begin() as session:
        row = session.scalars(select(CalendarSettings)).one()
        row.weekend, row.opens, row.closes, row.zone, row.revision = "friday", time(8), time(16), "Asia/Tokyo", 2
    assert (office.zone.key, office.opens, office.closes) == ("Asia/Tokyo", time(8), time(16))
    assert office.current().revision == 2


def test_it_answers_as_its_calendar_does(filled: sessionmaker[Session]) -> None:
    office = OfficeCalendar(week(), filled)
    assert office.is_working_day(day(1405, 9, 1)) is True and office.is_working_day(day(1405, 9, 5)) is False
    assert office.is_working_time(NOW) is True and office.is_working_time(at(1405, 9, 1, 20)) is False
    assert office.next_working_moment(at(1405, 9, 1, 20)) == at(1405, 9, 2, 7, 30)
    assert office.add_working_days(NOW, 2) == at(1405, 9, 2)
    assert office.working_time_between(NOW, NOW + timedelta(hours=1)) == timedelta(hours=1)


def test_working_days_of_an_expression(filled: sessionmaker[Session]) -> None:
    office, mine = OfficeCalendar(week(), filled), step(7, week(frozenset({5, 6})))
    with clock.at(NOW):
        assert office.working_days(2) == at(1405, 9, 2).isoformat()
        with mine.in_force():
            assert office.current().revision == 7
            text = office.working_days(2)
    assert mine.read(text)[1] == Counted(NOW, 2, 7)
    for wrong in (True, "2", 2.0):
        with pytest.raises(TypeError, match="Not a number of days"):
            office.working_days(wrong)  # type: ignore[arg-type]


def test_a_calendar_is_built_of_settings_and_days() -> None:
    settings = CalendarSettings(weekend=" thursday , friday,", opens=time(8), closes=time(15), zone="Asia/Tehran")
    closed, worked = day(1405, 9, 1), day(1405, 9, 5)
    built = office_calendar.build(settings, {closed: DayKind.HOLIDAY, worked: DayKind.WORKDAY})
    assert (built.weekend, built.opens, built.closes, built.zone.key) == ({3, 4}, time(8), time(15), "Asia/Tehran")
    assert (built.is_holiday(closed), built.is_holiday(worked), set(built.worked)) == (True, False, {worked})
    with pytest.raises(ValueError, match="not in tuple"):
        office_calendar.weekend_of("someday")


# ---------------------------------------------------------------- filling


def test_before_anything_is_stored_the_week_and_the_public_holidays_count() -> None:
    first = holiday_import.initial_calendar()
    assert (first.weekend, first.opens, first.closes) == ({3, 4}, time(7, 30), time(14, 30))
    assert first.zone.key == "Asia/Tehran"
    assert first.is_holiday(day(1406, 1, 1)) is True and first.is_holiday(day(1405, 9, 1)) is False


def test_the_years_1390_to_1410_are_filled_and_five_ahead(empty: sessionmaker[Session]) -> None:
    with empty.begin() as session:
        count = holiday_import.fill(session, now=NOW)
        rows = session.scalars(select(CalendarDay).order_by(CalendarDay.day)).all()
        settings = session.scalars(select(CalendarSettings)).one()
        assert count == len(rows)
        assert (settings.first_year, settings.last_year, settings.revision) == (1390, 1410, 1)
        assert (settings.weekend, settings.opens, settings.closes) == ("thursday,friday", time(7, 30), time(14, 30))
        assert (rows[0].day, rows[-1].day) == (day(1390, 1, 1), day(1410, 12, 29))
        assert {(row.kind, row.source) for row in rows} == {(DayKind.HOLIDAY, DaySource.LIBRARY)}
        assert holiday_import.fill(session, now=NOW) == 0
    with empty.begin() as session:
        assert holiday_import.fill(session, now=NOW + timedelta(days=366)) > 0
        settings = session.scalars(select(CalendarSettings)).one()
        assert (settings.first_year, settings.last_year, settings.revision) == (1390, 1411, 2)


def test_days_by_an_admin_at_both_ends_of_new_years_are_kept(filled: sessionmaker[Session]) -> None:
    later = NOW + timedelta(days=366)  # adds the year 1411
    first, last = day(1411, 1, 1), day(1412, 1, 1) - timedelta(days=1)
    with filled.begin() as session:
        for one in (first, last):
            session.add(CalendarDay(day=one, kind=DayKind.WORKDAY, source=DaySource.ADMIN))
        session.flush()
        new = holiday_import.fill(session, now=later)
    with filled() as session:
        rows = session.scalars(select(CalendarDay).where(CalendarDay.day >= first)).all()
        assert {row.day: row.kind for row in rows if row.source is DaySource.ADMIN} == {
            first: DayKind.WORKDAY,
            last: DayKind.WORKDAY,
        }
        assert len(rows) == new + 2
        assert max(row.day for row in rows) == last, "nothing of the year after"


def test_a_day_of_several_holidays_names_all_of_them(filled: sessionmaker[Session]) -> None:
    with filled() as session:
        rows = session.scalars(select(CalendarDay)).all()
    assert any("؛ " in row.name for row in rows)
    assert not any("تخمینی" in row.name or row.name != row.name.strip() for row in rows)
    assert {row.estimated for row in rows} == {True, False}


# ---------------------------------------------------------------- a year


def test_a_year_has_its_months_from_saturday_on(filled: sessionmaker[Session]) -> None:
    with filled.begin() as session:
        session.add(CalendarDay(day=day(1405, 9, 5), kind=DayKind.WORKDAY, source=DaySource.ADMIN))
        shown = year.year_view(session, ADMIN, 1405, today=TODAY)
    assert shown.year == 1405 and shown.settings.first_year == 1390
    assert [len(month.days) for month in shown.months] == [31] * 6 + [30] * 5 + [29]
    assert [str(month.name) for month in shown.months][::11] == ["فروردین", "اسفند"]
    assert (shown.months[0].blank, shown.months[8].blank) == (0, 1)  # Saturday and Sunday
    azar = shown.months[8].days
    assert [(one.number, one.kind) for one in azar[:6]] == [
        (1, "work"),
        (2, "work"),
        (3, "work"),
        (4, "work"),
        (5, "worked"),
        (6, "weekend"),
    ]
    nowruz = shown.months[0].days[0]
    assert (nowruz.kind, nowruz.name, nowruz.estimated, nowruz.changed) == (
        "holiday",
        "جشن نوروز؛ عید سعید فطر",
        False,
        False,
    )
    assert azar[4] in shown.special and nowruz in shown.special and azar[0] not in shown.special
    with filled() as session:
        assert len(year.year_view(session, ADMIN, 1408, today=TODAY).months[11].days) == 30, "a leap year"


def test_estimated_days_of_the_next_sixty_are_to_be_confirmed(filled: sessionmaker[Session]) -> None:
    lunar = day(1406, 1, 14)
    for before, asked in ((0, True), (59, True), (60, False), (-1, False)):
        with filled() as session:
            shown = year.year_view(session, ADMIN, 1405, today=lunar - timedelta(days=before))
        assert (lunar in [one.day for one in shown.to_confirm]) is asked
        assert all(one.estimated for one in shown.to_confirm)


def test_a_day_of_the_next_year_that_was_changed_says_so_where_it_is_to_be_confirmed(
    filled: sessionmaker[Session],
) -> None:
    lunar = day(1406, 1, 14)
    with filled.begin() as session:
        change(session, 40, lunar)
        shown = year.year_view(session, ADMIN, 1405, today=lunar - timedelta(days=59))
        marks = {one.day: one.changed for one in shown.to_confirm}
    assert marks.pop(lunar) is True
    assert not any(marks.values())


def test_a_year_or_a_day_outside_the_calendar_is_not_found(filled: sessionmaker[Session]) -> None:
    with filled() as session:
        for number in (1390, 1410):
            assert year.year_view(session, ADMIN, number, today=TODAY).year == number
        for inside in (day(1390, 1, 1), day(1410, 12, 29)):
            assert year.day_view(session, ADMIN, inside)[0].day == inside
        for number in (1389, 1411):
            with pytest.raises(NotFound):
                year.year_view(session, ADMIN, number, today=TODAY)
        for outside in (day(1389, 12, 29), day(1411, 1, 1)):
            with pytest.raises(NotFound):
                year.day_view(session, ADMIN, outside)


def test_a_calendar_that_has_no_years_yet_has_no_day(empty: sessionmaker[Session]) -> None:
    with empty.begin() as session:
        session.add(CalendarSettings(weekend="friday", opens=time(8), closes=time(15), zone="Asia/Tehran"))
        session.flush()
        for outside in (TODAY, day(1, 1, 1)):
            with pytest.raises(NotFound):
                year.day_view(session, ADMIN, outside)


def test_only_who_may_change_the_calendar_sees_its_settings(filled: sessionmaker[Session]) -> None:
    with filled() as session:
        for ask in (
            lambda: year.year_view(session, CITIZEN, 1405, today=TODAY),
            lambda: year.day_view(session, CITIZEN, TODAY),
            lambda: year.changes(session, CITIZEN),
        ):
            with pytest.raises(NotAllowed):
                ask()


def change(session: Session, number: int, on: date | None) -> None:
    session.add(CalendarChange(revision=number, day=on, before=None, after=None, reason=f"{number}", at=NOW))
    session.flush()


def test_changes_are_shown_newest_first_twenty_at_most_and_mark_their_day(filled: sessionmaker[Session]) -> None:
    first, other = day(1405, 1, 1), day(1405, 2, 1)
    with filled.begin() as session:
        session.execute(delete(CalendarChange))
        for number in range(22):
            change(session, number, first if number % 2 else None)
        assert [row.reason for row in year.changes(session, ADMIN)] == [str(number) for number in range(21, 1, -1)]
        shown, history = year.day_view(session, ADMIN, first)
        assert [row.reason for row in history] == [str(number) for number in range(21, 0, -2)]
        assert shown.changed is True
        assert year.day_view(session, ADMIN, other)[0].changed is False
        change(session, 30, day(1406, 1, 1))
        days = [one for month in year.year_view(session, ADMIN, 1405, today=TODAY).months for one in month.days]
        assert [one.day for one in days if one.changed] == [first]
