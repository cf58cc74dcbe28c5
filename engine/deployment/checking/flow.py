"""Checks the flow of a diagram: deadlocks, loops, and variables that parallel branches overwrite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lxml import etree

from engine.bpmn.diagram import Diagram, bpmn, local, scopes
from engine.contributions.operations import Operations
from engine.deployment.checking import parallel_writes
from engine.deployment.checking.soundness import exploration
from engine.deployment.checking.soundness.exploration import label
from engine.deployment.checking.soundness.flow_graph import waits_outside
from engine.findings import Finding, error
from models.language import gettext as _

MAX_ELEMENTS = 2_000  # of a diagram


def check(
    diagram: Diagram,
    *,
    related: Mapping[str, Diagram],
    operations: Operations,
    form_fields: Callable[[str, str], frozenset[str] | None],
) -> Iterator[Finding]:
    """The findings of the exploration; none for a diagram that is no graph (other checks report why)."""
    if len(diagram.elements) > MAX_ELEMENTS:
        text = _(
            "این فرایند %(count)s عنصر دارد؛ بیش از %(most)s نمی‌شود. بخشی از آن را فرایندی جدا کنید.",
            count=len(diagram.elements),
            most=MAX_ELEMENTS,
        )
        yield error("flow.too_many_elements", diagram.key, text)
        return
    if not _is_graph(diagram):
        return
    explored = exploration.explore(diagram, waits=lambda node: _waits(node, diagram, operations))
    yield from explored.findings
    for conflict in parallel_writes.conflicts(diagram, explored, related=related, form_fields=form_fields):
        yield error("flow.parallel_writes", conflict.one, _conflict(conflict, diagram))


def _is_graph(diagram: Diagram) -> bool:
    """Every element has an id of its own, and every flow leads from one to another of its scope."""
    nodes = [node for scope in scopes(diagram.process) for node in scope if node.get("id", "") in diagram.elements]
    if len({node.get("id") for node in nodes}) < len(nodes) or "" in diagram.elements:
        return False
    for scope in scopes(diagram.process):
        here = {child.get("id") for child in scope}
        if any(flow.get(end) not in here for flow in scope.findall(bpmn("sequenceFlow")) for end in _ENDS):
            return False
    return True


_ENDS = ("sourceRef", "targetRef")


def _waits(node: etree._Element, diagram: Diagram, operations: Operations) -> bool:
    """An outside operation is waited for, and so is whatever a called process does."""
    element = diagram.elements[node.get("id", "")]
    if element.operation:
        operation = operations.get(element.operation)
        return operation is None or operation.outside
    return local(node) == "callActivity" or waits_outside(node)


def _conflict(conflict: parallel_writes.Conflict, diagram: Diagram) -> str:
    if conflict.one == conflict.other:
        return _(
            "نمونه‌های موازی %(element)s همگی متغیر «%(variable)s» را می‌نویسند و فقط یکی می‌ماند. خروجی نمونه‌ها را"
            " در یک فهرست جمع کنید.",
            element=label(diagram, conflict.one),
            variable=conflict.variable,
        )
    return _(
        "%(one)s و %(other)s می‌توانند هم‌زمان باز باشند و هر دو متغیر «%(variable)s» را می‌نویسند؛ نام یکی را عوض کنید.",
        one=label(diagram, conflict.one),
        other=label(diagram, conflict.other),
        variable=conflict.variable,
    )
