"""``kill -9`` at random moments: web and worker processes die in mid-work, alone or all at once, and go on.

The processes are the shipped ones: ``kartabl run`` with its worker, a second web process and a worker alone. Clients
work at the API all the while. Whenever all processes are dead, and at the end, the oracle looks at every case.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

from tests.databases import SQLITE, drop_database, fresh_database, postgres_url
from tests.prove.clients import Client
from tests.prove.oracle import Oracle, Told, summary
from tests.prove.processes import ROOT, Site
from tests.prove.protocol import Verdict
from tests.prove.world import World

NAME = "kill -9"
DIAGRAMS = [
    ROOT / "bpmn_diagrams" / "payment.bpmn",
    ROOT / "bpmn_diagrams" / "unmatched_payment.bpmn",
    ROOT / "tests" / "prove" / "proof.bpmn",
]
CLIENTS = 6
STUCK = 30  # seconds without any progress, once nobody kills any more: what is left is unfinished
FIRST_PAGE = 5.0  # seconds
RECONCILE = 1.0  # seconds to the end of what a worker is at

COUNTED = {
    "cases": "SELECT count(*) FROM cases WHERE process_key = 'proof'",
    "completions": "SELECT count(*) FROM history WHERE what = 'task_completed'",
    "payments": "SELECT count(*) FROM payments WHERE state = 'settled'",
    "timers": "SELECT count(*) FROM history WHERE what = 'timer_fired'",
    "SMS": "SELECT count(*) FROM outbox WHERE state = 'sent'",
}
UNFINISHED = """SELECT (SELECT count(*) FROM cases WHERE status = 'running')
    + (SELECT count(*) FROM outbox WHERE next_try_at IS NOT NULL)
    + (SELECT count(*) FROM test_gateway_payments WHERE state = 'paid' AND verified_at IS NULL)"""
MOVED = "SELECT coalesce(sum(revision), 0) FROM cases"


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much is done. Killing goes on until both numbers are reached, but not beyond ``seconds``."""

    kills: int
    works: int  # completions, payments and timers together
    seconds: float
    pause: float = 0.6  # seconds between two kills, at most
    timed: bool = False  # the first page has to be quick, too: not where other work shares the machine


FULL = Load(kills=300, works=1_000, seconds=420, timed=True)
SHORT = Load(kills=6, works=20, seconds=40)
TWIN = Load(kills=20, works=50, seconds=40)
SHORT_TWIN = Load(kills=6, works=10, seconds=40)


def leave_empty(url: str) -> None:
    """The application makes its own schema when it starts; a file has to be there all the same."""
    database = create_engine(url, poolclass=NullPool)
    with database.connect() as connection:
        connection.exec_driver_sql("VACUUM" if database.dialect.name == "sqlite" else "SELECT 1")
    database.dispose()


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    """Kill the real application, and first its naive twin; that something is not finished may only be slowness."""
    twin = _Run(database, seed=seed, naive=True).go(SHORT_TWIN if short else TWIN, stuck=2)
    found = _Run(database, seed=seed, naive=False).go(SHORT if short else FULL, stuck=STUCK)
    return Verdict(
        harness=NAME,
        database=database,
        seed=seed,
        numbers=found.numbers,
        violations=found.faults,
        twin=f"{twin.numbers['kills']} kills: {summary(twin.faults)}",
        twin_caught=any(not fault.startswith("unfinished") for fault in twin.faults),
    )


@dataclass
class Found:
    """What came of one run."""

    numbers: dict[str, int | float | str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class _Run:
    """One application, its clients and whoever kills it."""

    def __init__(self, database: str, *, seed: int, naive: bool) -> None:
        self._random = random.Random(seed)
        self._folder = Path(tempfile.mkdtemp(prefix="kartabl-prove-"))
        (self._folder / "diagrams").mkdir()
        for diagram in DIAGRAMS:
            shutil.copy(diagram, self._folder / "diagrams")
        self._url = fresh_database(SQLITE if database == "sqlite" else postgres_url(), prepare=leave_empty)
        self._database = create_engine(self._url, poolclass=NullPool)
        self._oracle = Oracle(self._database)
        self._told = Told()
        self._site = Site(self._url, self._folder, naive=naive)
        self._wanting = True
        self._clients = [
            Client(f"person-{number}", self._site.ports, self._told, seed=seed + number, wanted=lambda: self._wanting)
            for number in range(CLIENTS)
        ]
        self._found = Found()
        self._pages: list[float] = []
        self._kills = {"of all": 0, "of one": 0}

    def go(self, load: Load, *, stuck: float) -> Found:
        try:
            self._site.prepare([client.name for client in self._clients])
            self._restart()
            for client in self._clients:
                client.start()
            self._kill_until(load)
            self._wanting = False
            self._finish(stuck)
            self._judge(timed=load.timed)
        finally:
            for client in self._clients:
                client.stopped.set()
            self._site.close()
            self._database.dispose()
            drop_database(self._url)
            shutil.rmtree(self._folder, ignore_errors=True)
        return self._found

    def _kill_until(self, load: Load) -> None:
        """Kill everything or one process, again and again; after each kill of everything look at what is there."""
        give_up = time.monotonic() + load.seconds
        while time.monotonic() < give_up:
            if sum(self._kills.values()) >= load.kills and self._works() >= load.works:
                break
            time.sleep(self._random.uniform(0.05, load.pause))
            if self._random.random() < 0.5:
                self._site.kill_all()
                self._kills["of all"] += 1
                self._found.faults += self._oracle.look()
                self._restart()
            else:
                self._site.kill_one(self._random.randrange(3))
                self._kills["of one"] += 1

    def _restart(self) -> None:
        self._site.start()
        self._pages.append(self._site.first_page())

    def _finish(self, stuck: float) -> None:
        """Nobody kills any more: wait until every case has ended, or nothing has moved for ``stuck`` seconds."""
        before, since = -1, time.monotonic()
        give_up = since + 4 * stuck
        while time.monotonic() < min(since + stuck, give_up):
            left, moved = self._number(UNFINISHED), self._number(MOVED)
            if not left:
                break
            if moved != before:
                before, since = moved, time.monotonic()
            time.sleep(0.2)
        for client in self._clients:
            client.stopped.set()
        for client in self._clients:
            client.join(timeout=max(0.1, give_up - time.monotonic()))
        time.sleep(RECONCILE)

    def _judge(self, *, timed: bool) -> None:
        self._site.kill_all()
        world = World(self._folder)
        books = {"sms": world.read("sms"), "calls": world.read("calls")}
        self._found.faults += self._oracle.judge(self._told, books)
        self._found.numbers["first page after a kill, at most, s"] = slowest = max(self._pages)
        if timed:
            self._found.numbers["from the shell, s"] = cold = self._site.cold_start()
            if max(slowest, cold) > FIRST_PAGE:
                self._found.faults.append(
                    f"unfinished: the first page took {slowest:.1f} s, {cold:.1f} s from the shell"
                )
        for name, sentence in COUNTED.items():
            self._found.numbers[name] = self._number(sentence)
        self._found.numbers = {
            "kills": sum(self._kills.values()),
            "of all processes at once": self._kills["of all"],
            **self._found.numbers,
            "calls": sum(client.calls for client in self._clients),
            "of them broken off": sum(client.unanswered for client in self._clients),
            "answered 503": sum(client.turned_away for client in self._clients),
            "acknowledged": len(self._told.completed) + len(self._told.started),
            "SMS repeated under their id": sum(len(keys) - len(set(keys)) for keys in books["sms"].values()),
        }
        self._found.faults = list(dict.fromkeys(self._found.faults))

    def _works(self) -> int:
        return sum(self._number(COUNTED[name]) for name in ("completions", "payments", "timers"))

    def _number(self, sentence: str) -> int:
        with self._database.connect() as connection:
            number: int = connection.execute(text(sentence)).scalar_one()
            return number
