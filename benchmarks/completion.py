"""One completion of a user task at turn 10 to 3,000 of a loop, through the engine and through HTTP."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from benchmarks import databases, serving
from benchmarks.counting import Statements
from benchmarks.floor import floor
from benchmarks.office import QUIET, REPORT, VISITS, Office, open_office
from benchmarks.reporting import Part, Table, median, run_alone, say, spread

HOW = """A case of a loop process (`visit`, one SMS into the outbox, a gateway whose condition reads 20 fields, 2
kB) is brought to the turn by doing all the turns before it; then one completion after the other is measured, the
turns interleaved, so that whatever else the machine does falls on all of them alike. *Engine*:
`Engine.in_transaction` around `Engine.complete_task` with the form that was bound before, up to the commit: state,
task, history, outbox and worklist rows are written. *HTTP*: a signed-in browser's `POST /tasks/<id>` over a kept
connection to Waitress in a process of its own, up to the redirect; *whole way* adds what the browser follows then:
the redirect to the next task and its page. *Delay*: PostgreSQL is reached through a proxy of ours on the socket
that hands on what the client sends so many milliseconds later (one wait a round trip); SQLite has no round trips,
so each statement, and the commit, waits so long. *Statements*: what SQLAlchemy sends, without BEGIN, COMMIT and
ping. *Written*: bytes that one completion appends to the write-ahead log (SQLite writes whole pages of 4 kB).
*State*: bytes of the case's saved workflow. *The database alone*: seven statements of the same kinds and sizes, two
reads, two changes and three new rows, sent by the driver without SQLAlchemy and without us, in one durable
transaction; what a machine takes for these, no engine goes below."""
COLUMNS = ["database", "delay ms", "turn", "median ms", "p95", "p99", "statements"]
BOUNDS = {databases.SQLITE: 2.0, databases.POSTGRES: 3.0}  # milliseconds of a completion
FLAT = 1.2  # the last turn to the first


@dataclass(frozen=True)
class Size:
    turns: tuple[int, ...] = (10, 100, 1_000, 3_000)
    cases: int = 2  # at each turn
    delays: tuple[int, ...] = (0, 5, 25)
    samples: tuple[int, ...] = (200, 30, 15)  # completions at each turn, by delay
    http: tuple[int, ...] = (100, 20, 8)
    weighed: int = 20  # completions whose bytes are measured


QUICK = Size(turns=(10, 40), cases=2, delays=(0, 5), samples=(30, 5), http=(20, 4), weighed=6)


@dataclass
class Walk:
    """Cases at their turns. Each completion takes a case one turn further; it stays near enough."""

    office: Office
    size: Size
    cases: dict[int, list[int]] = field(default_factory=dict)

    def prepare(self) -> None:
        """New cases for the small turns; those of the large ones are used on."""
        for turn in self.size.turns:
            if turn > 100 and turn in self.cases:
                continue
            self.cases[turn] = [self.office.start() for _ in range(self.size.cases)]
            for _ in range(turn - 1):
                for task in self.office.open_tasks(self.cases[turn]).values():
                    self.office.turn(VISITS, task)

    def rounds(self, samples: int) -> Iterable[tuple[int, int]]:
        """(turn, open task) so that each turn comes ``samples`` times, one after the other."""
        for number in range(samples):
            for turn in self.size.turns:
                case = self.cases[turn][number % self.size.cases]
                yield turn, self.office.open_tasks([case])[case]


Measured = dict[int, list[float]]


def measure(*, quick: bool = False) -> Part:
    size = QUICK if quick else Size()
    part = Part("One completion of a user task", HOW)
    engine = Table("Completion through the engine", [*COLUMNS, "written", "state"])
    http = Table("Completion through HTTP", [*COLUMNS[:-1], "whole way ms", "statements"])
    quiet = Table("The same without an SMS, at turn 10", COLUMNS)
    alone = Table("The database alone", ["database", "median ms", "p95", "p99"])
    part.tables = [engine, alone, quiet, http]
    for backend in databases.BACKENDS:
        url = databases.new_database(backend)
        office = open_office(url)
        walk = Walk(office, size)
        alone.add(backend, *spread(floor(url, size.samples[0] * len(size.turns))))
        for delay, samples, requests in zip(size.delays, size.samples, size.http, strict=False):
            say(f"{backend}, {delay} ms: the turns up to {size.turns[-1]}")
            walk.prepare()
            databases.settle(url)
            say(f"{backend}, {delay} ms: through the engine")
            _engine(part, engine, walk, url, delay, samples)
            say(f"{backend}, {delay} ms: through HTTP")
            _http(part, http, walk, url, delay, requests)
        _quiet(quiet, office, backend, size.samples[0])
        office.close()
        databases.drop(url)
    return part


def _engine(part: Part, table: Table, walk: Walk, url: str, delay: int, samples: int) -> None:
    backend = databases.backend_of(url)
    with databases.farther(url, delay) as way:
        office = open_office(way)
        if databases.is_sqlite(url):
            databases.slow_down(office.application.database, delay)
        statements = Statements(office.application.database)
        _warm(walk, office)
        took, sent = _complete(walk, samples, statements, lambda task: office.turn(VISITS, task))
        office.close()
    written = _written(walk, url) if not delay else {}
    states = {turn: walk.office.state_bytes(cases[0]) for turn, cases in walk.cases.items()}
    for turn in walk.size.turns:
        table.add(
            backend, delay, turn, *spread(took[turn]), median(sent[turn]), median(written.get(turn, [])), states[turn]
        )
    if not delay:
        first, last = walk.size.turns[0], walk.size.turns[-1]
        _judge_flat(
            part,
            backend,
            f"turn {last:,} to turn {first}",
            [
                ("time", median(took[last]) / median(took[first])),
                ("statements", median(sent[last]) / median(sent[first])),
                ("state", states[last] / states[first]),
            ],
        )
        part.target(f"{backend}: statements of a completion", max(max(counts) for counts in sent.values()), at_most=8)
        part.target(
            f"{backend}: median of a completion, worst turn",
            max(median(took[turn]) for turn in walk.size.turns),
            at_most=BOUNDS[backend],
            unit="ms",
        )


def _judge_flat(part: Part, backend: str, what: str, ratios: list[tuple[str, float]]) -> None:
    for name, ratio in ratios:
        part.target(f"{backend}: {name}, {what}", ratio, at_most=FLAT, unit="×")


def _warm(walk: Walk, office: Office) -> None:
    """Connections, parsed diagrams and prepared statements are there before the first measured completion."""
    for _turn, task in walk.rounds(3):
        office.turn(VISITS, task)


def _complete(
    walk: Walk, samples: int, statements: Statements, complete: Callable[[int], float]
) -> tuple[Measured, Measured]:
    took: Measured = defaultdict(list)
    sent: Measured = defaultdict(list)
    for turn, task in walk.rounds(samples):
        before = statements.count
        took[turn].append(complete(task))
        sent[turn].append(float(statements.count - before))
    return took, sent


def _written(walk: Walk, url: str) -> Measured:
    log = databases.Written(url)
    written: Measured = defaultdict(list)
    for turn, task in walk.rounds(walk.size.weighed):
        mark = log.mark()
        walk.office.turn(VISITS, task)
        written[turn].append(float(log.since(mark)))
    log.close()
    return written


def _http(part: Part, table: Table, walk: Walk, url: str, delay: int, samples: int) -> None:
    backend = databases.backend_of(url)
    took: Measured = defaultdict(list)
    whole: Measured = defaultdict(list)
    sent: Measured = defaultdict(list)
    with databases.farther(url, delay) as way, serving.served(way, delay) as (port, statements):
        browser = serving.Browser(port, "inspector")
        for number, (turn, task) in enumerate(walk.rounds(samples + 1)):
            before, began = statements.value, time.perf_counter()
            status, place, page = browser.send(f"/tasks/{task}", **REPORT)
            posted, counted = time.perf_counter(), statements.value
            if status != 303:
                raise RuntimeError(f"the task was not completed: {status} {page[:300]}")
            while status == 303:
                status, place, page = browser.ask("GET", place)
            if number >= len(walk.size.turns):  # the first of each turn warms the server
                took[turn].append((posted - began) * 1000)
                whole[turn].append((time.perf_counter() - began) * 1000)
                sent[turn].append(float(counted - before))
        browser.close()
    for turn in walk.size.turns:
        table.add(backend, delay, turn, *spread(took[turn]), median(whole[turn]), median(sent[turn]))
    if not delay:
        first, last = walk.size.turns[0], walk.size.turns[-1]
        worst = max(median(took[turn]) for turn in walk.size.turns)
        part.target(f"{backend}: median through HTTP, worst turn", worst, at_most=10, unit="ms")
        _judge_flat(
            part,
            f"{backend}, HTTP",
            f"turn {last:,} to turn {first}",
            [("time", median(took[last]) / median(took[first]))],
        )


def _quiet(table: Table, office: Office, backend: str, samples: int) -> None:
    case = office.start(QUIET)
    statements = Statements(office.application.database)
    took, sent = [], []
    for number in range(samples + 9):
        task = office.open_tasks([case])[case]
        before = statements.count
        milliseconds = office.turn(QUIET, task)
        if number >= 9:
            took.append(milliseconds)
            sent.append(float(statements.count - before))
    table.add(backend, 0, 10, *spread(took), median(sent))


if __name__ == "__main__":
    run_alone(measure, __doc__)
