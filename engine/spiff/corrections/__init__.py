"""Every correction of SpiffWorkflow 3.2.0, each with the place in the library that is wrong.

Each stands under a number; the tests of that number in ``tests/engine/test_corrections*.py`` need it and show
what the library does as shipped. Corrections stand on private parts: exactly this version, or none.
"""

from importlib.metadata import version

from engine.spiff.corrections import boundaries, events, loops, messages, tokens
from engine.spiff.corrections.registry import CORRECTIONS, TaskNotReady, UncaughtError

__all__ = ["LIBRARY_VERSION", "TaskNotReady", "UncaughtError", "apply"]

LIBRARY_VERSION = "3.2.0"
_MODULES = (tokens, boundaries, events, loops, messages)


def apply() -> None:
    """Put all corrections in place; a second call changes nothing."""
    if (found := version("SpiffWorkflow")) != LIBRARY_VERSION:
        raise ImportError(f"The corrections are written for SpiffWorkflow {LIBRARY_VERSION}, not {found}")
    for correction in CORRECTIONS.values():
        setattr(correction.owner, correction.name, correction.replacement)
