"""Questions: the decision tables that Python asks, with the inputs that it gives and the outputs that it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Question:
    """One place of the code that asks a decision table. A table may use fewer inputs and have more outputs."""

    decision: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    by: str  # the module that asks

    def ask(self, decide: Callable[..., Any], **inputs: Any) -> Any:
        """Ask the table by ``decide`` of a context. Returns its outputs, as that does.

        Raises TypeError: the inputs are not the declared ones, against which a table is checked.
        """
        if inputs.keys() != self.inputs:
            differing = ", ".join(sorted(inputs.keys() ^ self.inputs))
            raise TypeError(f"The decision {self.decision} is asked by {self.by} with other inputs: {differing}")
        return decide(self.decision, **inputs)


class Questions:
    """The registry of questions, by decision table."""

    def __init__(self) -> None:
        self._questions: dict[str, list[Question]] = {}

    def declare(self, decision: str, *, inputs: Iterable[str], outputs: Iterable[str], by: str) -> Question:
        """Declare that the module ``by`` asks ``decision``, gives these ``inputs`` and reads these ``outputs``."""
        question = Question(decision=decision, inputs=frozenset(inputs), outputs=frozenset(outputs), by=by)
        self._questions.setdefault(decision, []).append(question)
        return question

    def about(self, decision: str) -> list[Question]:
        """The questions to a decision table; none if only diagrams ask it."""
        return self._questions.get(decision, [])
