"""Reports of measurements: tables and targets, as text, as Markdown, and as JSON between processes."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Table:
    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: object) -> None:
        self.rows.append([_cell_text(cell) for cell in cells])


@dataclass
class Target:
    """Something to reach. ``met`` is reckoned from the numbers, never typed."""

    what: str
    bound: str
    measured: str
    met: bool

    @property
    def verdict(self) -> str:
        return "met" if self.met else "**not met**"


@dataclass
class Part:
    """The measurements of a module."""

    title: str
    how: str
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def target(
        self, what: str, measured: float, *, at_most: float = math.inf, at_least: float = 0, unit: str = ""
    ) -> None:
        """Judge a number by a bound."""
        bound = f"≤ {_cell_text(at_most)}" if at_most < math.inf else f"≥ {_cell_text(at_least)}"
        met = at_least <= measured <= at_most
        self.targets.append(Target(what, f"{bound} {unit}".strip(), f"{_cell_text(measured)} {unit}".strip(), met))

    @classmethod
    def read(cls, path: Path) -> Part:
        raw = json.loads(path.read_text("utf-8"))
        tables = [Table(**table) for table in raw.pop("tables")]
        targets = [Target(**target) for target in raw.pop("targets")]
        return cls(tables=tables, targets=targets, **raw)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed; NaN without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)


def spread(values: Sequence[float]) -> list[float]:
    """Median, 95th and 99th percentile."""
    return [percentile(values, share) for share in (0.5, 0.95, 0.99)]


def as_text(table: Table) -> str:
    widths = [max(_width(row[at]) for row in [table.columns, *table.rows]) for at in range(len(table.columns))]
    lines = [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [table.columns, ["-" * width for width in widths], *table.rows]
    ]
    return "\n".join(["", table.title, *lines, *([table.note] if table.note else [])])


def as_markdown(table: Table) -> str:
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"**{table.title}**", "", *lines, *(["", table.note] if table.note else []), ""])


def verdicts(targets: Sequence[Target]) -> Table:
    table = Table("Targets", ["what", "to reach", "measured", "verdict"])
    for target in targets:
        table.add(target.what, target.bound, target.measured, target.verdict)
    return table


def run_alone(measure: Callable[..., Part], description: str) -> None:
    """The command line of a part: ``--quick`` for trying, ``--json FILE`` for whoever collects the parts."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes, in seconds: numbers that mean little")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    chosen = parser.parse_args()
    part = measure(quick=chosen.quick)
    for table in part.tables:
        print(as_text(table))
    print(as_text(verdicts(part.targets)))
    if chosen.json:
        chosen.json.write_text(json.dumps(asdict(part), ensure_ascii=False), "utf-8")


def say(text: str) -> None:
    """A line about what is being done now, beside the tables."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _cell_text(cell: object) -> str:
    if isinstance(cell, float):
        if math.isnan(cell):
            return "—"
        return f"{cell:,.0f}" if cell >= 100 or cell == int(cell) else f"{cell:.1f}" if cell >= 20 else f"{cell:.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _width(text: str) -> int:
    return sum(not unicodedata.combining(sign) for sign in text)
