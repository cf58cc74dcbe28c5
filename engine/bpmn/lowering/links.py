"""Link events: a throwing one becomes a flow to the catching one of the same name.

The library drops a link's definition, so a case came to its end at the throwing one.
"""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import bpmn, scopes
from engine.bpmn.lowering.names import inserted
from engine.bpmn.lowering.tree import connect


def lower(process: etree._Element) -> None:
    """Connect the links of each scope, and make their events plain ones."""
    for scope in scopes(process):
        catching = {link_name(node): node for node in link_events(scope, "intermediateCatchEvent")}
        throwing = link_events(scope, "intermediateThrowEvent")
        for node in throwing:
            target = catching.get(link_name(node))
            if target is not None:
                identifier = node.get("id", "")
                connect(scope, inserted("link", identifier), identifier, target.get("id", ""))
        for node in (*catching.values(), *throwing):
            for definition in node.findall(bpmn("linkEventDefinition")):
                node.remove(definition)


def link_events(scope: etree._Element, tag: str) -> list[etree._Element]:
    """The link events of one kind directly in a scope."""
    return [node for node in scope.findall(bpmn(tag)) if node.find(bpmn("linkEventDefinition")) is not None]


def link_name(node: etree._Element) -> str:
    """The name that connects links: the definition's own, else the event's."""
    definition = node.find(bpmn("linkEventDefinition"))
    own = definition.get("name") if definition is not None else None
    return (own or node.get("name") or "").strip()
