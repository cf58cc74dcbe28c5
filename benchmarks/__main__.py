"""``make bench``: runs every part in a process of its own, prints its tables, and writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.reporting import Part, as_markdown, verdicts

PARTS = ("completion", "scale", "throughput", "memory", "timers", "inspection")
DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
RESULTS = Path("var/benchmarks")  # what each part measured last
HEAD = """# Benchmarks

How fast Kartabl is, and that it stays so however long a case runs and however many cases there are. `make bench`
measures all of it anew and writes this page; nothing here is typed by hand, the verdicts neither. One part alone:
`python -m benchmarks.completion` (or `scale`, `throughput`, `memory`, `timers`), with `--quick` for trying. The
numbers are of one machine on one day: ratios travel better than milliseconds. No test is timed.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, for trying; the document is not written")
    parser.add_argument(
        "parts", nargs="*", help=f"measure only some of {', '.join(PARTS)} anew, and take the rest from before"
    )
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    machine = describe()
    parts = [_run(name, quick=chosen.quick) for name in chosen.parts or PARTS]
    if not chosen.quick:
        parts = [Part.read(RESULTS / f"{name}.json") for name in PARTS if (RESULTS / f"{name}.json").exists()]
    minutes = (time.monotonic() - began) / 60
    missed = [target for part in parts for target in part.targets if not target.met]
    print(
        f"\n{minutes:.0f} minutes; {len(missed)} targets not met"
        + "".join(f"\n  {one.what}: {one.measured}" for one in missed)
    )
    if not chosen.quick and len(parts) == len(PARTS):
        DOCUMENT.write_text(_document(machine, parts, minutes), "utf-8")
        print(f"written: {DOCUMENT.relative_to(DOCUMENT.parent.parent)}")


def _run(name: str, *, quick: bool) -> Part:
    """A part in a process of its own, so that none inherits another's memory or connections."""
    folder = RESULTS / "quick" if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / f"{name}.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(results)]
    subprocess.run([*command, *(["--quick"] if quick else [])], check=True)
    return Part.read(results)


def _document(machine: list[tuple[str, str]], parts: list[Part], minutes: float) -> str:
    now = datetime.now(UTC)
    lines = [HEAD, f"Measured on {now:%Y-%m-%d} at {now:%H:%M} UTC, in {minutes:.0f} minutes.", ""]
    lines += ["| machine | |", "| --- | --- |", *(f"| {what} | {which} |" for what, which in machine), ""]
    lines += ["## Targets", ""]
    lines += _table_only(as_markdown(verdicts([target for part in parts for target in part.targets])))
    for part in parts:
        lines += [f"## {part.title}", "", part.how, "", *(as_markdown(table) for table in part.tables)]
    return "\n".join(lines).rstrip() + "\n"


def _table_only(markdown: str) -> list[str]:
    """Without the title that the heading says already."""
    return [*markdown.splitlines()[2:], ""]


if __name__ == "__main__":
    main()
