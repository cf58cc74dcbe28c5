"""Checks messages and signals of a bundle: messages that can never arrive or that no diagram receives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from engine.bpmn.diagram import Diagram, Element, payload_names
from engine.findings import Finding, error, warning
from models.language import gettext as _

MAX_NAME = 200  # of a message or signal: the width of its column


def check(bundle: Mapping[str, Diagram]) -> Iterator[Finding]:
    """Findings about the messages and signals of all diagrams of a bundle, each with its file."""
    for key, diagram in bundle.items():
        for element in diagram.elements.values():
            for finding in _check_element(element, bundle):
                yield replace(finding, file=f"{key}.bpmn")
    yield from _several_starts(bundle)


def names_received(diagram: Diagram, bundle: Mapping[str, Diagram]) -> frozenset[str]:
    """The names that messages and signals thrown anywhere in the bundle may bring into a case of this process."""
    heard = {
        (element.event, element.event_name)
        for element in diagram.elements.values()
        if element.catches or element.starts_case
    }
    return frozenset(
        name
        for thrower in _all(bundle)
        if thrower.throws and (thrower.event, thrower.event_name) in heard
        for name in payload_names(thrower.properties)
    )


def _all(bundle: Mapping[str, Diagram]) -> Iterator[Element]:
    for diagram in bundle.values():
        yield from diagram.elements.values()


def _check_element(element: Element, bundle: Mapping[str, Diagram]) -> Iterator[Finding]:
    if not element.event_name:
        return  # nothing of the kind, or refused already
    if len(element.event_name) > MAX_NAME:
        text = _("نام پیام یا سیگنال حداکثر %(count)s کاراکتر است.", count=MAX_NAME)
        yield error("event.long_name", element.id, text)
    if element.event != "message":
        return
    if element.catches and not element.waits_for_person and not element.properties.get("correlation_key"):
        text = _("این پیام هرگز نمی‌رسد: نه نقشی دارد که شخصی آن را بدهد و نه کلید همبستگی (correlation_key).")
        yield error("event.never_arrives", element.id, text)
    if element.throws and not _may_reach_somebody(element, bundle):
        text = _("پیام «%(name)s» را هیچ فرایندی از این مجموعه دریافت نمی‌کند.", name=element.event_name)
        yield warning("event.no_receiver", element.id, text)


def _may_reach_somebody(thrower: Element, bundle: Mapping[str, Diagram]) -> bool:
    """A case that waits needs a key on both sides; a process that it starts needs none."""
    keyed = bool(thrower.properties.get("correlation_key"))
    return any(
        other.starts_case or (keyed and other.catches and other.properties.get("correlation_key"))
        for other in _all(bundle)
        if other.event == "message" and other.event_name == thrower.event_name
    )


def _several_starts(bundle: Mapping[str, Diagram]) -> Iterator[Finding]:
    started: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, diagram in sorted(bundle.items()):
        for element in diagram.elements.values():
            if element.starts_case and element.event == "message" and element.event_name:
                started[element.event_name].append((key, element.id))
    for name, places in started.items():
        other = places[0][0]
        message = _(
            "پیام «%(name)s» فرایند «%(key)s» را هم شروع می‌کند. یک پیام فقط یک پرونده می‌سازد.", name=name, key=other
        )
        for key, element_id in places[1:]:
            yield replace(error("event.several_starts", element_id, message), file=f"{key}.bpmn")
