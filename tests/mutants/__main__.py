"""``python -m tests.mutants [PACKAGE …]``: changes the code in small ways and looks whether a test fails.

``packages.toml`` says which files of a package are changed and which tests have to notice. A mutant that no test
notices is a survivor. Survivors that are all right are in ``allowed.toml``, with the reason. Exit code 1: a survivor
that is not listed, or a listed one that there is not any more.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.changes import Mutant
from tests.mutants.run import Runner

HERE = Path(__file__).parent
OPTIONS = ["-q", "-s", "-x", "--tb=native", "--assert=plain", "-p", "no:cacheprovider", "--timeout=0", "-m", "not pg"]


@dataclass(frozen=True)
class Allowed:
    """Survivors that are all right: one, or all of a function (or module) whose new line fits a pattern."""

    function: str
    why: str
    was: str = ""
    becomes: str = ""
    pattern: str = ""

    def fits(self, mutant: Mutant) -> bool:
        if self.pattern:
            return mutant.function.startswith(self.function) and re.search(self.pattern, mutant.becomes) is not None
        return (self.function, self.was, self.becomes) == (mutant.function, mutant.was, mutant.becomes)


def main(wanted: list[str]) -> int:
    """Each package in a process of its own: what one imports and changes, the next does not see."""
    packages: dict[str, dict[str, Any]] = tomllib.loads((HERE / "packages.toml").read_text())
    if len(wanted) == 1:
        os.environ["CI"] = "true"  # hypothesis looks at the same examples each time
        return mutate(wanted[0], packages[wanted[0]])
    each = [subprocess.run([sys.executable, "-m", "tests.mutants", name], check=False) for name in wanted or packages]
    return int(any(run.returncode for run in each))


def mutate(name: str, package: dict[str, Any]) -> int:
    """Try all mutants of a package and print what survived. Gives the exit code."""
    listed: dict[str, list[dict[str, str]]] = tomllib.loads((HERE / "allowed.toml").read_text())
    allowed = [Allowed(**entry) for entry in listed.get(name, [])]
    runner = Runner([Path(source) for source in package["sources"]])
    if pytest.main([*OPTIONS, *package["tests"]], plugins=[runner]) or not runner.count:
        print(f"{name}: its tests fail without any change")
        return 1
    new = [mutant for mutant in runner.survivors if not any(entry.fits(mutant) for entry in allowed)]
    gone = [entry for entry in allowed if not any(entry.fits(mutant) for mutant in runner.survivors)]
    survived = len(runner.survivors)
    print(f"\n{name}: {runner.count} mutants, {survived} survived, {survived - len(new)} of them allowed")
    for mutant in new:
        print(f'\n[[{name}]]\n{mutant}why = ""')
    for entry in gone:
        print(f"\nallowed, and killed by now: {entry}")
    return int(bool(gone or (new and not package.get("unread"))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
