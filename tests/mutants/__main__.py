"""``python -m tests.mutants [PACKAGE …]``: changes the code in small ways and looks whether a test fails.

Each package of ``packages.toml`` is copied and mutated by mutmut. A mutant that no test notices is a survivor.
Survivors that are all right are in ``allowed.toml``, with the reason. Exit code 1: a survivor that is not listed,
or a listed one that there is not any more.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILT = ("webapp/static/dist", "models/translations/en/LC_MESSAGES/messages.mo")
SURVIVED, NO_TESTS = 0, 33  # exit codes in mutmut's records


@dataclass(frozen=True)
class Mutant:
    """A change that no test noticed: in which function, and the line before and after."""

    function: str  # workflows.rules.fees.total
    was: str
    becomes: str

    def __str__(self) -> str:
        return f'[[package]]\nfunction = "{self.function}"\nwas = {self.was!r}\nbecomes = {self.becomes!r}\nwhy = ""\n'


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
    packages: dict[str, dict[str, Any]] = tomllib.loads((HERE / "packages.toml").read_text())
    listed: dict[str, list[dict[str, str]]] = tomllib.loads((HERE / "allowed.toml").read_text())
    failed = False
    for name in wanted or packages:
        try:
            survivors, count = mutate(packages[name])
        except subprocess.CalledProcessError:  # what mutmut printed stands above
            print(f"{name}: could not be mutated")
            failed = failed or not packages[name].get("unread")
            continue
        allowed = [Allowed(**entry) for entry in listed.get(name, [])]
        new = [mutant for mutant in survivors if not any(entry.fits(mutant) for entry in allowed)]
        gone = [entry for entry in allowed if not any(entry.fits(mutant) for mutant in survivors)]
        print(f"{name}: {count} mutants, {len(survivors)} survived, {len(survivors) - len(new)} of them allowed")
        for mutant in new:
            print(f"\nsurvived:\n{mutant}")
        for entry in gone:
            print(f"\nallowed, and killed by now: {entry}")
        failed = failed or bool(gone) or bool(new and not packages[name].get("unread"))
    return int(failed)


def mutate(package: dict[str, Any]) -> tuple[list[Mutant], int]:
    """The survivors of a package, and how many mutants there were. Raises ``CalledProcessError`` without mutmut."""
    with tempfile.TemporaryDirectory(prefix="kartabl-mutants-") as folder:
        copy = Path(folder)
        copy_project(copy)
        with (copy / "pyproject.toml").open("a") as settings:
            settings.write(configuration(package))
        run(copy, "run", "--max-children", "2", show=True)
        codes = dict(recorded(copy / "mutants"))
        names = [name for name, code in codes.items() if code in (SURVIVED, NO_TESTS)]
        return [described(name, run(copy, "show", name)) for name in names], len(codes)


def copy_project(copy: Path) -> None:
    """The files of the working tree that git does not ignore, and what was built of them."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    for name in BUILT:
        source, target = ROOT / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            shutil.copyfile(source, target)


def configuration(package: dict[str, Any]) -> str:
    folders = sorted({str(Path(source).parent) for source in package["sources"]})
    rest = sorted(path.name for path in ROOT.iterdir() if path.name in {"tests", "docs", "benchmarks", "kartabl.py"})
    values: dict[str, Any] = {
        "source_paths": folders,
        "only_mutate": package["sources"],
        "pytest_add_cli_args_test_selection": package["tests"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-m", "not pg"],
        "also_copy": [*rest, "models", "engine", "forms", "workflows", "webapp", "bpmn_diagrams", "pyproject.toml"],
    }
    return "\n[tool.mutmut]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def run(copy: Path, *words: str, show: bool = False) -> str:
    """What mutmut prints. ``show``: its last line goes to the screen as well."""
    command = [sys.executable, "-m", "mutmut", *words]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
        done.check_returncode()
    if show:
        print(done.stdout.strip().splitlines()[-1])
    return done.stdout


def recorded(folder: Path) -> Iterator[tuple[str, int | None]]:
    for record in sorted(folder.rglob("*.meta")):
        yield from json.loads(record.read_text())["exit_code_by_key"].items()


def described(name: str, diff: str) -> Mutant:
    """The mutant of mutmut's name (``a.b.x_total__mutmut_3``, ``a.b.xǁClassǁmethod__mutmut_3``) and its diff."""
    module, _, mangled = name.rpartition("__mutmut_")[0].rpartition(".")
    function = mangled.replace("xǁ", "", 1).replace("ǁ", ".") if mangled.startswith("xǁ") else mangled[2:]
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    was = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    becomes = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return Mutant(f"{module}.{function}", was, becomes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
