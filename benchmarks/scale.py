"""The same with 1,000, 100,000 and 1,000,000 cases: a completion, and the pages that people and the worker look at."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

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
from engine import jobs
from engine.cases import cases_page
from engine.identity import Actor, actor_for
from engine.worklist import tasks_page, worklist_counts
from models.account import Person
from models.case import Case, CaseStatus, Task, TaskStatus

HOW = """Five hundred cases really run (of 100: 90 ended after two visits, 2 wait for the contractor who registers
them, 8 for inspectors, 4 of those with a timer, 1 of those bound to one busy inspector); all others are copies of
them with numbers, tokens' rows, history, outbox, and people of their own, 20 contractors for each 1,000 cases. So a
contractor's share is the same at every size, while what waits for the inspectors as a group, what the busy one
takes part in, and what a frequent word finds grow with the database. Every look is asked with a person's rights.
*Completions* are of tasks picked at random among all that are open, by an inspector. Pages are asked of the web
application in the same process (no network)."""
FLAT = 1.5  # the largest size to the smallest


@dataclass
class Look:
    """Something to measure: asked many times, each time of another case or word."""

    name: str
    ask: Callable[[], object]
    times: int = 40


@dataclass
class Place:
    """A filled database and who looks at it."""

    office: Office
    app: Flask
    busy: Actor
    contractor: Actor
    largest: int  # id of a case
    chosen: random.Random

    @property
    def database(self) -> Database:
        return self.office.application.database

    def look(self, ask: Callable[[Session], object]) -> object:
        with self.office.engine.transaction() as session:
            return ask(session)

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


def measure(*, quick: bool = False) -> Part:
    sizes = (200, 1_000) if quick else (1_000, 100_000, 1_000_000)
    real = 200 if quick else filling.REAL
    part = Part("With many cases", HOW)
    sized = Table("The databases", ["database", "cases", "size MB", "filled in s"])
    part.tables.append(sized)
    for backend in databases.BACKENDS:
        columns = [f"{size:,}" for size in sizes]
        table = Table(f"Median ms at so many cases, {backend}",
                      ["what", *columns, "largest to smallest", "p95 at the largest", "statements"])  # fmt: skip
        part.tables.append(table)
        found: dict[str, list[list[float]]] = {}
        counts: dict[str, float] = {}
        for size in sizes:
            url = databases.new_database(backend)
            began = time.perf_counter()
            filling.fill(url, size, real=real)
            sized.add(backend, size, databases.size(url) / 1e6, time.perf_counter() - began)
            for name, took, statements in _measured(url, size, quick=quick):
                found.setdefault(name, []).append(took)
                counts[name] = statements
            databases.drop(url)
        for name, lists in found.items():
            medians = [median(took) for took in lists]
            ratio = medians[-1] / medians[0]
            table.add(name, *medians, ratio, spread(lists[-1])[1], counts[name])
            part.target(f"{backend}: {name}, {sizes[-1]:,} to {sizes[0]:,} cases", ratio, at_most=FLAT, unit="×")
    return part


def _measured(url: str, size: int, *, quick: bool) -> list[tuple[str, list[float], float]]:
    """(what, milliseconds, statements) of every look at a filled database."""
    place = _place(url)
    statements = Statements(place.database)
    rows = [_completions(place, statements, 30 if quick else 300)]
    for look in _looks(place):
        took: list[float] = []
        sent = statements.count
        times = 5 if quick else look.times
        for number in range(times + 2):
            began = time.perf_counter()
            look.ask()
            if number >= 2:  # the first two load what is loaded once
                took.append((time.perf_counter() - began) * 1000)
        rows.append((look.name, took, (statements.count - sent) / (times + 2)))
    say(f"{databases.backend_of(url)}, {size:,} cases: measured")
    place.office.close()
    return rows


def _place(url: str) -> Place:
    office = open_office(url)
    with office.engine.transaction() as session:
        largest = session.scalars(select(Case.id).order_by(Case.id.desc()).limit(1)).one()
        busy = actor_for(session.scalars(select(Person).where(Person.username == filling.BUSY)).one())
    contractor = filling.contractors_of(office)[0]
    return Place(office, webapp.create_app(office.application), busy, contractor, largest, random.Random(7))


def _completions(place: Place, statements: Statements, times: int) -> tuple[str, list[float], float]:
    """Visits of cases picked at random. Each case comes once; where there are fewer, they come again in turn."""
    office = place.office
    cases = _open_visits(place)[: times + 5]
    took: list[float] = []
    sent = 0
    for number in range(times + 5):
        case = cases[number % len(cases)]
        task = office.open_tasks([case])[case]
        before = statements.count
        milliseconds = office.turn(VISITS, task)
        if number >= 5:
            took.append(milliseconds)
            sent += statements.count - before
    return "completion of a task", took, sent / times


def _open_visits(place: Place) -> list[int]:
    """Cases that wait for the group, in no order."""
    with place.database.connect() as connection:
        rows = select(Task.case_id).where(
            Task.status == TaskStatus.OPEN, Task.process_key == VISITS, Task.key == "visit", Task.assignee_id.is_(None)
        )
        found = list(connection.scalars(rows))
    place.chosen.shuffle(found)
    return found


def _looks(place: Place) -> list[Look]:
    office, look = place.office, place.look
    inspector, supervisor, now = office.inspector, office.supervisor, office.application.clock()
    people = {"busy inspector": place.busy, "contractor": place.contractor, "supervisor": supervisor}
    page = look(partial(tasks_page, actor=inspector, mine=False))
    looks = [
        Look("worklist: group's first page", lambda: look(partial(tasks_page, actor=inspector, mine=False))),
        Look("worklist: group's second page",
             lambda: look(partial(tasks_page, actor=inspector, mine=False, cursor=page.next))),  # type: ignore[attr-defined]
        Look("worklist: busy inspector's, all", lambda: look(partial(tasks_page, actor=place.busy))),
        Look("worklist: counts", lambda: look(partial(worklist_counts, actor=place.busy, now=now))),
        Look("worklist: search, a frequent word",
             lambda: look(partial(tasks_page, actor=inspector, q=place.chosen.choice(filling.STREETS)))),
        Look("worklist: search, a word that one case has",
             lambda: look(partial(tasks_page, actor=inspector, q=_rare(place)))),
        Look("worklist: page in the browser", partial(_page, place.browser(place.busy), lambda: "/worklist"), 20),
    ]  # fmt: skip
    for name, actor in people.items():
        looks += [
            Look(f"cases: first page, {name}", partial(look, partial(cases_page, actor=actor))),
            Look(f"cases: search, a frequent word, {name}", partial(_search, place, actor, _frequent), 20),
            Look(f"cases: search, a word that one case has, {name}", partial(_search, place, actor, _rare), 10),
            Look(f"cases: search, a number, {name}", partial(_search, place, actor, _number)),
        ]
    looks += [
        Look("case page in the browser, busy inspector",
             partial(_page, place.browser(place.busy), partial(_case_of, place, place.busy)), 20),
        Look("case page in the browser, supervisor",
             partial(_page, place.browser(supervisor), partial(_any_case, place)), 20),
        Look("next 30 due timers", partial(_due, place)),
    ]  # fmt: skip
    return looks


def _page(browser: FlaskClient, path: Callable[[], str]) -> None:
    answer = browser.get(path())
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.request.path}: {answer.status_code}")


def _search(place: Place, actor: Actor, word: Callable[[Place], str]) -> None:
    wanted = word(place)
    place.look(lambda session: cases_page(session, actor, q=wanted))


def _frequent(place: Place) -> str:
    return place.chosen.choice(filling.STREETS)


def _rare(place: Place) -> str:
    return filling.deed(place.chosen.randrange(place.largest) + 1)


def _number(place: Place) -> str:
    case = place.chosen.randrange(place.largest) + 1
    return place.look(lambda session: session.get_one(Case, case).number)  # type: ignore[return-value]


def _any_case(place: Place) -> str:
    return f"/cases/{_number(place)}"


def _case_of(place: Place, actor: Actor) -> str:
    """One of the newest cases that are the actor's."""
    page = place.look(lambda session: cases_page(session, actor, status=CaseStatus.RUNNING.value))
    return f"/cases/{place.chosen.choice(page.items).number}"  # type: ignore[attr-defined]


def _due(place: Place) -> None:
    """What a worker asks for when a month has passed, undone again."""
    later = place.office.application.clock() + timedelta(days=60)
    with place.office.application.sessions() as session:
        if not jobs.take(session, owner="measured", now=later, limit=30):
            raise RuntimeError("no timer is due")
        session.rollback()


if __name__ == "__main__":
    run_alone(measure, __doc__)
