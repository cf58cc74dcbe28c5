"""Several flows out of a task or an event, and conditions on them: an equivalent gateway is inserted.

The library refuses several flows out of a task and does not look at a condition there. BPMN 2.0, 13.2.1: flows
without a condition are all taken, of those with one each whose condition holds, and the default flow when of
those with a condition none is taken.
"""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import ACTIVITIES, EVENTS, bpmn, local, scopes
from engine.bpmn.lowering.names import inserted
from engine.bpmn.lowering.tree import add, connect, outgoing

_ALWAYS = "True"


def lower(process: etree._Element) -> None:
    """Put a gateway behind each task or event that branches by itself."""
    for scope in scopes(process):
        for node in list(scope):
            if local(node) in ACTIVITIES | EVENTS:
                _branch(scope, node)


def condition(flow: etree._Element) -> etree._Element | None:
    """The condition of a sequence flow, if it has one."""
    return flow.find(bpmn("conditionExpression"))


def _branch(scope: etree._Element, node: etree._Element) -> None:
    flows = outgoing(node)
    guarded = [flow for flow in flows if condition(flow) is not None]
    if len(flows) < 2 and not guarded:
        return
    default = next((flow for flow in flows if flow.get("id") == node.get("default")), None)
    free = [flow for flow in flows if flow not in guarded and flow is not default]
    source = node.get("id", "")
    if not guarded or (default is not None and free):
        fork = _gateway(scope, "parallelGateway", inserted("fork", node.get("id", "")), source)
        source = fork.get("id", "")
        for flow in free:
            flow.set("sourceRef", source)
    if guarded:
        _choose(scope, node, source, guarded, default, free)
    elif default is not None:
        default.set("sourceRef", source)
    node.attrib.pop("default", None)


def _choose(
    scope: etree._Element,
    node: etree._Element,
    source: str,
    guarded: list[etree._Element],
    default: etree._Element | None,
    free: list[etree._Element],
) -> None:
    """Without a default flow, the flows that are always taken stand among those that are chosen."""
    gateway = _gateway(scope, "inclusiveGateway", inserted("choice", node.get("id", "")), source)
    for flow in guarded:
        flow.set("sourceRef", gateway.get("id", ""))
    if default is not None:
        default.set("sourceRef", gateway.get("id", ""))
        gateway.set("default", default.get("id", ""))
        return
    for flow in free:
        flow.set("sourceRef", gateway.get("id", ""))
        etree.SubElement(flow, bpmn("conditionExpression")).text = _ALWAYS


def _gateway(scope: etree._Element, tag: str, identifier: str, source: str) -> etree._Element:
    connect(scope, inserted("flow", f"{source}.{identifier}"), source, identifier)
    return add(scope, tag, identifier)
