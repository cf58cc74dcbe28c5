"""``kartabl clock``: puts the clock of a demonstration or a staging installation ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from engine.actor import operator
from engine.calendar.staging_clock import StagingClock, length_of
from engine.errors import InvalidSubmission
from models import jalali
from models.language import reading

Open = Callable[[], Any]  # makes the application that the environment describes


def add_to(clock: click.Group, application: Open) -> None:
    """Add the commands to their group."""

    @clock.command(name="show")
    def show() -> None:
        """Print the clock's time, the real time, and the difference."""
        with _opened(application) as (opened, staging):
            _print(opened, staging)

    @clock.command(name="advance")
    @click.argument("length")
    def advance(length: str) -> None:
        """Put the clock ahead by LENGTH, such as 3d, 4h, 90m, 1d12h, or working days: 2wd. Deadlines fire."""
        with _opened(application) as (opened, staging):
            by = length_of(length, now=staging(), calendar=opened.engine.services.calendar)
            staging.advance(by, by=operator())
            _print(opened, staging)

    @clock.command(name="reset")
    def reset() -> None:
        """Go back to real time. What happened meanwhile keeps its moment; a timer waits until its own comes."""
        with _opened(application) as (opened, staging):
            staging.reset(by=operator())
            _print(opened, staging)


@contextmanager
def _opened(application: Open) -> Iterator[tuple[Any, StagingClock]]:
    """The application and its clock. Exits in production, and with the reason of a refusal."""
    opened = application()
    try:
        if opened.staging_clock is None:
            raise click.ClickException("The clock can be moved in demo and staging mode only: KARTABL_MODE=demo")
        with reading("en"):
            yield opened, opened.staging_clock
    except InvalidSubmission as refused:
        raise click.ClickException(" ".join(text for texts in refused.errors.values() for text in texts)) from None
    finally:
        opened.database.dispose()


def _print(opened: Any, clock: StagingClock) -> None:
    ahead, zone = clock.ahead(), opened.engine.services.calendar.zone.key
    click.echo(f"shown  {_moment(clock.real() + ahead, zone)}")
    click.echo(f"real   {_moment(clock.real(), zone)}")
    click.echo(f"ahead  {ahead}")


def _moment(moment: datetime, zone: str) -> str:
    return f"{jalali.moment_text(moment, zone)}  ({moment:%Y-%m-%d %H:%M:%S} UTC)"
