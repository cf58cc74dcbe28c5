"""Makes timers and conditions of events readable, and leaves each event one definition."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lxml import etree

from engine.bpmn.diagram import bpmn, definitions, local
from engine.calendar import timers
from engine.deployment.importing import event_places, roles
from engine.deployment.importing.draft import (
    Draft,
    add_field,
    becomes,
    children,
    field_name,
    fields_of,
    incoming,
    outgoing,
    property_of,
    set_aside,
    set_property,
)
from engine.deployment.importing.foreign_expressions import is_foreign, translate
from engine.expressions.language import ExpressionError, parse
from models.language import gettext as _

TIMES = ("timeDate", "timeDuration", "timeCycle")
UNKNOWN_TIME = {"timeDate": '"P1D"', "timeDuration": '"P1D"', "timeCycle": '"R1/P1D"'}
NOTE = "یادداشت"
OFFICE_ZONE = "+03:30"


def mend(draft: Draft) -> None:
    """Make every event have one readable definition."""
    for node in list(draft.nodes()):
        _one_cause(draft, node)
        event_places.mend(draft, node)
        for definition in definitions(node):
            kind = local(definition).removesuffix("EventDefinition")
            if kind == "timer":
                _timer(draft, node, definition)
            elif kind == "conditional":
                _condition(draft, node, definition)
        if local(node) == "eventBasedGateway":
            _event_gateway(draft, node)


def brought(draft: Draft) -> None:
    """Messages without a key; it comes last, since a key may turn out to be of no use."""
    for node in list(draft.nodes()):
        _awaits_message(draft, node)


def _one_cause(draft: Draft, node: etree._Element) -> None:
    """The first definition of an event with several; the others are stored as text."""
    causes = definitions(node)
    for definition in causes[1:]:
        set_aside(node, definition)
    if len(causes) > 1:
        draft.report(
            "import.several_definitions",
            "fill_in",
            node,
            _("رویداد چند تعریف دارد و فقط اولین تعریف اجرا می‌شود. برای هر یک رویدادی بکشید."),
        )


def _timer(draft: Draft, node: etree._Element, timer: etree._Element) -> None:
    times = [child for child in timer if local(child) in TIMES]
    for more in times[1:]:
        set_aside(node, more)
    place = times[0] if times else etree.SubElement(timer, bpmn("timeDuration"))
    text = (place.text or "").strip()
    readable = _readable_time(text, repeats=local(place) == "timeCycle")
    if readable is None:
        if text:
            set_aside(node, {"time": text})
        place.text = UNKNOWN_TIME[local(place)]
        original = text or "—"
        draft.report(
            "import.timer_unreadable",
            "fill_in",
            node,
            _("زمان آن («%(time)s») قابل خواندن نیست و یک روز گذاشته شد. زمان درست را بنویسید.", time=original),
        )
    elif readable != text:
        place.text = readable
        draft.report(
            "import.timer_translated",
            "changed",
            node,
            _("زمان «%(old)s» به «%(new)s» تبدیل شد.", old=text, new=readable),
        )


def _readable_time(text: str, *, repeats: bool) -> str | None:
    plain = text.strip("\"'")
    if timers.literal(plain) or _is_date(plain):
        return _checked_time(plain, repeats=repeats)
    if is_foreign(text):
        inner = translate(text)
        if inner is None:
            return None
        literal = inner.strip("\"'")
        return _checked_time(literal, repeats=repeats) if timers.literal(literal) else inner
    try:
        parse(text)
    except ExpressionError:
        return None
    return None if re.match(r"[PR]\d*T?\d", text) else text  # nearly an ISO text, and no name that anybody gives


def _is_date(text: str) -> bool:
    return len(text) == 10 and text[4:5] == "-" and text[7:8] == "-"


def _checked_time(text: str, *, repeats: bool) -> str | None:
    """An ISO text as a quoted literal, when the engine can work it out; a moment without a zone is the office's."""
    if text[:1] not in "PR":
        text = f"{text}T00:00:00" if _is_date(text) else text
        text = text if text.endswith("Z") or "+" in text or "-" in text[11:] else f"{text}{OFFICE_ZONE}"
    elif repeats and text.startswith("P"):
        text = f"R/{text}"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        if repeats:
            timers.cycle(text, now=now, element="")
        else:
            timers.due_time(text, now=now, element="")
    except (timers.BadTimer, OverflowError, ValueError):
        return None
    return f'"{text}"'


def _condition(draft: Draft, node: etree._Element, definition: etree._Element) -> None:
    place = definition.find(bpmn("condition"))
    if place is None:
        place = etree.SubElement(definition, bpmn("condition"))
    text = (place.text or "").strip()
    ours = translate(text) if text else None
    if ours is None:
        if text:
            set_aside(node, {"condition": text})
        place.text = "True"
        original = text or "—"
        draft.report(
            "import.condition_unreadable",
            "fill_in",
            node,
            _("شرط رویداد («%(text)s») قابل خواندن نیست و همیشه درست فرض شد.", text=original),
        )
    elif ours != text:
        place.text = ours
        draft.report(
            "import.condition_translated",
            "changed",
            node,
            _("شرط «%(old)s» به «%(new)s» تبدیل شد.", old=text, new=ours),
        )


def _awaits_message(draft: Draft, node: etree._Element) -> None:
    """A message that nothing can address to a case is brought by a person until it has a key."""
    awaits = local(node) in ("intermediateCatchEvent", "boundaryEvent", "startEvent") and _has_message(node)
    if not (awaits or local(node) == "receiveTask") or property_of(node, "correlation_key"):
        return
    if not property_of(node, "role"):
        set_property(node, "role", roles.role_around(draft, node))
    if not fields_of(node):
        add_field(node, f"note_{field_name(node.get('id', ''))}", NOTE, "text")
        draft.report(
            "import.message_without_key",
            "fill_in",
            node,
            _(
                "کلید همبستگی ندارد که پیام را به پرونده برساند. فعلاً یک نفر رسیدن آن را ثبت می‌کند. ویژگی"
                " correlation_key را بنویسید."
            ),
        )


def _has_message(node: etree._Element) -> bool:
    return node.find(bpmn("messageEventDefinition")) is not None


def _event_gateway(draft: Draft, node: etree._Element) -> None:
    """The first event wins. A gateway with other targets becomes a choice by a person."""
    if node.get("instantiate") == "true" or node.get("eventGatewayType", "Exclusive") != "Exclusive":
        for name in {"instantiate", "eventGatewayType"} & set(map(str, node.attrib)):
            set_aside(node, {name: node.attrib.pop(name)})
        draft.report(
            "import.event_gateway_kind",
            "changed",
            node,
            _("دروازهٔ مبتنی بر رویداد فقط میان رویدادها انتخاب می‌کند. شروع‌کننده یا موازی نیست."),
        )
    scope = node.getparent()
    here = children(scope) if scope is not None else {}
    targets = [here.get(flow.get("targetRef", "")) for flow in outgoing(node)]
    if len(targets) < 2 or not all(target is not None and _may_race(target, here) for target in targets):
        becomes(node, "exclusiveGateway")
        draft.report(
            "import.event_gateway_by_hand",
            "fill_in",
            node,
            _("پس از این دروازه فقط رویداد دریافت می‌آید. فعلاً یک نفر شاخه را انتخاب می‌کند."),
        )


def _may_race(target: etree._Element, here: dict[str, etree._Element]) -> bool:
    if local(target) not in ("intermediateCatchEvent", "receiveTask") or len(incoming(target)) > 1:
        return False
    guarded = any(other.get("attachedToRef") == target.get("id") for other in here.values())
    never = target.find(bpmn("conditionalEventDefinition")) is not None
    repeats = target.find(f"{bpmn('timerEventDefinition')}/{bpmn('timeCycle')}") is not None
    return not (guarded or never or repeats)
