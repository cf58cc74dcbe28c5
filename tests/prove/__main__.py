"""``python -m tests.prove``: runs every harness on both databases and prints what was reached. Exit code 1: broken."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Iterable
from typing import cast

from tests.prove.protocol import DATABASES, Harness, Verdict

HARNESSES = (  # modules of this package, in the order in which they run
    "kill9",
    "crash_points",
    "races",
    "outage",
    "sandbox",
    "api",
    "attack",
    "long_life",
    "backup",
)
SEED = 20261121
SHOWN = 20  # violations printed of one harness


def harness(module: str) -> Harness:
    return cast(Harness, importlib.import_module(f"tests.prove.{module}"))


def run(module: str, database: str, *, short: bool, seed: int = SEED) -> Verdict:
    """One harness on one database, timed."""
    began = time.monotonic()
    verdict = harness(module).prove(database, short=short, seed=seed)
    verdict.seconds = time.monotonic() - began
    return verdict


def table(verdicts: Iterable[Verdict]) -> str:
    """What was reached, a line for each harness and database, as a Markdown table."""
    lines = [
        "| harness | database | seed | numbers | verdict | the naive twin | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for verdict in verdicts:
        numbers = ", ".join(f"{name} {_shown(value)}" for name, value in verdict.numbers.items())
        word = "holds" if not verdict.violations else f"BROKEN ({len(verdict.violations)})"
        twin = f"{verdict.twin} ({'caught' if verdict.twin_caught else 'NOT CAUGHT'})"
        lines.append(
            f"| {verdict.harness} | {verdict.database} | {verdict.seed} | {numbers} | {word} | {twin} "
            f"| {verdict.seconds:.0f} |"
        )
    return "\n".join(lines)


def _shown(value: int | float | str) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}" if isinstance(value, float) else value


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the form that CI runs: within a minute for each harness")
    parser.add_argument("--only", action="append", metavar="NAME", choices=HARNESSES, help="one harness (repeatable)")
    parser.add_argument("--database", action="append", choices=DATABASES, help="one database")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    verdicts = []
    for module in asked.only or HARNESSES:
        for database in asked.database or DATABASES:
            print(f"… {module} on {database}", file=sys.stderr, flush=True)
            verdict = run(module, database, short=asked.short, seed=asked.seed)
            verdicts.append(verdict)
            print(table([verdict]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(verdicts))
    for verdict in verdicts:
        for violation in verdict.violations[:SHOWN]:
            print(f"  {verdict.harness}, {verdict.database}: {violation}")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
