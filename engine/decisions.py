"""Decision tables as the DMN standard defines them: read, checked, and asked with the hit policy they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lxml import etree

from engine import feel
from engine.errors import EngineError
from engine.xml import parse_xml
from models.language import gettext as _

Value = Any
POLICIES = frozenset({"UNIQUE", "FIRST", "PRIORITY", "ANY", "RULE ORDER", "OUTPUT ORDER", "COLLECT"})
AGGREGATORS: dict[str, Callable[[list[Value]], Value]] = {"SUM": sum, "MIN": min, "MAX": max, "COUNT": len}


class DecisionError(EngineError):
    """A decision cannot be read or has no one answer; the message says where and why, in the reader's language."""

    code = "decision_error"

    def __init__(self, decision: str, reason: str, *, rule: str = "", column: str = "") -> None:
        place = " / ".join(part for part in (decision, rule, column) if part)
        super().__init__(f"{place}: {reason}")
        self.decision = decision
        self.reason = reason
        self.rule = rule
        self.column = column


@dataclass(frozen=True)
class Input:
    """A column of conditions: the expression it looks at, and the values allowed in it, where the table lists them."""

    id: str
    label: str
    expression: str
    allowed: feel.Cell | None


@dataclass(frozen=True)
class Output:
    """A column of results. ``priorities``: its listed values, the first the most important."""

    id: str
    name: str
    priorities: tuple[Value, ...]
    default: str


@dataclass(frozen=True)
class Rule:
    id: str
    number: int  # from 1, as the row is seen
    tests: tuple[feel.Cell, ...]
    outputs: tuple[str, ...]


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

    @property
    def inputs(self) -> frozenset[str]:
        """Names that have to be given; what required decisions give is not among them."""
        sources = [column.expression for column in self.columns]
        sources += [cell for rule in self.rules for cell in rule.outputs if cell.strip()]
        sources += [self.literal] if self.literal is not None else []
        names = frozenset[str]().union(*(feel.names_in(source) for source in sources))
        for required in self.requires:
            needed = self.model[required]
            names = (names - {needed.variable, *needed.outputs}) | needed.inputs
        return names

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(result.name for result in self.results)

    def evaluate(self, inputs: Mapping[str, Value]) -> Value:
        """Decide. One output gives ``{name: value}`` all the same; no match gives ``None``.

        RULE ORDER, OUTPUT ORDER and COLLECT give a list of such answers (aggregated: one number under the
        output's name). Missing inputs are null. Raises ``DecisionError``.
        """
        names: dict[str, Value] = {name: feel.number(value) for name, value in inputs.items()}
        for required in self.requires:
            answer = self.model[required].evaluate(inputs)
            names |= _as_names(self.model[required], answer)
        for name in self.inputs:
            names.setdefault(name, None)
        if self.literal is not None:
            return {self.variable: self._work_out(self.literal, names, "", "")}
        return self._decide(names)

    def _decide(self, names: Mapping[str, Value]) -> Value:
        values = [self._work_out(column.expression, names, "", column.label) for column in self.columns]
        for column, value in zip(self.columns, values, strict=True):
            if column.allowed is not None and value is not None and not column.allowed.matches(value, names):
                raise DecisionError(self.id, _("مقدار «%(value)s» در این ستون مجاز نیست.", value=value), column=column.label)
        hits = [
            rule for rule in self.rules
            if all(test.matches(value, names) for test, value in zip(rule.tests, values, strict=True))
        ]  # fmt: skip
        answers = [self._answer(rule, names) for rule in hits]
        return self._by_policy(hits, answers)

    def _by_policy(self, hits: list[Rule], answers: list[dict[str, Value]]) -> Value:
        if not hits:
            return self._nothing()
        if self.policy == "UNIQUE" and len(hits) > 1:
            rows = "، ".join(str(rule.number) for rule in hits)
            raise DecisionError(self.id, _("بیش از یک سطر درست است: %(rows)s", rows=rows))
        if self.policy == "ANY" and any(answer != answers[0] for answer in answers):
            rows = "، ".join(str(rule.number) for rule in hits)
            raise DecisionError(self.id, _("سطرهای هم‌خوان پاسخ یکسان ندارند: %(rows)s", rows=rows))
        if self.policy in ("UNIQUE", "ANY", "FIRST"):
            return answers[0]
        if self.policy == "PRIORITY":
            return min(answers, key=self._priority)
        if self.policy == "OUTPUT ORDER":
            return sorted(answers, key=self._priority)
        if self.aggregation:
            return self._aggregate(answers)
        return answers

    def _nothing(self) -> Value:
        if self.policy in ("RULE ORDER", "OUTPUT ORDER") or (self.policy == "COLLECT" and not self.aggregation):
            return []
        if self.policy == "COLLECT" and self.aggregation == "COUNT":
            return {self.results[0].name: 0}
        if any(result.default for result in self.results):
            return {
                result.name: self._work_out(result.default or "null", {}, "", result.name) for result in self.results
            }
        return None

    def _aggregate(self, answers: list[dict[str, Value]]) -> dict[str, Value]:
        name = self.results[0].name
        values = [answer[name] for answer in answers]
        if self.aggregation != "COUNT" and any(not isinstance(value, int | Decimal) for value in values):
            raise DecisionError(self.id, _("برای %(how)s همهٔ پاسخ‌ها باید عدد باشند.", how=self.aggregation))
        return {name: feel.number(AGGREGATORS[self.aggregation](values))}

    def _answer(self, rule: Rule, names: Mapping[str, Value]) -> dict[str, Value]:
        return {
            result.name: self._work_out(cell, names, str(rule.number), result.name) if cell.strip() else None
            for result, cell in zip(self.results, rule.outputs, strict=True)
        }

    def _priority(self, answer: dict[str, Value]) -> tuple[int, ...]:
        return tuple(
            result.priorities.index(answer[result.name]) if answer[result.name] in result.priorities
            else len(result.priorities)
            for result in self.results
        )  # fmt: skip

    def _work_out(self, source: str, names: Mapping[str, Value], rule: str, column: str) -> Value:
        try:
            return feel.expression(source)(names)
        except feel.FeelError as error:
            raise DecisionError(self.id, str(error), rule=rule, column=column) from error


def _as_names(decision: Decision, answer: Value) -> dict[str, Value]:
    """What a required decision gives to the one that needs it: its variable, and each output by its name."""
    if isinstance(answer, dict):
        whole = next(iter(answer.values())) if len(answer) == 1 else answer
        return {**answer, decision.variable: whole}
    return {decision.variable: answer, **dict.fromkeys(decision.outputs)}


@dataclass(frozen=True)
class DecisionModel:
    """The decisions of one file, by id."""

    decisions: dict[str, Decision]


@dataclass(frozen=True)
class Finding:
    """Something about a table that its author should know. ``severity``: error or warning."""

    severity: str
    element_id: str
    message: str


# ---------------------------------------------------------------- reading


def parse(xml: bytes) -> DecisionModel:
    """Read a ``.dmn`` file (DMN 1.1 to 1.5). Raises ``UnsafeXml``, ``MalformedXml`` and ``DecisionError``."""
    root = parse_xml(xml)
    decisions: dict[str, Decision] = {}
    for node in _children(root, "decision"):
        decision = _decision(node, decisions)
        decisions[decision.id] = decision
    for decision in decisions.values():
        for required in decision.requires:
            if required not in decisions:
                raise DecisionError(decision.id, _("تصمیم لازم «%(id)s» در پرونده نیست.", id=required))
        _refuse_cycle(decision, decisions, ())
    return DecisionModel(decisions)


def _refuse_cycle(decision: Decision, decisions: dict[str, Decision], above: tuple[str, ...]) -> None:
    if decision.id in above:
        raise DecisionError(decision.id, _("این تصمیم، با واسطه، خودش را لازم دارد."))
    for required in decision.requires:
        _refuse_cycle(decisions[required], decisions, (*above, decision.id))


def _children(node: etree._Element, *names: str) -> list[etree._Element]:
    return [child for child in node if isinstance(child.tag, str) and etree.QName(child).localname in names]


def _child(node: etree._Element, name: str) -> etree._Element | None:
    return next(iter(_children(node, name)), None)


def _text(node: etree._Element | None) -> str:
    if node is None:
        return ""
    found = _child(node, "text")
    return (found.text or "").strip() if found is not None else ""


def _decision(node: etree._Element, model: dict[str, Decision]) -> Decision:
    identifier = node.get("id", "")
    variable = _child(node, "variable")
    common: dict[str, Any] = {
        "id": identifier,
        "name": node.get("name", "") or identifier,
        "requires": tuple(
            wanted.get("href", "").rpartition("#")[2]
            for requirement in _children(node, "informationRequirement")
            for wanted in _children(requirement, "requiredDecision")
        ),
        "variable": variable.get("name", identifier) if variable is not None else identifier,
        "model": model,
    }
    literal, table = _child(node, "literalExpression"), _child(node, "decisionTable")
    if literal is not None:
        _readable(identifier, "", "", feel.expression, _text(literal))
        return Decision(**common, literal=_text(literal))
    if table is None:
        raise DecisionError(identifier, _("این تصمیم نه جدول دارد و نه عبارت."))
    return Decision(**common, **_table(identifier, table))


def _table(identifier: str, table: etree._Element) -> dict[str, Any]:
    policy, aggregation = table.get("hitPolicy", "UNIQUE"), table.get("aggregation", "")
    if policy not in POLICIES:
        raise DecisionError(identifier, _("سیاست «%(policy)s» شناخته نیست.", policy=policy))
    if aggregation and (aggregation not in AGGREGATORS or policy != "COLLECT"):
        raise DecisionError(identifier, _("گردآوری «%(how)s» با سیاست %(policy)s شدنی نیست.", how=aggregation, policy=policy))
    columns = tuple(_input(identifier, node) for node in _children(table, "input"))
    results = tuple(_output(identifier, node) for node in _children(table, "output"))
    if not results:
        raise DecisionError(identifier, _("جدول ستون پاسخ ندارد."))
    if aggregation and len(results) > 1:
        raise DecisionError(identifier, _("گردآوری تنها با یک ستون پاسخ شدنی است."))
    rules = tuple(
        _rule(identifier, number, node, columns, results) for number, node in enumerate(_children(table, "rule"), 1)
    )
    return {"policy": policy, "aggregation": aggregation, "columns": columns, "results": results, "rules": rules}


def _input(identifier: str, node: etree._Element) -> Input:
    expression = _text(_child(node, "inputExpression"))
    label = node.get("label", "") or expression
    _readable(identifier, "", label, feel.expression, expression)
    allowed = _text(_child(node, "inputValues"))
    cell = _readable(identifier, "", label, feel.unary_tests, allowed) if allowed else None
    return Input(node.get("id", ""), label, expression, cell)


def _output(identifier: str, node: etree._Element) -> Output:
    listed = _text(_child(node, "outputValues"))
    points = _readable(identifier, "", "", feel.unary_tests, listed).points if listed else ()
    name = node.get("name", "") or identifier
    return Output(node.get("id", ""), name, points, _text(_child(node, "defaultOutputEntry")))


def _rule(
    identifier: str, number: int, node: etree._Element, columns: tuple[Input, ...], results: tuple[Output, ...]
) -> Rule:
    conditions = [_text(cell) for cell in _children(node, "inputEntry")]
    outputs = [_text(cell) for cell in _children(node, "outputEntry")]
    if len(conditions) != len(columns) or len(outputs) != len(results):
        raise DecisionError(identifier, _("شمار خانه‌های سطر با ستون‌ها یکی نیست."), rule=str(number))
    tests = tuple(
        _readable(identifier, str(number), column.label, feel.unary_tests, source)
        for column, source in zip(columns, conditions, strict=True)
    )
    for result, source in zip(results, outputs, strict=True):
        if source:
            _readable(identifier, str(number), result.name, feel.expression, source)
    return Rule(node.get("id", ""), number, tests, tuple(outputs))


def _readable(decision: str, rule: str, column: str, read: Callable[[str], Any], source: str) -> Any:
    try:
        return read(source)
    except feel.FeelError as error:
        raise DecisionError(decision, str(error), rule=rule, column=column) from error


# ---------------------------------------------------------------- checking

MOST_PROBES = 20_000


def check(model: DecisionModel) -> list[Finding]:
    """Overlaps that the hit policy forbids and gaps between rules, found by probing every bound and what lies between."""
    return [finding for decision in model.decisions.values() for finding in _check(decision)]


def _check(decision: Decision) -> list[Finding]:
    if decision.literal is not None or decision.policy not in ("UNIQUE", "ANY", "FIRST", "PRIORITY"):
        return []
    if any(feel.names_in(column.expression) != {column.expression} for column in decision.columns):
        return []  # a computed column: its values are not known from the table alone
    probes: list[tuple[Value, ...]] = [()]
    for place, column in enumerate(decision.columns):
        values = _probes([rule.tests[place] for rule in decision.rules], column)
        if len(probes) * max(len(values), 1) > MOST_PROBES:
            return [Finding("warning", decision.id, _("جدول برای وارسی کامل بزرگ است؛ هم‌پوشانی و شکاف وارسی نشد."))]
        probes = [(*known, value) for known in probes for value in values]
    return _probe(decision, probes)


def _probe(decision: Decision, probes: list[tuple[Value, ...]]) -> list[Finding]:
    overlaps: dict[tuple[int, ...], tuple[Value, ...]] = {}
    gap: tuple[Value, ...] | None = None
    for values in probes:
        names = {column.expression: value for column, value in zip(decision.columns, values, strict=True)}
        hits = tuple(
            rule.number for rule in decision.rules
            if all(test.matches(value, names) for test, value in zip(rule.tests, values, strict=True))
        )  # fmt: skip
        if len(hits) > 1 and decision.policy == "UNIQUE":
            overlaps.setdefault(hits, values)
        if not hits and gap is None:
            gap = values
    found = [
        Finding("error", decision.id, _("سطرهای %(rows)s هم‌پوشانی دارند؛ نمونه: %(values)s",
                                         rows="، ".join(map(str, hits)), values=_shown(values)))
        for hits, values in overlaps.items()
    ]  # fmt: skip
    if gap is not None and not any(result.default for result in decision.results):
        found.append(Finding("warning", decision.id, _("برای این ورودی سطری نیست: %(values)s", values=_shown(gap))))
    return found


def _shown(values: tuple[Value, ...]) -> str:
    return "، ".join("—" if value is None else str(value) for value in values)


def _probes(cells: list[feel.Cell], column: Input) -> list[Value]:
    """Every literal a column mentions and, for what is ordered, a value between each two neighbours."""
    points = {point for cell in cells for point in cell.points if point is not None}
    if column.allowed is not None:
        points |= {point for point in column.allowed.points if point is not None}
    ordered = [point for point in points if isinstance(point, int | Decimal) and not isinstance(point, bool)]
    dates = sorted(point for point in points if isinstance(point, date | datetime))
    if ordered:
        low, *rest = sorted(ordered)
        probes: list[Value] = [low]
        for high in rest:
            probes += [feel.number((Decimal(low) + Decimal(high)) / 2), high]
            low = high
        return probes
    if dates:
        return [moment for point in dates for moment in (point, point + timedelta(days=1))]
    if points and all(isinstance(point, bool) for point in points):
        return [True, False]
    return sorted(points, key=str) or [None]
