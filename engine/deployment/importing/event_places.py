"""Mends events that have no meaning at their place, or no definition of what they throw or await."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import ACTIVITIES, EVENTS, bpmn, definitions, event_kind, local
from engine.deployment.checking.event_constructs import COMPENSATION, RUNS_AT, WITH_CONTENT, position
from engine.deployment.importing.draft import Draft, becomes, children, property_of, set_aside
from models.language import gettext as _

CODES = {"error": "errorCode", "escalation": "escalationCode"}


def mend(draft: Draft, node: etree._Element) -> None:
    """Mend one event."""
    if local(node) not in EVENTS:
        return
    _without_meaning(draft, node)
    _never_thrown(draft, node)
    _cancels(draft, node)
    _throws(draft, node)
    _codes(draft, node)
    _without_cause(draft, node)
    flag = "cancelActivity" if local(node) == "boundaryEvent" else "isInterrupting"
    if event_kind(node) in ("error", "cancel") and node.get(flag) == "false":
        node.set(flag, "true")
        draft.report(
            "import.interrupting", "changed", node, _("خطا و لغو همیشه فعالیت را قطع می‌کنند. رویداد قطع‌کننده شد.")
        )


def _put_aside(draft: Draft, node: etree._Element, code: str, text: str) -> None:
    for definition in definitions(node):
        set_aside(node, definition)
    draft.report(code, "fill_in", node, text)


def _without_meaning(draft: Draft, node: etree._Element) -> None:
    kind = event_kind(node)
    if kind and kind != COMPENSATION and kind not in RUNS_AT[position(node)]:
        _put_aside(
            draft,
            node,
            "import.event_without_meaning",
            _("رویدادی از این نوع در این جایگاه معنا ندارد. تعریف آن کنار گذاشته شد."),
        )


def _never_thrown(draft: Draft, node: etree._Element) -> None:
    """An error event at a manual step: the person who does the step triggers it."""
    scope = node.getparent()
    host = children(scope).get(node.get("attachedToRef", "")) if scope is not None else None
    if host is None or local(node) != "boundaryEvent" or local(host) not in ACTIVITIES:
        return
    if event_kind(node) in CODES and local(host) not in WITH_CONTENT:
        _put_aside(
            draft,
            node,
            "import.never_thrown",
            _("این فعالیت خودش خطا یا ارجاع به مافوق پرتاب نمی‌کند. یک نفر رخ دادن آن را ثبت می‌کند."),
        )


def _cancels(draft: Draft, node: etree._Element) -> None:
    if event_kind(node) != "cancel":
        return
    scope = node.getparent()
    beside = children(scope) if scope is not None else {}
    if local(node) == "boundaryEvent":
        host = beside.get(node.get("attachedToRef", ""))
        if host is None or local(host) != "transaction":
            _put_aside(
                draft,
                node,
                "import.cancel_without_transaction",
                _("رویداد مرزی لغو فقط روی تراکنش می‌آید. یک نفر رخ دادن آن را ثبت می‌کند."),
            )
        return
    around = next((up for up in node.iterancestors() if local(up) == "transaction"), None)
    outside = around.getparent() if around is not None else None
    caught = (
        outside is not None
        and around is not None
        and any(
            other.get("attachedToRef") == around.get("id") and event_kind(other) == "cancel"
            for other in children(outside).values()
        )
    )
    if not caught:
        _put_aside(
            draft,
            node,
            "import.cancel_uncaught",
            _("هیچ تراکنشی این لغو را دریافت نمی‌کند و پایان ساده شد. رویداد مرزی لغو بکشید."),
        )


def _throws(draft: Draft, node: etree._Element) -> None:
    """A message that nobody is named for is not sent until its key is written."""
    throws = local(node) in ("endEvent", "intermediateThrowEvent")
    if throws and event_kind(node) == "message" and not property_of(node, "correlation_key"):
        text = _("گیرندهٔ پیام مشخص نیست و پیامی ارسال نمی‌شود. پیام و ویژگی correlation_key را بنویسید.")
        _put_aside(draft, node, "import.message_without_receiver", text)


def _codes(draft: Draft, node: etree._Element) -> None:
    """Give a thrown error or escalation a code; without one its name becomes the code."""
    kind = event_kind(node)
    if kind not in CODES or local(node) not in ("endEvent", "intermediateThrowEvent"):
        return
    definition = definitions(node)[0]
    declared = draft.by_id(kind).get(definition.get(f"{kind}Ref") or "")
    if declared is None:
        declared = etree.Element(bpmn(kind), {"id": draft.new_id(f"{kind}_{node.get('id')}")})
        declared.set("name", node.get("name") or node.get("id") or "")
        draft.root.insert(0, declared)
        definition.set(f"{kind}Ref", declared.get("id", ""))
    if not declared.get(CODES[kind]):
        declared.set(CODES[kind], declared.get("name") or declared.get("id") or "")
        text = _("کد خطا یا ارجاع به مافوق نوشته نشده است. «%(code)s» کد آن شد.", code=declared.get(CODES[kind]))
        draft.report("import.code_added", "changed", node, text)


def _without_cause(draft: Draft, node: etree._Element) -> None:
    """Give an event without a definition a message, or let the case pass it at once."""
    begins = local(node) == "startEvent" and position(node) == "event start"
    if definitions(node) or not (begins or local(node) in ("boundaryEvent", "intermediateCatchEvent")):
        return
    if local(node) == "intermediateCatchEvent":
        becomes(node, "intermediateThrowEvent")
        draft.report(
            "import.passes_at_once",
            "fill_in",
            node,
            _("نمی‌گوید منتظر چیست و پرونده بدون توقف از آن می‌گذرد. پیام یا زمان آن را بنویسید."),
        )
        return
    name = node.get("name") or node.get("id") or ""
    message = etree.Element(bpmn("message"), {"id": draft.new_id(f"message_{node.get('id')}"), "name": name[:200]})
    draft.root.insert(0, message)
    etree.SubElement(node, bpmn("messageEventDefinition")).set("messageRef", message.get("id", ""))
    draft.report(
        "import.message_added",
        "fill_in",
        node,
        _("نمی‌گوید منتظر چیست؛ پیام «%(name)s» ساخته شد. پیام یا زمان درست را بنویسید.", name=name),
    )
