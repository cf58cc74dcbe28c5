"""Sets aside expressions that read names which no step of the process sets."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import SPIFF, SUBMISSION, bpmn, local
from engine.deployment.checking import CASE
from engine.deployment.importing.draft import Draft, drop_property, fields_of, property_of, set_aside
from engine.expressions.language import ExpressionError, parse
from models.language import gettext as _

PROPERTIES = ("due", "priority", "scope", "lock_reason", "correlation_key")
PLACEHOLDERS = {"timeDate": '"P1D"', "timeDuration": '"P1D"', "timeCycle": '"R1/P1D"', "condition": "True"}
REPEATS = ("loopCardinality", "loopDataInputRef")


def names_given(process: etree._Element) -> set[str]:
    """The names that forms, operations and decisions of a process set, or that its start requires."""
    names = {CASE, SUBMISSION}
    for node in process.iter(bpmn("extensionElements")):
        owner = node.getparent()
        names.update(field.get("id", "") for field in (fields_of(owner) if owner is not None else ()))
    for node in process.iter(f"{{{SPIFF}}}serviceTaskOperator"):
        names.add(node.get("resultVariable", ""))
    for node in process.iter(f"{{{SPIFF}}}property"):
        if node.get("name") in ("data", "result"):
            names.update((node.get("value") or "").split())
    for node in process.iter(f"{{{SPIFF}}}calledDecisionId"):
        names.add((node.text or "").strip())
    for node in process.iter(bpmn("inputDataItem"), bpmn("loopDataOutputRef")):
        names.update({node.get("name") or node.get("id") or "", (node.text or "").strip()})
    return names


def mend(draft: Draft) -> None:
    """Set aside expressions over names without a value, which would fail at run time."""
    for process in draft.processes():
        given = names_given(process)
        for node in [flow_node for flow_node in draft.nodes() if process in flow_node.iterancestors()]:
            _properties(draft, node, given)
            _times_and_conditions(draft, node, given)
            _repetitions(draft, node, given)


def missing(text: str, given: set[str]) -> set[str]:
    """The names in an expression that are not in ``given``; none for an unreadable one."""
    try:
        return set(parse(text).names - given)
    except ExpressionError:
        return set()


def _say(draft: Draft, node: etree._Element, text: str, names: set[str]) -> None:
    message = _(
        "«%(text)s» نام‌هایی می‌خواند که هیچ گامی به آن‌ها مقدار نمی‌دهد: %(names)s؛ فعلاً کنار گذاشته شد.",
        text=text,
        names=", ".join(sorted(names)),
    )
    draft.report("import.names_without_value", "fill_in", node, message)


def _properties(draft: Draft, node: etree._Element, given: set[str]) -> None:
    for name in PROPERTIES:
        text = property_of(node, name)
        if names := missing(text, given) if text else set():
            drop_property(node, name)
            set_aside(node, {name: text})
            _say(draft, node, text, names)


def _times_and_conditions(draft: Draft, node: etree._Element, given: set[str]) -> None:
    for definition in node:
        if local(definition) not in ("timerEventDefinition", "conditionalEventDefinition"):
            continue
        for place in [child for child in definition if local(child) in PLACEHOLDERS]:
            text = (place.text or "").strip()
            if names := missing(text, given):
                set_aside(node, {local(place): text})
                place.text = PLACEHOLDERS[local(place)]
                _say(draft, node, text, names)


def _repetitions(draft: Draft, node: etree._Element, given: set[str]) -> None:
    several = node.find(bpmn("multiInstanceLoopCharacteristics"))
    for loop in [child for child in node if local(child).endswith("LoopCharacteristics")]:
        for place in list(loop):
            text = (place.text or "").strip()
            if local(place) not in (*REPEATS, "loopCondition", "completionCondition") or not missing(text, given):
                continue
            names = missing(text, given)
            set_aside(node, place)
            if loop is several and local(place) in REPEATS:
                for item in loop.findall(bpmn("inputDataItem")):
                    set_aside(node, item)
                etree.SubElement(loop, bpmn("loopCardinality")).text = "1"
            elif local(place) == "loopCondition" and loop.get("loopMaximum") is None:
                loop.set("loopMaximum", "1")
            _say(draft, node, text, names)
