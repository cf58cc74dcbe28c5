"""A foreign diagram while it is being normalised: its tree, the findings so far, and functions that change it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

from lxml import etree

from engine.bpmn import drawn_only
from engine.bpmn.diagram import BPMN, FLOW_NODES, SPIFF, SUB_PROCESSES, bpmn, flow_nodes, local
from engine.findings import Finding

KARTABL = drawn_only.KARTABL
ORIGINAL = f"{{{KARTABL}}}original"


@dataclass(frozen=True, kw_only=True)
class Known:
    """The operations, roles, tables and processes of the installation, to which foreign names can be bound."""

    operations: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()
    processes: frozenset[str] = frozenset()
    labels: dict[str, str] = field(default_factory=dict)  # what a role is called → the role
    role: str = "supervisor"  # whose steps are that name no role of ours


@dataclass
class Draft:
    """``file`` is the analyst's; ``root`` is a tree of its own that may be changed."""

    file: str
    root: etree._Element
    known: Known
    findings: list[Finding] = field(default_factory=list)
    namespaces: set[str] = field(default_factory=set)  # of all its elements and attributes
    _ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for element in self.root.iter("{*}*"):
            self._ids.add(element.get("id", ""))
            self.namespaces.update(str(name)[1:].partition("}")[0] for name in (element.tag, *element.keys()))

    def report(self, code: str, severity: str, node: etree._Element | None, text: str) -> None:
        """Add a finding at an element, or about the whole file. ``severity``: error, fill_in, changed or picture."""
        element, name, line = "", "", 0
        if node is not None:
            element, name, line = node.get("id", ""), node.get("name", ""), node.sourceline or 0
        finding = Finding(code, element, severity, text, file=self.file, name=name, line=line)
        self.findings.append(finding)

    # reading

    def processes(self) -> list[etree._Element]:
        """The processes with something drawn in them."""
        return [process for process in self.root.iter(bpmn("process")) if any(local(c) in FLOW_NODES for c in process)]

    def scopes(self) -> Iterator[etree._Element]:
        """Every process and subprocess with content, outer ones first."""
        for process in self.processes():
            yield process
            yield from (
                scope for scope in process.iter(*(bpmn(tag) for tag in SUB_PROCESSES)) if not is_drawn_only(scope)
            )

    def nodes(self) -> Iterator[etree._Element]:
        """Every flow node that runs."""
        for process in self.processes():
            yield from (node for node in flow_nodes(process) if not is_drawn_only(node))

    def by_id(self, tag: str) -> dict[str, etree._Element]:
        """All elements of one kind by id."""
        return {element.get("id", ""): element for element in self.root.iter(bpmn(tag))}

    # changing

    def new_id(self, proposal: str) -> str:
        """A free id that begins like ``proposal``, with odd characters replaced."""
        stem = re.sub(r"[^\w.-]", "_", proposal) or "element"
        stem = stem if re.match(r"[^\W\d]", stem) else f"_{stem}"
        identifier, number = stem[:90], 1
        while identifier in self._ids:
            number += 1
            identifier = f"{stem[:90]}_{number}"
        self._ids.add(identifier)
        return identifier

    def add(self, parent: etree._Element, tag: str, proposal: str, **attributes: str) -> etree._Element:
        """Add a flow to the index."""
        element = etree.SubElement(parent, bpmn(tag), {"id": self.new_id(proposal)})
        for name, value in attributes.items():
            element.set(name, value)
        if tag in FLOW_NODES and (index := _index.get()) is not None:
            index.nodes[element.get("id", "")] = element
        return element

    def connect(self, source: etree._Element, target: etree._Element) -> etree._Element:
        """Add a sequence flow between two elements of one scope."""
        scope = _parent(target)
        flow = self.add(
            scope,
            "sequenceFlow",
            f"{source.get('id')}_to_{target.get('id')}",
            sourceRef=source.get("id", ""),
            targetRef=target.get("id", ""),
        )
        _mention(source, "outgoing", flow)
        _mention(target, "incoming", flow)
        if (index := _index.get()) is not None:
            index.add(flow)
        return flow

    def lead(self, flow: etree._Element, target: etree._Element) -> None:
        """Let a flow end at another element."""
        old = end_of(flow, "targetRef")
        if old is not None:
            _forget(old, "incoming", flow)
        if (index := _index.get()) is not None:
            index.targets[flow.get("targetRef", "")].remove(flow)
            index.targets.setdefault(target.get("id", ""), []).append(flow)
        flow.set("targetRef", target.get("id", ""))
        _mention(target, "incoming", flow)

    def before(self, node: etree._Element, tag: str, proposal: str, **attributes: str) -> etree._Element:
        """A new element that everything that came to ``node`` passes first."""
        scope = _parent(node)
        arriving = incoming(node)
        element = self.add(scope, tag, proposal, **attributes)
        for flow in arriving:
            self.lead(flow, element)
        self.connect(element, node)
        return element


def _parent(node: etree._Element) -> etree._Element:
    parent = node.getparent()
    if parent is None:
        raise ValueError(f"{local(node)} stands alone")
    return parent


def _mention(node: etree._Element, tag: str, flow: etree._Element) -> None:
    """Flows are also named inside the elements they touch; in the order that the standard wants."""
    following = [child for child in node if local(child) in ("documentation", "extensionElements", "incoming", tag)]
    reference = etree.Element(bpmn(tag))
    reference.text = flow.get("id")
    node.insert(node.index(following[-1]) + 1 if following else 0, reference)


def _forget(node: etree._Element, tag: str, flow: etree._Element) -> None:
    for reference in node.findall(bpmn(tag)):
        if (reference.text or "").strip() == flow.get("id"):
            node.remove(reference)


def is_drawn_only(node: etree._Element) -> bool:
    """Whether the element, or an element around it, never runs."""
    return drawn_only.is_picture(node) or any(drawn_only.is_picture(above) for above in node.iterancestors())


_PREFIXES = {"b": BPMN, "k": KARTABL}
_FLOWS = etree.XPath("b:sequenceFlow[not(@k:picture)]", namespaces=_PREFIXES)
_OUT = etree.XPath("b:sequenceFlow[@sourceRef=$id][not(@k:picture)]", namespaces=_PREFIXES)
_IN = etree.XPath("b:sequenceFlow[@targetRef=$id][not(@k:picture)]", namespaces=_PREFIXES)


class Index:
    """The flows of a document by the ids of their ends: a search for each of 2,000 nodes would take seconds."""

    def __init__(self, root: etree._Element) -> None:
        self.sources: dict[str, list[etree._Element]] = {}
        self.targets: dict[str, list[etree._Element]] = {}
        self.nodes = {node.get("id", ""): node for node in root.iter(*(bpmn(tag) for tag in FLOW_NODES))}
        for flow in root.iter(bpmn("sequenceFlow")):
            self.add(flow)

    def add(self, flow: etree._Element) -> None:
        self.sources.setdefault(flow.get("sourceRef", ""), []).append(flow)
        self.targets.setdefault(flow.get("targetRef", ""), []).append(flow)


_index: ContextVar[Index | None] = ContextVar("index", default=None)  # of the document in work


@contextmanager
def indexed(root: etree._Element) -> Iterator[None]:
    """Inside the block flows are looked up in an index. Ids may not change any more."""
    token = _index.set(Index(root))
    try:
        yield
    finally:
        _index.reset(token)


def _beside(node: etree._Element, touching: list[etree._Element]) -> list[etree._Element]:
    scope = node.getparent()
    return [flow for flow in touching if flow.getparent() is scope and not drawn_only.is_picture(flow)]


def outgoing(node: etree._Element) -> list[etree._Element]:
    """The sequence flows that leave a node and run."""
    index = _index.get()
    if index is None:
        return cast(list[etree._Element], _OUT(_parent(node), id=node.get("id", "")))
    return _beside(node, index.sources.get(node.get("id", ""), []))


def end_of(flow: etree._Element, end: str) -> etree._Element | None:
    """The node at the ``sourceRef`` or ``targetRef`` of a flow, in the same scope."""
    index, scope = _index.get(), _parent(flow)
    node = children(scope).get(flow.get(end, "")) if index is None else index.nodes.get(flow.get(end, ""))
    return node if node is not None and node.getparent() is scope and not drawn_only.is_picture(node) else None


def incoming(node: etree._Element) -> list[etree._Element]:
    """The sequence flows that lead to a node and run."""
    index = _index.get()
    if index is None:
        return cast(list[etree._Element], _IN(_parent(node), id=node.get("id", "")))
    return _beside(node, index.targets.get(node.get("id", ""), []))


def flows(scope: etree._Element) -> list[etree._Element]:
    """The sequence flows of one scope that run."""
    return cast(list[etree._Element], _FLOWS(scope))


def children(node: etree._Element) -> dict[str, etree._Element]:
    """The flow nodes of one scope that run, by id."""
    return {
        child.get("id", ""): child for child in node if local(child) in FLOW_NODES and not drawn_only.is_picture(child)
    }


# ---------------------------------------------------------------- extensions of ours


def extensions(node: etree._Element) -> etree._Element:
    """The element's ``extensionElements``, created if missing."""
    holder = node.find(bpmn("extensionElements"))
    if holder is None:
        holder = etree.Element(bpmn("extensionElements"))
        node.insert(len(node.findall(bpmn("documentation"))), holder)
    return holder


def ours(node: etree._Element, tag: str) -> etree._Element:
    """The extension ``spiffworkflow:<tag>`` of the element, created if missing."""
    place = extensions(node)
    extension = place.find(f"{{{SPIFF}}}{tag}")
    return (
        extension
        if extension is not None
        else etree.SubElement(place, f"{{{SPIFF}}}{tag}", nsmap={"spiffworkflow": SPIFF})
    )


def set_property(node: etree._Element, name: str, value: str) -> None:
    """Set a property of ours on an element."""
    place = ours(node, "properties")
    for prop in place.findall(f"{{{SPIFF}}}property"):
        if prop.get("name") == name:
            prop.set("value", value)
            return
    etree.SubElement(place, f"{{{SPIFF}}}property", {"name": name, "value": value})


def drop_property(node: etree._Element, name: str) -> None:
    """Remove a property of ours from an element."""
    for prop in ours(node, "properties").findall(f"{{{SPIFF}}}property"):
        if prop.get("name") == name:
            ours(node, "properties").remove(prop)


def property_of(node: etree._Element, name: str) -> str:
    """The value of a property of ours; "" without one."""
    path = f"{bpmn('extensionElements')}/{{{SPIFF}}}properties/{{{SPIFF}}}property"
    return next((prop.get("value", "") for prop in node.iterfind(path) if prop.get("name") == name), "")


def fields_of(node: etree._Element) -> list[etree._Element]:
    """The form fields that an element declares."""
    return node.findall(f"{bpmn('extensionElements')}/{{{SPIFF}}}formFields/{{{SPIFF}}}formField")


def add_field(
    node: etree._Element,
    identifier: str,
    label: str,
    kind: str,
    *,
    values: list[tuple[str, str]] | None = None,
    **more: str,
) -> None:
    """Declare a form field; an existing one of this id stays as it is."""
    if any(declared.get("id") == identifier for declared in fields_of(node)):
        return
    element = etree.SubElement(ours(node, "formFields"), f"{{{SPIFF}}}formField")
    for name, given in {"id": identifier, "label": label, "type": kind, **more}.items():
        element.set(name, given)
    for value, name in values or []:
        etree.SubElement(element, f"{{{SPIFF}}}value", {"id": value, "name": name})


def field_name(text: str) -> str:
    """A name for a form field from an id: ASCII letters, digits and ``_``."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return name if re.match(r"[A-Za-z]", name) else f"f_{name}"


def set_aside(node: etree._Element, what: etree._Element | dict[str, Any]) -> None:
    """Remove a part of an element and store its text in the file, in an extension of ours."""
    record = etree.SubElement(extensions(node), ORIGINAL, nsmap={"kartabl": KARTABL})
    if isinstance(what, dict):
        record.text = " ".join(f'{name}="{value}"' for name, value in what.items())
        return
    tail, what.tail = what.tail, None
    record.text = etree.tostring(what, encoding="unicode")
    parent = what.getparent()
    if parent is not None:
        parent.remove(what)
        record.tail = tail


def becomes(node: etree._Element, tag: str) -> None:
    """Change an element's tag; the old one is stored in an extension."""
    set_aside(node, {"was": local(node)})
    node.tag = bpmn(tag)
