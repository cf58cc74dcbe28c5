"""Finds variables that two elements may write at the same time: one of the two values would be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from engine.bpmn.diagram import Diagram, Element, bpmn, payload_names
from engine.deployment.checking.soundness.exploration import Exploration, repeated_side_by_side

FormFields = Callable[[str, str], frozenset[str] | None]  # (process, task) → field names; None: no form
Writes = dict[str, frozenset[str]]  # element → the variables it writes
CATCHES = frozenset({"intermediateCatchEvent", "boundaryEvent", "receiveTask", "startEvent"})


@dataclass(frozen=True)
class Conflict:
    """``one`` and ``other`` are ids; the same id twice: the instances of one activity."""

    one: str
    other: str
    variable: str


def conflicts(
    diagram: Diagram, explored: Exploration, *, related: Mapping[str, Diagram], form_fields: FormFields
) -> list[Conflict]:
    """Each pair of elements with each variable that both write while both can be active.

    ``related``: the diagrams of the bundle by key; a call activity writes the variables of the called process.
    """
    writes = _Writing(related, form_fields).of(diagram)
    by_pair: dict[tuple[str, str, str], Conflict] = {}
    for one, other in explored.together:
        for conflict in _between(one, other, writes):
            first, second = sorted((conflict.one, conflict.other))
            by_pair.setdefault((first, second, conflict.variable), conflict)
    return [*by_pair.values(), *_between_instances(diagram, writes)]


def _between(one: frozenset[str], other: frozenset[str], writes: Writes) -> Iterator[Conflict]:
    second = _writers(other, writes)
    for variable, elements in _writers(one, writes).items():
        for element in elements:
            yield from (Conflict(element, more, variable) for more in second.get(variable, ()) if more != element)


def _writers(elements: frozenset[str], writes: Writes) -> dict[str, list[str]]:
    writers: dict[str, list[str]] = {}
    for element in sorted(elements & writes.keys()):
        for variable in writes[element]:
            writers.setdefault(variable, []).append(element)
    return writers


def _between_instances(diagram: Diagram, writes: Writes) -> Iterator[Conflict]:
    """Conflicts between the instances of one activity: variables that each writes and no output collects."""
    for key, inside in repeated_side_by_side(diagram).items():
        own = _own_names(diagram, key)
        if own is None:
            continue  # the output collects one value of each instance, and drops its other data
        for element in sorted(inside & writes.keys()):
            for variable in sorted(writes[element] - own):
                yield Conflict(element, element, variable)


def _own_names(diagram: Diagram, key: str) -> frozenset[str] | None:
    """The names that each instance has for itself; None when the instances' results are collected."""
    for node in diagram.process.iter("{*}" + diagram.elements[key].tag):
        loop = node.find(bpmn("multiInstanceLoopCharacteristics"))
        if node.get("id") != key or loop is None:
            continue
        if loop.find(bpmn("loopDataOutputRef")) is not None and loop.find(bpmn("outputDataItem")) is not None:
            return None
        items = loop.findall(bpmn("inputDataItem"))
        return frozenset(item.get("id") or item.get("name") or "" for item in items)
    return frozenset()


class _Writing:
    """The variables that the elements of a bundle's diagrams write."""

    def __init__(self, related: Mapping[str, Diagram], form_fields: FormFields) -> None:
        self.related, self.form_fields = related, form_fields
        self.payloads: dict[tuple[str, str], frozenset[str]] = {}  # what a message or signal may bring along
        for thrown in (element for diagram in related.values() for element in diagram.elements.values()):
            if thrown.event in ("message", "signal") and thrown.tag not in CATCHES:
                key = thrown.event, thrown.event_name
                self.payloads[key] = self.payloads.get(key, frozenset()).union(payload_names(thrown.properties))

    def of(self, diagram: Diagram) -> Writes:
        read = self._names_read(diagram)
        written = {key: self._by(element, diagram, read) for key, element in diagram.elements.items()}
        return {key: names for key, names in written.items() if names}

    def _names_read(self, diagram: Diagram) -> frozenset[str]:
        """The names that expressions of the case's diagrams read; of a submission only these become case data."""
        family = _family(diagram, self.related)
        return frozenset().union(*(member.names_read for member in family))

    def _by(self, element: Element, diagram: Diagram, read: frozenset[str]) -> frozenset[str]:
        if element.tag == "callActivity":
            return self._by_call(element.called, {diagram.key})
        names: set[str] = set()
        if element.tag in ("serviceTask", "businessRuleTask") and element.result:
            names.add(element.result)
        if element.is_people_task or element.waits_for_person:
            fields = self.form_fields(diagram.key, element.id) or {field.get("id", "") for field in element.fields}
            names |= read & fields
        elif element.event in ("message", "signal") and element.tag in CATCHES:
            names |= self.payloads.get((element.event, element.event_name), frozenset())
        return frozenset(names)

    def _by_call(self, called: str, above: set[str]) -> frozenset[str]:
        """A called process gives all its data back."""
        diagram = self.related.get(called)
        if diagram is None or called in above:
            return frozenset()
        read = self._names_read(diagram)
        names: frozenset[str] = frozenset()
        for element in diagram.elements.values():
            inner = element.tag == "callActivity"
            names |= self._by_call(element.called, above | {called}) if inner else self._by(element, diagram, read)
        return names


def _family(diagram: Diagram, related: Mapping[str, Diagram]) -> list[Diagram]:
    """The diagram with all that it calls and all that call it, directly or not."""
    family = {diagram.key: diagram}
    ahead = [diagram]
    while ahead:
        at = ahead.pop()
        for key, other in related.items():
            if key not in family and (key in at.calls or at.key in other.calls):
                family[key] = other
                ahead.append(other)
    return list(family.values())
