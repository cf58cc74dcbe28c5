"""Gives each process and subprocess one start, an end for every branch, and flows between existing elements."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import SUB_PROCESSES, bpmn, definitions, is_event_subprocess, local
from engine.bpmn.drawn_only import mark
from engine.deployment.importing import drawn_only
from engine.deployment.importing.draft import (
    Draft,
    add_field,
    becomes,
    children,
    field_name,
    incoming,
    is_drawn_only,
    outgoing,
    set_aside,
)
from models.language import gettext as _

START_LABEL, ENTRY = "این پرونده چگونه شروع شد؟", "شروع"


def mend(draft: Draft) -> None:
    """Mend the starts, ends and flows of every scope."""
    for scope in list(draft.scopes()):
        if is_drawn_only(scope):
            continue
        if local(scope) in SUB_PROCESSES and not children(scope):
            _empty(draft, scope)
            continue
        _dangling(draft, scope)
        _boundaries(draft, scope)
        _starts(draft, scope)
        drawn_only.unreachable(draft, scope)
        _ends(draft, scope)


def _empty(draft: Draft, scope: etree._Element) -> None:
    """A collapsed subprocess that nobody drew the inside of is one step."""
    was = local(scope)
    if is_event_subprocess(scope):
        mark(scope)
        draft.report(
            "import.empty_event_subprocess", "picture", scope, _("زیرفرایند رویدادی خالی است و فقط در تصویر می‌ماند.")
        )
        return
    becomes(scope, "userTask")
    if was == "adHocSubProcess":
        for condition in scope.findall(bpmn("completionCondition")):
            set_aside(scope, condition)
    text = _("درون زیرفرایند کشیده نشده است. فعلاً یک گام دستی است.")
    draft.report("import.empty_subprocess", "fill_in", scope, text)


def _dangling(draft: Draft, scope: etree._Element) -> None:
    here = children(scope)
    for flow in scope.findall(bpmn("sequenceFlow")):
        for end in ("sourceRef", "targetRef"):
            if flow.get(end) not in here:
                text = _(
                    "انتهای این جریان به عنصری نمی‌رسد («%(id)s»). آن را در نمودار وصل یا حذف کنید.",
                    id=flow.get(end) or "—",
                )
                draft.report("import.dangling_flow", "error", flow, text)


def _boundaries(draft: Draft, scope: etree._Element) -> None:
    here = children(scope)
    for node in here.values():
        if local(node) == "boundaryEvent" and node.get("attachedToRef") not in here:
            draft.report(
                "import.boundary_without_host",
                "error",
                node,
                _("این رویداد مرزی به هیچ فعالیتی وصل نیست. آن را روی مرز یک فعالیت بگذارید."),
            )


def _starts(draft: Draft, scope: etree._Element) -> None:
    starts = [node for node in children(scope).values() if local(node) == "startEvent"]
    if is_event_subprocess(scope):
        return
    if not starts:
        _implicit_start(draft, scope)
        return
    for start in starts:
        _by_hand(draft, start, scope)
    if len(starts) > 1:
        _one_start(draft, scope, starts)


def _implicit_start(draft: Draft, scope: etree._Element) -> None:
    """Add a start event that leads to every element without an incoming flow, as the standard defines."""
    roots = [
        node
        for node in children(scope).values()
        if local(node) != "boundaryEvent"
        and not incoming(node)
        and node.get("isForCompensation") != "true"
        and not is_event_subprocess(node)
        and not _catches_link(node)
    ]
    if not roots:
        draft.report(
            "import.no_start",
            "error",
            scope,
            _("هیچ شروعی ندارد: هر عنصری جریانی رو به خود دارد. یک رویداد شروع بکشید."),
        )
        return
    start = draft.add(scope, "startEvent", f"start_of_{scope.get('id')}")
    first: etree._Element = start
    if len(roots) > 1:
        first = draft.add(scope, "parallelGateway", f"all_of_{scope.get('id')}")
        draft.connect(start, first)
    for root in roots:
        draft.connect(first, root)
    draft.report(
        "import.start_added",
        "changed",
        scope,
        _("رویداد شروع نداشت. یکی پیش از آنچه هیچ جریانی به آن نمی‌رسد گذاشته شد."),
    )


def _catches_link(node: etree._Element) -> bool:
    return local(node) == "intermediateCatchEvent" and node.find(bpmn("linkEventDefinition")) is not None


def _by_hand(draft: Draft, start: etree._Element, scope: etree._Element) -> None:
    """A case is started by a person until something else is set up to start it."""
    waits = definitions(start)
    for definition in waits:
        set_aside(start, definition)
    if waits and local(scope) == "process":
        draft.report(
            "import.start_by_hand",
            "fill_in",
            start,
            _("شروع با پیام، زمان یا رویداد دیگر است. تا آماده شدن آن، پرونده را یک نفر شروع می‌کند."),
        )
    elif waits:
        draft.report(
            "import.start_definition",
            "changed",
            start,
            _("زیرفرایند با رسیدن نوبتش شروع می‌شود. تعریف رویداد شروع آن کنار گذاشته شد."),
        )


def _one_start(draft: Draft, scope: etree._Element, starts: list[etree._Element]) -> None:
    """Merge several starts into one; the starter chooses between them in a form."""
    start = draft.add(scope, "startEvent", f"start_of_{scope.get('id')}")
    ask = draft.add(scope, "userTask", f"how_{scope.get('id')}_begins", name=START_LABEL)
    choice = draft.add(scope, "exclusiveGateway", f"beginnings_of_{scope.get('id')}")
    draft.connect(start, ask)
    draft.connect(ask, choice)
    field = field_name(f"start_of_{scope.get('id')}")
    for node in starts:
        becomes(node, "intermediateThrowEvent")
        flow = draft.connect(choice, node)
        if node is starts[-1]:
            choice.set("default", flow.get("id", ""))
        else:
            condition = etree.SubElement(flow, bpmn("conditionExpression"))
            condition.text = f'{field} == "{node.get("id")}"'
        draft.report(
            "import.several_starts",
            "changed",
            node,
            _("چند رویداد شروع کشیده شده است. کسی که پرونده را شروع می‌کند، یکی را انتخاب می‌کند."),
        )
    options = [(node.get("id", ""), node.get("name") or f"{ENTRY} {number}") for number, node in enumerate(starts, 1)]
    add_field(ask, field, START_LABEL, "enum", values=options, required="true")


def _ends(draft: Draft, scope: etree._Element) -> None:
    """A branch that just stops ends there: the engine wants to see where."""
    last = [
        node
        for node in children(scope).values()
        if not outgoing(node)
        and local(node) != "endEvent"
        and node.get("isForCompensation") != "true"
        and not is_event_subprocess(node)
        and node.find(bpmn("compensateEventDefinition")) is None
        and not (local(node) == "intermediateThrowEvent" and node.find(bpmn("linkEventDefinition")) is not None)
    ]
    if not last or local(scope) == "adHocSubProcess":
        return
    end = draft.add(scope, "endEvent", f"end_of_{scope.get('id')}")
    for node in last:
        draft.connect(node, end)
        draft.report(
            "import.end_added", "changed", node, _("جریانی از آن بیرون نمی‌رفت؛ به رویداد پایانی که افزوده شد رسید.")
        )
