"""Reading and writing a process as a tree: scopes, flows, new elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from lxml import etree

from engine.diagrams import BPMN, bpmn, local

SUB_PROCESSES = ("subProcess", "transaction", "adHocSubProcess")


def scopes(process: etree._Element) -> Iterator[etree._Element]:
    """The process itself and every subprocess in it, the outer ones first."""
    yield process
    yield from process.iter(*(bpmn(tag) for tag in SUB_PROCESSES))


def is_event_subprocess(node: etree._Element) -> bool:
    return local(node) == "subProcess" and node.get("triggeredByEvent") == "true"


def definitions(node: etree._Element) -> list[etree._Element]:
    """What an event throws or waits for; empty for a plain one."""
    return [child for child in node if local(child).endswith("EventDefinition")]


_OUT = etree.XPath("b:sequenceFlow[@sourceRef=$id]", namespaces={"b": BPMN})
_IN = etree.XPath("b:sequenceFlow[@targetRef=$id]", namespaces={"b": BPMN})


def outgoing(node: etree._Element) -> list[etree._Element]:
    """The sequence flows that leave a node."""
    return _at(node, _OUT)


def incoming(node: etree._Element) -> list[etree._Element]:
    """The sequence flows that lead to a node."""
    return _at(node, _IN)


def _at(node: etree._Element, path: etree.XPath) -> list[etree._Element]:
    """Looked up by the library's own search: a walk of ours for each element of 2,000 would take seconds."""
    scope = node.getparent()
    identifier = node.get("id")
    if scope is None or identifier is None:
        return []
    return cast(list[etree._Element], path(scope, id=identifier))


def add(scope: etree._Element, tag: str, identifier: str, **attributes: str) -> etree._Element:
    """A new element at the end of a scope."""
    return etree.SubElement(scope, bpmn(tag), {"id": identifier, **attributes})


def connect(scope: etree._Element, identifier: str, source: str, target: str) -> etree._Element:
    """A new sequence flow."""
    return add(scope, "sequenceFlow", identifier, sourceRef=source, targetRef=target)
