"""What a diagram relies on in the code: forms, operations, roles, decision tables, functions of expressions.

Checked twice: before a diagram is deployed, and when another version of the code meets cases that are running.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.actor import SYSTEM
from engine.bpmn.diagram import SUBMISSION, Diagram, Element, Located
from engine.contributions.operations import Operations
from engine.contributions.questions import Questions
from engine.deployment.checking import events
from engine.expressions.language import ExpressionError, parse
from models.language import lazy

CASE = "case"  # the one name that every case's data starts with


@dataclass(frozen=True, kw_only=True)
class Seam:
    """What the diagrams may rely on: operations, roles, forms with their fields; and what tables are asked."""

    operations: Operations
    roles: frozenset[str]  # those in use, and those that operations bind within a case
    inactive_roles: frozenset[str] = frozenset()  # known, but out of use
    form_fields: Callable[[str, str], frozenset[str] | None]  # (process, task) → field names; None: no form
    functions: frozenset[str]  # functions that expressions may call
    questions: Questions = field(default_factory=Questions)  # what the code asks decision tables


@dataclass(frozen=True)
class Lack:
    """Something that an element relies on and the code does not have.

    ``kind``: form, field, name, role, operation, parameter, decision, function or expression; ``missing`` is its
    name. ``severity``: error, or warning where something else may give it.
    """

    element: str  # id of the element, or of the sequence flow with the condition
    kind: str
    missing: str
    message: Any  # a lazy text
    severity: str = "error"


def of_element(element: Element, diagram: Diagram, seam: Seam, *, decisions: Collection[str]) -> Iterator[Lack]:
    """What one element lacks. ``decisions``: the keys of the decision tables that are there."""
    people = element.is_people_task or element.waits_for_person
    if people or (element.tag == "startEvent" and not element.of):
        yield from _of_roles(element, seam, needed=people)
    if people and seam.form_fields(diagram.key, element.id) is None and not element.fields:
        text = lazy("این کار فرم ندارد: نه در پوشهٔ forms و نه در خود نمودار.")
        yield Lack(element.id, "form", f"{diagram.key}.{element.id}", text)
    if element.tag == "serviceTask":
        yield from _of_operation(element, seam)
    if element.tag == "businessRuleTask" and element.decision not in decisions:
        text = lazy("جدول تصمیم «%(key)s» پیدا نشد.", key=element.decision or "—")
        yield Lack(element.id, "decision", element.decision, text)


def _of_roles(element: Element, seam: Seam, *, needed: bool) -> Iterator[Lack]:
    """The roles of what people do, and of who starts a case: each has to be one in use. ``needed``: there is one.

    A process that only other cases start begins in a lane ``system``, which is nobody's.
    """
    for role in element.roles or (("",) if needed else ()):
        if role in seam.roles or (role == SYSTEM.username and not needed):
            continue
        if role in seam.inactive_roles:
            text = lazy("نقش «%(role)s» غیرفعال است؛ آن را فعال کنید یا نقش دیگری بگذارید.", role=role)
        else:
            text = lazy("نقش «%(role)s» نامعتبر است. خط (lane) یا ویژگی role را اصلاح کنید.", role=role or "—")
        yield Lack(element.id, "role", role, text)


def _of_operation(element: Element, seam: Seam) -> Iterator[Lack]:
    operation = seam.operations.get(element.operation)
    if operation is None:
        text = lazy("عملیات «%(name)s» تعریف نشده است.", name=element.operation or "—")
        yield Lack(element.id, "operation", element.operation, text)
        return
    given = {parameter.name for parameter in element.parameters}
    for name in sorted(given - operation.parameters):
        text = lazy("عملیات «%(operation)s» پارامتر «%(name)s» ندارد.", operation=operation.name, name=name)
        yield Lack(element.id, "parameter", f"{operation.name}({name})", text)
    for name in sorted(operation.required - given):
        text = lazy(
            "پارامتر «%(name)s» برای عملیات «%(operation)s» داده نشده است.", operation=operation.name, name=name
        )
        yield Lack(element.id, "parameter", f"{operation.name}({name})", text)


def of_expression(located: Located, seam: Seam) -> Iterator[Lack]:
    """What an expression lacks: a function, or a language that still takes it."""
    try:
        expression = parse(located.source)
    except ExpressionError as error:
        text = lazy("عبارت «%(source)s»: %(reason)s", source=located.source, reason=error)
        yield Lack(located.element_id, "expression", located.source, text)
        return
    for name in sorted(expression.functions - seam.functions):
        yield Lack(located.element_id, "function", name, lazy("تابع «%(name)s» نامعتبر است.", name=name))


def of_submissions(diagram: Diagram, related: Iterable[Diagram], seam: Seam) -> Iterator[Lack]:
    """The fields that expressions take out of the submission (``submission["x"]``) and that no form has.

    ``related``: the diagrams that it calls or is called by. Where a message is waited for, code may give more values
    than a form has: then it is a warning.
    """
    family = [diagram, *related]
    fields = frozenset().union(*(fields_of(one, seam) for one in family))
    messages = any(element.event == "message" for one in family for element in one.elements.values())
    for located in diagram.expressions:
        try:
            taken = parse(located.source).items
        except ExpressionError:
            continue
        for name in sorted(key for holder, key in taken if holder == SUBMISSION and key not in fields):
            text = lazy("فیلد «%(name)s» در هیچ فرمی از این فرایند نیست.", name=name)
            yield Lack(located.element_id, "field", name, text, "warning" if messages else "error")


def unset_names(diagram: Diagram, bundle: Mapping[str, Diagram], seam: Seam) -> Iterator[Lack]:
    """Names that an expression reads and no step sets: a warning, since a caller or a start may give them.

    ``bundle``: the diagrams that may call it, be called by it or send it messages, by process key.
    """
    known = {CASE, SUBMISSION} | names_set(diagram, seam) | events.names_received(diagram, bundle)
    for called in diagram.calls & bundle.keys():
        known |= names_set(bundle[called], seam)
    for caller in bundle.values():
        if diagram.key in caller.calls:
            known |= names_set(caller, seam)
    for located in diagram.expressions:
        try:
            names = parse(located.source).names - known
        except ExpressionError:
            continue
        for name in sorted(names):
            text = lazy("نام «%(name)s» در هیچ گامی مقدار نمی‌گیرد.", name=name)
            yield Lack(located.element_id, "name", name, text, "warning")


def names_set(diagram: Diagram, seam: Seam) -> set[str]:
    """The names of case data that the steps of a diagram set, or that whoever starts it has to give."""
    names: set[str] = set()
    for element in diagram.elements.values():
        names |= set(element.properties.get("data", "").split())
        names |= {element.result} if element.result else set()
    return names | fields_of(diagram, seam)


def fields_of(diagram: Diagram, seam: Seam) -> frozenset[str]:
    """The names of all fields that forms of a diagram have, its start event's included."""
    return frozenset().union(*(_fields(element, diagram, seam) for element in diagram.elements.values()))


def _fields(element: Element, diagram: Diagram, seam: Seam) -> frozenset[str]:
    """The names of the fields of an element's form: the Python one, else the one that the diagram declares."""
    return seam.form_fields(diagram.key, element.id) or frozenset(field["id"] for field in element.fields)
