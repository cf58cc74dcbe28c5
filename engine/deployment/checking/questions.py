"""Checks a decision table against the Python code that asks it: the inputs it needs, the outputs that are read."""

from __future__ import annotations

from collections.abc import Iterator

from engine.contributions.questions import Question, Questions
from engine.dmn import feel
from engine.dmn.decision import Decision
from engine.findings import Finding, error
from models.language import gettext as _
from models.language import listed


def check(decision: Decision, questions: Questions) -> Iterator[Finding]:
    """Errors: the table needs an input that an asker does not give, or lacks an output that it reads."""
    for question in questions.about(decision.id):
        for name in sorted(decision.inputs - question.inputs):
            yield error("dmn.input_not_given", _column(decision, name), _not_given(decision, question, name))
        for name in sorted(question.outputs - set(decision.outputs)):
            text = _(
                "جدول «%(table)s» ستون خروجی «%(output)s» ندارد و %(asker)s آن را می‌خواند.",
                table=decision.id,
                output=name,
                asker=question.by,
            )
            yield error("dmn.output_missing", decision.id, text)


def _column(decision: Decision, name: str) -> str:
    """The id of the column that reads an input; the table's own if a cell or another table of the file does."""
    reading = (column.id for column in decision.columns if name in feel.names_in(column.expression))
    return next(reading, "") or decision.id


def _not_given(decision: Decision, question: Question, name: str) -> str:
    return _(
        "جدول «%(table)s» ورودی «%(input)s» لازم دارد و %(asker)s آن را نمی‌دهد. ورودی‌های ممکن: %(inputs)s",
        table=decision.id,
        input=name,
        asker=question.by,
        inputs=listed(sorted(question.inputs)),
    )
