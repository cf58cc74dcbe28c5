"""Reads a ``.dmn`` file (DMN 1.1 to 1.5) into decisions that can be evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from engine.dmn import feel
from engine.dmn.checks import check
from engine.dmn.decision import (
    AGGREGATORS,
    POLICIES,
    TYPES,
    Decision,
    DecisionError,
    DecisionModel,
    Input,
    Output,
    Rule,
    as_json,
)
from engine.xml import parse_xml
from models.language import gettext as _

__all__ = ["Decision", "DecisionError", "DecisionModel", "as_json", "check", "parse"]

MAX_DECISIONS = 100  # in one file, so that a chain of them stays short


def parse(xml: bytes) -> DecisionModel:
    """Read a ``.dmn`` file (DMN 1.1 to 1.5). Raises ``UnsafeXml``, ``MalformedXml`` and ``DecisionError``."""
    root = parse_xml(xml)
    decisions: dict[str, Decision] = {}
    nodes = _children(root, "decision")
    if len(nodes) > MAX_DECISIONS:
        raise DecisionError("", _("فایل بیش از %(most)s تصمیم دارد.", most=MAX_DECISIONS))
    for node in nodes:
        decision = _decision(node, decisions)
        if decision.id in decisions:
            raise DecisionError(decision.id, _("این شناسه دو بار آمده است."))
        decisions[decision.id] = decision
    declared = _declared(root)
    sound: set[str] = set()
    for decision in decisions.values():
        _follow(decision, decisions, (), sound)
        _know_names(decision, declared)
    return DecisionModel(decisions)


def _declared(root: etree._Element) -> set[str]:
    """The names that inputs, decisions and answers have in the file."""
    nodes = root.iter("{*}inputData", "{*}decision", "{*}variable", "{*}output")
    return {" ".join(node.get("name", "").split()) for node in nodes}


def _know_names(decision: Decision, declared: set[str]) -> None:
    """Refuse a name of several words that the file does not declare: an operator is missing between them."""
    for name in sorted(decision.reads):
        if " " in name and name not in declared:
            raise DecisionError(decision.id, _("«%(source)s» قابل خواندن نیست.", source=name))


def _follow(decision: Decision, decisions: dict[str, Decision], above: tuple[str, ...], sound: set[str]) -> None:
    """Refuse missing required decisions and circles. ``sound``: ids of the decisions already checked."""
    if decision.id in above:
        raise DecisionError(decision.id, _("این تصمیم، با واسطه، خودش را لازم دارد."))
    if decision.id in sound:
        return
    for required in decision.requires:
        if required not in decisions:
            raise DecisionError(decision.id, _("تصمیم پیش‌نیاز «%(id)s» در فایل نیست.", id=required))
        _follow(decisions[required], decisions, (*above, decision.id), sound)
    sound.add(decision.id)


def _children(node: etree._Element, *names: str) -> list[etree._Element]:
    return [child for child in node if isinstance(child.tag, str) and etree.QName(child).localname in names]


def _child(node: etree._Element, name: str) -> etree._Element | None:
    return next(iter(_children(node, name)), None)


def _text(node: etree._Element | None) -> str:
    if node is None:
        return ""
    text = _child(node, "text")
    return (text.text or "").strip() if text is not None else ""


def _decision(node: etree._Element, model: dict[str, Decision]) -> Decision:
    identifier = node.get("id", "")
    variable = _child(node, "variable")
    common: dict[str, Any] = {
        "id": identifier,
        "name": node.get("name", "") or identifier,
        "requires": tuple(
            required.get("href", "").rpartition("#")[2]
            for requirement in _children(node, "informationRequirement")
            for required in _children(requirement, "requiredDecision")
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
        raise DecisionError(identifier, _("سیاست انتخاب «%(policy)s» نامعتبر است.", policy=policy))
    if aggregation and (aggregation not in AGGREGATORS or policy != "COLLECT"):
        reason = _("تجمیع «%(how)s» با سیاست انتخاب %(policy)s ممکن نیست.", how=aggregation, policy=policy)
        raise DecisionError(identifier, reason)
    columns = tuple(_input(identifier, node) for node in _children(table, "input"))
    results = tuple(_output(identifier, node) for node in _children(table, "output"))
    if not results:
        raise DecisionError(identifier, _("جدول ستون خروجی ندارد."))
    if aggregation and len(results) > 1:
        raise DecisionError(identifier, _("تجمیع فقط با یک ستون خروجی ممکن است."))
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
    return Input(node.get("id", ""), label, expression, cell, _type(_child(node, "inputExpression")))


def _output(identifier: str, node: etree._Element) -> Output:
    listed = _text(_child(node, "outputValues"))
    points = _readable(identifier, "", "", feel.unary_tests, listed).points if listed else ()
    name = node.get("name", "") or identifier
    default = _text(_child(node, "defaultOutputEntry"))
    if default:
        _readable(identifier, "", name, feel.expression, default)
    return Output(node.get("id", ""), name, points, default, _type(node))


def _type(node: etree._Element | None) -> str:
    """The kind of value that ``typeRef`` names, with or without the prefix that DMN 1.1 gave it."""
    return TYPES.get(node.get("typeRef", "").removeprefix("feel:"), "") if node is not None else ""


def _rule(
    identifier: str, number: int, node: etree._Element, columns: tuple[Input, ...], results: tuple[Output, ...]
) -> Rule:
    conditions = [_text(cell) for cell in _children(node, "inputEntry")]
    outputs = [_text(cell) for cell in _children(node, "outputEntry")]
    if len(conditions) != len(columns) or len(outputs) != len(results):
        raise DecisionError(identifier, _("تعداد خانه‌های ردیف با ستون‌ها برابر نیست."), rule=str(number))
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
