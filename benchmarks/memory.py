"""The memory of a process that does 100,000 steps, looked at ten times."""

from __future__ import annotations

import gc
from pathlib import Path

from benchmarks import databases
from benchmarks.office import VISITS, Office, open_office
from benchmarks.reporting import Part, Table, run_alone, say

HOW = """One process completes one visit after the other, of 50 cases at a time; every case ends after 40 visits and
a new one takes its place, so that cases, forms, sessions and identities come and go as they do in a worker.
*Resident* is what the operating system counts for the process (RSS) after a full garbage collection; *objects* is
what Python's collector tracks. The database is SQLite, inside the process, so that its caches count too. No growth:
after the first tenth, in which caches fill, the process takes at most a twentieth more."""
CASES, VISITS_OF_A_CASE, LOOKS = 50, 40, 10
GROWTH = 1.05


def measure(*, quick: bool = False) -> Part:
    steps = 3_000 if quick else 100_000
    part = Part("Memory", HOW)
    table = Table(f"Memory of a process over {steps:,} steps", ["steps", "resident MB", "objects"])
    part.tables.append(table)
    url = databases.new_database(databases.SQLITE)
    office = open_office(url)
    cases = {office.start(): 0 for _ in range(CASES)}
    resident = []
    done = 0
    for look in range(1, LOOKS + 1):
        while done < steps * look // LOOKS:
            done += _round(office, cases)
        gc.collect()
        resident.append(_resident_megabytes())
        table.add(done, resident[-1], len(gc.get_objects()))
        say(f"memory: {done:,} steps, {resident[-1]:.0f} MB")
    part.target(
        "memory after the last step to that after the first tenth", resident[-1] / resident[0], at_most=GROWTH, unit="×"
    )
    office.close()
    databases.drop(url)
    return part


def _round(office: Office, cases: dict[int, int]) -> int:
    """A visit of every case; a case after its last visit ends, and another begins."""
    tasks = office.open_tasks(cases)
    for case, task in tasks.items():
        cases[case] += 1
        finished = cases[case] >= VISITS_OF_A_CASE
        office.turn(VISITS, task, finished=finished)
        if finished:
            del cases[case]
            cases[office.start()] = 0
    return len(tasks)


def _resident_megabytes() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise OSError("the operating system does not tell a process's memory")


if __name__ == "__main__":
    run_alone(measure, __doc__)
