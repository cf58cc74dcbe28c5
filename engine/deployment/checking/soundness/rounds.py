"""Finds loops in a flow graph: loops without a wait, and loops without a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lxml import etree

from engine.bpmn.diagram import flow_nodes, scopes
from engine.deployment.checking.soundness.flow_graph import ONE, SOME, STOP, Graph, Node, build

Waits: TypeAlias = Callable[[etree._Element], bool]  # whether an element stops until something outside happens


def waiting_elements(process: etree._Element, waits: Waits) -> set[str]:
    """The ids of all that waits; a subprocess does when every way through it does."""
    within = list(scopes(process))
    inner = {scope.get("id", "") for scope in within[1:]}
    waiting = {node.get("id", "") for node in flow_nodes(process) if node.get("id") not in inner and waits(node)}
    for scope in reversed(within[1:]):  # the inner before the outer
        if not _passes_by_itself(build(scope), waiting):
            waiting.add(scope.get("id", ""))
    return waiting


def _passes_by_itself(graph: Graph, waiting: set[str]) -> bool:
    seen = {graph.source}
    ahead = [graph.source]
    while ahead:
        node = ahead.pop()
        if node.gives == STOP or (not node.outs and node is not graph.source):
            return True
        for edge in node.outs:
            if edge.target not in seen and not edge.target.elements & waiting:
                seen.add(edge.target)
                ahead.append(edge.target)
    return False


def rounds_without_wait(graph: Graph, waiting: set[str]) -> list[tuple[list[str], bool]]:
    """The elements of each round of steps that go by themselves, and whether a choice leads out of it."""
    reached = graph.reached()
    automatic = {node for node in reached if not node.elements & waiting}
    order = {node: number for number, node in enumerate(graph.nodes)}
    rounds: list[tuple[list[str], bool]] = []
    for nodes in _components(reached, automatic):
        inside = set(nodes)
        if len(nodes) == 1 and all(edge.target is not nodes[0] for edge in nodes[0].outs):
            continue
        has_exit = any(edge.target not in inside for node in nodes if node.gives in (ONE, SOME) for edge in node.outs)
        in_order = sorted(nodes, key=lambda node: order.get(node, -1))
        elements = [key for node in in_order for key in node.elements]
        if elements:
            rounds.append((elements, has_exit))
    return rounds


def endless(graph: Graph) -> list[list[str]]:
    """The elements of each region that tokens come to and that no way leads out of to an end."""
    reached = graph.reached()
    ahead = [node for node in reached if not node.outs and node is not graph.source]
    comes_to_end = set(ahead)
    while ahead:
        for edge in ahead.pop().ins:
            if edge.source not in comes_to_end:
                comes_to_end.add(edge.source)
                ahead.append(edge.source)
    lost = {node for node in reached if node not in comes_to_end and node is not graph.source}
    order = {node: number for number, node in enumerate(graph.nodes)}
    regions = []
    for nodes in _components(reached, lost):
        inside = set(nodes)
        if all(edge.target in inside for node in nodes for edge in node.outs):
            in_order = sorted(nodes, key=lambda node: order[node])
            regions.append([key for node in in_order for key in node.elements])
    return [region for region in regions if region]


def _components(order: list[Node], among: set[Node]) -> list[list[Node]]:
    """The strongly connected components of the part of a graph that ``among`` is (Tarjan, without recursion)."""
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    open_nodes: list[Node] = []
    is_open: set[Node] = set()
    components: list[list[Node]] = []
    for start in order:
        if start not in among or start in index:
            continue
        index[start] = low[start] = len(index)
        open_nodes.append(start)
        is_open.add(start)
        path = [(start, iter(start.outs))]
        while path:
            node, outs = path[-1]
            target = next((edge.target for edge in outs if edge.target in among), None)
            if target is not None and target not in index:
                index[target] = low[target] = len(index)
                open_nodes.append(target)
                is_open.add(target)
                path.append((target, iter(target.outs)))
            elif target is not None:
                low[node] = min(low[node], index[target]) if target in is_open else low[node]
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    components.append(_close(node, open_nodes, is_open))
    return components


def _close(root: Node, open_nodes: list[Node], is_open: set[Node]) -> list[Node]:
    component: list[Node] = []
    while not component or component[-1] is not root:
        component.append(open_nodes.pop())
        is_open.discard(component[-1])
    return component
