"""A visit of an inspection at its 10th, 100th and 1,000th: what a step costs, and what a page does."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from flask.testing import FlaskClient
from sqlalchemy import func, select

import forms
import kartabl
import webapp
from benchmarks import databases
from benchmarks.counting import Rows, Statements
from benchmarks.office import SECRET
from benchmarks.reporting import Part, Table, median, run_alone, say, spread
from engine.actor import SYSTEM
from engine.settings import Settings
from models.account import Person
from models.case import Case
from models.choice import Choice
from models.gas import GasProject
from models.jalali import jalali_text
from tests.play import PASSWORD, Play
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as words
from tests.standing import StandingClock

HOW = """A concealed project (`project_registration`, paid) has its pre-inspection (`gas_inspection`), through the
engine's own doors, brought to the turn by all the visits before it: four sub-works, then mostly absences without a fee;
each tenth visit finds defects that cost a fee, which is paid at the gateway, and now and then the inspector withdraws
and another takes over. Each turn has a project of its own, and the turns are measured interleaved. *Visit*:
`schedule_visit` and `record_report` of an absence without a fee, together, each from the bound form to the commit;
*with a fee*: the same two when the report makes a debt. *Statements*: what SQLAlchemy sends, without BEGIN, COMMIT and
ping. *Rows*: what is fetched of their answers. *State*: bytes of the case's saved workflow. *Pages*: a `GET` of Flask's
test client, signed in, in this process, up to the whole text: what the application does, without a socket."""
FIRST_DAY = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)  # 1405/08/30, 9:00: a year's quotas suffice for 1,000 visits
BETWEEN = timedelta(minutes=5)  # two visits, in the calendar of the measurement
INSPECTORS = 40
FLAT = 1.2  # the last turn to the first
COLUMNS = ["database", "meters", "visit"]
ABSENCE, DEFECTS, SUB_WORK = "absent_without_fee", "defects", "sub_work"

T = TypeVar("T")


@dataclass(frozen=True)
class Size:
    turns: tuple[int, ...] = (10, 100, 1_000)
    meters: tuple[int, ...] = (1, 10)
    samples: int = 30  # visits measured at each turn
    charged: int = 10  # of them with a fee
    pages: int = 15


QUICK = Size(turns=(10, 40), samples=8, charged=3, pages=4)


@dataclass
class Cost:
    """Measurements of a repeated piece of work."""

    took: list[float] = field(default_factory=list)  # milliseconds
    sent: list[float] = field(default_factory=list)  # statements
    rows: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)  # of a page, kB

    def __add__(self, other: Cost) -> Cost:
        """Both one after the other."""
        pairs = ((self.took, other.took), (self.sent, other.sent), (self.rows, other.rows), (self.sizes, other.sizes))
        return Cost(*([one + two for one, two in zip(*pair, strict=True)] for pair in pairs))

    def keep(self, other: Cost) -> None:
        self.took += other.took
        self.sent += other.sent
        self.rows += other.rows
        self.sizes += other.sizes


class Inspections:
    """The projects of one database, each at its turn, and the visits that take them further."""

    def __init__(self, url: str) -> None:
        self._clock = StandingClock(FIRST_DAY)
        settings = Settings(secret_key=SECRET, database_url=url, files_path=Path("var/benchmark-files"))
        self.application = kartabl.build(settings, now=self._clock)
        kartabl.bring_up_to_date(self.application)
        bundle = self.application.deploy()
        if not bundle.sound:
            raise ValueError("\n".join(map(str, bundle.findings)))
        engine = self.application.engine
        with engine.transaction() as session:
            engine.offers.offer_all(session, engine.definitions, by=SYSTEM, now=FIRST_DAY)
        self.play = Play(self.application, self._clock)
        self.done: dict[int, int] = {}  # visits, by case
        self._statements = Statements(self.application.database)
        self._rows = Rows(self.application.database)
        self._web = webapp.create_app(self.application)
        self._browsers: dict[tuple[str, datetime], FlaskClient] = {}
        for number in range(INSPECTORS):
            office.add_inspector(self.play, f"inspector-{number + 1}", quota=100_000)

    def new_case(self, code: str, meters: int) -> int:
        """A paid project whose inspection has just begun: the id of that case."""
        office.paid(self.play, *[office.METER] * meters, building=office.CONCEALED, renovation_code=code)
        self.play.follow("gas_inspection")
        self.done[self.play.case_id] = 0
        return self.play.case_id

    def bring_to(self, case: int, turn: int) -> None:
        """All visits before the turn. By the ninth one every way through the diagram has been taken."""
        while self.done[case] < turn - 1:
            number = self.done[case] + 1
            if number in (5, 6) or number % 50 == 25:
                self._at(case).does(self.inspector(case), "withdraw", confirmed=True)
            charged = number == 8 or number % 10 == 0
            self.visit(case, SUB_WORK if number <= 4 else DEFECTS if charged else ABSENCE)

    def visit(self, case: int, outcome: str) -> Cost:
        """One visit, its report, and the payment of what it costs. Returns the cost of visit and report together."""
        cost = self.schedule(case) + self.report(case, outcome)
        self.settle(case)
        return cost

    def schedule(self, case: int) -> Cost:
        """The inspector sets the next visit, and it becomes that time."""
        calendar = self.application.engine.services.calendar
        slot = calendar.next_working_moment(self._clock.now + BETWEEN)
        there = slot.astimezone(calendar.zone)
        values = {"visit_date": jalali_text(there.date()), "visit_time": f"{there:%H:%M}"}
        cost = self._step(case, "schedule_visit", values)
        self._clock.now = slot
        return cost

    def report(self, case: int, outcome: str) -> Cost:
        self.done[case] += 1
        return self._step(case, "record_report", words.report(outcome, *([1] if outcome != SUB_WORK else [])))

    def settle(self, case: int) -> None:
        """The contractor pays what is owed; the worker does what that and the visits before have left to it."""
        play = self._at(case)
        if "pay_debt" in play.waits_for():
            words.pays_debt(play)

    def _step(self, case: int, key: str, values: Mapping[str, object]) -> Cost:
        """Cost of a completion, from the bound form to the commit."""
        engine, by = self.application.engine, self.play.people.actor(self.inspector(case))
        task = self._at(case).task(key).id
        form_class = forms.form_for("gas_inspection", key)
        if form_class is None:
            raise LookupError(key)
        form = form_class.from_values(values, choices={"meters": [Choice(1, "")], "mismatches.meter": []})
        return self._count(
            lambda: engine.in_transaction(lambda session: engine.complete_task(session, task, by=by, form=form))
        )[0]

    def page(self, who: str, path: str) -> Cost:
        """Cost of a request of a page."""
        browser = self._browser(who)
        cost, answer = self._count(lambda: browser.get(path))
        if answer.status_code != 200:
            raise RuntimeError(f"{path} was not shown: {answer.status_code}")
        return Cost(cost.took, cost.sent, cost.rows, [len(answer.data) / 1000])

    def _count(self, work: Callable[[], T]) -> tuple[Cost, T]:
        sent, rows, began = self._statements.count, self._rows.count, time.perf_counter()
        result = work()
        took = (time.perf_counter() - began) * 1000
        return Cost([took], [self._statements.count - sent], [self._rows.count - rows], [0]), result

    def _browser(self, who: str) -> FlaskClient:
        """A browser in which somebody is signed in at this time of the calendar."""
        if (who, self._clock.now) not in self._browsers:
            browser = self._browsers[who, self._clock.now] = self._web.test_client()
            token = browser.get("/sign-in").text.partition('name="csrf_token" value="')[2].partition('"')[0]
            browser.post("/sign-in", data={"username": who, "password": PASSWORD, "csrf_token": token})
        return self._browsers[who, self._clock.now]

    def inspector(self, case: int) -> str:
        with self.play.session() as session:
            usernames = select(Person.username).join(GasProject, GasProject.inspector_id == Person.id)
            of_case = usernames.join(Case, Case.refers_to_id == GasProject.case_id).where(Case.id == case)
            return session.execute(of_case).scalar_one()

    def state_bytes(self, case: int) -> int:
        with self.play.session() as session:
            return session.execute(select(func.length(Case.state)).where(Case.id == case)).scalar_one()

    def pages(self, case: int) -> dict[str, tuple[str, str]]:
        """The pages of a case as it stands: what page and reader → user name, path."""
        play, inspector = self._at(case), self.inspector(case)
        waits = {key: inspector if role == "inspector" else role for key, role in play.waits_for().items()}
        pages = {f"task {key} ({who.partition('-')[0]})": (who, key) for key, who in waits.items()}
        pages = {name: (who, f"/tasks/{play.task(key).id}") for name, (who, key) in pages.items()}
        if "schedule_visit" in waits and "pay_debt" not in waits:
            pages["case (inspector)"] = (inspector, f"/cases/{play.case.number}")
            pages["case (contractor)"] = ("contractor", f"/cases/{play.case.number}")
            pages["action correct_report (inspector)"] = (inspector, f"/tasks/{play.task('correct_report').id}")
        return pages

    def _at(self, case: int) -> Play:
        self.play.case_id = case
        return self.play

    def close(self) -> None:
        self.application.database.dispose()


def measure(*, quick: bool = False) -> Part:
    size = QUICK if quick else Size()
    part = Part("An inspection of many visits", HOW)
    costs = ["median ms", "p95", "p99", "statements", "rows"]
    steps = Table("schedule_visit and record_report", [*COLUMNS, "what", *costs, "state"])
    pages = Table("Pages of the inspection", [*COLUMNS, "page", *costs, "kB"])
    part.tables = [steps, pages]
    for backend in databases.BACKENDS:
        url = databases.new_database(backend)
        inspections = Inspections(url)
        for meters in size.meters:
            say(f"{backend}, {meters} meters: the visits up to {size.turns[-1]}")
            cases = {turn: inspections.new_case(f"3-{meters}-1-{turn}", meters) for turn in size.turns}
            for turn, case in cases.items():
                inspections.bring_to(case, turn)
            databases.settle(url)
            say(f"{backend}, {meters} meters: measured")
            measurement = Measurement(inspections, size, (backend, meters), cases)
            measurement.pages(pages)
            measurement.visits(steps)
            measurement.judge(part)
        inspections.close()
        databases.drop(url)
    return part


@dataclass
class Measurement:
    """One project for each turn, of so many meters, in one database."""

    inspections: Inspections
    size: Size
    place: tuple[str, int]  # the database, meters
    cases: dict[int, int]  # turn → case
    ratios: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # what → the worst one

    def pages(self, table: Table) -> None:
        """The pages before a visit, before its report, and while its fee is owed."""
        costs: dict[str, dict[int, Cost]] = defaultdict(lambda: {turn: Cost() for turn in self.cases})
        for step in (lambda case: None, self.inspections.schedule, lambda case: self.inspections.report(case, DEFECTS)):
            for case in self.cases.values():
                step(case)
            for look in range(self.size.pages + 1):
                for turn, case in self.cases.items():
                    for name, (who, path) in self.inspections.pages(case).items():
                        cost = self.inspections.page(who, path)
                        if look:  # the first one signs in and loads what is loaded once
                            costs[name][turn].keep(cost)
        for case in self.cases.values():
            self.inspections.settle(case)
        for name, by_turn in costs.items():
            for turn, cost in by_turn.items():
                medians = (median(cost.sent), median(cost.rows), median(cost.sizes))
                table.add(*self.place, turn, name, *spread(cost.took), *medians)
            self._judge("a page", by_turn)

    def visits(self, table: Table) -> None:
        for what, outcome, samples in (
            ("visit", ABSENCE, self.size.samples),
            ("with a fee", DEFECTS, self.size.charged),
        ):
            costs = {turn: Cost() for turn in self.cases}
            for case in self.cases.values():
                self.inspections.visit(case, outcome)  # everything is loaded before the first measured one
            for _ in range(samples):
                for turn, case in self.cases.items():
                    costs[turn].keep(self.inspections.visit(case, outcome))
            states = {turn: self.inspections.state_bytes(case) for turn, case in self.cases.items()}
            for turn, cost in costs.items():
                counted = (median(cost.sent), median(cost.rows), states[turn])
                table.add(*self.place, turn, what, *spread(cost.took), *counted)
            self._judge("a visit", costs)
            self._compare("a visit: state", states[self.size.turns[0]], states[self.size.turns[-1]])

    def _judge(self, what: str, costs: dict[int, Cost]) -> None:
        first, last = costs[self.size.turns[0]], costs[self.size.turns[-1]]
        self._compare(f"{what}: time", median(first.took), median(last.took))
        self._compare(f"{what}: statements", median(first.sent), median(last.sent))
        self._compare(f"{what}: rows", median(first.rows), median(last.rows))

    def _compare(self, what: str, first: float, last: float) -> None:
        self.ratios[what] = max(self.ratios[what], last / first)

    def judge(self, part: Part) -> None:
        """Judge the last turn's cost by the first turn's; of several pages or visits the worst counts."""
        backend, meters = self.place
        turns = f"visit {self.size.turns[-1]:,} to visit {self.size.turns[0]}"
        for what, ratio in self.ratios.items():
            part.target(f"{backend}, {meters} meters, {what}, {turns}", ratio, at_most=FLAT, unit="×")


if __name__ == "__main__":
    run_alone(measure, __doc__)
