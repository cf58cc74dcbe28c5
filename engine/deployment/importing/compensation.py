"""Compensation that the engine cannot run as drawn: a person undoes the completed activities."""

from __future__ import annotations

from lxml import etree

from engine.bpmn import drawn_only
from engine.bpmn.diagram import FLOW_NODES, bpmn, flow_nodes, is_event_subprocess, local
from engine.deployment.checking import compensation
from engine.deployment.importing.draft import Draft, becomes, is_drawn_only, set_aside
from models.language import gettext as _

UNDO = "برگرداندن آنچه انجام شده است"
DEFINITION = bpmn("compensateEventDefinition")


def mend(draft: Draft) -> None:
    """Replace the compensation of every process of which the check refuses any."""
    for process in draft.processes():
        reasons = {finding.element: finding.text for finding in compensation.refused(process)}
        for node in [flow_node for flow_node in flow_nodes(process) if reasons and not is_drawn_only(flow_node)]:
            _instead(draft, node, reasons)


def _instead(draft: Draft, node: etree._Element, reasons: dict[str, str]) -> None:
    """All of a process's compensation goes together: half of it would be worse than none."""
    if is_drawn_only(node):
        return
    undoes = _begins_with_it(node) or node.get("isForCompensation") == "true"
    if undoes or (local(node) == "boundaryEvent" and _has(node)):
        _show_only(draft, node, reasons)
    elif _has(node) and local(node) in ("intermediateThrowEvent", "endEvent"):
        _by_hand(draft, node)


def _has(node: etree._Element) -> bool:
    return node.find(DEFINITION) is not None


def _begins_with_it(scope: etree._Element) -> bool:
    return is_event_subprocess(scope) and any(_has(start) for start in scope.findall(bpmn("startEvent")))


def _show_only(draft: Draft, node: etree._Element, reasons: dict[str, str]) -> None:
    drawn_only.mark(node)
    for inner in node.iter(*(bpmn(tag) for tag in FLOW_NODES)):
        why = reasons.get(inner.get("id", ""), "")
        text = _("جبران (compensation) اینجا اجرا نمی‌شود و فقط در تصویر می‌ماند. %(why)s", why=why)
        draft.report("import.compensation_dropped", "picture", inner, text.strip())


def _by_hand(draft: Draft, node: etree._Element) -> None:
    for definition in node.findall(DEFINITION):
        set_aside(node, definition)
    if local(node) == "endEvent":
        draft.before(node, "userTask", f"undo_before_{node.get('id')}", name=node.get("name") or UNDO)
    else:
        becomes(node, "userTask")
    draft.report(
        "import.compensation_by_hand",
        "fill_in",
        node,
        _("جبران (compensation) اجرا نمی‌شود. یک نفر آنچه را انجام شده است برمی‌گرداند."),
    )
