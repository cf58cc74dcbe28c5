"""Draws inserted elements, and repairs coordinates that are no numbers."""

from __future__ import annotations

import math

from lxml import etree

from engine.bpmn.diagram import ACTIVITIES, local
from engine.deployment.importing.draft import Draft, children, flows
from models.language import gettext as _

DI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
LINES = "http://www.omg.org/spec/DD/20100524/DI"
TASK, ROUND = (100.0, 80.0), (36.0, 36.0)
ABOVE = 110.0  # how far an inserted step is drawn above what it leads to

Box = tuple[float, float, float, float]


def mend(draft: Draft) -> None:
    """Add shapes and edges for inserted elements, if the file has a drawing."""
    _places(draft)
    plane = draft.root.find(f".//{{{DI}}}BPMNPlane")
    if plane is None:
        return
    boxes = {
        shape.get("bpmnElement", ""): box for shape in draft.root.iter(f"{{{DI}}}BPMNShape") if (box := _box(shape))
    }
    if not boxes:
        return
    drawn_new = _nodes(draft, plane, boxes)
    _flows(draft, plane, boxes, drawn_new)


def _box(shape: etree._Element) -> Box | None:
    bounds = shape.find(f"{{{DC}}}Bounds")
    if bounds is None:
        return None
    x, y, width, height = (float(bounds.get(name, "0")) for name in ("x", "y", "width", "height"))
    return x, y, width, height


def _places(draft: Draft) -> None:
    """The library stumbles over a coordinate that is no number."""
    for place in draft.root.iter(f"{{{DC}}}Bounds", f"{{{LINES}}}waypoint"):
        for name in ("x", "y", "width", "height"):
            value = place.get(name)
            if value is None or _is_number(value):
                continue
            place.set(name, "0")
            text = _("مختصات «%(value)s» عدد نیست؛ صفر شد. شکل را در نمودار جابه‌جا کنید.", value=value)
            draft.report("import.coordinates", "changed", place.getparent(), text)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _nodes(draft: Draft, plane: etree._Element, boxes: dict[str, Box]) -> set[str]:
    """Add shapes for inserted nodes, each near the node it leads to. Returns the ids of these nodes."""
    added: set[str] = set()
    for scope in draft.scopes():
        after = {flow.get("sourceRef", ""): flow.get("targetRef", "") for flow in flows(scope)}
        before = {flow.get("targetRef", ""): flow.get("sourceRef", "") for flow in flows(scope)}
        for identifier, node in children(scope).items():
            if identifier in boxes:
                continue
            near = boxes.get(_onward(identifier, after, boxes)) or boxes.get(before.get(identifier, ""))
            if near is None:
                continue
            width, height = TASK if local(node) in ACTIVITIES else ROUND
            box = (near[0] - width / 2, near[1] - ABOVE * (1 + len(added) % 3), width, height)
            boxes[identifier] = box
            added.add(identifier)
            shape = etree.SubElement(plane, f"{{{DI}}}BPMNShape", {"id": draft.new_id(f"{identifier}_di")})
            shape.set("bpmnElement", identifier)
            bounds = etree.SubElement(shape, f"{{{DC}}}Bounds")
            for name, value in zip(("x", "y", "width", "height"), box, strict=True):
                bounds.set(name, f"{value:g}")
    return added


def _onward(identifier: str, after: dict[str, str], boxes: dict[str, Box]) -> str:
    """The next node that is drawn."""
    seen: set[str] = set()
    while identifier and identifier not in boxes and identifier not in seen:
        seen.add(identifier)
        identifier = after.get(identifier, "")
    return identifier


def _flows(draft: Draft, plane: etree._Element, boxes: dict[str, Box], added: set[str]) -> None:
    edges = {edge.get("bpmnElement"): edge for edge in draft.root.iter(f"{{{DI}}}BPMNEdge")}
    for scope in draft.scopes():
        for flow in flows(scope):
            source, target = flow.get("sourceRef", ""), flow.get("targetRef", "")
            edge = edges.get(flow.get("id"))
            if (edge is not None and not {source, target} & added) or not boxes.keys() >= {source, target}:
                continue
            if edge is None:
                edge = etree.SubElement(plane, f"{{{DI}}}BPMNEdge", {"id": draft.new_id(f"{flow.get('id')}_di")})
                edge.set("bpmnElement", flow.get("id", ""))
            _line(edge, boxes[source], boxes[target])


def _line(edge: etree._Element, source: Box, target: Box) -> None:
    for point in edge.findall(f"{{{LINES}}}waypoint"):
        edge.remove(point)
    for number, box in enumerate((source, target)):
        point = etree.Element(f"{{{LINES}}}waypoint")
        point.set("x", f"{box[0] + box[2] / 2:g}")
        point.set("y", f"{box[1] + box[3] / 2:g}")
        edge.insert(number, point)
