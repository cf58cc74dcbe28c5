"""Gives every element that runs an id that the engine can store."""

from __future__ import annotations

import re

from lxml import etree

from engine.bpmn.diagram import FLOW_NODES, INSERTED, bpmn, local
from engine.deployment.checking.constructs import RESERVED_IDS
from engine.deployment.importing.draft import Draft
from models.language import gettext as _

MAX_KEY, MAX_ID = 60, 100  # what the tables hold
IDENTIFIED = (*FLOW_NODES, "process", "sequenceFlow", "message", "signal", "error", "escalation", "lane")
REFERENCES = frozenset(
    [
        "sourceRef",
        "targetRef",
        "attachedToRef",
        "default",
        "bpmnElement",
        "processRef",
        "messageRef",
        "signalRef",
        "errorRef",
        "escalationRef",
        "activityRef",
        "calledElement",
        "flowNodeRef",
        "incoming",
        "outgoing",
    ]
)


def mend(draft: Draft) -> None:
    """Every element that runs has an id of its own that the engine can keep, and every reference is plain."""
    _plain_references(draft.root)
    for node in list(draft.root.iter(*(bpmn(tag) for tag in IDENTIFIED))):
        if not node.get("id"):
            _give(draft, node)
        elif _is_unusable(node):
            _rename(draft, node)
    _doubled(draft)


def _plain_references(root: etree._Element) -> None:
    """``tns:Task_1`` means ``Task_1``: ids have no namespaces, and only QName-typed references carry a prefix."""
    ids = {element.get("id") for element in root.iter("{*}*") if element.get("id")}
    for node in root.iter("{*}*"):
        for name in REFERENCES & set(map(str, node.attrib)):
            value = str(node.get(name))
            if value not in ids and ":" in value and value.rpartition(":")[2] in ids:
                node.set(name, value.rpartition(":")[2])
        text = (node.text or "").strip()
        if local(node) in REFERENCES and text not in ids and text.rpartition(":")[2] in ids:
            node.text = text.rpartition(":")[2]


def _give(draft: Draft, node: etree._Element) -> None:
    parent = node.getparent()
    around = parent.get("id", "") if parent is not None else ""
    ends = f"{node.get('sourceRef')}_to_{node.get('targetRef')}" if local(node) == "sequenceFlow" else ""
    node.set("id", draft.new_id(ends or f"{local(node)}_{node.get('name') or around}"))
    draft.report("import.id_added", "changed", node, _("شناسه نداشت؛ این شناسه داده شد."))


def _is_unusable(node: etree._Element) -> bool:
    identifier = node.get("id", "")
    longest = MAX_KEY if local(node) == "process" else MAX_ID
    reserved = identifier in RESERVED_IDS or identifier.endswith(".EndJoin") or identifier.startswith(INSERTED)
    odd = re.search(r"""[\s/\\"'<>&]""", identifier) is not None
    return len(identifier) > longest or odd or (reserved and local(node) in FLOW_NODES)


def _rename(draft: Draft, node: etree._Element) -> None:
    old = node.get("id", "")
    new = draft.new_id(f"{old[: MAX_KEY - 10].replace(INSERTED, 'drawn_')}_1")
    node.set("id", new)
    for other in draft.root.iter("{*}*"):
        for name in REFERENCES & set(map(str, other.attrib)):
            if other.get(name) == old:
                other.set(name, new)
        if local(other) in REFERENCES and (other.text or "").strip() == old:
            other.text = new
    draft.report(
        "import.id_changed",
        "changed",
        node,
        _("شناسهٔ «%(old)s» را موتور نمی‌تواند نگه دارد؛ «%(new)s» شد.", old=old[:80], new=new),
    )


def _doubled(draft: Draft) -> None:
    seen: set[str] = set()
    for node in draft.root.iter(*(bpmn(tag) for tag in IDENTIFIED)):
        identifier = node.get("id", "")
        if identifier in seen:
            draft.report(
                "import.duplicate_id",
                "error",
                node,
                _("این شناسه دو بار آمده است؛ به یکی از دو عنصر شناسهٔ دیگری بدهید."),
            )
        seen.add(identifier)
