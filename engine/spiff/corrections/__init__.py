"""All corrections of SpiffWorkflow 3.2.0, each with the wrong place in the library.

Each has a number; the tests of that number in ``tests/engine/test_corrections*.py`` fail without it and show the
behaviour of the library alone. Corrections replace private parts: they fit exactly this version.
"""

from importlib.metadata import version

from engine.spiff.corrections import boundaries, events, loops, messages, tokens
from engine.spiff.corrections.registry import CORRECTIONS, TaskNotReady, UncaughtError

__all__ = ["LIBRARY_VERSION", "TaskNotReady", "UncaughtError", "install", "require_installed"]

LIBRARY_VERSION = "3.2.0"
_MODULES = (tokens, boundaries, events, loops, messages)


def install() -> None:
    """Replace the corrected methods of SpiffWorkflow in this process; a second call changes nothing.

    The composition root calls it before any diagram is parsed. Raises ``ImportError`` for another version.
    """
    if (installed := version("SpiffWorkflow")) != LIBRARY_VERSION:
        raise ImportError(f"The corrections are written for SpiffWorkflow {LIBRARY_VERSION}, not {installed}")
    for correction in CORRECTIONS.values():
        setattr(correction.owner, correction.name, correction.replacement)


def require_installed() -> None:
    """Raises ``RuntimeError`` if ``install`` was not called: the library alone runs diagrams wrongly."""
    first = next(iter(CORRECTIONS.values()))
    if first.owner.__dict__.get(first.name) is not first.replacement:
        raise RuntimeError("engine.spiff.corrections.install() has to be called first")
