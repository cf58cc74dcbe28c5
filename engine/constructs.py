"""Which constructs of BPMN are refused: those that the library accepts and then ignores or runs wrongly.

Each has its reason in words for an analyst and what to draw instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

from engine.diagrams import ACTIVITIES, FLOW_NODES, GATEWAYS, Diagram, bpmn, flow_nodes, local
from models.language import gettext as _

RESERVED_IDS = frozenset({"Start", "End", "Root"})


def refused(diagram: Diagram) -> Iterator[tuple[str, str]]:
    """(element id, reason) of everything in the diagram that cannot be run as drawn."""
    yield from _identifiers(diagram.process)
    yield from _flows(diagram.process)
    for node in flow_nodes(diagram.process):
        for rule in RULES:
            reason = rule(node)
            if reason:
                yield node.get("id", ""), reason
    yield from _boundary_into_multi_instance(diagram.process)


def _identifiers(process: etree._Element) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for node in flow_nodes(process):
        identifier = node.get("id", "")
        if not identifier:
            yield "", _("عنصر «%(name)s» (خط %(line)s) شناسه ندارد.", name=node.get("name", ""), line=node.sourceline)
        elif identifier in RESERVED_IDS or identifier.endswith(".EndJoin"):
            yield identifier, _("شناسهٔ «%(id)s» از آنِ موتور است؛ شناسهٔ دیگری بگذارید.", id=identifier)
        elif identifier in seen:
            yield identifier, _("این شناسه دو بار آمده است.")
        seen.add(identifier)


def _flows(process: etree._Element) -> Iterator[tuple[str, str]]:
    for scope in (process, *process.iter(bpmn("subProcess"), bpmn("transaction"))):
        here = {child.get("id") for child in scope if local(child) in FLOW_NODES}
        starts = [
            child for child in scope
            if local(child) == "startEvent" and child.find(bpmn("timerEventDefinition")) is None
        ]  # fmt: skip
        if len(starts) != 1:
            yield scope.get("id", ""), _("باید درست یک رویداد آغاز داشته باشد؛ %(count)s تا دارد.", count=len(starts))
        for flow in scope.findall(bpmn("sequenceFlow")):
            if not flow.get("id"):
                yield flow.get("sourceRef", ""), _("جریانی که از این عنصر بیرون می‌رود شناسه ندارد.")
            for end in ("sourceRef", "targetRef"):
                if flow.get(end) not in here:
                    yield flow.get("id", ""), _("سرِ این جریان به عنصری نمی‌رسد: %(id)s", id=flow.get(end) or "—")


def _has(node: etree._Element, definition: str) -> bool:
    return node.find(bpmn(definition)) is not None


def _outgoing(node: etree._Element) -> list[etree._Element]:
    parent = node.getparent()
    flows = parent.findall(bpmn("sequenceFlow")) if parent is not None else []
    return [flow for flow in flows if flow.get("sourceRef") == node.get("id")]


def _link(node: etree._Element) -> str:
    return _("رویداد پیوند اجرا نمی‌شود؛ به‌جای آن یک جریان بکشید.") if _has(node, "linkEventDefinition") else ""


def _compensation(node: etree._Element) -> str:
    if _has(node, "compensateEventDefinition") or node.get("isForCompensation") == "true":
        return _("جبران (compensation) اجرا نمی‌شود؛ گام بازگشت را در خود فرایند بکشید.")
    return ""


def _signal(node: etree._Element) -> str:
    if _has(node, "signalEventDefinition"):
        return _("سیگنال میان پرونده‌ها اجرا نمی‌شود؛ پیام به‌کار ببرید.")
    return ""


def _throws_message(node: etree._Element) -> str:
    throws = local(node) in ("intermediateThrowEvent", "endEvent") and _has(node, "messageEventDefinition")
    if throws or local(node) == "sendTask":
        return _("فرستادن پیام از نمودار اجرا نمی‌شود؛ کار خدماتی با عملیاتی که خبر می‌دهد بکشید.")
    return ""


def _multiple(node: etree._Element) -> str:
    count = sum(1 for child in node if local(child).endswith("EventDefinition"))
    return _("یک رویداد باید یک تعریف داشته باشد.") if count > 1 else ""


def _conditional_flow(node: etree._Element) -> str:
    if local(node) in GATEWAYS:
        return ""
    flows = _outgoing(node)
    if len(flows) > 1:
        return _("از یک کار یا رویداد تنها یک جریان بیرون می‌رود؛ برای شاخه‌شدن دروازه بکشید.")
    if any(flow.find(bpmn("conditionExpression")) is not None for flow in flows):
        return _("شرطِ جریانی که از یک کار بیرون می‌رود دیده نمی‌شود؛ دروازه بکشید.")
    return ""


def _gateway_conditions(node: etree._Element) -> str:
    if local(node) not in ("exclusiveGateway", "inclusiveGateway"):
        return ""
    flows = _outgoing(node)
    default = node.get("default")
    if len(flows) < 2:
        return ""
    open_ones = [f for f in flows if f.find(bpmn("conditionExpression")) is None and f.get("id") != default]
    if open_ones:
        return _("شاخهٔ «%(flow)s» نه شرط دارد و نه شاخهٔ پیش‌فرض است.", flow=open_ones[0].get("id") or "")
    if default is None:
        return _("این دروازه شاخهٔ پیش‌فرض ندارد؛ اگر هیچ شرطی درست نباشد پرونده می‌ماند.")
    return ""


def _event_gateway(node: etree._Element) -> str:
    if local(node) != "eventBasedGateway":
        return ""
    scope = node.getparent()
    nodes = {child.get("id"): child for child in scope} if scope is not None else {}
    for flow in _outgoing(node):
        target = nodes.get(flow.get("targetRef"))
        if target is None or local(target) != "intermediateCatchEvent":
            return _("پس از این دروازه تنها رویدادهای دریافت می‌آیند.")
    return ""


def _sub_process(node: etree._Element) -> str:
    if node.get("triggeredByEvent") == "true":
        return _("زیرفرایندِ رویدادی اجرا نمی‌شود؛ رویداد مرزی بکشید.")
    if local(node) == "adHocSubProcess":
        return _("زیرفرایند موردی (ad-hoc) اجرا نمی‌شود.")
    return ""


def _complex_gateway(node: etree._Element) -> str:
    return _("دروازهٔ پیچیده اجرا نمی‌شود.") if local(node) == "complexGateway" else ""


def _script(node: etree._Element) -> str:
    if local(node) == "scriptTask":
        return _("اسکریپت اجرا نمی‌شود؛ کار خدماتی با یک عملیات بکشید.")
    scripts = ("preScript", "postScript")
    if any(local(found) in scripts for found in node.iterfind(f"{bpmn('extensionElements')}/*")):
        return _("پیش‌اسکریپت و پس‌اسکریپت اجرا نمی‌شود.")
    return ""


def _timer(node: etree._Element) -> str:
    timer = node.find(bpmn("timerEventDefinition"))
    if timer is None:
        return ""
    times = [child for child in timer if local(child).startswith("time")]
    if len(times) != 1 or not (times[0].text or "").strip():
        return _("زمان این زمان‌سنج نوشته نشده است.")
    return ""


def _message(node: etree._Element) -> str:
    message = node.find(bpmn("messageEventDefinition"))
    if message is None:
        return ""
    root = node.getroottree().getroot()
    names = {found.get("id"): found.get("name") for found in root.iter(bpmn("message"))}
    if not names.get(message.get("messageRef")):
        return _("پیام این رویداد تعریف نشده یا نام ندارد.")
    return ""


def _multi_instance(node: etree._Element) -> str:
    loop = node.find(bpmn("multiInstanceLoopCharacteristics"))
    if loop is None:
        return ""
    if loop.get("isSequential") == "true" and loop.find(bpmn("outputDataItem")) is None:
        return _("تکرار پیاپی باید خروجی داشته باشد.")
    if loop.find(bpmn("loopCardinality")) is None and loop.find(bpmn("loopDataInputRef")) is None:
        return _("تکرار نمی‌گوید برای چند بار یا برای کدام فهرست است.")
    return ""


def _data(node: etree._Element) -> str:
    if local(node) in ACTIVITIES and (_has(node, "dataInputAssociation") or _has(node, "dataOutputAssociation")):
        return _("پیوند به داده در نمودار اجرا نمی‌شود؛ آن را بردارید یا با یادداشت نشان دهید.")
    return ""


RULES: tuple[Callable[[Any], str], ...] = (
    _link, _compensation, _signal, _throws_message, _multiple, _conditional_flow, _gateway_conditions, _event_gateway,
    _sub_process, _complex_gateway, _script, _timer, _message, _multi_instance, _data,
)  # fmt: skip


def _boundary_into_multi_instance(process: etree._Element) -> Iterator[tuple[str, str]]:
    nodes = {node.get("id"): node for node in flow_nodes(process)}
    for node in nodes.values():
        if local(node) != "boundaryEvent":
            continue
        for flow in _outgoing(node):
            target = nodes.get(flow.get("targetRef"))
            loop = target.find(bpmn("multiInstanceLoopCharacteristics")) if target is not None else None
            if loop is not None and loop.get("isSequential") != "true":
                yield node.get("id", ""), _("میان رویداد مرزی و تکرار هم‌زمان یک دروازه بگذارید.")
