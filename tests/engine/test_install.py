"""Libraries are changed by the composition root alone: importing our modules changes neither of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

import kartabl
from engine.audit import trail
from engine.persistence import write_behind
from engine.spiff import corrections
from engine.spiff.corrections.registry import CORRECTIONS
from tests.engine.shipped import as_shipped

ROOT = Path(__file__).parent.parent.parent

LOOK = """
import importlib, inspect, pkgutil
import SpiffWorkflow
from sqlalchemy.event import registry
from sqlalchemy.orm import Session


def modules(package):
    for entry in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if entry.name in {"SpiffWorkflow.serializer", "models.migrations"}:
            continue  # needs a library that is not installed; needs alembic to run it
        module = importlib.import_module(entry.name)
        yield module
        if entry.ispkg:
            yield from modules(module)


def attributes():
    classes = {kind for module in library for kind in vars(module).values() if inspect.isclass(kind)}
    ours = (kind for kind in classes if kind.__module__.startswith("SpiffWorkflow"))
    return {(kind, name): value for kind in ours for name, value in vars(kind).items() if callable(value)}


def listeners():
    return {key for key in registry._key_to_collection if key[0] == id(Session)}


library = list(modules(SpiffWorkflow))
before = attributes(), listeners()
import kartabl
for name in ("models", "engine", "forms", "workflows", "webapp"):
    list(modules(importlib.import_module(name)))
changed = [key for key, value in attributes().items() if before[0].get(key) is not value]
assert not changed, changed
assert listeners() == before[1], "listeners of Session"
kartabl.install()
assert attributes() != before[0]
assert len(listeners()) == 8, listeners()
"""


def test_importing_every_module_of_ours_changes_no_library() -> None:
    """In a process of its own: this one has installed everything already."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", LOOK], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_installing_twice_attaches_each_listener_once() -> None:
    kartabl.install()
    kartabl.install()
    assert event.contains(Session, "before_commit", write_behind.write)
    assert event.contains(Session, "before_commit", trail._write)
    assert all(
        correction.owner.__dict__[correction.name] is correction.replacement for correction in CORRECTIONS.values()
    )


def test_a_diagram_is_not_parsed_without_the_corrections() -> None:
    with as_shipped(), pytest.raises(RuntimeError, match="install"):
        corrections.require_installed()
