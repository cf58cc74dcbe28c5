"""Races: processes of the operating system do to one case what only one of them may do, at the same instant.

Eight kinds of conflict. Each has its proper outcomes; whoever comes too late is told so, and nothing else happens:
no deadlock, no other exception, no long wait.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from tests.databases import SQLITE, drop_database, fresh_database, postgres_url
from tests.prove.forks import at_once
from tests.prove.picture import disagreements
from tests.prove.place import Place, frozen, furnish
from tests.prove.protocol import Verdict
from tests.prove.race_kinds import KINDS, NAIVE, Ids, Kind

NAME = "races"
LONGEST = 1.0  # seconds, 99 of 100
ROUNDS = {True: 12, False: 1_000}  # by short
TWIN_ROUNDS = {True: 40, False: 200}

Told = tuple[str, float]  # what came of it, and after how many seconds


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    """Every kind of conflict, so many rounds of each."""
    verdict = Verdict(harness=NAME, database=database, seed=seed)
    server = SQLITE if database == "sqlite" else postgres_url()
    waits: list[float] = []
    for kind in KINDS:
        outcomes, seconds, wrong = race(server, kind, rounds=ROUNDS[short])
        waits += seconds
        verdict.numbers[kind.name] = f"{ROUNDS[short]} × {kind.players}: {_shown(outcomes)}"
        verdict.violations += [f"{kind.name}: {words}" for words in wrong]
    verdict.numbers["p99 ms"] = round(_p99(waits) * 1000, 1)
    if not short and _p99(waits) > LONGEST:  # the machine of a test run is nobody's measure
        verdict.violations.append(f"p99 is {_p99(waits):.2f} s")
    _outcomes, _seconds, wrong = race(server, NAIVE, rounds=TWIN_ROUNDS[short])
    verdict.twin = f"completes after a look, unguarded: {len(wrong)} of {TWIN_ROUNDS[short]} rounds wrong"
    verdict.twin_caught = bool(wrong)
    return verdict


def race(server: str, kind: Kind, *, rounds: int) -> tuple[Counter[str], list[float], list[str]]:
    """Run one kind; returns the outcomes, how long each took, and what was wrong."""
    url, folder = fresh_database(server, prepare=furnish), Path(tempfile.mkdtemp(prefix="kartabl-race-"))
    place = Place(url, folder)
    cases = [kind.prepare(place) for _ in range(rounds)]
    place.close()
    players = [
        lambda barrier, player=player: _play(url, folder, kind, player, cases, barrier)
        for player in range(kind.players)
    ]
    told: list[list[Told]] = at_once(players)  # type: ignore[arg-type]
    place = Place(url, folder)
    wrong = []
    for number, ids in enumerate(cases):
        outcomes = sorted(one[number][0] for one in told)
        if outcomes not in kind.proper:
            wrong.append(f"round {number}: {outcomes}")
        wrong += [f"round {number}: {words}" for words in kind.judge(place, ids, outcomes)]
    wrong += disagreements(place)
    with place.engine.transaction() as session:
        wrong += [f"frozen: {number}" for number in frozen(session)]
    place.close()
    drop_database(url)
    shutil.rmtree(folder, ignore_errors=True)
    flat = [one for player in told for one in player]
    return Counter(outcome for outcome, _ in flat), [seconds for _, seconds in flat], wrong


def _play(url: str, folder: Path, kind: Kind, player: int, cases: list[Ids], barrier: Barrier) -> list[Told]:
    """One process: the same cases in the same order as the others, each at the same instant as they."""
    place = Place(url, folder)
    place.warm_up()
    act: Callable[[Ids], object] = kind.act(place, player)
    told = []
    for ids in cases:
        barrier.wait()
        began = time.perf_counter()
        try:
            outcome = str(act(ids) or "done")
        except Exception as error:  # every one is an outcome; which are proper is judged later
            outcome = type(error).__name__
            if outcome not in kind.known:
                outcome = f"{outcome}: {error}"[:300]
        told.append((outcome, time.perf_counter() - began))
    place.close()
    return told


def _shown(outcomes: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in outcomes.most_common(4))


def _p99(seconds: list[Any]) -> float:
    return float(statistics.quantiles(seconds, n=100)[98])
