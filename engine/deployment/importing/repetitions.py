"""Gives every loop and multi-instance activity a number, a list or an end."""

from __future__ import annotations

import re

from lxml import etree

from engine.bpmn.diagram import bpmn, local
from engine.deployment.importing.draft import Draft, set_aside
from engine.deployment.importing.foreign_expressions import translate
from models.language import gettext as _


def mend(draft: Draft) -> None:
    """Make every loop and multi-instance activity have a number, a list or an end."""
    for node in list(draft.nodes()):
        several = node.find(bpmn("multiInstanceLoopCharacteristics"))
        loop = node.find(bpmn("standardLoopCharacteristics"))
        if several is not None:
            _several(draft, node, several)
        if loop is not None:
            _loop(draft, node, loop)


def _several(draft: Draft, node: etree._Element, several: etree._Element) -> None:
    if several.get("behavior", "All") != "All":
        set_aside(node, {"behavior": several.attrib.pop("behavior")})
        draft.report(
            "import.loop_behavior",
            "changed",
            node,
            _("فعالیت چندنمونه‌ای برای هر نمونه رویدادی پرتاب نمی‌کند. ویژگی behavior کنار گذاشته شد."),
        )
    cardinality = several.find(bpmn("loopCardinality"))
    collection = several.find(bpmn("loopDataInputRef"))
    text = (cardinality.text or "").strip() if cardinality is not None else ""
    ours = translate(text) if text else None
    named = (collection.text or "").strip() if collection is not None else ""
    if ours is not None and cardinality is not None:
        cardinality.text = ours
        for other in (collection, several.find(bpmn("inputDataItem"))):
            if other is not None:
                set_aside(node, other)
    elif named and _is_plain(named, node):
        if cardinality is not None:
            set_aside(node, cardinality)
    else:
        _once(draft, node, several)
    _until(draft, node, several)


def _is_plain(name: str, node: etree._Element) -> bool:
    """Whether the list is a name of the case's data, and not a piece of the picture."""
    scope = node.getroottree().getroot()
    drawn = any(
        data.get("id") == name for data in scope.iter("{*}dataInput", "{*}dataObject", "{*}dataObjectReference")
    )
    return re.fullmatch(r"[^\W\d]\w*", name) is not None and not drawn


def _once(draft: Draft, node: etree._Element, several: etree._Element) -> None:
    for child in list(several):
        if local(child) not in ("extensionElements", "documentation"):
            set_aside(node, child)
    etree.SubElement(several, bpmn("loopCardinality")).text = "1"
    draft.report(
        "import.loop_once",
        "fill_in",
        node,
        _("نمی‌گوید برای چند بار یا برای کدام فهرست است؛ یک بار انجام می‌شود. فهرست را بنویسید."),
    )


def _until(draft: Draft, node: etree._Element, several: etree._Element) -> None:
    condition = several.find(bpmn("completionCondition"))
    if condition is None:
        return
    text = (condition.text or "").strip()
    ours = translate(text) if text else None
    if ours is not None:
        condition.text = ours
        return
    set_aside(node, condition)
    draft.report(
        "import.loop_end_unreadable",
        "fill_in",
        node,
        _("شرط پایان فعالیت چندنمونه‌ای («%(text)s») قابل خواندن نیست و همهٔ نمونه‌ها انجام می‌شوند.", text=text or "—"),
    )


def _loop(draft: Draft, node: etree._Element, loop: etree._Element) -> None:
    condition = loop.find(bpmn("loopCondition"))
    text = (condition.text or "").strip() if condition is not None else ""
    ours = translate(text) if text else None
    maximum = loop.get("loopMaximum", "")
    if ours is not None and condition is not None:
        condition.text = ours
    elif condition is not None:
        set_aside(node, condition)
    if maximum and not (maximum.isascii() and maximum.isdigit() and int(maximum[:9]) > 0):
        set_aside(node, {"loopMaximum": loop.attrib.pop("loopMaximum")})
        maximum = ""
    if ours is None and not maximum:
        loop.set("loopMaximum", "1")
        draft.report(
            "import.loop_without_end",
            "fill_in",
            node,
            _("نمی‌گوید تا کی تکرار می‌شود؛ یک بار انجام می‌شود. شرط تکرار را بنویسید."),
        )
