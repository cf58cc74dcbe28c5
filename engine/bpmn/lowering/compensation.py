"""Compensation: completed activities are recorded, and a throwing event runs their handlers in reverse order.

The library throws compensation as an event at whatever waits for it; nothing knows what was completed. Of an
activity ``a`` with the handler ``h``, and an event ``t`` that throws, their scope becomes ``s``::

    a ─► Kartabl.done.a                                     notes that a is completed
    t ─► Kartabl.compensate.t ─► Kartabl.undo.s ─► Kartabl.undoing.s ─► h ─► Kartabl.undo.s …
                                 (the next handler)           └► Kartabl.undone.t ─► what followed t

The inserted tasks are of our own kind (``engine.spiff.compensation``); in a diagram a script task is refused, so that
tag is free for them. A handler inside a completed subprocess is run in the scope round it, if the throwing event
stands there. A handler works with the data of the moment and what it changes stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from engine.bpmn.diagram import bpmn, definitions, event_kind, local, scopes
from engine.bpmn.lowering.names import inserted
from engine.bpmn.lowering.tree import add, connect, outgoing

NEXT = "kartabl_next"  # in the data of a token that compensates: the handler, or at last the event that threw
KIND, OF = "kartablKind", "kartablOf"
_THROWS = ("intermediateThrowEvent", "endEvent")


@dataclass(frozen=True)
class Compensation:
    """An activity with its compensation event (``edge``) and handler; ``home``: the scope that throws, if any does."""

    edge: etree._Element
    activity: etree._Element
    handler: etree._Element
    home: etree._Element | None


def lower(process: etree._Element) -> None:
    """Rewrite every scope in which compensation is thrown; where it is not, handlers are never run."""
    all_compensations = list(compensations(process))
    homes = [scope for scope in scopes(process) if throwing(scope)]
    for compensation in all_compensations:
        for node in (compensation.edge, compensation.handler):
            scope_of(node).remove(node)
        compensation.handler.attrib.pop("isForCompensation", None)
    for scope in homes:
        _lower_scope(scope, [compensation for compensation in all_compensations if compensation.home is scope])


def compensations(process: etree._Element) -> Iterator[Compensation]:
    """Every activity with a compensation event at its edge that is associated with a handler."""
    targets = _associations(process.getroottree().getroot())
    for scope in scopes(process):
        nodes = {node.get("id", ""): node for node in scope}
        for edge in scope.findall(bpmn("boundaryEvent")):
            if event_kind(edge) != "compensate":
                continue
            activity = nodes.get(edge.get("attachedToRef", ""))
            handler = next((nodes[target] for target in targets.get(edge.get("id", ""), []) if target in nodes), None)
            if activity is not None and handler is not None:
                yield Compensation(edge, activity, handler, _home(scope))


def throwing(scope: etree._Element) -> list[etree._Element]:
    """The events of a scope that throw compensation."""
    return [node for node in scope if local(node) in _THROWS and event_kind(node) == "compensate"]


def thrown_for(event: etree._Element) -> str:
    """The activity that a throwing event names; "" for all of its scope."""
    return definitions(event)[0].get("activityRef", "").rpartition(":")[2]


def scope_of(node: etree._Element) -> etree._Element:
    """The (sub)process that a node stands in."""
    return next(node.iterancestors())


def _associations(root: etree._Element) -> dict[str, list[str]]:
    """Element id → the ids at the other ends of its associations, in either direction."""
    ends: dict[str, list[str]] = {}
    for line in root.iter(bpmn("association")):
        source, target = line.get("sourceRef", ""), line.get("targetRef", "")
        ends.setdefault(source, []).append(target)
        ends.setdefault(target, []).append(source)
    return ends


def _home(scope: etree._Element | None) -> etree._Element | None:
    while scope is not None:
        if throwing(scope):
            return scope
        scope = scope.getparent()
    return None


def _lower_scope(scope: etree._Element, own: list[Compensation]) -> None:
    with_handler = [compensation.activity for compensation in own]
    for activity in with_handler:
        _note(activity, "done")
    for around in {around for compensation in own for around in between(compensation.activity, scope)}:
        if around not in with_handler:
            _note(around, "through")
    name = scope.get("id", "")
    undo, undoing = inserted("undo", name), inserted("undoing", name)
    _task(scope, undo, "undo", "")
    add(scope, "exclusiveGateway", undoing)
    connect(scope, inserted("in", undoing), undo, undoing)
    for compensation in own:
        scope.append(compensation.handler)
        handler = compensation.handler.get("id", "")
        _choose(scope, undoing, handler, compensation.activity.get("id", ""))
        connect(scope, inserted("out", handler), handler, undo)
    for event in throwing(scope):
        _throw(scope, event, undo, undoing)


def between(activity: etree._Element, scope: etree._Element) -> Iterator[etree._Element]:
    """The subprocesses around an activity, from the inside up to ``scope``."""
    around = activity.getparent()
    while around is not None and around is not scope:
        yield around
        around = around.getparent()


def _note(activity: etree._Element, kind: str) -> None:
    scope = scope_of(activity)
    done = inserted("done", activity.get("id", ""))
    flows = outgoing(activity)
    _task(scope, done, kind, activity.get("id", ""), default=activity.attrib.pop("default", ""))
    for flow in flows:
        flow.set("sourceRef", done)
    connect(scope, inserted("in", done), activity.get("id", ""), done)


def _throw(scope: etree._Element, event: etree._Element, undo: str, undoing: str) -> None:
    identifier = event.get("id", "")
    begin, end = inserted("compensate", identifier), inserted("undone", identifier)
    flows, activity, ends = outgoing(event), thrown_for(event), local(event) == "endEvent"
    for definition in definitions(event):
        event.remove(definition)
    event.tag = bpmn("intermediateThrowEvent")
    _task(scope, begin, "compensate", identifier, activity=activity)
    _task(scope, end, "undone", identifier)
    connect(scope, inserted("in", begin), identifier, begin)
    connect(scope, inserted("out", begin), begin, undo)
    _choose(scope, undoing, end, identifier)
    for flow in flows:
        flow.set("sourceRef", end)
    if ends:
        add(scope, "endEvent", inserted("end", identifier))
        connect(scope, inserted("out", end), end, inserted("end", identifier))


def _choose(scope: etree._Element, gateway: str, target: str, when: str) -> None:
    """A way out of the gateway; the last one is its default, for the gateway's sake."""
    flow = connect(scope, inserted("to", f"{gateway}.{target}"), gateway, target)
    etree.SubElement(flow, bpmn("conditionExpression")).text = f"{NEXT} == '{when}'"


def _task(scope: etree._Element, identifier: str, kind: str, of: str, **more: str) -> None:
    attributes = {name: value for name, value in more.items() if value}
    add(scope, "scriptTask", identifier, **{KIND: kind, OF: of}, **attributes)
