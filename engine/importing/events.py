"""Events of a foreign diagram: times that can be worked out, conditions that can be read, one cause each."""

from __future__ import annotations

from lxml import etree

from engine import due
from engine.diagrams import bpmn, local
from engine.expressions import ExpressionError, parse
from engine.importing.draft import Draft, children, definitions, incoming, outgoing, property_of, set_aside
from engine.importing.foreign_expressions import is_foreign, translate
from models.language import gettext as _

TIMES = ("timeDate", "timeDuration", "timeCycle")
UNKNOWN_TIME = {"timeDate": '"P1D"', "timeDuration": '"P1D"', "timeCycle": '"R1/P1D"'}
STARTS = ("startEvent",)
OFFICE_ZONE = "+03:30"


def mend(draft: Draft) -> None:
    for node in list(draft.nodes()):
        _one_cause(draft, node)
        for definition in definitions(node):
            kind = local(definition).removesuffix("EventDefinition")
            if kind == "timer":
                _timer(draft, node, definition)
            elif kind == "conditional":
                _condition(draft, node, definition)
        _throws(draft, node)
        _without_cause(draft, node)
        if local(node) == "eventBasedGateway":
            _event_gateway(draft, node)


def _one_cause(draft: Draft, node: etree._Element) -> None:
    """The first definition of an event with several; the others are kept as text."""
    found = definitions(node)
    for definition in found[1:]:
        set_aside(node, definition)
    if len(found) > 1:
        draft.say("fill_in", node, _("رویداد چند تعریف دارد؛ تنها نخستین اجرا می‌شود. برای هر یک رویدادی بکشید."))


def _timer(draft: Draft, node: etree._Element, timer: etree._Element) -> None:
    times = [child for child in timer if local(child) in TIMES]
    for more in times[1:]:
        set_aside(node, more)
    place = times[0] if times else etree.SubElement(timer, bpmn("timeDuration"))
    text = (place.text or "").strip()
    readable = _readable_time(text)
    if readable is None:
        if text:
            set_aside(node, {"time": text})
        place.text = UNKNOWN_TIME[local(place)]
        shown = text or "—"
        draft.say("fill_in", node, _("زمانِ آن («%(time)s») خواندنی نیست؛ یک روز گذاشته شد. زمان درست را بنویسید.", time=shown))
    elif readable != text:
        place.text = readable
        draft.say("changed", node, _("زمان «%(old)s» به «%(new)s» برگردانده شد.", old=text, new=readable))


def _readable_time(text: str) -> str | None:
    plain = text.strip("\"'")
    if due.literal(plain) or _is_date(plain):
        return _checked_time(plain)
    if is_foreign(text):
        inner = translate(text)
        if inner is None:
            return None
        literal = inner.strip("\"'")
        return _checked_time(literal) if due.literal(literal) else inner
    try:
        parse(text)
    except ExpressionError:
        return None
    return text


def _is_date(text: str) -> bool:
    return len(text) == 10 and text[4:5] == "-" and text[7:8] == "-"


def _checked_time(text: str) -> str | None:
    """An ISO text as a quoted literal, when the engine can work it out; a moment without a zone is the office's."""
    if text[:1] not in "PR":
        text = f"{text}T00:00:00" if _is_date(text) else text
        text = text if text.endswith("Z") or "+" in text or "-" in text[11:] else f"{text}{OFFICE_ZONE}"
    now = due.datetime(2026, 1, 1, tzinfo=due.UTC)
    try:
        if text.startswith("R"):
            due.cycle(text, now=now, element="")
        else:
            due.due_time(text, now=now, element="")
    except (due.BadTimer, OverflowError, ValueError):
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
        shown = text or "—"
        draft.say("fill_in", node, _("شرط رویداد («%(text)s») خواندنی نیست؛ همیشه درست گرفته شد.", text=shown))
    elif ours != text:
        place.text = ours
        draft.say("changed", node, _("شرط «%(old)s» به «%(new)s» برگردانده شد.", old=text, new=ours))


def _throws(draft: Draft, node: etree._Element) -> None:
    """A message that nobody is named for is not sent until its key is written."""
    message = node.find(bpmn("messageEventDefinition"))
    throws = local(node) in ("endEvent", "intermediateThrowEvent")
    if message is None or not throws or property_of(node, "correlation_key"):
        return
    set_aside(node, message)
    draft.say("fill_in", node, _("گیرندهٔ پیام شناخته نیست؛ پیامی فرستاده نمی‌شود. پیام و correlation_key را بنویسید."))


def _without_cause(draft: Draft, node: etree._Element) -> None:
    """A boundary or awaited event that does not say what it waits for."""
    if definitions(node) or local(node) not in ("boundaryEvent", "intermediateCatchEvent"):
        return
    if local(node) == "intermediateCatchEvent":
        set_aside(node, {"was": "intermediateCatchEvent"})
        node.tag = bpmn("intermediateThrowEvent")
        draft.say("fill_in", node, _("نمی‌گوید منتظر چیست؛ بی‌درنگ از آن می‌گذرد. پیام یا زمان آن را بنویسید."))
        return
    name = node.get("name") or node.get("id", "")
    made = etree.Element(bpmn("message"), {"id": draft.new_id(f"message_{node.get('id')}"), "name": name})
    draft.root.insert(0, made)
    etree.SubElement(node, bpmn("messageEventDefinition")).set("messageRef", made.get("id", ""))
    draft.say("fill_in", node, _("نمی‌گوید منتظر چیست؛ پیام «%(name)s» ساخته شد. پیام یا زمان درست را بنویسید.", name=name))


def _event_gateway(draft: Draft, node: etree._Element) -> None:
    """Whichever event comes first wins; a step behind such a gateway is no event."""
    scope = node.getparent()
    here = children(scope) if scope is not None else {}
    targets = [here.get(flow.get("targetRef", "")) for flow in outgoing(node)]
    if len(targets) == 1 or any(t is None or local(t) != "intermediateCatchEvent" for t in targets):
        set_aside(node, {"was": "eventBasedGateway"})
        node.tag = bpmn("exclusiveGateway")
        node.attrib.pop("eventGatewayType", None)
        node.attrib.pop("instantiate", None)
        draft.say("fill_in", node, _("پس از این دروازه تنها رویدادِ دریافت می‌آید؛ تا آن هنگام یک نفر شاخه را برمی‌گزیند."))
    if local(node) == "eventBasedGateway" and not incoming(node):
        node.attrib.pop("instantiate", None)
