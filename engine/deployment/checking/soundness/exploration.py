"""Explores the states of a diagram before deployment: deadlocks, and elements that run side by side.

Plays the token game of BPMN over each (sub)process alone; a subprocess is one step of its parent. Gateways choose
freely, regardless of their conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

from lxml import etree

from engine.bpmn.diagram import GATEWAYS, SUB_PROCESSES, Diagram, bpmn, is_event_subprocess, local, scopes
from engine.deployment.checking.soundness.flow_graph import (
    ANY,
    INCLUSIVE,
    Edge,
    Graph,
    Node,
    build,
    is_repeated_side_by_side,
    waits_outside,
)
from engine.deployment.checking.soundness.reduction import Reduction, Together
from engine.deployment.checking.soundness.rounds import Waits, endless, rounds_without_wait, waiting_elements
from engine.deployment.checking.soundness.token_game import State, TokenGame
from engine.expressions.language import ExpressionError, parse
from engine.findings import Finding, error, warning
from models.language import gettext as _

MAX_STATES = 20_000  # of one scope
MAX_SECONDS = 1.0  # of one diagram
MAX_NAMED = 6  # elements that one finding names


@dataclass
class Exploration:
    """The result: findings, and pairs of sets whose elements can be active at the same time (``together``)."""

    findings: list[Finding] = field(default_factory=list)
    together: Together = field(default_factory=list)
    whole: bool = True  # False: a bound was reached

    def at_the_same_time(self, one: str, other: str) -> bool:
        """Whether two different elements can be active at the same time."""
        return any((one in a and other in b) or (one in b and other in a) for a, b in self.together)


def explore(diagram: Diagram, *, waits: Waits = waits_outside, states: int = MAX_STATES) -> Exploration:
    """Explore every scope of a diagram. ``waits``: whether an activity stops until something outside happens."""
    exploration = Exploration()
    deadline = monotonic() + MAX_SECONDS
    waiting = waiting_elements(diagram.process, waits)
    for scope in scopes(diagram.process):
        graph = build(scope)
        exploration.findings += _rounds(graph, diagram, waiting)
        _play(graph, diagram, exploration, states, deadline)
    inside = {key: frozenset(_inside(diagram, key)) for key in _with_content(diagram)}
    exploration.together = [(_opened(one, inside), _opened(other, inside)) for one, other in exploration.together]
    exploration.together += _event_subprocesses(diagram, inside)
    if not exploration.whole:
        text = _("این فرایند به طور کامل بررسی نشد. شاید بن‌بست‌هایی پیدا نشده باشد.")
        exploration.findings.append(warning("flow.not_explored", diagram.key, text))
    return exploration


def _rounds(graph: Graph, diagram: Diagram, waiting: set[str]) -> Iterator[Finding]:
    automatic = rounds_without_wait(graph, waiting)
    for elements, has_exit in automatic:
        yield _loop_finding(diagram, elements, has_exit)
    without_exit = {key for elements, has_exit in automatic if not has_exit for key in elements}
    for elements in endless(graph):
        if not without_exit & set(elements):
            text = _(
                "از اینجا هیچ راهی به پایان فرایند نیست؛ راهی به یک رویداد پایان بکشید: %(elements)s",
                elements=_names(diagram, elements),
            )
            yield error("flow.no_way_to_an_end", elements[0], text)


def _play(graph: Graph, diagram: Diagram, exploration: Exploration, states: int, deadline: float) -> None:
    reduction = Reduction(graph)
    reduction.run()
    game = TokenGame(graph, states, deadline)
    game.play()
    exploration.together += reduction.together + game.together()
    exploration.whole &= game.whole
    exploration.findings += _Judge(diagram, game, _has_way_out(graph.scope)).findings()


def _loop_finding(diagram: Diagram, elements: list[str], has_exit: bool) -> Finding:
    names = _names(diagram, elements)
    if has_exit:
        text = _(
            "این گام‌ها بدون هیچ انتظاری می‌چرخند و فقط یک شرط پرونده را از چرخه بیرون می‌برد: %(elements)s",
            elements=names,
        )
        return warning("flow.automatic_loop", elements[0], text)
    text = _(
        "این گام‌ها بدون هیچ انتظار و راه خروجی می‌چرخند. شرطی برای خروج یا کاری برای یک نفر بگذارید: %(elements)s",
        elements=names,
    )
    return error("flow.automatic_loop", elements[0], text)


def _has_way_out(scope: etree._Element) -> bool:
    """Whether an event can end the scope from outside, whatever state it is in."""
    at: etree._Element | None = scope
    while at is not None and local(at) != "definitions":
        parent = at.getparent()
        events = parent.findall(bpmn("boundaryEvent")) if parent is not None else []
        if any(is_event_subprocess(child) and _interrupts(child) for child in at) or any(
            event.get("attachedToRef") == at.get("id")
            and event.get("cancelActivity", "true") != "false"
            and waits_outside(event)
            for event in events
        ):
            return True
        at = parent
    return False


def _interrupts(event_subprocess: etree._Element) -> bool:
    starts = event_subprocess.findall(bpmn("startEvent"))
    return all(start.get("isInterrupting", "true") != "false" for start in starts)


def _names(diagram: Diagram, elements: list[str]) -> str:
    named = [label(diagram, key) for key in elements[:MAX_NAMED]]
    return _("، ").join(named) + (" …" if len(elements) > MAX_NAMED else "")


def label(diagram: Diagram, key: str) -> str:
    """An element in the text of a finding: its name with its id, or the id alone."""
    element = diagram.elements.get(key)
    return f"«{element.name}» ({key})" if element is not None and element.name else f"«{key}»"


# ---------------------------------------------------------------- what runs side by side, inner elements included


def _with_content(diagram: Diagram) -> list[str]:
    return [key for key, element in diagram.elements.items() if element.tag in SUB_PROCESSES]


def _inside(diagram: Diagram, key: str) -> Iterator[str]:
    for scope in scopes(diagram.process):
        if scope.get("id") == key:
            yield from (node.get("id", "") for node in scope.iter(etree.Element) if node.get("id") in diagram.elements)
            return


def _opened(elements: frozenset[str], inside: dict[str, frozenset[str]]) -> frozenset[str]:
    """The elements, with all inner elements of subprocesses among them."""
    return elements.union(*(inside[key] for key in elements & inside.keys()))


def _event_subprocesses(diagram: Diagram, inside: dict[str, frozenset[str]]) -> Together:
    """Non-interrupting event subprocesses run beside every element of their scope."""
    pairs: Together = []
    for scope in scopes(diagram.process):
        around = frozenset(node.get("id", "") for node in scope.iter(etree.Element)) & diagram.elements.keys()
        for child in scope:
            if is_event_subprocess(child) and not _interrupts(child):
                own = inside.get(child.get("id", ""), frozenset())
                pairs.append((own, around - own - {scope.get("id", "")}))
    return pairs


def repeated_side_by_side(diagram: Diagram) -> dict[str, frozenset[str]]:
    """Activities with several instances at a time, each with the elements that run in each instance."""
    return {
        node.get("id", ""): frozenset(_inside(diagram, node.get("id", ""))) | {node.get("id", "")}
        for node in diagram.process.iter(etree.Element)
        if is_repeated_side_by_side(node)
    }


# ---------------------------------------------------------------- findings from the states of the game


class _Judge:
    """Turns the states of a game into findings in the words of the diagram."""

    def __init__(self, diagram: Diagram, game: TokenGame, has_way_out: bool) -> None:
        self.diagram, self.game, self.has_way_out = diagram, game, has_way_out
        self.flows = {flow.get("id"): flow for flow in diagram.process.iter(bpmn("sequenceFlow"))}
        self.with_conditions = {
            flow.get("sourceRef") for flow in self.flows.values() if flow.find(bpmn("conditionExpression")) is not None
        }

    def findings(self) -> list[Finding]:
        return [*self._stands(), *self._doubled()]

    def _stands(self) -> Iterator[Finding]:
        seen: set[Node] = set()
        for state in self.game.stands:
            for join, missing in self._waiting_first(state):
                if join in seen:
                    continue
                seen.add(join)
                branches = _("، ").join(dict.fromkeys(self._branch(edge) for edge in missing))
                sure = join not in self.game.fired or not self._may_be_one_condition(state)
                yield self._stand(join, branches, sure)

    def _waiting_first(self, state: State) -> list[tuple[Node, list[Edge]]]:
        """The joins that hold the tokens of a state, with their empty flows; not those that wait for such a join."""
        held = set(state)
        joins: dict[Node, list[Edge]] = {
            join: [edge for edge in join.ins if self.game.number.get(edge) not in held]
            for join in {self.game.edges[place].target for place in state}
        }
        first = [
            (join, missing)
            for join, missing in joins.items()
            if not any(self.game.upstream_of(edge) & held for edge in missing)
        ]
        return first or list(joins.items())

    def _stand(self, join: Node, branches: str, sure: bool) -> Finding:
        name = label(self.diagram, join.element)
        if sure and not self.has_way_out:
            text = _(
                "بن‌بست: %(join)s ممکن است برای همیشه منتظر شاخه‌ای بماند که نمی‌آید: %(branches)s. دروازهٔ ادغام را"
                " هم‌نوع دروازهٔ انشعاب این شاخه‌ها کنید.",
                join=name,
                branches=branches,
            )
            return error("flow.deadlock", join.element, text)
        if self.has_way_out:
            text = _(
                "%(join)s ممکن است منتظر شاخه‌ای بماند که نمی‌آید (%(branches)s). فقط یک رویداد پرونده را بیرون می‌برد.",
                join=name,
                branches=branches,
            )
        else:
            text = _(
                "اگر شرط‌ها با هم نخوانند، %(join)s برای همیشه منتظر شاخه‌ای می‌ماند که نمی‌آید: %(branches)s",
                join=name,
                branches=branches,
            )
        return warning("flow.deadlock", join.element, text)

    def _branch(self, edge: Edge) -> str:
        flow = self.flows.get(edge.drawn)
        return (
            label(self.diagram, flow.get("sourceRef", ""))
            if flow is not None
            else label(self.diagram, edge.source.element)
        )

    def _may_be_one_condition(self, state: State) -> bool:
        """Two gateways on the way read the same name, so they may always choose alike; or a step has conditions
        on its flows, which may shut each other out."""
        reads: Counter[str] = Counter()
        gateways = set(self.game.choices(state))
        if any(self.diagram.elements[key].tag not in GATEWAYS for key in gateways if key in self.with_conditions):
            return True
        for gateway in gateways:
            reads.update(self._names_read(gateway))
        return any(count > 1 for count in reads.values())

    def _names_read(self, gateway: str) -> set[str]:
        names: set[str] = set()
        for flow in self.flows.values():
            condition = flow.find(bpmn("conditionExpression"))
            if flow.get("sourceRef") == gateway and condition is not None:
                try:
                    names |= parse((condition.text or "").strip()).names
                except ExpressionError:
                    continue  # named by the check of expressions
        return names

    def _doubled(self) -> Iterator[Finding]:
        """Elements that are begun twice, for the branches of a split meet without a join."""
        doubled: dict[str, None] = {}
        late: set[State] = set()  # after it has happened once, everything that follows is doubled, too
        for state, (before, _node) in self.game.came.items():
            here = [] if before in late else self._met(state)
            if here or before in late:
                late.add(state)
            doubled.update(dict.fromkeys(here))
        for element in doubled or {self.game.edges[place].target.element: None for place in self.game.piled}:
            text = _(
                "شاخه‌های موازی بدون دروازهٔ ادغام به %(element)s می‌رسند. این گام و آنچه پس از آن است چند بار اجرا"
                " می‌شود.",
                element=label(self.diagram, element),
            )
            yield warning("flow.doubled", element, text)

    def _met(self, state: State) -> list[str]:
        """The elements where tokens of two branches meet; end events are allowed to."""
        places: dict[Node, list[int]] = {}
        for place in state:
            places.setdefault(self.game.edges[place].target, []).append(place)
        met: list[str] = []
        for node, held in places.items():
            several = len(set(held)) > 1 if node.takes == ANY else len(set(held)) < len(held)
            element = self.diagram.elements.get(node.element)
            if several and node.takes != INCLUSIVE and not (element is not None and element.tag == "endEvent"):
                met.append(node.element)
        return met
