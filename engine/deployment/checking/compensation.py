"""Refuses compensation that would not run as it is drawn."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from engine.bpmn.diagram import ACTIVITIES, bpmn, definitions, event_kind, is_event_subprocess, local, scopes
from engine.bpmn.lowering.compensation import Compensation, between, compensations, scope_of, throwing, thrown_for
from engine.bpmn.lowering.tree import incoming, outgoing
from engine.findings import Finding, error
from models.language import gettext as _

_LOOPS = ("multiInstanceLoopCharacteristics", "standardLoopCharacteristics")


def refused(process: etree._Element) -> Iterator[Finding]:
    """An error for each part of compensation in a process that cannot be run as drawn."""
    compensated = list(compensations(process))
    for compensation in compensated:
        if reason := _of_activity(compensation, compensated) or _of_way(compensation):
            yield error("bpmn.compensation", compensation.edge.get("id", ""), reason)
    connected = {compensation.edge for compensation in compensated} | {
        compensation.handler for compensation in compensated
    }
    for scope in scopes(process):
        for node in scope:
            if reason := _alone(node, connected) or _handler(node):
                yield error("bpmn.compensation_handler", node.get("id", ""), reason)
        for event in throwing(scope):
            if reason := _event(event, scope, compensated):
                yield error("bpmn.compensation_throw", event.get("id", ""), reason)


def _repeated(node: etree._Element) -> bool:
    return any(node.find(bpmn(tag)) is not None for tag in _LOOPS)


def _of_activity(compensation: Compensation, compensated: list[Compensation]) -> str:
    if _repeated(compensation.activity):
        return _("فعالیتی که تکرار می‌شود جبران نمی‌شود. آن را در یک زیرفرایند بگذارید.")
    if sum(other.activity is compensation.activity for other in compensated) > 1:
        return _("یک فعالیت نباید بیش از یک رویداد جبران داشته باشد.")
    if sum(other.handler is compensation.handler for other in compensated) > 1:
        return _("هر فعالیت جبران‌کننده باید فقط به یک رویداد جبران وصل باشد.")
    if outgoing(compensation.edge):
        return _("از رویداد جبران نباید جریانی بیرون برود. آن را با خط ارتباط به فعالیت جبران‌کننده وصل کنید.")
    return ""


def _of_way(compensation: Compensation) -> str:
    """The reason why compensation cannot pass from the activity to the scope that throws it; "" if it can."""
    if compensation.home is None:
        return _("هیچ رویدادی این جبران را پرتاب نمی‌کند.")
    inside = [scope_of(compensation.activity), *between(compensation.activity, compensation.home)]
    if any(local(scope) in ("transaction", "adHocSubProcess") for scope in (*inside, compensation.home)):
        return _("جبران در تراکنش و در زیرفرایند موردی اجرا نمی‌شود.")
    for scope in between(compensation.activity, compensation.home):
        if _repeated(scope) or is_event_subprocess(scope) or any(map(is_event_subprocess, scope)):
            return _("جبران از درون «%(id)s» به بیرون نمی‌رسد.", id=scope.get("id", ""))
    return ""


def _alone(node: etree._Element, connected: set[etree._Element]) -> str:
    if node in connected:
        return ""
    if local(node) == "boundaryEvent" and event_kind(node) == "compensate":
        return _("رویداد جبران با خط ارتباط به فعالیت جبران‌کننده‌ای وصل نشده است.")
    if local(node) in ("startEvent", "intermediateCatchEvent") and event_kind(node) == "compensate":
        return _("جبران فقط روی مرز یک فعالیت دریافت می‌شود.")
    if node.get("isForCompensation") == "true":
        return _("این فعالیت جبران‌کننده به رویداد جبرانی وصل نشده است.")
    return ""


def _handler(node: etree._Element) -> str:
    if local(node) not in ACTIVITIES or node.get("isForCompensation") != "true":
        return ""
    edges = [
        edge for edge in scope_of(node).findall(bpmn("boundaryEvent")) if edge.get("attachedToRef") == node.get("id")
    ]
    if incoming(node) or outgoing(node) or edges:
        return _("فعالیت جبران‌کننده نباید جریان یا رویداد مرزی داشته باشد.")
    return ""


def _event(event: etree._Element, scope: etree._Element, compensated: list[Compensation]) -> str:
    if definitions(event)[0].get("waitForCompletion") == "false":
        return _("رویداد جبران همیشه تا پایان جبران می‌ماند. ویژگی waitForCompletion را حذف کنید.")
    if is_event_subprocess(scope):
        return _("پرتاب جبران در زیرفرایند رویدادی اجرا نمی‌شود.")
    activity = thrown_for(event)
    reached = [
        compensation
        for compensation in compensated
        if compensation.home is scope and activity in ("", *_path(compensation, scope))
    ]
    if not reached:
        return _("این رویداد چیزی را جبران نمی‌کند: فعالیتی با رویداد جبران در اینجا نیست.")
    hidden = [
        compensation
        for compensation in compensated
        if compensation.home is not scope and scope in compensation.activity.iterancestors()
    ]
    if any(
        activity in ("", *_path(compensation, scope)) and not _replaced(compensation, compensated)
        for compensation in hidden
    ):
        return _("زیرفرایندی که خودش جبران را پرتاب می‌کند از بیرون جبران نمی‌شود؛ به آن رویداد جبران بدهید.")
    return ""


def _path(compensation: Compensation, scope: etree._Element) -> list[str]:
    return [node.get("id", "") for node in (compensation.activity, *between(compensation.activity, scope))]


def _replaced(compensation: Compensation, compensated: list[Compensation]) -> bool:
    """Whether a subprocess round the activity has a handler of its own."""
    with_handler = {other.activity for other in compensated}
    return any(around in with_handler for around in compensation.activity.iterancestors())
