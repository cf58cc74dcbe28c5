"""Refuses events of a kind that has no meaning at their place, and incomplete events."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from engine.bpmn.diagram import (
    ACTIVITIES,
    SUB_PROCESSES,
    bpmn,
    definitions,
    event_kind,
    is_event_subprocess,
    local,
    scopes,
)
from engine.bpmn.lowering.links import link_events, link_name
from engine.bpmn.lowering.tree import incoming, outgoing
from engine.findings import Finding, error
from models.language import gettext as _

EVENTS = frozenset({"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"})
COMPENSATION = "compensate"  # has a rule of its own
RUNS_AT = {
    "process start": frozenset({"", "message", "signal"}),
    "subprocess start": frozenset({""}),
    "event start": frozenset({"message", "timer", "signal", "error", "escalation", "conditional"}),
    "intermediateCatchEvent": frozenset({"message", "timer", "signal", "conditional", "link"}),
    "intermediateThrowEvent": frozenset({"", "message", "signal", "escalation", "link", COMPENSATION}),
    "boundaryEvent": frozenset(
        {"message", "timer", "signal", "error", "escalation", "conditional", "cancel", COMPENSATION}
    ),
    "endEvent": frozenset({"", "message", "signal", "error", "escalation", "terminate", "cancel", COMPENSATION}),
}
WITH_CONTENT = SUB_PROCESSES | {"callActivity"}  # activities inside which an error or escalation can be thrown


def position(node: etree._Element) -> str:
    """The place of an event, a key of ``RUNS_AT``: its tag, or for start events the kind of scope they start."""
    if local(node) != "startEvent":
        return local(node)
    around = node.getparent()
    if around is not None and is_event_subprocess(around):
        return "event start"
    return "process start" if around is not None and local(around) == "process" else "subprocess start"


def _kinds() -> dict[str, str]:
    return {
        "message": _("پیام"),
        "timer": _("زمان‌سنج"),
        "signal": _("سیگنال"),
        "error": _("خطا"),
        "escalation": _("ارجاع به مافوق"),
        "cancel": _("لغو"),
        "conditional": _("شرط"),
        "link": _("لینک"),
        "terminate": _("خاتمه"),
        "multiple": _("چندگانه"),
    }


def _one_definition(node: etree._Element) -> str:
    if local(node) not in EVENTS:
        return ""
    if node.find(bpmn("eventDefinitionRef")) is not None:
        return _("تعریف این رویداد جای دیگری است؛ آن را در خود رویداد بنویسید.")
    if len(definitions(node)) > 1:
        return _("یک رویداد باید یک تعریف داشته باشد؛ برای هر تعریف رویدادی جدا بکشید.")
    return ""


def _place(node: etree._Element) -> str:
    if local(node) not in EVENTS or _one_definition(node):
        return ""
    where, kind = position(node), event_kind(node)
    if kind == COMPENSATION or kind in RUNS_AT[where]:
        return ""
    if not kind:
        return _("این رویداد نمی‌گوید منتظر چیست؛ پیام، زمان یا شرط آن را بنویسید.")
    if where == "process start":
        return _("پرونده با این رویداد شروع نمی‌شود. رویداد شروع ساده، پیام یا سیگنال بکشید.")
    if where == "subprocess start":
        return _("زیرفرایند با رسیدن جریان شروع می‌شود. رویداد شروع آن را ساده بکشید.")
    return _(
        "رویداد «%(kind)s» در این جایگاه اجرا نمی‌شود؛ یکی از این‌ها را بکشید: %(others)s.",
        kind=_kinds().get(kind, kind),
        others=_("، ").join(_kinds()[name] for name in _kinds() if name in RUNS_AT[where]),
    )


def _always_interrupts(node: etree._Element) -> str:
    flag = "cancelActivity" if local(node) == "boundaryEvent" else "isInterrupting"
    if event_kind(node) in ("error", "cancel") and node.get(flag) == "false":
        return _("خطا و لغو همیشه فعالیت را قطع می‌کنند. رویداد را قطع‌کننده بکشید.")
    return ""


def _host(node: etree._Element) -> str:
    if local(node) != "boundaryEvent":
        return ""
    scope = node.getparent()
    hosts = [other for other in scope if other.get("id") == node.get("attachedToRef")] if scope is not None else []
    if not hosts or local(hosts[0]) not in ACTIVITIES or is_event_subprocess(hosts[0]):
        return _("رویداد مرزی باید روی یک فعالیت (کار یا زیرفرایند) همان سطح باشد.")
    kind = event_kind(node)
    if kind == "cancel" and local(hosts[0]) != "transaction":
        return _("رویداد مرزی لغو فقط روی تراکنش می‌آید.")
    if kind in ("error", "escalation") and local(hosts[0]) not in WITH_CONTENT:
        return _(
            "این فعالیت هرگز خطا یا ارجاع به مافوق پرتاب نمی‌کند. آن را درون زیرفرایند بگذارید یا رویداد را حذف کنید."
        )
    return ""


def _cancel_end(node: etree._Element) -> str:
    if local(node) != "endEvent" or event_kind(node) != "cancel":
        return ""
    around = next((outer for outer in node.iterancestors() if local(outer) == "transaction"), None)
    if around is None:
        return _("رویداد پایان لغو فقط درون تراکنش می‌آید.")
    scope = around.getparent()
    beside = scope.findall(bpmn("boundaryEvent")) if scope is not None else []
    if not any(outer.get("attachedToRef") == around.get("id") and event_kind(outer) == "cancel" for outer in beside):
        return _("تراکنش این رویداد، رویداد مرزی لغو ندارد؛ معلوم نیست پس از لغو چه می‌شود.")
    return ""


def _referred(node: etree._Element) -> str:
    """A referenced error or escalation has to be declared in the file; without a reference an event catches any."""
    for kind, code in (("error", "errorCode"), ("escalation", "escalationCode")):
        definition = node.find(bpmn(f"{kind}EventDefinition"))
        if definition is None:
            continue
        named = definition.get(f"{kind}Ref")
        root = node.getroottree().getroot()
        declared = next((candidate for candidate in root.iter(bpmn(kind)) if candidate.get("id") == named), None)
        if named and declared is None:
            return _("خطا یا ارجاع به مافوق «%(id)s» در این فایل تعریف نشده است.", id=named)
        throws = local(node) in ("endEvent", "intermediateThrowEvent")
        if throws and (declared is None or not declared.get(code)):
            return _("این رویداد نمی‌گوید کدام خطا یا ارجاع به مافوق را پرتاب می‌کند. کد آن را بنویسید.")
    return ""


def _timer(node: etree._Element) -> str:
    timer = node.find(bpmn("timerEventDefinition"))
    if timer is None:
        return ""
    times = [child for child in timer if local(child).startswith("time")]
    if len(times) != 1 or not (times[0].text or "").strip():
        return _("زمان این زمان‌سنج نوشته نشده است.")
    if local(times[0]) == "timeCycle" and any(_is_event_gateway(flow) for flow in incoming(node)):
        return _("زمان‌سنج تکراری پس از این دروازه معنا ندارد؛ مدت یا تاریخ بنویسید.")
    return ""


def _condition(node: etree._Element) -> str:
    definition = node.find(bpmn("conditionalEventDefinition"))
    if definition is None:
        return ""
    if not (definition.findtext(bpmn("condition")) or "").strip():
        return _("شرط این رویداد نوشته نشده است.")
    if any(_is_event_gateway(flow) for flow in incoming(node)):
        return _("پس از این دروازه رویداد شرطی اجرا نمی‌شود؛ پیام یا زمان‌سنج بکشید.")
    return ""


def _is_event_gateway(flow: etree._Element) -> bool:
    scope = flow.getparent()
    sources = [other for other in scope if other.get("id") == flow.get("sourceRef")] if scope is not None else []
    return bool(sources) and local(sources[0]) == "eventBasedGateway"


def _directions(node: etree._Element) -> str:
    where, kind = local(node), event_kind(node)
    catches_link = where == "intermediateCatchEvent" and kind == "link"
    if (where in ("startEvent", "boundaryEvent") or catches_link) and incoming(node):
        return _("هیچ جریانی نباید به این رویداد برود.")
    if (where == "endEvent" or (where == "intermediateThrowEvent" and kind == "link")) and outgoing(node):
        return _("هیچ جریانی نباید از این رویداد بیرون برود.")
    return ""


def _event_subprocess(node: etree._Element) -> str:
    if not is_event_subprocess(node):
        return ""
    starts = node.findall(bpmn("startEvent"))
    if len(starts) != 1 or not definitions(starts[0]):
        return _("زیرفرایند رویدادی باید دقیقاً یک رویداد شروع داشته باشد که می‌گوید با چه شروع می‌شود.")
    if incoming(node) or outgoing(node):
        return _("زیرفرایند رویدادی با رویدادش شروع می‌شود. نباید جریانی به آن برود یا از آن بیرون بیاید.")
    if any(local(child).endswith("LoopCharacteristics") for child in node):
        return _("زیرفرایند رویدادی تکرار نمی‌شود؛ درون آن زیرفرایندی با تکرار بکشید.")
    return ""


RULES: dict[str, Callable[[etree._Element], str]] = {  # code → reason for refusing an event; "": it is accepted
    "event_definition": _one_definition,
    "event_place": _place,
    "never_interrupting": _always_interrupts,
    "boundary_host": _host,
    "cancel_end": _cancel_end,
    "error_code": _referred,
    "timer": _timer,
    "conditional_event": _condition,
    "event_flow": _directions,
    "event_subprocess": _event_subprocess,
}


def links(process: etree._Element) -> Iterator[Finding]:
    """An error for each link event without its counterpart in the same scope."""
    for scope in scopes(process):
        catching = link_events(scope, "intermediateCatchEvent")
        throwing = link_events(scope, "intermediateThrowEvent")
        names = [link_name(node) for node in catching]
        thrown = {link_name(node) for node in throwing}
        for node in (*catching, *throwing):
            name = link_name(node)
            if not name:
                yield error("bpmn.link", node.get("id", ""), _("این لینک نام ندارد."))
            elif node in throwing and name not in names:
                yield error(
                    "bpmn.link",
                    node.get("id", ""),
                    _("لینک «%(name)s» در این سطح مقصدی ندارد.", name=name),
                )
            elif node in catching and names.count(name) > 1:
                yield error(
                    "bpmn.link", node.get("id", ""), _("لینک «%(name)s» در این سطح بیش از یک مقصد دارد.", name=name)
                )
            elif node in catching and name not in thrown:
                yield error("bpmn.link", node.get("id", ""), _("هیچ لینکی به «%(name)s» نمی‌آید.", name=name))
