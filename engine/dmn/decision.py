"""Decisions and their answers: decision tables with the hit policy they name, single expressions, chains of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from engine.dmn import feel
from engine.errors import EngineError
from models.language import gettext as _
from models.language import lazy, listed

Value = Any
POLICIES = frozenset({"UNIQUE", "FIRST", "PRIORITY", "ANY", "RULE ORDER", "OUTPUT ORDER", "COLLECT"})
LISTS = frozenset({"RULE ORDER", "OUTPUT ORDER", "COLLECT"})
AGGREGATORS: dict[str, Callable[[list[Value]], Value]] = {"SUM": sum, "MIN": min, "MAX": max, "COUNT": len}

# What tools call the types of columns; a type that is not here (one of the author's own) is not checked.
TYPES = {
    "number": "number",
    "integer": "number",
    "long": "number",
    "double": "number",
    "string": "string",
    "boolean": "boolean",
    "date": "date",
    "dateTime": "moment",
    "date and time": "moment",
    "time": "time",
    "dayTimeDuration": "duration",
    "days and time duration": "duration",
    "duration": "duration",
}
TYPE_NAMES = {
    "number": lazy("عدد"),
    "string": lazy("متن"),
    "boolean": lazy("درست یا نادرست"),
    "date": lazy("تاریخ"),
    "moment": lazy("تاریخ و ساعت"),
    "time": lazy("ساعت روز"),
    "duration": lazy("مدت"),
}
_PYTHON_TYPES: dict[str, Any] = {
    "number": (int, Decimal),
    "string": str,
    "boolean": bool,
    "date": date,
    "moment": datetime,
    "time": time,
    "duration": timedelta,
}
_FROM_TEXT = {"date": "date", "moment": "date and time", "time": "time", "duration": "duration"}


class DecisionError(EngineError):
    """A decision cannot be read or has no single answer; the message has the place and the reason, for the reader."""

    code = "decision_error"

    def __init__(self, decision: str, reason: str, *, rule: str = "", column: str = "") -> None:
        place = " / ".join(part for part in (decision, rule, column) if part)
        super().__init__(f"{place}: {reason}")
        self.decision = decision
        self.reason = reason
        self.rule = rule
        self.column = column


def fits(kind: str, value: Value) -> bool:
    """Whether a value is of a column's type; null is of every type, and everything of the type ``""``."""
    if value is None or not kind:
        return True
    if kind != "boolean" and isinstance(value, bool):
        return False
    if kind == "date" and isinstance(value, datetime):
        return False
    return isinstance(value, _PYTHON_TYPES[kind])


def as_type(kind: str, value: Value) -> Value:
    """A case's data as the column means it: dates, times and durations are ISO texts there."""
    convert = feel.CONVERSIONS.get(_FROM_TEXT.get(kind, "")) if isinstance(value, str) else None
    if convert is None:
        return value
    try:
        return convert(value)
    except ValueError:
        return value


def as_json(answer: Value) -> Value:
    """An answer as a case's data may hold it: fractions as floats, dates and durations as ISO texts."""
    if isinstance(answer, dict):
        return {name: as_json(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [as_json(value) for value in answer]
    if isinstance(answer, Decimal):
        return float(answer)
    if isinstance(answer, date | time):
        return answer.isoformat()
    if isinstance(answer, timedelta):
        return f"PT{answer.total_seconds():g}S"
    return answer


@dataclass(frozen=True)
class Input:
    """A column of conditions: the expression it looks at, and the values allowed in it, where the table lists them."""

    id: str
    label: str
    expression: str
    allowed: feel.Cell | None
    type: str = ""  # a key of TYPE_NAMES; "": not checked


@dataclass(frozen=True)
class Output:
    """A column of results. ``priorities``: its listed values, the first the most important."""

    id: str
    name: str
    priorities: tuple[Value, ...]
    default: str
    type: str = ""


@dataclass(frozen=True)
class Rule:
    """One row of a decision table."""

    id: str
    number: int  # from 1, as the row is seen
    tests: tuple[feel.Cell, ...]
    outputs: tuple[str, ...]

    def matches(self, values: tuple[Value, ...], names: Mapping[str, Value]) -> bool:
        """Whether every cell of the row holds for these column values."""
        return all(test.matches(value, names) for test, value in zip(self.tests, values, strict=True))


@dataclass(frozen=True)
class Decision:
    """One decision: a table, or a single expression (``literal``), with the decisions it needs first."""

    id: str
    name: str
    requires: tuple[str, ...]
    policy: str = "UNIQUE"
    aggregation: str = ""
    columns: tuple[Input, ...] = ()
    results: tuple[Output, ...] = ()
    rules: tuple[Rule, ...] = ()
    literal: str | None = None
    variable: str = ""
    model: dict[str, Decision] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def inputs(self) -> frozenset[str]:
        """The names that the caller has to give; outputs of required decisions are not among them."""
        names = self.reads
        for required in self.requires:
            needed = self.model[required]
            names -= {needed.variable, *needed.outputs}
        return names.union(*(self.model[required].inputs for required in self.requires))

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every name in its cells and expressions."""
        sources = [column.expression for column in self.columns]
        sources += [cell for rule in self.rules for cell in rule.outputs if cell]
        sources += [self.literal] if self.literal is not None else []
        in_tests = (test.names for rule in self.rules for test in rule.tests)
        return frozenset[str]().union(*(feel.names_in(source) for source in sources), *in_tests)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names that the answer has."""
        return (self.variable,) if self.literal is not None else tuple(result.name for result in self.results)

    def evaluate(self, inputs: Mapping[str, Value]) -> Value:
        """Decide. One output gives ``{name: value}`` all the same; no match gives ``None``.

        RULE ORDER, OUTPUT ORDER and COLLECT give a list of such answers (aggregated: one number under the
        output's name). Missing inputs are null. Numbers come back as int where whole, else Decimal.
        Raises ``DecisionError``.
        """
        names = {name: feel.number(value) for name, value in inputs.items()}
        return self._evaluate(names, {})

    def _evaluate(self, given: Mapping[str, Value], answered: dict[str, Value]) -> Value:
        """``answered``: required decisions that are decided already; several may need the same one."""
        names = dict(given)
        for required in self.requires:
            if required not in answered:
                answered[required] = self.model[required]._evaluate(given, answered)
            names |= _as_names(self.model[required], answered[required])
        for name in self.reads:
            names.setdefault(name, None)
        if self.literal is not None:
            return {self.variable: self._work_out(self.literal, names, "", "")}
        return self._decide(names)

    def _decide(self, names: Mapping[str, Value]) -> Value:
        values = tuple(self._value(column, names) for column in self.columns)
        hits = [rule for rule in self.rules if rule.matches(values, names)]
        if self.policy in ("FIRST", "UNIQUE") and len(hits) > 1:
            if self.policy == "UNIQUE":
                raise DecisionError(self.id, _("بیش از یک ردیف درست است: %(rows)s", rows=_rows(hits)))
            hits = hits[:1]
        return self._by_policy(hits, [self._answer(rule, names) for rule in hits])

    def _value(self, column: Input, names: Mapping[str, Value]) -> Value:
        value = as_type(column.type, self._work_out(column.expression, names, "", column.label))
        if not fits(column.type, value):
            reason = _("مقدار «%(value)s» %(type)s نیست.", value=_short(value), type=TYPE_NAMES[column.type])
            raise DecisionError(self.id, reason, column=column.label)
        if column.allowed is not None and value is not None and not column.allowed.matches(value, names):
            reason = _("مقدار «%(value)s» در این ستون مجاز نیست.", value=_short(value))
            raise DecisionError(self.id, reason, column=column.label)
        return value

    def _by_policy(self, hits: list[Rule], answers: list[dict[str, Value]]) -> Value:
        if not hits:
            return self._nothing()
        if self.policy == "ANY" and any(answer != answers[0] for answer in answers):
            raise DecisionError(self.id, _("ردیف‌های هم‌خوان خروجی یکسان ندارند: %(rows)s", rows=_rows(hits)))
        if self.policy in ("UNIQUE", "ANY", "FIRST"):
            return answers[0]
        if self.policy == "PRIORITY":
            return min(answers, key=self._priority)
        if self.policy == "OUTPUT ORDER":
            return sorted(answers, key=self._priority)
        return self._aggregate(answers) if self.aggregation else answers

    def _nothing(self) -> Value:
        if self.policy in LISTS and not self.aggregation:
            return []
        if self.aggregation == "COUNT":
            return {self.results[0].name: 0}
        if any(result.default for result in self.results):
            return {
                result.name: self._work_out(result.default or "null", {}, "", result.name) for result in self.results
            }
        return None

    def _aggregate(self, answers: list[dict[str, Value]]) -> dict[str, Value]:
        name = self.results[0].name
        values = [answer[name] for answer in answers]
        if self.aggregation != "COUNT" and any(value is None or not fits("number", value) for value in values):
            raise DecisionError(self.id, _("برای تجمیع %(how)s همهٔ خروجی‌ها باید عدد باشند.", how=self.aggregation))
        return {name: feel.number(AGGREGATORS[self.aggregation](values))}

    def _answer(self, rule: Rule, names: Mapping[str, Value]) -> dict[str, Value]:
        answer = {}
        for result, cell in zip(self.results, rule.outputs, strict=True):
            value = self._work_out(cell, names, str(rule.number), result.name) if cell else None
            if not fits(result.type, value):
                reason = _("مقدار «%(value)s» %(type)s نیست.", value=_short(value), type=TYPE_NAMES[result.type])
                raise DecisionError(self.id, reason, rule=str(rule.number), column=result.name)
            answer[result.name] = value
        return answer

    def _priority(self, answer: dict[str, Value]) -> tuple[int, ...]:
        return tuple(
            result.priorities.index(answer[result.name])
            if answer[result.name] in result.priorities
            else len(result.priorities)
            for result in self.results
        )

    def _work_out(self, source: str, names: Mapping[str, Value], rule: str, column: str) -> Value:
        try:
            return feel.expression(source)(names)
        except feel.FeelError as error:
            raise DecisionError(self.id, str(error), rule=rule, column=column) from error


def _as_names(decision: Decision, answer: Value) -> dict[str, Value]:
    """The names that a required decision sets in the one that requires it: its variable and each output."""
    if isinstance(answer, dict):
        whole = next(iter(answer.values())) if len(answer) == 1 else answer
        return {**answer, decision.variable: whole}
    return {**dict.fromkeys(decision.outputs), decision.variable: answer}


def _rows(rules: list[Rule]) -> str:
    return listed(str(rule.number) for rule in rules)


def _short(value: Value) -> str:
    return str(value)[:60]


@dataclass(frozen=True)
class DecisionModel:
    """The decisions of one file, by id."""

    decisions: dict[str, Decision]
