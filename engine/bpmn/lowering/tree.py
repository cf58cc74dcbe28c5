"""Sequence flows and new elements of a process that is being checked or rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from lxml import etree

from engine.bpmn.diagram import bpmn

Flows: TypeAlias = dict[str, list[etree._Element]]


_known: ContextVar[tuple[Flows, Flows] | None] = ContextVar("flows of a process", default=None)


@contextmanager
def unchanging(process: etree._Element) -> Iterator[None]:
    """While a process is only read: its flows are looked up once, and not anew for each element."""
    out: Flows = {}
    into: Flows = {}
    for flow in process.iter(bpmn("sequenceFlow")):
        out.setdefault(flow.get("sourceRef", ""), []).append(flow)
        into.setdefault(flow.get("targetRef", ""), []).append(flow)
    token = _known.set((out, into))
    try:
        yield
    finally:
        _known.reset(token)


def outgoing(node: etree._Element) -> list[etree._Element]:
    """The sequence flows that leave a node."""
    return _flows_at(node, "sourceRef", 0)


def incoming(node: etree._Element) -> list[etree._Element]:
    """The sequence flows that lead to a node."""
    return _flows_at(node, "targetRef", 1)


def _flows_at(node: etree._Element, end: str, which: int) -> list[etree._Element]:
    scope, identifier = node.getparent(), node.get("id", "")
    if scope is None:
        return []
    known = _known.get()
    if known is not None:
        return [flow for flow in known[which].get(identifier, ()) if flow.getparent() is scope]
    return [flow for flow in scope.findall(bpmn("sequenceFlow")) if flow.get(end) == identifier]


def add(scope: etree._Element, tag: str, identifier: str, **attributes: str) -> etree._Element:
    """A new element at the end of a scope."""
    element = etree.SubElement(scope, bpmn(tag), id=identifier)
    for name, value in attributes.items():
        element.set(name, value)
    return element


def connect(scope: etree._Element, identifier: str, source: str, target: str) -> etree._Element:
    """A new sequence flow."""
    return add(scope, "sequenceFlow", identifier, sourceRef=source, targetRef=target)
