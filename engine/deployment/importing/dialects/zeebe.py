"""Camunda 8: everything stands in extension elements of Zeebe's namespace, expressions are FEEL."""

from __future__ import annotations

import json
from typing import Any

from lxml import etree

from engine.bpmn.diagram import bpmn, definitions, local
from engine.deployment.importing.dialects import meaning
from engine.deployment.importing.draft import Draft, property_of, set_property
from engine.deployment.importing.foreign_expressions import is_foreign, translate
from models.language import gettext as _

ZEEBE = "http://camunda.org/schema/zeebe/1.0"
EMBEDDED = "camunda-forms:bpmn:"
MAX_FIELDS = 200


def read(draft: Draft) -> None:
    """Read Zeebe's extension elements in a draft."""
    if ZEEBE not in draft.namespaces:
        return
    forms = {form.get("id", ""): form.text or "" for form in draft.root.iter(f"{{{ZEEBE}}}userTaskForm")}
    for node in list(draft.nodes()):
        _people(draft, node)
        _form(draft, node, forms)
        _work(draft, node)
        several = node.find(
            f"{bpmn('multiInstanceLoopCharacteristics')}/{bpmn('extensionElements')}/{_z('loopCharacteristics')}"
        )
        if several is not None:
            meaning.each_of(node, several.get("inputCollection", ""), several.get("inputElement", ""))
    _subscriptions(draft)


def _z(name: str) -> str:
    return f"{{{ZEEBE}}}{name}"


def _extension(node: etree._Element, name: str) -> dict[str, str]:
    extension = node.find(f"{bpmn('extensionElements')}/{_z(name)}")
    return {str(key): str(value) for key, value in extension.attrib.items()} if extension is not None else {}


def _people(draft: Draft, node: etree._Element) -> None:
    assigned = _extension(node, "assignmentDefinition")
    names = ("candidateGroups", "candidateUsers", "assignee")
    candidates = ",".join(filter(None, (assigned.get(name, "") for name in names)))
    if candidates:
        meaning.assign(draft, node, candidates)
    schedule = _extension(node, "taskSchedule")
    if text := schedule.get("dueDate"):
        meaning.due(draft, node, text)
    if text := schedule.get("followUpDate"):
        meaning.follow_up(draft, node, text)
    if text := _extension(node, "priorityDefinition").get("priority"):
        meaning.priority(draft, node, text)


def _form(draft: Draft, node: etree._Element, forms: dict[str, str]) -> None:
    definition = _extension(node, "formDefinition")
    key = definition.get("formKey") or definition.get("formId") or definition.get("externalReference") or ""
    if not key:
        return
    fields = _components(forms.get(key.removeprefix(EMBEDDED), ""))
    for component in fields[:MAX_FIELDS]:
        _field(draft, node, component)
    if not fields:
        meaning.foreign_form(draft, node, key)


def _components(text: str) -> list[dict[str, Any]]:
    """The fields of a form that the diagram holds as JSON."""
    try:
        form = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return []
    components = form.get("components") if isinstance(form, dict) else None
    return [
        component
        for component in components or []
        if isinstance(component, dict) and isinstance(component.get("key"), str)
    ]


def _field(draft: Draft, node: etree._Element, component: dict[str, Any]) -> None:
    rules = component.get("validate")
    values = [
        (str(value.get("value", "")), str(value.get("label") or value.get("value", "")))
        for value in component.get("values") or []
        if isinstance(value, dict)
    ]
    meaning.field(
        draft,
        node,
        component["key"],
        label=str(component.get("label") or ""),
        kind=str(component.get("type") or "string"),
        values=values,
        required=isinstance(rules, dict) and rules.get("required") is True,
    )


def _work(draft: Draft, node: etree._Element) -> None:
    inputs = node.iterfind(f"{bpmn('extensionElements')}/{_z('ioMapping')}/{_z('input')}")
    parameters = {item.get("target", ""): item.get("source", "") for item in inputs if item.get("source")}
    if kind := _extension(node, "taskDefinition").get("type"):
        name = kind.lstrip("=").strip("\" '")
        meaning.operation(
            draft, node, name, result=_extension(node, "script").get("resultVariable", ""), parameters=parameters
        )
    called = _extension(node, "calledDecision")
    if identifier := called.get("decisionId"):
        meaning.decision(node, identifier, called.get("resultVariable", ""))
    process = _extension(node, "calledElement").get("processId", "")
    if local(node) == "callActivity" and process and not is_foreign(process) and not node.get("calledElement"):
        node.set("calledElement", process)


def _subscriptions(draft: Draft) -> None:
    """The key of a message becomes that of each event that waits for it."""
    keys = {
        message.get("id", ""): _extension(message, "subscription").get("correlationKey", "")
        for message in draft.root.iter(bpmn("message"))
    }
    for node in draft.nodes():
        for place in (node, *definitions(node)):
            key = keys.get(place.get("messageRef", ""), "")
            if not key or property_of(node, "correlation_key"):
                continue
            ours = translate(key)
            if ours is None:
                draft.report(
                    "import.message_key_unreadable",
                    "fill_in",
                    node,
                    _("کلید همبستگی پیام («%(text)s») قابل خواندن نیست. ویژگی correlation_key را بنویسید.", text=key),
                )
                continue
            set_property(node, "correlation_key", ours)
