"""The same with 1,000, 100,000 and 1,000,000 cases: a completion, and the pages that people and the worker look at."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import Any, TypeAlias, TypeVar

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine as Database
from sqlalchemy import select
from sqlalchemy.orm import Session

import webapp
from benchmarks import databases, filling
from benchmarks.counting import Statements
from benchmarks.office import VISITS, Office, open_office
from benchmarks.reporting import Part, Table, median, run_alone, say, spread
from engine.actor import Actor, actor_for
from engine.jobs import runner
from engine.queries.cases import cases_page
from engine.queries.worklist import tasks_page, worklist_counts
from models.account import Person
from models.case import Case, CaseStatus, Task, TaskStatus

HOW = """Five hundred cases really run (of 100: 90 ended after two visits, 2 wait for the contractor who registers
them, 8 for inspectors, 4 of those with a timer, 1 of those bound to one busy inspector); all others are copies of
them with numbers, tokens' rows, history, outbox, people (20 contractors for each 1,000 cases) and words of their own:
one that no other case has, and one of ten that each a tenth of all cases has, the *frequent* ones. So a
contractor's share is the same at every size, while what waits for the inspectors as a group, what the busy one
takes part in, and what a frequent word finds grow with the database. Every look is asked with a person's rights.
*Completions* are of tasks picked at random among all that are open, by an inspector. Pages are asked of the web
application in the same process (no network). All sizes are measured by turns, each look at one after the other, so
that whatever else the machine does falls on all of them alike; the word or case is chosen before the clock runs."""
FLAT = 1.5  # the largest size to the smallest
WARM = 3  # times that are not counted: they load what is loaded once
T = TypeVar("T")
Once: TypeAlias = tuple[float, int]  # milliseconds and SQL statements of one time


@dataclass
class Look:
    """Something to measure: done many times, each time with another case or word."""

    name: str
    once: Callable[[], Once]
    times: int = 60


@dataclass
class Place:
    """A filled database and who looks at it."""

    url: str
    office: Office
    app: Flask
    busy: Actor
    contractor: Actor
    largest: int  # id of a case
    chosen: random.Random
    statements: Statements

    @property
    def database(self) -> Database:
        return self.office.application.database

    def look(self, ask: Callable[[Session], T]) -> T:
        with self.office.engine.transaction() as session:
            return ask(session)

    def timed(self, ask: Callable[[], object]) -> Once:
        before, began = self.statements.count, time.perf_counter()
        ask()
        return (time.perf_counter() - began) * 1000, self.statements.count - before

    def listing(self, name: str, ask: Callable[..., object], word: Word | None = None) -> Look:
        """A list in a transaction of its own; the word that is looked for is chosen before."""

        def once() -> Once:
            chosen = {"q": word(self)} if word else {}
            return self.timed(partial(self.look, partial(ask, **chosen)))

        return Look(name, once)

    def page(self, name: str, actor: Actor, path: Word) -> Look:
        """A page of the web application; which one is chosen before."""
        browser = self.browser(actor)
        return Look(name, lambda: self.timed(partial(_open, browser, path(self))))

    def browser(self, actor: Actor) -> FlaskClient:
        """A signed-in browser inside the process."""
        with self.office.engine.transaction() as session:
            person = session.get_one(Person, actor.person_id)
            now = self.office.application.clock()
            token = self.office.application.accounts.open_session(session, person, now=now, kind="browser")
        browser = self.app.test_client()
        with browser.session_transaction() as cookie:
            cookie["token"] = token
        return browser


Word: TypeAlias = Callable[[Place], str]


def _open(browser: FlaskClient, path: str) -> None:
    answer = browser.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")


def measure(*, quick: bool = False) -> Part:
    sizes = (200, 1_000) if quick else (1_000, 100_000, 1_000_000)
    real = 200 if quick else filling.REAL
    part = Part("With many cases", HOW)
    sized = Table("The databases", ["database", "cases", "size MB", "filled in s"])
    part.tables.append(sized)
    for backend in databases.BACKENDS:
        columns = [f"{size:,}" for size in sizes]
        table = Table(
            f"Median ms at so many cases, {backend}",
            ["what", *columns, "largest to smallest", "p95 at the largest", "statements"],
        )
        part.tables.append(table)
        places = [_filled(sized, backend, size, real) for size in sizes]
        for looks in zip(*map(_looks, places), strict=True):
            took, statements = _by_turns(looks, 5 if quick else looks[0].times)
            medians = [median(one) for one in took]
            ratio = medians[-1] / medians[0]
            table.add(looks[0].name, *medians, ratio, spread(took[-1])[1], statements)
            part.target(
                f"{backend}: {looks[0].name}, {sizes[-1]:,} to {sizes[0]:,} cases", ratio, at_most=FLAT, unit="×"
            )
        for place in places:
            place.office.close()
            databases.drop(place.url)
    return part


def _filled(sized: Table, backend: str, size: int, real: int) -> Place:
    url = databases.new_database(backend)
    began = time.perf_counter()
    filling.fill(url, size, real=real)
    sized.add(backend, size, databases.size(url) / 1e6, time.perf_counter() - began)
    say(f"{backend}, {size:,} cases: filled")
    return _place(url)


def _by_turns(looks: Sequence[Look], times: int) -> tuple[list[list[float]], float]:
    """The milliseconds at each size, one after the other in turn, and the statements at the largest."""
    took: list[list[float]] = [[] for _ in looks]
    statements = 0
    for number in range(WARM + times):
        for look, milliseconds in zip(looks, took, strict=True):
            one, statements_of_one = look.once()
            if number >= WARM:
                milliseconds.append(one)
                statements += statements_of_one if look is looks[-1] else 0
    return took, statements / times


def _place(url: str) -> Place:
    office = open_office(url)
    with office.engine.transaction() as session:
        largest = session.scalars(select(Case.id).order_by(Case.id.desc()).limit(1)).one()
        busy = actor_for(session.scalars(select(Person).where(Person.username == filling.BUSY)).one())
    contractor = filling.contractors_of(office)[0]
    app, statements = webapp.create_app(office.application), Statements(office.application.database)
    return Place(url, office, app, busy, contractor, largest, random.Random(7), statements)


def _completed(place: Place, cases: Iterator[int]) -> Once:
    """A visit of the next case is completed; finding its task is not measured."""
    case = next(cases)
    task = place.office.open_tasks([case])[case]
    before = place.statements.count
    milliseconds = place.office.turn(VISITS, task)
    return milliseconds, place.statements.count - before


def _open_visits(place: Place) -> Iterator[int]:
    """Cases that wait for the group, in no order, each once; where there are few, they come again in turn."""
    with place.database.connect() as connection:
        rows = select(Task.case_id).where(
            Task.status == TaskStatus.OPEN, Task.process_key == VISITS, Task.key == "visit", Task.assignee_id.is_(None)
        )
        visits = list(connection.scalars(rows))
    place.chosen.shuffle(visits)
    return cycle(visits)


def _looks(place: Place) -> list[Look]:
    inspector, supervisor, now = place.office.inspector, place.office.supervisor, place.office.application.clock()
    busy, people = place.busy, {"busy inspector": place.busy, "contractor": place.contractor, "supervisor": supervisor}

    def tasks(name: str, actor: Actor = inspector, word: Word | None = None, **chosen: Any) -> Look:
        return place.listing(f"worklist: {name}", partial(tasks_page, actor=actor, **chosen), word)

    def cases(name: str, actor: Actor, word: Word | None = None) -> Look:
        return place.listing(f"cases: {name}", partial(cases_page, actor=actor), word)

    first = place.look(partial(tasks_page, actor=inspector, mine=False))
    looks = [
        Look("completion of a task", partial(_completed, place, _open_visits(place)), 300),
        tasks("group's first page", mine=False),
        tasks("group's second page", mine=False, cursor=first.next),
        tasks("busy inspector's, all", busy),
        place.listing("worklist: counts", partial(worklist_counts, actor=busy, now=now)),
        tasks("search, a frequent word", word=_frequent),
        tasks("search, two frequent words never together", word=_never_together),
        tasks("search, a word that one case has", word=_rare),
        place.page("worklist: page in the browser", busy, lambda _place: "/worklist"),
    ]
    for name, actor in people.items():
        looks += [
            cases(f"first page, {name}", actor),
            cases(f"search, a frequent word, {name}", actor, _frequent),
            cases(f"search, a word that one case has, {name}", actor, _rare),
            cases(f"search, a number, {name}", actor, _number),
        ]
    return [
        *looks,
        cases("search, two frequent words never together, supervisor", supervisor, _never_together),
        place.page("case page in the browser, busy inspector", busy, partial(_case_of, actor=busy)),
        place.page("case page in the browser, supervisor", supervisor, _any_case),
        Look("next 30 due timers", partial(place.timed, partial(_due, place))),
    ]


def _frequent(place: Place) -> str:
    return place.chosen.choice(filling.STREETS)


def _never_together(place: Place) -> str:
    """Two streets: a case is in one."""
    return " ".join(place.chosen.sample(filling.STREETS, 2))


def _rare(place: Place) -> str:
    return filling.deed(place.chosen.randrange(place.largest) + 1)


def _number(place: Place) -> str:
    case = place.chosen.randrange(place.largest) + 1
    return place.look(lambda session: session.get_one(Case, case).number)


def _any_case(place: Place) -> str:
    return f"/cases/{_number(place)}"


def _case_of(place: Place, actor: Actor) -> str:
    """Address of a case among the actor's newest."""
    page = place.look(lambda session: cases_page(session, actor, status=CaseStatus.RUNNING.value))
    return f"/cases/{place.chosen.choice(page.items).number}"


def _due(place: Place) -> None:
    """The worker's statements after a month, rolled back."""
    later = place.office.application.clock() + timedelta(days=60)
    with place.office.application.sessions() as session:
        if not runner.take(session, owner="measured", now=later, limit=30):
            raise RuntimeError("no timer is due")
        session.rollback()


if __name__ == "__main__":
    run_alone(measure, __doc__)
