"""One (sub)process as a graph: the flow nodes and the places for tokens between them.

Pure structure, independent of SpiffWorkflow; the exploration plays its token game over it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from engine.bpmn.diagram import ACTIVITIES, FLOW_NODES, bpmn, event_kind, is_event_subprocess, local
from engine.bpmn.lowering.links import link_name

# How a node takes tokens …
ANY = "any"  # each token by itself
ALL = "all"  # one of each flow
INCLUSIVE = "inclusive"  # of each flow that still can bring one
# … and how it gives them.
ONE = "one"
EVERY = "every"
SOME = "some"  # one at least
BESIDE = "beside"  # always the first; any of the others beside it, as not interrupting events do
STOP = "stop"  # the whole scope ends: terminate, error and cancel ends

STOPS = frozenset({"terminate", "error", "cancel"})
_TAKES = {"parallelGateway": ALL, "inclusiveGateway": INCLUSIVE}
_GIVES = {"exclusiveGateway": ONE, "eventBasedGateway": ONE, "complexGateway": SOME, "inclusiveGateway": SOME}


@dataclass(eq=False)
class Aside:
    """Branches that end without meeting another one: beside ``after`` and whatever comes later in the scope."""

    elements: set[str]
    after: set[str]


@dataclass(eq=False)
class Node:
    """A step of the token game. A token on one of ``ins`` means that ``elements`` are active."""

    takes: str
    gives: str
    element: str  # the drawn element that gathers here
    chooser: str = ""  # the drawn element that chooses among ``outs``
    elements: set[str] = field(default_factory=set)
    ins: list[Edge] = field(default_factory=list)
    outs: list[Edge] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)

    @property
    def everything(self) -> set[str]:
        """The elements of the node and of its asides."""
        return self.elements.union(*(aside.elements for aside in self.asides))


@dataclass(eq=False)
class Edge:
    """A place for tokens between two nodes. ``drawn``: the flow's id, or "" where nothing is drawn."""

    source: Node
    target: Node
    drawn: str
    otherwise: bool = False  # the default flow: taken when no other is


@dataclass(eq=False)
class Graph:
    """The nodes of one scope; ``source`` gives the first tokens."""

    scope: etree._Element
    source: Node
    nodes: list[Node]

    def reached(self) -> list[Node]:
        """The nodes that tokens can come to at all, the source first."""
        return reachable([self.source])


def reachable(starts: list[Node]) -> list[Node]:
    """These nodes and all that flows lead to from them."""
    seen = dict.fromkeys(starts)
    ahead = list(starts)
    while ahead:
        for edge in ahead.pop().outs:
            if edge.target not in seen:
                seen[edge.target] = None
                ahead.append(edge.target)
    return list(seen)


def build(scope: etree._Element) -> Graph:
    """The graph of a scope, without flows that lead from or to nothing (another check reports those)."""
    return _Builder(scope).build()


class _Builder:
    def __init__(self, scope: etree._Element) -> None:
        self.scope = scope
        self.graph = Graph(scope, Node(ANY, ONE, ""), [])
        self.drawn = {node.get("id", ""): node for node in scope if _is_drawn(node) and _in_the_flow(node)}
        self.flows = [
            flow
            for flow in scope.findall(bpmn("sequenceFlow"))
            if flow.get("sourceRef") in self.drawn and flow.get("targetRef") in self.drawn
        ]
        self.conditional = {
            flow.get("sourceRef") for flow in self.flows if flow.find(bpmn("conditionExpression")) is not None
        }
        self.begins: dict[str, Node] = {}
        self.ends: dict[str, Node] = {}

    def build(self) -> Graph:
        guards: dict[str, list[etree._Element]] = {}
        for node in self.drawn.values():
            if local(node) == "boundaryEvent":
                guards.setdefault(node.get("attachedToRef", ""), []).append(node)
        for identifier, node in self.drawn.items():
            self._element(identifier, node)
        for host, events in guards.items():
            if host in self.drawn:
                self._guard(host, events)
        for flow in self.flows:
            self._flow(flow)
        for end in self.ends.values():
            if end.gives == SOME and len(end.outs) == 2 and any(edge.otherwise for edge in end.outs):
                end.gives = ONE
        self._links()
        self._start()
        return self.graph

    def _node(self, takes: str, gives: str, element: str, *elements: str) -> Node:
        node = Node(takes, gives, element, chooser=element, elements=set(elements))
        self.graph.nodes.append(node)
        return node

    def _edge(self, source: Node, target: Node, flow: etree._Element | None = None) -> None:
        edge = Edge(source, target, flow.get("id", "") if flow is not None else "")
        source.outs.append(edge)
        target.ins.append(edge)

    def _flow(self, flow: etree._Element) -> None:
        source = flow.get("sourceRef", "")
        self._edge(self.ends[source], self.begins[flow.get("targetRef", "")], flow)
        self.ends[source].outs[-1].otherwise = self.drawn[source].get("default") == flow.get("id", "")

    def _element(self, identifier: str, node: etree._Element) -> None:
        """Gathers, is active, goes on: three nodes, so that events can stand between them."""
        tag = local(node)
        gives = _GIVES.get(tag, SOME if identifier in self.conditional else EVERY)
        if tag == "endEvent" and event_kind(node) in STOPS:
            gives = STOP
        begin = self._node(_TAKES.get(tag, ANY), EVERY, identifier)
        active = self._node(ANY, EVERY, identifier, identifier)
        end = self._node(ANY, gives, identifier)
        self._edge(begin, active)
        self._edge(active, end)
        self.begins[identifier], self.ends[identifier] = begin, end

    def _guard(self, host: str, events: list[etree._Element]) -> None:
        """An interrupting boundary event is another way out of its host; a non-interrupting one forks a branch."""
        begin = self.begins[host]
        active = begin.outs[0].target
        leave, beside = self._node(ANY, ONE, host), self._node(ANY, BESIDE, host)
        self._insert(active.outs[0], leave)
        self._insert(begin.outs[0], beside)
        for event in events:
            interrupts = event.get("cancelActivity", "true") != "false"
            self._edge(leave if interrupts else beside, self.begins[event.get("id", "")])

    def _insert(self, edge: Edge, node: Node) -> None:
        target = edge.target
        target.ins.remove(edge)
        edge.target = node
        node.ins.append(edge)
        self._edge(node, target)

    def _links(self) -> None:
        catches: dict[str, list[Node]] = {}
        for identifier, node in self.drawn.items():
            if local(node) == "intermediateCatchEvent" and (name := _link(node)):
                catches.setdefault(name, []).append(self.begins[identifier])
        for identifier, node in self.drawn.items():
            if local(node) == "intermediateThrowEvent" and (name := _link(node)):
                for target in catches.get(name, []):
                    self._edge(self.ends[identifier], target)

    def _start(self) -> None:
        """Of several start events one begins; without any, every element that nothing leads to."""
        starts = [key for key, node in self.drawn.items() if local(node) == "startEvent"]
        if not starts:
            self.graph.source.gives = EVERY
            starts = [key for key, node in self.begins.items() if not node.ins and not _link(self.drawn[key])]
        for key in starts:
            self._edge(self.graph.source, self.begins[key])


def _link(node: etree._Element) -> str:
    """The name of a link event; "" for every other element."""
    return link_name(node) if event_kind(node) == "link" else ""


def _is_drawn(node: etree._Element) -> bool:
    return local(node) in FLOW_NODES and node.tag == bpmn(local(node))  # other tools have a userTask of their own


def _in_the_flow(node: etree._Element) -> bool:
    """Whether a node takes part in the flow; compensation and event subprocesses stand beside it."""
    if node.get("isForCompensation") == "true" or is_event_subprocess(node):
        return False
    return not (local(node) == "boundaryEvent" and event_kind(node) == "compensate")


def waits_outside(node: etree._Element) -> bool:
    """Whether the element, as it is drawn, waits for a person, a moment or a message."""
    tag = local(node)
    if tag in ("intermediateCatchEvent", "boundaryEvent"):
        return event_kind(node) not in ("", "link", "error", "escalation", "cancel", "compensate")
    return tag in ("task", "userTask", "manualTask", "receiveTask", "eventBasedGateway", "adHocSubProcess")


def is_repeated_side_by_side(node: etree._Element) -> bool:
    """Whether an activity has several instances at the same time."""
    loop = node.find(bpmn("multiInstanceLoopCharacteristics"))
    return local(node) in ACTIVITIES and loop is not None and loop.get("isSequential") != "true"
