"""Refuses constructs of BPMN that the library accepts and then ignores or runs wrongly.

Each refusal tells an analyst the reason and what to draw instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

from engine.bpmn.diagram import (
    FLOW_NODES,
    GATEWAYS,
    INSERTED,
    SUB_PROCESSES,
    Diagram,
    bpmn,
    event_kind,
    event_name,
    flow_nodes,
    is_event_subprocess,
    local,
    scopes,
)
from engine.bpmn.lowering.forks import condition
from engine.bpmn.lowering.tree import incoming, outgoing, unchanging
from engine.deployment.checking import compensation, event_constructs
from engine.findings import Finding, error
from engine.spiff.corrections.loops import MAX_INSTANCES
from models.language import gettext as _

RESERVED_IDS = frozenset({"Start", "End", "Root"})
_RESOURCE_ROLES = ("resourceRole", "performer", "humanPerformer", "potentialOwner")
_CORRELATION = ("correlationProperty", "correlationKey", "correlationSubscription")


def refused(diagram: Diagram) -> Iterator[Finding]:
    """An error for everything in the diagram that cannot be run as drawn."""
    with unchanging(diagram.process):
        findings = list(_refusals(diagram))
    yield from findings


def _refusals(diagram: Diagram) -> Iterator[Finding]:
    yield from _identifiers(diagram.process)
    yield from _scopes(diagram.process)
    yield from event_constructs.links(diagram.process)
    yield from _unread(diagram.process)
    yield from compensation.refused(diagram.process)
    for node in flow_nodes(diagram.process):
        for code, rule in (*RULES.items(), *event_constructs.RULES.items()):
            reason = rule(node)
            if reason:
                yield error(f"bpmn.{code}", node.get("id", ""), reason)


def _identifiers(process: etree._Element) -> Iterator[Finding]:
    seen: set[str] = set()
    for node in flow_nodes(process):
        identifier = node.get("id", "")
        if not identifier:
            yield error(
                "bpmn.missing_id",
                "",
                _("عنصر «%(name)s» (سطر %(line)s) شناسه ندارد.", name=node.get("name", ""), line=node.sourceline),
            )
        elif identifier in RESERVED_IDS or identifier.endswith(".EndJoin") or identifier.startswith(INSERTED):
            yield error(
                "bpmn.reserved_id",
                identifier,
                _("شناسهٔ «%(id)s» را خود موتور به کار می‌برد. شناسهٔ دیگری بگذارید.", id=identifier),
            )
        elif identifier in seen:
            yield error("bpmn.duplicate_id", identifier, _("این شناسه دو بار آمده است."))
        seen.add(identifier)


def _scopes(process: etree._Element) -> Iterator[Finding]:
    if process.get("isExecutable", "true") == "false":
        yield error(
            "bpmn.not_executable", process.get("id", ""), _("این فرایند اجرایی نیست. ویژگی isExecutable را true کنید.")
        )
    for scope in scopes(process):
        if local(scope) != "adHocSubProcess" and not is_event_subprocess(scope):
            count = len(scope.findall(bpmn("startEvent")))
            if count != 1:
                yield error(
                    "bpmn.start_events",
                    scope.get("id", ""),
                    _("باید دقیقاً یک رویداد شروع داشته باشد؛ اکنون %(count)s تا دارد.", count=count),
                )
        if local(scope) != "adHocSubProcess" and scope.find(bpmn("endEvent")) is None:
            yield error("bpmn.no_end_event", scope.get("id", ""), _("رویداد پایان ندارد."))
        yield from _flows(scope)


def _flows(scope: etree._Element) -> Iterator[Finding]:
    here = {child.get("id") for child in scope if local(child) in FLOW_NODES}
    for flow in scope.findall(bpmn("sequenceFlow")):
        if not flow.get("id"):
            yield error(
                "bpmn.missing_flow_id", flow.get("sourceRef", ""), _("جریانی که از این عنصر بیرون می‌رود شناسه ندارد.")
            )
        for end in ("sourceRef", "targetRef"):
            if flow.get(end) not in here:
                yield error(
                    "bpmn.dangling_flow",
                    flow.get("id", ""),
                    _("انتهای این جریان به عنصری نمی‌رسد: %(id)s", id=flow.get(end) or "—"),
                )


def _unread(process: etree._Element) -> Iterator[Finding]:
    """Elements that the engine would ignore, anywhere in the file."""
    for node in process.iter(*(bpmn(tag) for tag in _RESOURCE_ROLES)):
        yield error(
            "bpmn.performer", _owner(node), _("مسئول از اینجا خوانده نمی‌شود. خط (lane) یا ویژگی role را به کار ببرید.")
        )
    for node in process.iter(bpmn("ioSpecification"), bpmn("dataInputAssociation"), bpmn("dataOutputAssociation")):
        yield error(
            "bpmn.data_association",
            _owner(node),
            _("خط ارتباط با داده در نمودار اجرا نمی‌شود. آن را حذف کنید یا با یادداشت نشان دهید."),
        )
    for node in process.getroottree().getroot().iter(*(bpmn(tag) for tag in _CORRELATION)):
        message = _("«%(tag)s» خوانده نمی‌شود؛ ویژگی correlation_key را به رویداد بدهید.", tag=local(node))
        yield error("bpmn.correlation", process.get("id", ""), message)


def _owner(inner: etree._Element) -> str:
    around = (outer for outer in inner.iterancestors() if local(outer) in FLOW_NODES or local(outer) == "process")
    return next((outer.get("id", "") for outer in around), "")


def _has(node: etree._Element, definition: str) -> bool:
    return node.find(bpmn(definition)) is not None


def _branches(node: etree._Element) -> str:
    """Conditional flows out of a task or an event: one flow has to be taken in every case."""
    flows = outgoing(node)
    default = node.get("default")
    if default is not None and default not in {flow.get("id") for flow in flows}:
        return _("شاخهٔ پیش‌فرض «%(flow)s» از این عنصر بیرون نمی‌رود.", flow=default)
    guarded = [flow for flow in flows if condition(flow) is not None]
    if any(flow.get("id") == default for flow in guarded):
        return _("شاخهٔ پیش‌فرض نباید شرط داشته باشد. شرط آن را حذف کنید.")
    if local(node) in GATEWAYS:
        return ""
    if default is not None and len(flows) > 1 and not guarded:
        return _("شاخهٔ پیش‌فرض فقط در کنار شاخه‌های شرط‌دار معنا دارد.")
    if guarded and len(guarded) == len(flows):
        return _("همهٔ جریان‌های این عنصر شرط دارند؛ اگر هیچ‌یک درست نباشد پرونده می‌ماند. شاخهٔ پیش‌فرض بگذارید.")
    return ""


def _leads_on(node: etree._Element) -> str:
    """A token that comes to nothing would leave its scope open for ever."""
    ends = local(node) == "endEvent" or is_event_subprocess(node) or node.get("isForCompensation") == "true"
    around = node.getparent()
    without_flows = around is not None and local(around) == "adHocSubProcess"
    if ends or without_flows or event_kind(node) in ("link", "compensate"):
        return ""
    return "" if outgoing(node) else _("از این عنصر جریانی بیرون نمی‌رود؛ آن را به یک رویداد پایان برسانید.")


def _gateway_conditions(node: etree._Element) -> str:
    if local(node) not in ("exclusiveGateway", "inclusiveGateway"):
        return ""
    flows = outgoing(node)
    default = node.get("default")
    if len(flows) < 2 and not any(condition(flow) is not None for flow in flows):
        return ""
    open_ones = [f for f in flows if f.find(bpmn("conditionExpression")) is None and f.get("id") != default]
    if open_ones:
        return _("شاخهٔ «%(flow)s» نه شرط دارد و نه شاخهٔ پیش‌فرض است.", flow=open_ones[0].get("id") or "")
    if default is None:
        return _("این دروازه شاخهٔ پیش‌فرض ندارد؛ اگر هیچ شرطی درست نباشد پرونده می‌ماند.")
    return ""


def _unconditional_gateway(node: etree._Element) -> str:
    if local(node) not in ("parallelGateway", "eventBasedGateway"):
        return ""
    if any(condition(flow) is not None for flow in outgoing(node)):
        return _("شرط شاخه‌های این دروازه خوانده نمی‌شود. دروازهٔ انحصاری یا جامع بکشید.")
    return ""


def _event_gateway(node: etree._Element) -> str:
    if local(node) != "eventBasedGateway":
        return ""
    if node.get("instantiate") == "true" or not incoming(node):
        return _("دروازهٔ مبتنی بر رویداد پرونده را شروع نمی‌کند. رویداد شروع بکشید.")
    if node.get("eventGatewayType", "Exclusive") != "Exclusive":
        return _("دروازهٔ موازی مبتنی بر رویداد اجرا نمی‌شود. دروازهٔ موازی و پس از آن رویدادها را بکشید.")
    scope = node.getparent()
    nodes = {child.get("id"): child for child in scope} if scope is not None else {}
    for target in (nodes.get(flow.get("targetRef")) for flow in outgoing(node)):
        if target is None or local(target) not in ("intermediateCatchEvent", "receiveTask"):
            return _("پس از این دروازه فقط رویداد دریافت می‌آید. رویداد دریافت یا کار دریافت بکشید.")
        if len(incoming(target)) > 1:
            return _("به رویدادی که پس از این دروازه است نباید جریان دیگری برود.")
        guards = (other for other in nodes.values() if other.get("attachedToRef") == target.get("id"))
        if next(guards, None) is not None or any(local(child).endswith("LoopCharacteristics") for child in target):
            return _("کار دریافت پس از این دروازه نباید رویداد مرزی یا تکرار داشته باشد.")
    return ""


def _ad_hoc(node: etree._Element) -> str:
    if local(node) == "adHocSubProcess":
        return _("زیرفرایند موردی (ad-hoc) اجرا نمی‌شود. فعالیت‌ها را با جریان یا دروازهٔ موازی بکشید.")
    return ""


def _quantities(node: etree._Element) -> str:
    if any(node.get(name, "1") != "1" for name in ("startQuantity", "completionQuantity")):
        return _("تعداد توکن‌ها (startQuantity و completionQuantity) خوانده نمی‌شود. دروازه یا تکرار بکشید.")
    return ""


def _receive_task(node: etree._Element) -> str:
    if local(node) == "receiveTask" and node.get("instantiate") == "true":
        return _("کار دریافت پرونده را شروع نمی‌کند. رویداد شروع پیام بکشید.")
    return ""


def _complex_gateway(node: etree._Element) -> str:
    return _("دروازهٔ پیچیده اجرا نمی‌شود. دروازهٔ جامع یا موازی بکشید.") if local(node) == "complexGateway" else ""


def _script(node: etree._Element) -> str:
    if local(node) == "scriptTask":
        return _("اسکریپت اجرا نمی‌شود. کار سرویس با یک عملیات بکشید.")
    scripts = ("preScript", "postScript")
    if any(local(extension) in scripts for extension in node.iterfind(f"{bpmn('extensionElements')}/*")):
        return _("پیش‌اسکریپت و پس‌اسکریپت اجرا نمی‌شود.")
    return ""


def _message(node: etree._Element) -> str:
    kind = event_kind(node)
    if kind == "message" and not event_name(node):
        return _("پیام این رویداد تعریف نشده یا نام ندارد.")
    if kind == "signal" and not event_name(node):
        return _("سیگنال این رویداد تعریف نشده یا نام ندارد.")
    foreign = ("messagePayload", "processVariableCorrelation")
    if any(local(inner) in foreign for inner in node.iter(etree.Element)) and local(node) not in SUB_PROCESSES:
        return _("محتوا و کلید پیام را با ویژگی‌های payload و correlation_key بنویسید.")
    return ""


def _multi_instance(node: etree._Element) -> str:
    loop = node.find(bpmn("multiInstanceLoopCharacteristics"))
    if loop is None:
        return ""
    if loop.get("behavior", "All") != "All":
        return _("فعالیت چندنمونه‌ای برای هر نمونه رویدادی پرتاب نمی‌کند. ویژگی behavior را حذف کنید.")
    counts = [loop.find(bpmn(tag)) is not None for tag in ("loopCardinality", "loopDataInputRef")]
    if not any(counts):
        return _("فعالیت چندنمونه‌ای نمی‌گوید چند بار یا برای کدام فهرست است.")
    if all(counts):
        return _("فعالیت چندنمونه‌ای یا تعداد دارد یا فهرست، نه هر دو.")
    number = (loop.findtext(bpmn("loopCardinality")) or "").strip()
    if number.isdecimal() and (len(number) > 9 or int(number) > MAX_INSTANCES):
        return _("یک فعالیت بیش از %(most)s بار تکرار نمی‌شود.", most=MAX_INSTANCES)
    return ""


def _standard_loop(node: etree._Element) -> str:
    loop = node.find(bpmn("standardLoopCharacteristics"))
    if loop is None:
        return ""
    maximum = loop.get("loopMaximum")
    if maximum is not None and not (maximum.isascii() and maximum.isdigit() and int(maximum) > 0):
        return _("بیشترین تعداد تکرار باید عددی بزرگ‌تر از صفر باشد.")
    if maximum is None and not (loop.findtext(bpmn("loopCondition")) or "").strip():
        return _("تکرار نمی‌گوید تا کی ادامه دارد. شرط یا بیشترین تعداد آن را بنویسید.")
    return ""


RULES: dict[str, Callable[[Any], str]] = {  # code → reason for refusing a flow node; "": it is accepted
    "conditional_flow": _branches,
    "no_way_on": _leads_on,
    "gateway_condition": _gateway_conditions,
    "unconditional_gateway": _unconditional_gateway,
    "event_gateway": _event_gateway,
    "ad_hoc": _ad_hoc,
    "token_quantity": _quantities,
    "receive_task": _receive_task,
    "complex_gateway": _complex_gateway,
    "script": _script,
    "message": _message,
    "multi_instance": _multi_instance,
    "standard_loop": _standard_loop,
}
