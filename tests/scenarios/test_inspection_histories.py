"""Generated histories of inspections against a reckoning of their own, and what a step costs after many visits.

``INSPECTION_HISTORIES`` says how many histories are played; a nightly run takes more.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

import kartabl
from engine.errors import TaskLocked
from engine.settings import Settings
from models.case import Case, CaseStatus
from tests.conftest import prepare
from tests.databases import SQLITE, fresh_database
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from tests.scenarios.gas_office import CONCEALED, SURFACE
from tests.scenarios.inspection_book import AREAS, Book, meter
from tests.secret import SECRET_KEY
from tests.standing import StandingClock

HISTORIES = int(os.environ.get("INSPECTION_HISTORIES", "12"))
FIRST_DAY = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)  # 1405/08/30, 10:00
STAFF = ("inspector-1", "inspector-2", "inspector-3")
TO_CORRECT = {"units": 1, "usage": "residential", "consumption": 1}
LEAVES: dict[str, dict[str, Any]] = {"withdraw": {"confirmed": True}, "dismiss_inspector": {"reason": "عزل"}}


@pytest.fixture(scope="module")
def office_of_inspectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """One office for all histories; each of them is a project of its own."""
    url = fresh_database(SQLITE, prepare=prepare)
    files: Path = tmp_path_factory.mktemp("files")
    clock = StandingClock(FIRST_DAY)
    settings = Settings(
        secret_key=SECRET_KEY, database_url=url, files_path=files, public_url="http://localhost", mode="demo"
    )
    built = kartabl.build(settings, now=clock)
    play = Play(built, clock)
    for name in STAFF:
        office.add_inspector(play, name, quota=100_000)
    yield play
    built.database.dispose()


_codes = itertools.count(1)


class History:
    """Plays one history, with the book beside it."""

    def __init__(self, play: Play, work: str, classes: list[str]) -> None:
        self.play = play
        play.clock.now = FIRST_DAY
        building = CONCEALED if work == "concealed" else SURFACE
        office.paid(play, *map(meter, classes), building=building, renovation_code=f"3-9-9-{next(_codes)}")
        play.follow("gas_inspection")
        self.book = Book(work, dict(enumerate(classes, start=1)))
        self.paid = 0

    @property
    def inspector(self) -> str:
        found = insp.project(self.play).inspector
        assert found is not None
        return str(found.username)

    def step(self, found: str, marks: list[int], leaves: str, wrong: str) -> None:
        """One visit and what follows: the inspector may leave before it, meters may be found different."""
        if leaves and self.play.waits_for() == {"schedule_visit": "inspector"}:
            who = self.inspector if leaves == "withdraw" else "gas_office"
            self.play.does(who, leaves, **LEAVES[leaves])
            self._find_inspector()
        outcome = found if found in self.book.outcomes else "defects"
        known = list(self.book.meters)
        marked = sorted({known[mark % len(known)] for mark in marks}) if outcome in insp.ABOUT_METERS else []
        different = {known[0]: "کلاس دیگری دارد"} if wrong and not outcome.startswith("absent") else {}
        insp.reports(self.play, outcome, *marked, by=self.inspector, mismatches=different)
        self.book.report(outcome, *marked)
        if different:
            assert "correct_meter" in self.play.waits_for()
            self._no_report_now()
            self.play.does("contractor", "correct_meter", **TO_CORRECT, floor_area=AREAS[wrong])
            self.book.correct(known[0], wrong)
        self._settle()

    def _find_inspector(self) -> None:
        """When all have left, somebody new is found."""
        if "assign_by_hand" in self.play.waits_for():
            somebody = office.add_inspector(self.play, f"inspector-{next(_codes) + 100}", ready=False)
            self.play.does("gas_office", "assign_by_hand", inspector=somebody, note="کسی نمانده بود")

    def _settle(self) -> None:
        owed = sum(self.book.invoiced) - self.paid
        assert insp.owed(self.play) == owed, "what is owed is what the rules say"
        if owed:
            self._no_report_now()
            insp.pays_debt(self.play)
            self.paid += owed
        self.check()

    def _no_report_now(self) -> None:
        """While something stands open, the inspector sees the next step and cannot take it."""
        assert "record_report" not in self.play.waits_for()
        with pytest.raises(TaskLocked):
            self.play.does(self.inspector, "schedule_visit", visit_date="1405/12/01", visit_time="09:30")

    def check(self) -> None:
        """The case has a way on, the stage is the book's, and nothing is owed."""
        assert insp.owed(self.play) == 0
        assert sum(insp.debts(self.play)) == sum(self.book.invoiced)
        stage = insp.project(self.play).stage
        assert stage == ("pre_inspection", "final_inspection", "approved")[self.book.stage - 1]
        if self.book.stage == 3:
            assert (self.play.case.status, self.play.waits_for()) == (CaseStatus.COMPLETED, {})
        else:
            assert self.play.waits_for() == {"schedule_visit": "inspector"}


FOUND = [  # what stands here more often happens more often
    *["sub_work"] * 6,
    *["defects"] * 2,
    *["absent_with_fee"] * 2,
    "absent_without_fee",
    "approved",
]
steps = st.lists(
    st.tuples(
        st.sampled_from(FOUND),
        st.lists(st.integers(0, 5), min_size=1, max_size=3),
        st.sampled_from(["", "", "", "", "withdraw", "dismiss_inspector"]),
        st.sampled_from(["", "", "", "", "G4", "G10", "G40"]),
    ),
    min_size=3,
    max_size=9,
)
projects = st.tuples(
    st.sampled_from(["surface", "concealed", "concealed"]),
    st.lists(st.sampled_from(sorted(AREAS)), min_size=1, max_size=3),
)


@pytest.mark.rule("INS-7", "INS-8", "INS-9", "INS-11", "INS-12", "FEE-3")
@settings(
    max_examples=HISTORIES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    phases=[Phase.generate],  # shrinking plays hundreds more: what failed is short enough
)
@given(project=projects, history=steps)
def test_whatever_the_inspectors_find_what_is_invoiced_is_what_the_rules_say(
    office_of_inspectors: Play, project: tuple[str, list[str]], history: list[Any]
) -> None:
    played = History(office_of_inspectors, *project)
    for step in history:
        if played.book.stage == 3:
            break
        played.step(*step)
    while played.book.stage < 3:  # there always is a way to the end
        played.step("approved", [0], "", "")


@contextmanager
def statements(play: Play) -> Iterator[list[str]]:
    """What the database is asked inside the block."""
    asked: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(play.application.database, "before_cursor_execute", listen)
    yield asked
    event.remove(play.application.database, "before_cursor_execute", listen)


@pytest.mark.rule("INS-7")
def test_a_visit_after_many_costs_what_an_early_one_did(office_of_inspectors: Play) -> None:
    play = office_of_inspectors
    history = History(play, "concealed", ["G4"])
    costs: list[tuple[int, int]] = []
    for number in range(60):
        is_absent = number not in (0, 1, 2, 3, 40)  # the fourth sub-work and the fifth are owed
        values = insp.report("absent_without_fee", 1) if is_absent else insp.report("sub_work")
        with statements(play) as asked:
            insp.visits(play, history.inspector)
            play.does(history.inspector, "record_report", **values)
        with play.session() as session:
            state = session.scalars(select(Case.state).where(Case.id == play.case_id)).one() or b""
        if is_absent:  # without a debt on the way
            costs.append((len(asked), len(state)))
        if insp.owed(play):
            insp.pays_debt(play)
    assert len(insp.reports_of(play)) == 60
    (early, small), (late, large) = costs[0], costs[-1]
    assert late <= early + 2
    assert large <= small * 1.02
