"""Checks the properties ``locks`` and ``lock_reason``, by which an activity locks tasks while it is open."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.diagram import PEOPLE_TASKS, Diagram, Element
from engine.findings import Finding, error
from models.language import gettext as _

HOLDERS = PEOPLE_TASKS | {"subProcess", "transaction", "callActivity"}


def check(diagram: Diagram) -> Iterator[Finding]:
    """An error for each lock on a task that could not work."""
    for element in diagram.elements.values():
        if "lock_reason" in element.properties and not element.locks:
            text = _("دلیل قفل (lock_reason) نوشته شده است، ولی کاری قفل نمی‌شود (locks).")
            yield error("lock.reason_without_lock", element.id, text)
        if element.locks and element.tag not in HOLDERS:
            text = _("فقط کار کاربر، زیرفرایند و فراخوانی فرایند می‌توانند کار دیگری را قفل کنند (locks).")
            yield error("lock.holder", element.id, text)
        for target in element.locks:
            if (message := _problem(diagram, element, target)) is not None:
                yield error("lock.target", element.id, message)


def _problem(diagram: Diagram, element: Element, target: str) -> str | None:
    locked = diagram.elements.get(target)
    if locked is None or not locked.is_people_task:
        return _("کاری که قفل می‌شود («%(task)s») کار کاربری از همین فرایند نیست.", task=target)
    if target == element.id or element.id in _around(diagram, locked):
        return _("«%(task)s» را خودش یا زیرفرایندی که در آن است قفل می‌کند و هرگز باز نمی‌شود.", task=target)
    return None


def _around(diagram: Diagram, element: Element) -> Iterator[str]:
    """The ids of the subprocesses that an element stands in."""
    while element.of in diagram.elements:
        element = diagram.elements[element.of]
        yield element.id
