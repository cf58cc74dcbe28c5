"""The token game of BPMN: every state that the tokens of a reduced flow graph can reach."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from itertools import combinations
from time import monotonic
from typing import TypeAlias

from engine.deployment.checking.soundness.flow_graph import (
    ALL,
    ANY,
    EVERY,
    ONE,
    SOME,
    STOP,
    Edge,
    Graph,
    Node,
    reachable,
)
from engine.deployment.checking.soundness.reduction import Together

MAX_TOKENS = 3  # on one place; more are not followed
MAX_CHOICES = 10  # of an inclusive gateway with more flows, only one, two or all are taken

State: TypeAlias = tuple[int, ...]  # the places that hold a token, by number; one twice for two tokens


class TokenGame:
    """Every state that tokens can come to in a reduced graph."""

    def __init__(self, graph: Graph, states: int, deadline: float) -> None:
        self.graph, self.most, self.deadline = graph, states, deadline
        self.whole = True
        self.edges = [edge for node in (graph.source, *graph.nodes) for edge in node.outs]
        self.number = {edge: number for number, edge in enumerate(self.edges)}
        self.takers = [node for node in graph.nodes if any(edge in self.number for edge in node.ins)]
        self.gifts = {node: self._gifts(node) for node in (graph.source, *self.takers)}
        self._upstream: dict[Edge, set[int]] = {}
        self.came: dict[State, tuple[State | None, Node]] = {}
        self.stands: list[State] = []
        self.completes = False
        self.fired: set[Node] = set()
        self.piled: set[int] = set()

    def play(self) -> None:
        """Visit every state within the limits; ``whole`` tells whether all were visited."""
        ahead: deque[State] = deque()
        for gift in self.gifts[self.graph.source]:
            self._come(tuple(sorted(gift)), None, self.graph.source, ahead)
        while ahead:
            if len(self.came) > self.most or (len(self.came) % 64 == 0 and monotonic() > self.deadline):
                self.whole = False
                return
            state = ahead.popleft()
            moved = False
            for node, left in self._moves(state):
                moved = True
                self.fired.add(node)
                for gift in self.gifts[node]:
                    after = () if node.gives == STOP else tuple(sorted((*left, *gift)))
                    self._come(after, state, node, ahead)
            if not moved:
                self.stands.append(state)

    def _come(self, state: State, before: State | None, node: Node, ahead: deque[State]) -> None:
        if not state:
            self.completes = True
        elif state not in self.came:
            piled = {place for place, count in Counter(state).items() if count > MAX_TOKENS}
            self.piled |= piled
            if not piled:
                self.came[state] = (before, node)
                ahead.append(state)

    def _moves(self, state: State) -> Iterator[tuple[Node, State]]:
        """Each node that can fire, with the places that still hold tokens afterwards."""
        held = set(state)
        for target in {self.edges[place].target for place in held}:
            full = [self.number[edge] for edge in target.ins if self.number.get(edge) in held]
            if target.takes == ANY:
                yield from ((target, _without(state, [place])) for place in full)
            elif (len(full) == len(target.ins)) if target.takes == ALL else self._nothing_comes(target, held):
                yield target, _without(state, full)

    def _nothing_comes(self, join: Node, held: set[int]) -> bool:
        """BPMN 2.0, 13.4.3: no token can reach an empty flow, unless it can reach a full one, too."""
        full = [edge for edge in join.ins if self.number.get(edge) in held]
        to_full = set().union(*(self.upstream_of(edge) for edge in full))
        to_empty = set().union(*(self.upstream_of(edge) for edge in join.ins if edge not in full))
        return not held & (to_empty - to_full)

    def upstream_of(self, edge: Edge) -> set[int]:
        """The places from which a token can come to this one without passing the join."""
        if edge not in self._upstream:
            seen: set[Node] = {edge.target}
            places: set[int] = set()
            ahead = [edge.source]
            while ahead:
                node = ahead.pop()
                if node in seen:
                    continue
                seen.add(node)
                places.update(self.number[into] for into in node.ins if into in self.number)
                ahead.extend(into.source for into in node.ins)
            self._upstream[edge] = places
        return self._upstream[edge]

    def _gifts(self, node: Node) -> list[State]:
        outs = tuple(self.number[edge] for edge in node.outs)
        if not outs or node.gives in (EVERY, STOP):
            return [outs]
        if node.gives == ONE:
            return [(out,) for out in outs]
        if node.gives == SOME:
            default = [(self.number[edge],) for edge in node.outs if edge.otherwise]
            return default + self._some(tuple(self.number[edge] for edge in node.outs if not edge.otherwise))
        return [outs[:1], *(outs[:1] + beside for beside in self._some(outs[1:]))]

    def _some(self, places: State) -> list[State]:
        """Every way to take one or more of them."""
        sizes: list[int] = list(range(1, len(places) + 1))
        if len(places) > MAX_CHOICES:
            self.whole = False
            sizes = [1, 2, len(places)]
        return [some for size in sizes for some in combinations(places, size)]

    def choices(self, state: State) -> list[str]:
        """The gateways that chose on the shortest way to a state."""
        gateways: list[str] = []
        at: State | None = state
        while at is not None:
            at, node = self.came[at]
            if node.gives in (ONE, SOME) and len(node.outs) > 1:
                gateways.append(node.chooser)
        return gateways

    def together(self) -> Together:
        """The pairs of elements that are active in the same state; an aside runs beside all later elements."""
        pairs: dict[Node, set[Node]] = {node: set() for node in self.takers}
        for state in self.came:
            active = {self.edges[place].target for place in state}
            active = {node for node in active if node.takes == ANY or len(node.ins) == 1}
            for one, other in combinations(active, 2):
                pairs[one].add(other)
                pairs[other].add(one)
        together: Together = [
            (frozenset(one.elements), frozenset(set().union(*(other.elements for other in others))))
            for one, others in pairs.items()
            if others
        ]
        for node in self.graph.nodes:
            for aside in node.asides:
                together.append((frozenset(aside.elements), frozenset(self._beside(node, pairs) | aside.after)))
        return together

    def _beside(self, node: Node, pairs: dict[Node, set[Node]]) -> set[str]:
        later = reachable([edge.target for edge in node.outs])
        beside = set(later).union(*(pairs.get(one, ()) for one in (*later, node)))
        beside -= set() if node in later else {node}
        return set().union(*(one.everything for one in beside))


def _without(state: State, places: list[int]) -> State:
    left = list(state)
    for place in places:
        left.remove(place)
    return tuple(left)
