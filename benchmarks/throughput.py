"""Completions a second with 1, 2 and 4 processes, each with cases of its own and all with the same ones."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from typing import Any

from benchmarks import databases
from benchmarks.office import VISITS, Office, open_office
from benchmarks.reporting import Part, Table, run_alone, say, spread
from engine.errors import Conflict, TaskNotOpen

HOW = """Each process has an engine of its own and completes the visits of 50 cases, one after the other, as fast as
it can; the open tasks of its 50 cases are looked up once a round, with one statement. Everything is written that a
completion writes, one SMS too, and each is a durable commit of its own. *Same cases*: all processes work at the
same 50 cases, and whoever was too late (the task is closed, or the case was changed meanwhile) counts as *too
late*, not as a completion."""
AT_LEAST = {databases.SQLITE: 1_500, databases.POSTGRES: 800}  # completions a second, at the best number of processes
CASES = 50


@dataclass(frozen=True)
class Result:
    completed: int
    too_late: int
    took: list[float]  # milliseconds


def measure(*, quick: bool = False) -> Part:
    seconds = 2.0 if quick else 10.0
    part = Part("Completions a second", HOW)
    table = Table(
        "Completions a second",
        ["database", "cases", "processes", "completions/s", "too late/s", "median ms", "p95", "p99", "longest"],
    )
    part.tables.append(table)
    for backend in databases.BACKENDS:
        url = databases.new_database(backend)
        office = open_office(url)
        best = 0.0
        for processes in (1, 2, 4):
            say(f"{backend}: {processes} processes")
            best = max(best, _row(table, office, url, processes, seconds, shared=False))
        _row(table, office, url, 4, seconds, shared=True)
        part.target(f"{backend}: completions a second, best", best, at_least=AT_LEAST[backend])
        office.close()
        databases.drop(url)
    return part


def _row(table: Table, office: Office, url: str, processes: int, seconds: float, *, shared: bool) -> float:
    first = [office.start() for _ in range(CASES)]
    lots = [first if shared or number == 0 else [office.start() for _ in range(CASES)] for number in range(processes)]
    databases.settle(url)
    results = _run(url, lots, seconds)
    took = [one for result in results for one in result.took]
    rate = sum(result.completed for result in results) / seconds
    late = sum(result.too_late for result in results) / seconds
    table.add(
        databases.backend_of(url), "the same" if shared else "own", processes, rate, late, *spread(took), max(took)
    )
    return rate


def _run(url: str, lots: list[list[int]], seconds: float) -> list[Result]:
    """Start one process for each lot of cases, let all begin together, and collect what they did."""
    spawn = multiprocessing.get_context("spawn")
    ready, answers = spawn.Barrier(len(lots)), spawn.Queue()
    workers = [spawn.Process(target=_work, args=(url, cases, seconds, ready, answers)) for cases in lots]
    for worker in workers:
        worker.start()
    results = [answers.get(timeout=seconds + 120) for _ in workers]
    for worker in workers:
        worker.join()
    return results


def _work(url: str, cases: list[int], seconds: float, ready: Any, answers: Any) -> None:
    office = open_office(url)
    for task in office.open_tasks(cases).values():
        _try(office, task)  # everything is loaded before the clock runs
    completed, too_late, took = 0, 0, []
    ready.wait(60)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for task in office.open_tasks(cases).values():
            if time.monotonic() >= end:
                break
            milliseconds = _try(office, task)
            if milliseconds is None:
                too_late += 1
            else:
                completed += 1
                took.append(milliseconds)
    office.close()
    answers.put(Result(completed, too_late, took))


def _try(office: Office, task: int) -> float | None:
    try:
        return office.turn(VISITS, task)
    except (TaskNotOpen, Conflict):
        return None


if __name__ == "__main__":
    run_alone(measure, __doc__)
