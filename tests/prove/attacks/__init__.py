"""The attacks on a running installation. Each is a small function here in the folder, under its topic.

    @attack("what must hold, as a sentence")
    def name(target: Target) -> Iterator[str]:
        yield a sentence for each time that it did not

``target.numbers["…"] = …`` says what was reached; ``target.short`` asks for the form of CI, some seconds long.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.prove.attack_site import Target


@dataclass(frozen=True)
class Attack:
    """One attack: what must hold, and who tries to break it."""

    promise: str
    run: Callable[[Target], Iterator[str]]


_attacks: list[Attack] = []


def attack(promise: str) -> Callable[[Callable[[Target], Iterator[str]]], Callable[[Target], Iterator[str]]]:
    """Decorator: registers an attack."""

    def register(run: Callable[[Target], Iterator[str]]) -> Callable[[Target], Iterator[str]]:
        _attacks.append(Attack(promise, run))
        return run

    return register


def all_attacks() -> list[Attack]:
    """Every attack of the modules in this folder, by the names of the modules."""
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return list(_attacks)
