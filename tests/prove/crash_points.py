"""Every crash point, chosen: the process dies at the n-th statement, commit, file write or outside call, for all n.

Then whoever did the step does it again, and everything must stand as it stands when nothing ever died; in between
nothing may be there by half.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from engine import documents
from engine.deployment.definitions import Definitions
from engine.errors import NotAllowed, TaskNotOpen
from models.document import Document
from tests.databases import SQLITE, copy_of, drop_database, fresh_database, postgres_url
from tests.prove.crash_flows import FLOWS, Flow
from tests.prove.forks import KILLED, in_child
from tests.prove.picture import Picture, differences, disagreements, picture
from tests.prove.place import NOON, Place, frozen, furnish
from tests.prove.protocol import Verdict

NAME = "crash_points"
STRIDE = 7  # of the short form, which has these flows only
SHORT = frozenset({"start a case", "complete with an upload", "timer", "payment verified and settled"})
LATE = 8  # the points of a completion before it write nothing
MAX_POINTS = 400  # a step with more than that is no step
STRAYS_GO_AFTER = timedelta(hours=26)


class Points:
    """Counts the places at which a process may die; at the chosen one it does."""

    def __init__(self, die_at: int = 0) -> None:
        self.kinds: list[str] = []
        self._die_at = die_at

    def reach(self, kind: str) -> None:
        self.kinds.append(kind)
        if len(self.kinds) == self._die_at:
            os._exit(KILLED)

    def watch(self, place: Place) -> None:
        """For the rest of this process' life."""
        event.listen(place.database, "before_cursor_execute", lambda *_: self.reach("statement"))
        event.listen(place.database, "commit", lambda *_: self.reach("commit"))
        event.listen(place.application.sessions, "after_commit", lambda *_: self.reach("committed"))
        os.fsync = self._before("file", os.fsync)
        os.replace = self._before("file", os.replace)
        tempfile.mkstemp = self._before("file", tempfile.mkstemp)
        place.world.note = self._around("outside", place.world.note)  # type: ignore[method-assign]
        gateway = place.engine.services.payment_gateway
        gateway.request = self._around("outside", gateway.request)
        gateway.verify = self._around("outside", gateway.verify)

    def _before(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def reached(*arguments: Any, **named: Any) -> Any:
            self.reach(kind)
            return function(*arguments, **named)

        return reached

    def _around(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def reached(*arguments: Any, **named: Any) -> Any:
            self.reach(kind)
            answer = function(*arguments, **named)
            self.reach(kind)
            return answer

        return reached


class Experiment:
    """One flow on one kind of database: the same beginning as often as wanted."""

    def __init__(self, server: str, flow: Flow, *, naive: bool = False) -> None:
        self.flow = flow
        self._naive = naive
        self._folder = Path(tempfile.mkdtemp(prefix="kartabl-crash-"))
        self._url = fresh_database(server, prepare=furnish)
        self._definitions = Definitions()  # read once: reading a diagram takes longer than a step
        self._now = NOON
        place = self._place(self._url, self._folder)
        place.warm_up()
        self._ids = flow.before(place)
        place.world.forget()
        self._now = place.clock.now
        place.close()

    def close(self) -> None:
        drop_database(self._url)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _place(self, url: str, folder: Path) -> Place:
        place = Place(url, folder, naive=self._naive, now=self._now)
        place.engine.definitions = self._definitions
        return place

    @contextmanager
    def _copy(self) -> Iterator[tuple[str, Path]]:
        url = copy_of(self._url)
        folder = Path(tempfile.mkdtemp(prefix="kartabl-crash-"))
        shutil.copytree(self._folder, folder, dirs_exist_ok=True)
        try:
            yield url, folder
        finally:
            drop_database(url)
            shutil.rmtree(folder, ignore_errors=True)

    def undisturbed(self) -> tuple[list[str], Picture]:
        """The kinds of all points of the step, and what stands there in the end when nobody dies."""
        with self._copy() as (url, folder):
            _status, kinds = in_child(lambda: self._step(url, folder, 0))
            return kinds, self._in_the_end(self._place(url, folder), [])

    def dies_at(self, number: int, expected: Picture) -> list[str]:
        """What is wrong when the process dies at this point and the step is done again."""
        with self._copy() as (url, folder):
            status, _ = in_child(lambda: self._step(url, folder, number))
            found = [] if status == KILLED else [f"the process did not die but ended with {status}"]
            place = self._place(url, folder)
            found += [f"by half: {words}" for words in disagreements(place)]
            _repeat(self.flow, place, self._ids)
            end = self._in_the_end(place, found)
            return found + differences(expected, end)

    def _step(self, url: str, folder: Path, die_at: int) -> list[str]:
        place = self._place(url, folder)
        points = Points(die_at)
        points.watch(place)
        self.flow.step(place, self._ids)
        return points.kinds

    def _in_the_end(self, place: Place, found: list[str]) -> Picture:
        place.settle()
        found += [f"in the end: {words}" for words in disagreements(place)]
        found += [f"strayed file {path}" for path in _strays(place)]
        with place.engine.transaction() as session:
            found += [f"frozen: {number}" for number in frozen(session)]
            end = picture(session, without=self.flow.without)
        end["SMS that arrived"] = [str(len(set(place.world.saw("sms"))))]  # a provider knows a repeated one
        end["questions that arrived"] = [str(len(set(place.world.saw("asked"))))]
        place.close()
        return end


def _repeat(flow: Flow, place: Place, ids: dict[str, Any]) -> None:
    """Whoever did the step does it again; that it was done already is a proper answer."""
    with suppress(TaskNotOpen, NotAllowed):
        flow.step(place, ids)


def _strays(place: Place) -> list[str]:
    """Files that are left after the sweep although no row names them."""
    folder = place.folder / "files"
    tomorrow = datetime.now(UTC) + STRAYS_GO_AFTER  # files bear the machine's time
    with place.engine.transaction() as session:
        documents.sweep(session, folder=folder, now=tomorrow)
        kept = set(session.scalars(select(Document.sha256)))
    return [path.name for path in folder.rglob("*") if path.is_file() and path.name not in kept]


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    """Every point of every flow; in the short form every ``STRIDE``-th, beginning where the seed says."""
    verdict = Verdict(harness=NAME, database=database, seed=seed)
    server = SQLITE if database == "sqlite" else postgres_url()
    stride = STRIDE if short else 1
    points: Counter[str] = Counter()
    flows = [flow for flow in FLOWS if not short or flow.name in SHORT]
    for position, flow in enumerate(flows):
        reached, violations = examine(server, flow, first=(seed + position) % stride + 1, every=stride)
        points += reached
        verdict.violations += violations
    verdict.numbers = {"flows": len(flows), "points": points.total(), **points}
    naive_flow = next(flow for flow in FLOWS if flow.name == "complete a task")
    reached, found = examine(server, naive_flow, naive=True, first=LATE if short else 1)
    verdict.twin = f"the state in a commit of its own: {len(found)} faults at {reached.total()} points"
    verdict.twin_caught = bool(found)
    return verdict


def examine(
    server: str, flow: Flow, *, first: int = 1, every: int = 1, naive: bool = False
) -> tuple[Counter[str], list[str]]:
    """Die at each ``every``-th point of a flow; returns the points by kind, and what was wrong."""
    experiment = Experiment(server, flow, naive=naive)
    kinds, expected = experiment.undisturbed()
    points: Counter[str] = Counter()
    found = [] if 0 < len(kinds) <= MAX_POINTS else [f"{flow.name}: {len(kinds)} points"]
    for number in range(first, len(kinds) + 1, every):
        points[kinds[number - 1]] += 1
        wrong = experiment.dies_at(number, expected)
        found += [f"{flow.name}, point {number} ({kinds[number - 1]}): {words}" for words in wrong]
    experiment.close()
    return points, found
