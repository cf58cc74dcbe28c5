"""The clock that people put ahead: shared by all processes, only forward, and never in production."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import event, select, text

import kartabl
from engine.actor import SYSTEM
from engine.calendar.staging_clock import StagingClock, length_of
from engine.errors import InvalidSubmission, NotAllowed
from engine.settings import Settings, SettingsInvalid
from models.account import Attempt
from models.case import HistoryEntry
from models.staging import ClockAhead
from tests.conftest import SATURDAY
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.secret import SECRET_KEY
from tests.standing import StandingClock

DAY = timedelta(days=1)


@pytest.fixture
def staging(application: kartabl.Application) -> StagingClock:
    assert application.staging_clock is not None
    return application.staging_clock


def command(settings: Settings, *words: str) -> Result:
    """What ``kartabl clock …`` does and says."""
    given = {
        "KARTABL_SECRET_KEY": settings.secret_key,
        "KARTABL_DATABASE_URL": settings.database_url,
        "KARTABL_MODE": settings.mode,
        "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
    }
    return CliRunner().invoke(kartabl.main, ["clock", *words], env=given)


@pytest.mark.both_databases("saving")
def test_every_process_goes_by_the_same_clock(application: kartabl.Application, staging: StagingClock) -> None:
    clock = StandingClock(SATURDAY)
    other = kartabl.build(application.settings, now=clock)
    assert other.engine.clock() == SATURDAY
    assert staging.advance(3 * DAY, by=SYSTEM) == 3 * DAY
    assert application.clock() == application.engine.clock() == SATURDAY + 3 * DAY
    clock.advance(timedelta(seconds=1))
    assert other.engine.clock() == clock.now + 3 * DAY
    other.database.dispose()


def test_production_goes_by_real_time_whatever_its_database_says(
    settings: Settings, clock: StandingClock, staging: StagingClock
) -> None:
    staging.advance(DAY, by=SYSTEM)
    real = kartabl.build(settings.model_copy(update={"mode": "production"}), now=clock)
    assert real.staging_clock is None
    assert real.engine.clock() == real.clock() == SATURDAY
    real.database.dispose()


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match=r"KARTABL_MODE is not allowed; .*'Demo'"):
        kartabl.read_settings({"KARTABL_SECRET_KEY": SECRET_KEY, "KARTABL_MODE": "Demo"})


def test_the_clock_goes_only_forward_and_not_too_far(staging: StagingClock) -> None:
    for length in (timedelta(0), -DAY, timedelta(days=800)):
        with pytest.raises(InvalidSubmission):
            staging.advance(length, by=SYSTEM)
    assert staging.ahead() == timedelta(0)


@pytest.mark.both_databases("locking")
def test_whoever_saw_another_time_moves_nothing(staging: StagingClock) -> None:
    staging.advance(DAY, by=SYSTEM, seen=timedelta(0))
    with pytest.raises(InvalidSubmission):
        staging.advance(DAY, by=SYSTEM, seen=timedelta(0))
    assert staging.advance(DAY, by=SYSTEM, seen=DAY) == 2 * DAY


@pytest.mark.parametrize("role", ["citizen", "contractor", "inspector", "gas_office", "analyst", "finance"])
def test_only_supervisors_and_admins_move_the_clock(play: Play, staging: StagingClock, role: str) -> None:
    actor = play.actor(role)
    with pytest.raises(NotAllowed):
        staging.advance(DAY, by=actor)
    with pytest.raises(NotAllowed):
        staging.reset(by=actor)


def test_the_clock_is_read_once_a_second_at_most(application: kartabl.Application, clock: StandingClock) -> None:
    asked: list[str] = []
    event.listen(application.database, "before_cursor_execute", lambda *sent: asked.append(sent[2]))
    for _tenth in range(20):
        application.clock()
        clock.advance(timedelta(milliseconds=100))
    assert len(asked) == 2
    assert all("clock_ahead" in statement for statement in asked)


def test_while_the_database_is_away_the_clock_goes_on(
    application: kartabl.Application, staging: StagingClock, clock: StandingClock
) -> None:
    staging.advance(DAY, by=SYSTEM)
    with application.database.begin() as connection:
        connection.execute(text("ALTER TABLE clock_ahead RENAME TO gone"))
    clock.advance(timedelta(minutes=1))
    assert application.clock() == clock.now + DAY


@pytest.mark.parametrize(
    ("wanted", "length"),
    [
        ("3d", 3 * DAY),
        ("4h", DAY / 6),
        ("90m", timedelta(minutes=90)),
        ("1d12h", DAY * 1.5),
        ("۲ d", 2 * DAY),
        ("2wd", 2 * DAY),
        ("5wd", 7 * DAY),
    ],
)
def test_lengths_are_told_in_days_hours_minutes_and_working_days(
    application: kartabl.Application, wanted: str, length: timedelta
) -> None:
    """From a Saturday, five working days later is the next one: the weekend lies between."""
    assert length_of(wanted, now=SATURDAY, calendar=application.engine.services.calendar) == length


@pytest.mark.parametrize("wanted", ["", "3", "d", "-3d", "3 days", "1.5d", "99999d", "wd", "3d;4h", "P3D"])
def test_other_words_are_no_length(application: kartabl.Application, wanted: str) -> None:
    with pytest.raises(InvalidSubmission):
        length_of(wanted, now=SATURDAY, calendar=application.engine.services.calendar)


def test_a_deadline_is_watched_by_putting_the_clock_ahead(play: Play, staging: StagingClock) -> None:
    """A project that nobody presents within six months expires, after a warning."""
    office.add_inspector(play, "inspector-1")
    office.paid(play)
    play.follow("gas_inspection")
    staging.advance(200 * DAY, by=SYSTEM)
    play.work()
    fired = select(HistoryEntry.at).where(HistoryEntry.case_id == play.case_id, HistoryEntry.what == "timer_fired")
    with play.session() as session:
        assert session.scalars(fired).all() == [SATURDAY + 200 * DAY] * 2
    assert play.case.ended_at == SATURDAY + 200 * DAY


def test_the_commands_show_move_and_take_back(settings: Settings) -> None:
    assert "ahead  0:00:00" in command(settings, "show").output
    assert "ahead  3 days, 0:00:00" in command(settings, "advance", "3d").output
    assert "ahead  3 days, 1:30:00" in command(settings, "advance", "90m").output
    refused = command(settings, "advance", "soon")
    assert refused.exit_code == 1
    assert "ahead  0:00:00" in command(settings, "reset").output


@pytest.mark.parametrize("words", [("show",), ("advance", "3d"), ("reset",)])
def test_the_commands_refuse_production(settings: Settings, words: tuple[str, ...]) -> None:
    refused = command(settings.model_copy(update={"mode": "production"}), *words)
    assert refused.exit_code == 1
    assert "demo and staging mode only" in refused.output


@pytest.mark.both_databases("saving")
def test_going_back_to_real_time_leaves_no_limit_of_a_time_to_come(
    application: kartabl.Application, staging: StagingClock
) -> None:
    staging.advance(30 * DAY, by=SYSTEM)
    with application.engine.transaction() as session:
        session.add(Attempt(kind="sign_in", key="somebody", at=application.clock()))
    assert staging.reset(by=SYSTEM) == 30 * DAY
    assert application.clock() == SATURDAY
    with application.engine.transaction() as session:
        assert session.scalars(select(Attempt)).all() == []
        assert session.scalars(select(ClockAhead.seconds)).one() == 0
