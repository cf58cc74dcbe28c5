"""1,000 timers that are due, among 1,000 that wait and among 1,000,000: finding them, and firing them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from benchmarks import databases, filling
from benchmarks.counting import Statements
from benchmarks.office import REMINDED, Office, open_office
from benchmarks.reporting import Part, Table, median, run_alone, say, spread
from engine.jobs import runner
from engine.jobs.worker import BATCH
from kartabl import utc_now

HOW = f"""Five hundred cases really run to their visit, which has a reminder (a boundary timer of thirty days that
does not interrupt); all other waiting ones are copies of them, each with the rows of its own. The due ones are cases
that really ran, too, a month earlier. *Look, something due*: what the worker asks for, {BATCH} jobs with a lease,
undone again. *Look, nothing due*: the same at a moment before the first is due, which is what it asks once a second.
*Fire*: one timer from its lease to the commit, as the worker does it: the case is loaded, goes on, and is saved with
its history. *All*: the worker's own loop over all that is due, the looks included, in one process. Both sizes are
measured by turns."""
AGO = timedelta(days=31)  # the due cases began; their reminders come after thirty days
FLAT = 1.5  # the largest number of waiting timers to the smallest
SECONDS_FOR_1000 = 60
LOOK, IDLE, FIRE = "look, something due", "look, nothing due", "fire"


@dataclass
class Place:
    """A filled database and what was measured there."""

    url: str
    waiting: int
    office: Office
    filled: float  # seconds
    statements: Statements
    took: dict[str, list[float]]  # milliseconds
    all: float = 0.0  # milliseconds of firing everything, the looks included


def measure(*, quick: bool = False) -> Part:
    sizes, due, real = ((400, 4_000), 40, 400) if quick else ((1_000, 1_000_000), 1_000, filling.REAL)
    part = Part("Timers", HOW)
    columns = [f"among {size:,}" for size in sizes]
    whole = Table(
        f"All {due:,} that are due",
        ["database", "waiting", "filled in s", "size MB", "fired in s", "timers/s", "statements each"],
    )
    part.tables.append(whole)
    for backend in databases.BACKENDS:
        table = Table(f"Median ms, {backend}", ["what", *columns, "largest to smallest", "p95 at the largest"])
        part.tables.append(table)
        places = [_place(backend, size, due, real) for size in sizes]
        _measure(places, 10 if quick else 100)
        for place in places:
            _add(whole, place, backend, due)
        for name in (LOOK, IDLE, FIRE):
            lists = [place.took[name] for place in places]
            medians = [median(took) for took in lists]
            ratio = medians[-1] / medians[0]
            table.add(name, *medians, ratio, spread(lists[-1])[1])
            part.target(
                f"{backend}: timers, {name}, {sizes[-1]:,} to {sizes[0]:,} waiting", ratio, at_most=FLAT, unit="×"
            )
        part.target(
            f"{backend}: {due:,} timers due among {sizes[-1]:,}, all fired",
            places[-1].all / 1000,
            at_most=SECONDS_FOR_1000,
            unit="s",
        )
    return part


def _place(backend: str, waiting: int, due: int, real: int) -> Place:
    url = databases.new_database(backend)
    began = time.perf_counter()
    filling.fill(url, waiting, real=real, run=filling.reminded)
    _begin_earlier(url, due)
    office = open_office(url)
    filled = time.perf_counter() - began
    return Place(url, waiting, office, filled, Statements(office.application.database), defaultdict(list))


def _measure(places: list[Place], times: int) -> None:
    """Everything by turns, so that whatever else the machine does falls on all sizes alike."""
    for number in range(times + 2):
        for place in places:
            due = _timed(partial(_look, place.office, utc_now(), BATCH))
            idle = _timed(partial(_look, place.office, utc_now() - AGO, 0))
            if number >= 2:  # the first two load what is loaded once
                place.took[LOOK].append(due)
                place.took[IDLE].append(idle)
    for place in places:
        place.statements.count = 0
    going = list(places)
    while going:
        going = [place for place in going if _round(place)]


def _add(whole: Table, place: Place, backend: str, due: int) -> None:
    """Cost of firing all timers at a size; drops the database."""
    fired, seconds = len(place.took[FIRE]), place.all / 1000
    size, statements = databases.size(place.url) / 1e6, place.statements.count / due
    whole.add(backend, place.waiting, place.filled, size, seconds, due / seconds, statements)
    if fired != due:
        raise RuntimeError(f"{fired} fired of {due}")
    say(f"{backend}, {place.waiting:,} waiting: {fired:,} fired in {seconds:.1f} s")
    place.office.close()
    databases.drop(place.url)


def _begin_earlier(url: str, cases: int) -> None:
    """So many cases that began a month ago: their reminders are due."""
    earlier = open_office(url, now=_month_ago)
    filling.reminded(earlier, cases)
    earlier.close()
    databases.settle(url)


def _month_ago() -> datetime:
    return utc_now() - AGO


def _look(office: Office, now: datetime, expected: int) -> None:
    with office.application.sessions() as session:
        taken = len(runner.take(session, owner="measured", now=now, limit=BATCH))
        session.rollback()
    if taken != expected:
        raise RuntimeError(f"{taken} timers due instead of {expected}")


def _round(place: Place) -> bool:
    """One round of the worker's loop, with a watch at each timer. False when nothing is due any more."""
    began = time.perf_counter()
    with place.office.engine.transaction() as session:
        taken = runner.take(session, owner="measured", now=utc_now(), limit=BATCH)
    place.took[FIRE] += [_timed(partial(_fire, place.office, job)) for job in taken]
    place.all += (time.perf_counter() - began) * 1000
    return bool(taken)


def _fire(office: Office, job: int) -> None:
    if not runner.run(office.engine, job, owner="measured"):
        raise RuntimeError(f"job {job} of {REMINDED} did nothing")


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    run_alone(measure, __doc__)
