"""Event subprocesses: an inserted subprocess holds the rest of the scope, and their start events stand at its edge.

The library starts error ones with the process, never starts those inside a subprocess, does not know which ones
interrupt, and changes the shared specification when it starts one. Of a scope with the event subprocess ``e`` and
its start event ``x``, this becomes::

    Kartabl.start ─► Kartabl.scope (all that was drawn in the scope) ─► Kartabl.end
                         └ x ─► e (begins with Kartabl.begin) ─► Kartabl.end of e

``x`` is a boundary event there, interrupting or not as drawn. ``engine.spiff.corrections.boundaries`` has what goes
beyond a boundary event: which data the body sees and brings back, and what ends with the scope.
"""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import FLOW_NODES, bpmn, definitions, is_event_subprocess, local, scopes
from engine.bpmn.lowering.names import inserted
from engine.bpmn.lowering.tree import add, connect, outgoing

_CONTENT = FLOW_NODES | {"sequenceFlow"}


def lower(process: etree._Element) -> None:
    """Rewrite every scope that has event subprocesses, the outer ones first."""
    for scope in list(scopes(process)):
        beside = [node for node in scope if is_event_subprocess(node)]
        if beside:
            content = _wrap(scope)
            for node in beside:
                _attach(scope, content, node)


def _wrap(scope: etree._Element) -> str:
    """Put all that is drawn in the scope, except its event subprocesses, into a subprocess of its own."""
    name = scope.get("id", "")
    drawn = [node for node in scope if local(node) in _CONTENT and not is_event_subprocess(node)]
    begin, inner, end = inserted("start", name), inserted("scope", name), inserted("end", name)
    add(scope, "startEvent", begin)
    around = add(scope, "subProcess", inner)
    around.extend(drawn)
    add(scope, "endEvent", end)
    connect(scope, inserted("in", name), begin, inner)
    connect(scope, inserted("out", name), inner, end)
    return inner


def _attach(scope: etree._Element, content: str, body: etree._Element) -> None:
    """Move the start event of an event subprocess to the edge of the content, and make the rest a plain one."""
    start = body.findall(bpmn("startEvent"))[0]
    identifier, body_id = start.get("id", ""), body.get("id", "")
    begin = inserted("begin", identifier)
    for flow in outgoing(start):
        flow.set("sourceRef", begin)
    add(body, "startEvent", begin)
    interrupting = start.get("isInterrupting", "true")
    edge = add(scope, "boundaryEvent", identifier, attachedToRef=content, cancelActivity=interrupting)
    edge.set("name", start.get("name", ""))
    edge.extend(definitions(start))
    body.remove(start)
    body.attrib.pop("triggeredByEvent")
    end = inserted("end", body_id)
    add(scope, "endEvent", end)
    connect(scope, inserted("in", body_id), identifier, body_id)
    connect(scope, inserted("out", body_id), body_id, end)
