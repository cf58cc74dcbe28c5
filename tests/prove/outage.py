"""Outages: database or disk are away in the middle of requests to the real web application, and come back.

Each user gets, within ten seconds, either success or the one honest page that nothing was saved. Whoever got that
page repeats. Afterwards everything is there once, nothing by half, and work goes on by itself within five seconds.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from models.case import Task, TaskStatus
from tests.prove.outage_site import ALREADY, REFUSED, SAVED, Site, User
from tests.prove.picture import disagreements
from tests.prove.place import Place, frozen
from tests.prove.protocol import Verdict
from tests.prove.troubles import Trouble, rig, troubles

NAME = "outage"
USERS = 4
LONGEST, RECOVERY, LINES_A_SECOND = 10.0, 5.0, 100.0
SLACK = 6.0  # times as long in the short form: the machine of a test run is nobody's measure
FIRST_ANSWERS = 30.0  # seconds that a loaded machine may need to begin


@dataclass
class Seen:
    """What the users of one outage saw: (answer, seconds, when) of each request. ``slack``: times the limits."""

    slack: float
    answers: list[tuple[str, float, float]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    slowest: float = 0.0
    recovered: float = 0.0

    def tell(self, answer: str, seconds: float, _task: int) -> None:
        self.answers.append((answer, seconds, time.monotonic()))

    def count(self, answer: str) -> int:
        return sum(one == answer for one, _seconds, _when in self.answers)

    def saved_after(self, moment: float) -> float | None:
        """How many seconds after ``moment`` somebody's work was saved."""
        return min((when - moment for one, _s, when in self.answers if one == SAVED and when > moment), default=None)


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    """Every kind of outage that this database can have."""
    verdict = Verdict(harness=NAME, database=database, seed=seed)
    total: Counter[str] = Counter()
    kinds = troubles(database, short=short)
    slowest = recovered = 0.0
    for trouble in kinds:
        seen = suffer(database, trouble, slack=SLACK if short else 1.0)
        total.update(answer for answer, _seconds, _when in seen.answers)
        slowest, recovered = max(slowest, seen.slowest), max(recovered, seen.recovered)
        verdict.violations += [f"{trouble.name}: {words}" for words in seen.violations]
    verdict.numbers = {
        "outages": ", ".join(trouble.name for trouble in kinds),
        **total,
        "slowest answer s": round(slowest, 1),
        "normal again after s": round(recovered, 1),
    }
    twin = suffer(database, kinds[0], naive=True)
    verdict.twin = f"swallows the error and says it was saved: {len(twin.violations)} faults"
    verdict.twin_caught = any(words.startswith("lost") for words in twin.violations)
    return verdict


def suffer(database: str, trouble: Trouble, *, naive: bool = False, slack: float = SLACK) -> Seen:
    """Let users work while the trouble comes and goes; then judge what is left."""
    seen = Seen(slack)
    folder = Path(tempfile.mkdtemp(prefix="kartabl-outage-"))
    try:
        with rig(database, trouble) as between:
            site = Site(between.url, between.through, folder, naive=naive)
            try:
                users = _work(site, seen, trouble, between)
                seen.violations += _worker_lives(site)
            finally:
                site.close()
            seen.violations += _judge(site, users)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if trouble.felt and not naive and not seen.count(REFUSED):
        seen.violations.append("nobody noticed it: this proves nothing")
    return seen


def _work(site: Site, seen: Seen, trouble: Trouble, between: object) -> list[User]:
    """The users' day: an undisturbed beginning, the trouble, its end."""
    users = [
        User(site, site.tasks[number::USERS], with_file=trouble.with_file, told=seen.tell) for number in range(USERS)
    ]
    for user in users:
        user.start()

    def at_work() -> bool:  # who is told at once that all is saved, as the naive twin says, has soon done everything
        return any(user.is_alive() for user in users)

    _until(lambda: seen.count(SAVED) >= USERS, FIRST_ANSWERS)
    lines, began = site.lines, time.monotonic()
    trouble.begin(between, site)  # type: ignore[arg-type]
    time.sleep(trouble.seconds)
    if trouble.felt:
        _until(lambda: seen.count(REFUSED) > 0 or not at_work(), LONGEST * seen.slack)
    rate = (site.lines - lines) / (time.monotonic() - began)
    trouble.end(between, site)  # type: ignore[arg-type]
    ended = time.monotonic()
    _until(lambda: seen.saved_after(ended) is not None or not at_work(), 3 * RECOVERY * seen.slack)
    for user in users:
        user.stopping.set()
    for user in users:
        user.join(timeout=60)
    _judge_answers(seen, ended, rate, site)
    return users


def _judge_answers(seen: Seen, ended: float, rate: float, site: Site) -> None:
    seen.slowest = max((seconds for _answer, seconds, _when in seen.answers), default=0.0)
    seen.recovered = seen.saved_after(ended) or 0.0
    if seen.saved_after(ended) is None or seen.recovered > RECOVERY * seen.slack:
        seen.violations.append(f"not back to normal {RECOVERY * seen.slack} s after the end")
    if seen.slowest > LONGEST * seen.slack:
        seen.violations.append(f"somebody waited {seen.slowest:.1f} s")
    if rate > LINES_A_SECOND:
        seen.violations.append(f"{rate:.0f} lines a second in the log, the last: {site.last_words}")
    dishonest = Counter(one for one, _s, _w in seen.answers if one not in (SAVED, REFUSED, ALREADY))
    seen.violations += [f"{number} × {answer}" for answer, number in dishonest.items()]


def _worker_lives(site: Site) -> list[str]:
    """The worker of the same process still does what comes up: an SMS of a case that goes on now."""
    place = Place(site.url, site.folder)
    with contextlib.closing(place):
        case_id = place.start()
        place.does(case_id, "write")
        place.does(case_id, "check", by="reza")
        place.does(case_id, "sign")
        came = _until(lambda: bool(place.world.saw("sms")) and "close" in place.open(case_id), 3 * RECOVERY * SLACK)
    return [] if came else ["the worker has stopped"]


def _judge(site: Site, users: list[User]) -> list[str]:
    place = Place(site.url, site.folder)
    with contextlib.closing(place):
        wrong = disagreements(place)
        with place.engine.transaction() as session:
            wrong += [f"frozen: {number}" for number in frozen(session)]
            for task_id in (task_id for user in users for task_id in user.done):
                status = session.get_one(Task, task_id).status
                if status is not TaskStatus.COMPLETED:
                    wrong.append(f"lost: task {task_id} is {status}, but somebody was told that it was saved")
    return wrong


def _until(true: object, seconds: float) -> bool:
    """Wait until it is true, at most so long."""
    assert callable(true)
    give_up = time.monotonic() + seconds
    while not true():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True
