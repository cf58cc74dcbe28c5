"""Marks elements that are drawn and never run: data, stores, empty pools, parts that no flow reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from engine.bpmn import drawn_only
from engine.bpmn.diagram import ACTIVITIES, BPMN, FLOW_NODES, bpmn, is_event_subprocess, local
from engine.bpmn.lowering.links import link_name
from engine.deployment.importing.draft import Draft, children, flows, is_drawn_only, set_property
from engine.deployment.importing.roles import role_named
from models.language import gettext as _

DATA = ("dataObject", "dataObjectReference", "dataStoreReference", "dataStore")
WIRES = ("dataInputAssociation", "dataOutputAssociation", "ioSpecification", "property")
PERFORMERS = ("resourceRole", "performer", "humanPerformer", "potentialOwner")


def mend(draft: Draft) -> None:
    """Mark data, empty pools, performers and correlation keys of the file."""
    _empty_pools(draft)
    _marked_before(draft)
    for node in draft.root.iter(*(bpmn(tag) for tag in DATA)):
        drawn_only.mark(node)
        if local(node) != "dataObject":  # its reference is what is drawn
            text = _("داده و مخزن داده فقط در تصویر می‌ماند. برای آنچه باید نوشته شود فیلد فرم بسازید.")
            draft.report("import.data_drawn_only", "picture", node, text)
    for node in draft.root.iter(*(bpmn(tag) for tag in WIRES)):
        drawn_only.mark(node)
    for node in draft.root.iter(*(bpmn(tag) for tag in PERFORMERS)):
        drawn_only.mark(node)
        _performer(draft, node)
    for node in draft.root.iter(bpmn("correlationProperty"), bpmn("correlationKey"), bpmn("correlationSubscription")):
        drawn_only.mark(node)
        draft.report(
            "import.correlation_drawn_only",
            "picture",
            node,
            _("کلید همبستگی از اینجا خوانده نمی‌شود؛ ویژگی correlation_key را به رویداد بدهید."),
        )


def _marked_before(draft: Draft) -> None:
    """Report elements that an earlier import marked as drawn only."""
    for node in draft.root.iter(*(bpmn(tag) for tag in FLOW_NODES)):
        if is_drawn_only(node):
            draft.report(
                "import.drawn_only", "picture", node, _("در فایل نوشته شده است که فقط تصویر است و اجرا نمی‌شود.")
            )


def _performer(draft: Draft, performer: etree._Element) -> None:
    """Read the performer of a step: its role if the name is a role of ours."""
    node = performer.getparent()
    if node is None or local(node) not in ACTIVITIES:
        return
    performer_name = " ".join(" ".join(str(text) for text in performer.itertext()).split()) or performer.get("name", "")
    names = [name for name in re.split(r"[\s,()]+", performer_name) if name]
    role_key = next((role for name in [performer_name, *names] if (role := role_named(draft, name))), "")
    if role_key:
        set_property(node, "role", role_key)
        draft.report(
            "import.role_of_performer",
            "changed",
            node,
            _("«%(name)s» نقش «%(role)s» فهمیده شد.", name=performer_name, role=role_key),
        )
    else:
        text = _(
            "مسئول «%(name)s» نقشی در این سامانه نیست. خط (lane) یا ویژگی role را اصلاح کنید.",
            name=performer_name or "—",
        )
        draft.report("import.unknown_performer", "fill_in", node, text)


def _empty_pools(draft: Draft) -> None:
    participants = {participant.get("processRef"): participant for participant in draft.root.iter(bpmn("participant"))}
    for process in draft.root.iter(bpmn("process")):
        if not any(local(child) in FLOW_NODES for child in process):
            pool = participants.get(process.get("id"))
            draft.report(
                "import.empty_pool",
                "picture",
                pool if pool is not None else process,
                _("استخر (pool) خالی است و فقط در تصویر می‌ماند."),
            )


def unreachable(draft: Draft, scope: etree._Element) -> None:
    """Mark nodes that no flow reaches, with their flows: the engine would drop them silently."""
    nodes = children(scope)
    reached = _reached(scope, nodes)
    for identifier, node in nodes.items():
        if identifier not in reached:
            drawn_only.mark(node)
            draft.report(
                "import.unreachable",
                "picture",
                node,
                _("هیچ جریانی به آن نمی‌رسد و فقط در تصویر می‌ماند. اگر باید اجرا شود، آن را وصل کنید."),
            )
            _inner(draft, node)
    for flow in scope.findall(bpmn("sequenceFlow")):
        if nodes.keys() & {flow.get("sourceRef")} and flow.get("sourceRef") not in reached:
            drawn_only.mark(flow)


def _inner(draft: Draft, node: etree._Element) -> None:
    for inner in node.iter(*(bpmn(tag) for tag in FLOW_NODES)):
        if inner is not node:
            draft.report("import.inside_drawn_only", "picture", inner, _("درون زیرفرایندی است که اجرا نمی‌شود."))


def _reached(scope: etree._Element, nodes: dict[str, etree._Element]) -> set[str]:
    reached: set[str] = set()
    ahead = [identifier for identifier, node in nodes.items() if _begins(node)]
    handlers = _compensation_handlers(scope)
    leads_to: dict[str, list[str]] = {}
    for flow in flows(scope):
        leads_to.setdefault(flow.get("sourceRef", ""), []).append(flow.get("targetRef", ""))
    while ahead:
        identifier = ahead.pop()
        if identifier in reached or identifier not in nodes:
            continue
        reached.add(identifier)
        node = nodes[identifier]
        ahead.extend(leads_to.get(identifier, ()))
        ahead.extend(_beside(node, nodes))
        ahead.extend(handlers.get(identifier, ()))
    return reached


def _begins(node: etree._Element) -> bool:
    return local(node) == "startEvent" or is_event_subprocess(node)


def _beside(node: etree._Element, nodes: dict[str, etree._Element]) -> Iterator[str]:
    """Its boundary events, and the other end of a link."""
    scope = node.getparent()
    if scope is not None:
        yield from (guard.get("id", "") for guard in _GUARDS(scope, id=node.get("id", "")))
    if local(node) != "intermediateThrowEvent" or node.find(bpmn("linkEventDefinition")) is None:
        return
    for identifier, other in nodes.items():
        there = local(other) == "intermediateCatchEvent" and other.find(bpmn("linkEventDefinition")) is not None
        if there and link_name(node) == link_name(other):
            yield identifier


_GUARDS = etree.XPath("b:boundaryEvent[@attachedToRef=$id]", namespaces={"b": BPMN})


def _compensation_handlers(scope: etree._Element) -> dict[str, list[str]]:
    """Compensation event → its activity: an association connects them, no flow."""
    targets_of: dict[str, list[str]] = {}
    for association in scope.iter(bpmn("association")):
        targets_of.setdefault(association.get("sourceRef", ""), []).append(association.get("targetRef", ""))
    here = children(scope)
    throwers = {
        identifier
        for identifier, node in here.items()
        if local(node) == "boundaryEvent" and node.find(bpmn("compensateEventDefinition")) is not None
    }
    return {
        source: [target for target in targets if _is_handler(here.get(target))]
        for source, targets in targets_of.items()
        if source in throwers
    }


def _is_handler(node: etree._Element | None) -> bool:
    return node is not None and local(node) in ACTIVITIES and node.get("isForCompensation") == "true"
