"""Declares and names the messages, signals, errors and escalations that events refer to."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import bpmn, definitions, local
from engine.deployment.importing.draft import Draft, set_aside
from models.language import gettext as _

NAMED = ("message", "signal", "error", "escalation")
BY_NAME = ("message", "signal")  # sent to a name: an event cannot do without


def mend(draft: Draft) -> None:
    """Name messages and signals without a name, and declare those that an event refers to and the file lacks."""
    _shared_definitions(draft)
    for kind in NAMED:
        for declared in draft.root.iter(bpmn(kind)):
            if not (declared.get("name") or "").strip():
                declared.set("name", declared.get("id", ""))
                if kind in BY_NAME:
                    draft.report("import.name_added", "changed", declared, _("نام نداشت؛ شناسه‌اش نام آن شد."))
    declared_by_id = {kind: draft.by_id(kind) for kind in NAMED}
    for node in draft.nodes():
        for definition in definitions(node):
            kind = local(definition).removesuffix("EventDefinition")
            if kind in NAMED:
                _refer(draft, node, definition, kind, declared_by_id[kind])
        if local(node) == "receiveTask":
            _refer(draft, node, node, "message", declared_by_id["message"])
        elif local(node) == "sendTask" and node.get("messageRef") not in (None, *declared_by_id["message"]):
            set_aside(node, {"messageRef": node.attrib.pop("messageRef")})


def _shared_definitions(draft: Draft) -> None:
    """``eventDefinitionRef`` names a definition at the top of the file: a copy of it comes to the event."""
    shared = {
        definition.get("id"): definition for definition in draft.root if local(definition).endswith("EventDefinition")
    }
    for node in draft.nodes():
        for reference in node.findall(bpmn("eventDefinitionRef")):
            definition = shared.get((reference.text or "").strip().rpartition(":")[2])
            set_aside(node, reference)
            if definition is None:
                draft.report(
                    "import.definition_missing",
                    "changed",
                    node,
                    _("تعریف رویدادی که به آن اشاره شده در فایل نیست و کنار گذاشته شد."),
                )
                continue
            copy = etree.SubElement(node, definition.tag)
            for child in definition:
                etree.SubElement(copy, child.tag).text = child.text
            for name in set(map(str, definition.attrib)) - {"id"}:
                copy.set(name, definition.get(name, ""))


def _refer(
    draft: Draft, node: etree._Element, place: etree._Element, kind: str, declared: dict[str, etree._Element]
) -> None:
    """An event without a valid reference gets one; for an error or escalation none means any."""
    attribute = f"{kind}Ref"
    referred = place.get(attribute)
    if referred in declared:
        return
    if referred is not None and kind not in BY_NAME:
        set_aside(node, {attribute: place.attrib.pop(attribute)})
        draft.report(
            "import.reference_missing",
            "changed",
            node,
            _("به چیزی اشاره دارد که در فایل نیست («%(id)s»). اشاره حذف شد.", id=referred),
        )
        return
    if kind not in BY_NAME:
        return
    name = referred or node.get("name") or node.get("id") or ""
    declaration = next((candidate for candidate in declared.values() if candidate.get("name") == name), None)
    if declaration is None:
        declaration = etree.Element(bpmn(kind), {"id": draft.new_id(f"{kind}_{node.get('id')}"), "name": name})
        draft.root.insert(0, declaration)
        declared[declaration.get("id", "")] = declaration
    place.set(attribute, declaration.get("id", ""))
    if kind == "message":
        text = _("نمی‌گوید منتظر کدام پیام است؛ پیام «%(name)s» ساخته شد. نام درست پیام را بگذارید.", name=name)
    else:
        text = _("نمی‌گوید منتظر کدام سیگنال است؛ سیگنال «%(name)s» ساخته شد. نام درست را بگذارید.", name=name)
    draft.report("import.event_name_added", "fill_in", node, text)
