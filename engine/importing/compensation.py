"""Compensation as long as the engine does not run it: a person makes undone what the diagram says is undone."""

from __future__ import annotations

from lxml import etree

from engine import pictures
from engine.diagrams import FLOW_NODES, bpmn, local
from engine.event_constructs import COMPENSATION, RUNS_AT
from engine.importing.draft import SCOPES, Draft, becomes, set_aside, shown_only
from models.language import gettext as _

UNDO = "بازگرداندنِ آنچه انجام شده است"
DEFINITION = bpmn("compensateEventDefinition")


def mend(draft: Draft) -> None:
    if COMPENSATION in RUNS_AT["boundaryEvent"]:
        return
    for node in list(draft.nodes()):
        if shown_only(node):
            continue
        undoes = _begins_with_it(node) or node.get("isForCompensation") == "true"
        if undoes or (local(node) == "boundaryEvent" and _has(node)):
            _show_only(draft, node)
        elif _has(node) and local(node) in ("intermediateThrowEvent", "endEvent"):
            _by_hand(draft, node)


def _has(node: etree._Element) -> bool:
    return node.find(DEFINITION) is not None


def _begins_with_it(scope: etree._Element) -> bool:
    return (
        local(scope) in SCOPES
        and scope.get("triggeredByEvent") == "true"
        and any(_has(start) for start in scope.findall(bpmn("startEvent")))
    )


def _show_only(draft: Draft, node: etree._Element) -> None:
    pictures.mark(node)
    for inner in node.iter(*(bpmn(tag) for tag in FLOW_NODES)):
        text = _("جبران (compensation) اجرا نمی‌شود؛ تنها در تصویر می‌ماند. گام بازگشت را در خود فرایند بکشید.")
        draft.say("picture", inner, text)


def _by_hand(draft: Draft, node: etree._Element) -> None:
    for definition in node.findall(DEFINITION):
        set_aside(node, definition)
    if local(node) == "endEvent":
        draft.before(node, "userTask", f"undo_before_{node.get('id')}", name=node.get("name") or UNDO)
    else:
        becomes(node, "userTask")
    draft.say("fill_in", node, _("جبران (compensation) اجرا نمی‌شود؛ یک نفر آنچه را انجام شده است بازمی‌گرداند."))
