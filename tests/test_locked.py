"""The lock files answer pyproject.toml: nothing missing or left over, hashes for all, and they are what runs here."""

import importlib.metadata
import itertools
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tools import lock

INPUTS = lock.inputs(lock.read_project())
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)( ; .+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def pins(name: str) -> dict[str, set[str]]:
    """Versions by package; several where they differ by Python or system."""
    found: dict[str, set[str]] = {}
    for line in (lock.FOLDER / f"{name}.txt").read_text("utf-8").splitlines():
        if pin := PIN.match(line):
            found.setdefault(pin[1], set()).add(pin[2])
    return found


@pytest.mark.parametrize("name", INPUTS)
def test_each_requirement_is_locked_at_a_version_that_it_allows(name: str) -> None:
    locked = pins(name)
    wrong = [
        line
        for line in INPUTS[name]
        for required in [Requirement(line)]
        if not (versions := locked.get(canonicalize_name(required.name)))
        or not all(required.specifier.contains(version, prereleases=True) for version in versions)
    ]
    assert wrong == [], "make lock, and commit requirements/"


@pytest.mark.parametrize("name", ["run", "dev"])
def test_nothing_is_locked_that_nobody_requires(name: str) -> None:
    """Follows what installed packages say that they require, on any system and with any extra."""
    needed: set[str] = set()
    waiting = [canonicalize_name(Requirement(line).name) for line in INPUTS[name]]
    while waiting:
        package = waiting.pop()
        if package in needed:
            continue
        needed.add(package)
        try:
            required = importlib.metadata.requires(package) or []
        except importlib.metadata.PackageNotFoundError:  # of another system
            continue
        waiting += [canonicalize_name(Requirement(line).name) for line in required]
    assert pins(name).keys() - needed == set(), "make lock, and commit requirements/"


@pytest.mark.parametrize("path", sorted(lock.FOLDER.iterdir()), ids=lambda path: path.stem)
def test_every_line_is_a_version_or_a_hash_and_names_no_host(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert [line for line in lines if not (line.startswith("#") or PIN.match(line) or HASH.match(line))] == []
    assert all(HASH.match(after) for line, after in itertools.pairwise(lines) if PIN.match(line))


def test_a_package_has_one_version_in_all_files() -> None:
    everything = pins("dev")
    others = [(one, name) for one in ("run", "build") for name in pins(one) if name in everything]
    assert [(one, name) for one, name in others if pins(one)[name] != everything[name]] == []


def test_what_runs_here_is_what_is_locked() -> None:
    here = {canonicalize_name(one.name): one.version for one in importlib.metadata.distributions()}
    other = {name: here[name] for name, versions in pins("dev").items() if name in here and here[name] not in versions}
    assert other == {}, "make installs the locked versions: make .venv/.developing"
