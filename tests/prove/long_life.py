"""Long life: thousands of corrections in one case, and many cases; none ever freezes, and the state does not grow."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import undefer

from engine.bpmn.diagram import read_diagrams
from engine.deployment import definitions
from models.case import Case, HistoryEntry, Task, TaskStatus
from models.job import Job
from tests.databases import SQLITE, drop_database, fresh_database, postgres_url
from tests.engine.small import AnyForm, chain, end, flow, process, start, user_task
from tests.prove.forks import at_once
from tests.prove.picture import disagreements
from tests.prove.place import Place, frozen, furnish
from tests.prove.protocol import Verdict

NAME = "long_life"
CORRECTIONS = {True: 60, False: 5_000}  # by short
CASES = {True: 200, False: 100_000}
AT_ONCE = 50  # cases started in one transaction
GROWTH = 1.2  # of the state and of a turn's time, at most
EARLY = 10  # the turn that later ones are compared with
PROCESSES = 2


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    """Corrections, many cases, and the monitor over all of them."""
    verdict = Verdict(harness=NAME, database=database, seed=seed)
    with _database(database) as (url, folder):
        _correct(url, folder, CORRECTIONS[short], verdict)
    with _database(database) as (url, folder):
        _many(url, folder, CASES[short], seed, verdict)
        _forget_jobs(url, folder, verdict)
    return verdict


@contextlib.contextmanager
def _database(database: str) -> Iterator[tuple[str, Path]]:
    url = fresh_database(SQLITE if database == "sqlite" else postgres_url(), prepare=furnish)
    folder = Path(tempfile.mkdtemp(prefix="kartabl-life-"))
    try:
        yield url, folder
    finally:
        drop_database(url)
        shutil.rmtree(folder, ignore_errors=True)


# ---------------------------------------------------------------- one case that is sent back again and again


def _returned() -> bytes:
    """The most frequent loop of an office: written, looked at, sent back for correction."""
    body = (
        start()
        + '<bpmn:exclusiveGateway id="again"/>'
        + user_task("write")
        + user_task("look")
        + '<bpmn:exclusiveGateway id="well" default="well_done"/>'
        + end()
        + chain("begin", "again", "write", "look", "well", "done")
        + flow("well", "again", "answer == 'again'")
    )
    return process(body, key="returned")


def _correct(url: str, folder: Path, rounds: int, verdict: Verdict) -> None:
    place = Place(url, folder)
    with place.engine.transaction() as session:
        bundle = {one.key: one for one in read_diagrams(_returned())}
        definitions.deploy(session, bundle, now=place.clock())
    case_id, by = place.start("returned"), place.actor("ali")
    sizes, times = [], []
    for turn in range(rounds):
        began = time.perf_counter()
        for key, values in (("write", {}), ("look", {"answer": "again"})):
            _complete_open(place, case_id, key, values, by)
        times.append(time.perf_counter() - began)
        if turn in (EARLY, rounds - 1):
            sizes.append(_state_size(place, case_id))
    _complete_open(place, case_id, "write", {}, by)
    _complete_open(place, case_id, "look", {"answer": "fine"}, by)
    with place.engine.transaction() as session:
        case = session.get_one(Case, case_id)
        told = session.scalar(select(func.count()).where(HistoryEntry.what == "task_completed"))
        verdict.violations += [f"frozen: {number}" for number in frozen(session)]
        if case.outcome != "done":
            verdict.violations.append(f"after {rounds} corrections the case is {case.status}")
        if told != 2 * rounds + 2:
            verdict.violations.append(f"{told} completions in the history, {2 * rounds + 2} were made")
    if sizes[1] > sizes[0] * GROWTH:
        verdict.violations.append(f"the state has grown from {sizes[0]} to {sizes[1]} bytes")
    verdict.violations += disagreements(place)
    place.close()
    verdict.numbers |= {
        "corrections": rounds,
        "bytes of state at turn 10": sizes[0],
        "in the end": sizes[1],
        "ms a turn, first": _milliseconds(times[EARLY : EARLY + 50]),
        "last": _milliseconds(times[-50:]),
    }


def _complete_open(place: Place, case_id: int, key: str, values: dict[str, Any], by: Any) -> None:
    with place.engine.transaction() as session:
        task_id = session.scalars(
            select(Task.id).where(Task.case_id == case_id, Task.key == key, Task.status == TaskStatus.OPEN)
        ).one()
        place.engine.complete_task(session, task_id, by=by, form=AnyForm(("returned", key), values))


def _state_size(place: Place, case_id: int) -> int:
    with place.engine.transaction() as session:
        return len(session.get_one(Case, case_id, options=[undefer(Case.state)]).state)


def _milliseconds(seconds: list[float]) -> float:
    return round(sorted(seconds)[len(seconds) // 2] * 1000, 2)


# ---------------------------------------------------------------- many cases


def _many(url: str, folder: Path, cases: int, seed: int, verdict: Verdict) -> None:
    began = time.monotonic()
    at_once(
        [
            lambda barrier, part=part: _live(url, folder, cases // PROCESSES, seed + part, barrier)
            for part in range(PROCESSES)
        ]
    )
    place = Place(url, folder)
    place.settle()
    with place.engine.transaction() as session:
        verdict.violations += [f"frozen: {number}" for number in frozen(session)]
        there = session.scalar(select(func.count()).select_from(Case)) or 0
        ended = session.scalar(select(func.count()).select_from(Case).where(Case.ended_at.is_not(None))) or 0
    if there != cases // PROCESSES * PROCESSES:
        verdict.violations.append(f"{there} cases of {cases} are there")
    verdict.violations += disagreements(place, every=max(1, cases // 1_000))
    place.close()
    verdict.numbers |= {
        "cases": there,
        "of them ended": ended,
        "frozen": sum("frozen" in words for words in verdict.violations),
        "seconds for them": round(time.monotonic() - began, 1),
    }


def _live(url: str, folder: Path, cases: int, seed: int, _barrier: Barrier) -> None:
    """Start cases, and let every tenth go on: by people, by its timer, by a supervisor who cancels it."""
    place, lot = Place(url, folder), random.Random(seed)
    place.warm_up()
    ali, boss = place.actor("ali"), place.actor("boss")
    for _batch in range(cases // AT_ONCE):
        with place.engine.transaction() as session:
            made = [place.engine.start_case(session, "errand", by=ali).case.id for _ in range(AT_ONCE)]
        for case_id in lot.sample(made, AT_ONCE // 10):
            _go_on(place, case_id, lot, boss)
    place.close()


def _go_on(place: Place, case_id: int, lot: random.Random, boss: Any) -> None:
    way = lot.choice(("withdraw", "cancel", "sign", "sign", "timer"))
    if way == "withdraw":
        place.does(case_id, "withdraw")
    elif way == "cancel":
        with place.engine.transaction() as session:
            place.engine.supervision.cancel_case(session, case_id, by=boss, reason="r")
    elif way == "sign":
        place.does(case_id, "write")
        place.does(case_id, "check", by="reza")
        place.does(case_id, "sign")
    else:
        _late(place, case_id)


def _late(place: Place, case_id: int) -> None:
    """Its time is over, for this case alone."""
    with place.engine.transaction() as session:
        token = session.scalars(select(Job.token).where(Job.case_id == case_id)).one()
    place.later(timedelta(hours=2))
    place.engine.in_transaction(lambda session: place.engine.fire_timer(session, case_id, token))
    place.later(-timedelta(hours=2))


def _forget_jobs(url: str, folder: Path, verdict: Verdict) -> None:
    """The naive twin keeps its jobs elsewhere, and they are gone after a restart: the monitor has to see it."""
    place = Place(url, folder)
    case_id = place.start()
    place.does(case_id, "write")
    place.does(case_id, "check", by="reza")
    place.does(case_id, "sign")
    with place.engine.transaction() as session:
        session.execute(delete(Job).where(Job.case_id == case_id))
    with place.engine.transaction() as session:
        seen = len(frozen(session))
    place.close()
    verdict.twin = f"loses the jobs at a restart: the monitor shows {seen} frozen case"
    verdict.twin_caught = seen == 1
