"""Reduces a flow graph before its states are explored: well-formed blocks become one step.

Each rule preserves two properties of the graph: whether it can come to a stand before its end, and which elements
can be active at the same time. A diagram of well-formed blocks becomes one step, whatever its size; the rest is
explored state by state.
"""

from __future__ import annotations

from collections import deque

from engine.deployment.checking.soundness.flow_graph import (
    ALL,
    ANY,
    BESIDE,
    EVERY,
    INCLUSIVE,
    ONE,
    SOME,
    STOP,
    Aside,
    Edge,
    Graph,
    Node,
)

Together = list[tuple[frozenset[str], frozenset[str]]]  # each of the first with each of the second
_BLOCKS = {(ONE, ANY), (ONE, INCLUSIVE), (EVERY, ALL), (EVERY, INCLUSIVE), (SOME, INCLUSIVE)}


class Reduction:
    """Reduces ``graph`` in place; ``together`` collects the elements that are active at the same time."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.together: Together = []
        self._waiting: deque[Node] = deque()
        self._queued: set[Node] = set()
        self._gone: set[Node] = set()

    def run(self) -> None:
        """Apply the rules until none fits any more."""
        self.graph.nodes = [node for node in self.graph.reached() if node is not self.graph.source]
        self._look_at(*self.graph.nodes)
        while self._waiting:
            node = self._waiting.popleft()
            self._queued.discard(node)
            while node not in self._gone and (
                self._sequence(node) or self._round(node) or self._block(node) or self._dead_end(node)
            ):
                self._look_at(*(edge.source for edge in node.ins), *(edge.target for edge in node.outs))
        self.graph.nodes = [node for node in self.graph.nodes if node not in self._gone]

    def _look_at(self, *nodes: Node) -> None:
        for node in nodes:
            if node not in self._queued and node not in self._gone and node is not self.graph.source:
                self._queued.add(node)
                self._waiting.append(node)

    def _drop(self, node: Node) -> None:
        self._gone.add(node)

    # ------------------------------------------------------------ the rules

    def _sequence(self, first: Node) -> bool:
        """A step with one follower that has no other way in: both are one step."""
        if len(first.outs) != 1 or first.gives == STOP or (len(first.ins) > 1 and first.takes != ANY):
            return False
        then = first.outs[0].target
        if len(then.ins) != 1 or then is first:
            return False
        for aside in first.asides:
            aside.after |= then.elements
        first.elements |= then.elements
        first.asides += then.asides
        first.outs, first.gives, first.chooser = then.outs, then.gives, then.chooser
        for edge in first.outs:
            edge.source = first
        self._drop(then)
        return True

    def _round(self, node: Node) -> bool:
        """Remove a choice that only leads back: it adds nothing but the elements on the way back."""
        if node.gives != ONE or len(node.outs) < 2 or node.takes != ANY:
            return False
        for edge in node.outs:
            way = _way(edge)
            last = way.outs[0] if way is not None else edge
            if last.target is not node or len(node.ins) < 2:
                continue
            node.outs.remove(edge)
            node.ins.remove(last)
            if way is not None:
                node.elements |= way.elements
                node.asides += way.asides
                self._drop(way)
            for aside in node.asides:
                aside.after |= node.elements
            return True
        return False

    def _block(self, split: Node) -> bool:
        """Two branches of a split that meet in the join that belongs to it are one branch."""
        if len(split.outs) < 2 or split.gives in (BESIDE, STOP):
            return False
        first_to: dict[Node, Edge] = {}
        before = len(split.outs)
        for edge in list(split.outs):
            way = _way(edge)
            join = way.outs[0].target if way is not None else edge.target
            if join is split or (split.gives, join.takes) not in _BLOCKS:
                continue
            first_to[join] = self._merge(split, first_to[join], edge) if join in first_to else edge
        return len(split.outs) < before

    def _merge(self, split: Node, remaining: Edge, other: Edge) -> Edge:
        first_way, other_way = _way(remaining), _way(other)
        if first_way is None:  # the one with elements on it stays
            remaining, other, first_way, other_way = other, remaining, other_way, first_way
        last = other_way.outs[0] if other_way is not None else other
        split.outs.remove(other)
        last.target.ins.remove(last)
        remaining.otherwise &= other.otherwise
        if other_way is None or first_way is None:
            return remaining
        if split.gives != ONE:
            self.together.append((frozenset(first_way.everything), frozenset(other_way.everything)))
        first_way.elements |= other_way.elements
        first_way.asides += other_way.asides
        self._drop(other_way)
        return remaining

    def _dead_end(self, split: Node) -> bool:
        """A branch that only ends runs beside everything that comes after the split."""
        if split.gives not in (EVERY, BESIDE) or len(split.outs) < 2:
            return False
        before = len(split.outs)
        for edge in split.outs[1:] if split.gives == BESIDE else list(split.outs):
            branch = edge.target
            if branch.outs or branch.gives == STOP or len(branch.ins) != 1 or len(split.outs) == 1:
                continue
            split.outs.remove(edge)
            split.asides += [Aside(branch.elements, set()), *branch.asides]
            self._drop(branch)
        if len(split.outs) == 1:
            split.gives = EVERY
        return len(split.outs) < before


def _way(edge: Edge) -> Node | None:
    """The single step between a split and the next node, if there is one."""
    node = edge.target
    return node if len(node.ins) == 1 and len(node.outs) == 1 and node.gives != STOP else None
