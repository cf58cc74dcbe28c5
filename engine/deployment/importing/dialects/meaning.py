"""Sets role, due date, priority, operation and form fields of a step from any dialect's values."""

from __future__ import annotations

import re

from lxml import etree

from engine.bpmn.diagram import SPIFF, bpmn, local
from engine.deployment.importing.draft import Draft, add_field, field_name, fields_of, ours, property_of, set_property
from engine.deployment.importing.foreign_expressions import is_foreign, translate
from engine.deployment.importing.roles import role_named
from models.language import gettext as _

KINDS = {
    "string": "string",
    "text": "text",
    "long": "long",
    "int": "long",
    "integer": "long",
    "number": "long",
    "double": "string",
    "boolean": "boolean",
    "checkbox": "boolean",
    "date": "date",
    "datetime": "date",
    "enum": "enum",
    "select": "enum",
    "radio": "enum",
    "textfield": "string",
    "textarea": "text",
}


def assign(draft: Draft, node: etree._Element, candidates: str) -> None:
    """Give the step the first of the named groups or people that is a role of ours."""
    names = [name for name in re.split(r"[,\[\]\s\"'=]+", candidates) if name]
    role_key = next((role for name in names if (role := role_named(draft, name))), "")
    if role_key:
        set_property(node, "role", role_key)
        draft.report(
            "import.role_of_candidates",
            "changed",
            node,
            _("«%(name)s» نقش «%(role)s» فهمیده شد.", name=candidates, role=role_key),
        )
    elif not property_of(node, "role"):
        draft.report(
            "import.unknown_candidates",
            "fill_in",
            node,
            _("«%(name)s» نقشی در این سامانه نیست. خط (lane) یا ویژگی role را اصلاح کنید.", name=candidates),
        )


def due(draft: Draft, node: etree._Element, text: str) -> None:
    """Set the due date or duration of a step."""
    value = translate(text) if is_foreign(text) else f'"{text.strip()}"' if '"' not in text else None
    if value is None:
        draft.report(
            "import.due_unreadable",
            "fill_in",
            node,
            _("مهلت «%(text)s» قابل خواندن نیست. ویژگی due را بنویسید.", text=text),
        )
        return
    set_property(node, "due", value)


def priority(draft: Draft, node: etree._Element, text: str) -> None:
    """Set the priority of a step."""
    value = translate(text)
    if value is None:
        draft.report(
            "import.priority_unreadable",
            "fill_in",
            node,
            _("اولویت «%(text)s» قابل خواندن نیست. ویژگی priority را بنویسید.", text=text),
        )
        return
    set_property(node, "priority", value)


def follow_up(draft: Draft, node: etree._Element, text: str) -> None:
    """Report a follow-up date, which this engine does not have."""
    draft.report(
        "import.follow_up",
        "picture",
        node,
        _("تاریخ پیگیری («%(text)s») در این سامانه نیست؛ متنش نگه داشته شد.", text=text),
    )


def foreign_form(draft: Draft, node: etree._Element, key: str) -> None:
    """Report a form that is in another file."""
    draft.report(
        "import.foreign_form",
        "fill_in",
        node,
        _("فرم «%(key)s» همراه نمودار نیست؛ فیلدهایش را اینجا بنویسید.", key=key),
    )


def field(
    draft: Draft,
    node: etree._Element,
    identifier: str,
    *,
    label: str,
    kind: str,
    values: list[tuple[str, str]] | None = None,
    required: bool = False,
    default: str = "",
) -> None:
    """A form field under a name that data can have here."""
    name = field_name(identifier)
    if any(declared.get("id") == name for declared in fields_of(node)):
        return
    ours_kind = KINDS.get(kind.lower(), "string")
    if ours_kind == "enum" and not values:
        ours_kind = "string"
        draft.report(
            "import.field_without_options",
            "fill_in",
            node,
            _("فیلد «%(name)s» گزینه ندارد؛ متن ساده شد. گزینه‌هایش را بنویسید.", name=name),
        )
    if name != identifier:
        draft.report(
            "import.field_renamed", "changed", node, _("فیلد «%(old)s» نام «%(new)s» گرفت.", old=identifier, new=name)
        )
    more = {"required": "true" if required else "false"}
    if default and not is_foreign(default):
        more["default"] = default
    add_field(node, name, label or identifier, ours_kind, values=values if ours_kind == "enum" else None, **more)


def operation(
    draft: Draft, node: etree._Element, name: str, *, result: str = "", parameters: dict[str, str] | None = None
) -> None:
    """A service task's operation, with parameters whose values could be translated."""
    if (
        local(node) != "serviceTask"
        or node.find(f"{bpmn('extensionElements')}/{{{SPIFF}}}serviceTaskOperator") is not None
    ):
        return
    operator = ours(node, "serviceTaskOperator")
    operator.set("id", name)
    operator.set("resultVariable", result or field_name(f"result_{node.get('id')}"))
    holder = etree.SubElement(operator, f"{{{SPIFF}}}parameters")
    for parameter, source in (parameters or {}).items():
        value = translate(source) if is_foreign(source) else f'"{source}"' if '"' not in source else None
        if value is None:
            text = _("پارامتر «%(name)s» («%(text)s») قابل خواندن نیست. آن را بنویسید.", name=parameter, text=source)
            draft.report("import.parameter_unreadable", "fill_in", node, text)
            continue
        element = etree.SubElement(holder, f"{{{SPIFF}}}parameter")
        element.set("id", parameter)
        element.set("type", "any")
        element.set("value", value)


def decision(node: etree._Element, identifier: str, result: str) -> None:
    """A business rule task's table and where its answer goes."""
    if local(node) != "businessRuleTask" or is_foreign(identifier):
        return
    ours(node, "calledDecisionId").text = identifier
    if result:
        set_property(node, "result", result)


def each_of(node: etree._Element, collection: str, element: str) -> None:
    """The list that a repeated step goes through."""
    several = node.find(bpmn("multiInstanceLoopCharacteristics"))
    name = translate(collection) if is_foreign(collection) else collection
    if several is None or name is None or several.find(bpmn("loopDataInputRef")) is not None:
        return
    etree.SubElement(several, bpmn("loopDataInputRef")).text = name
    if element:
        item = etree.SubElement(several, bpmn("inputDataItem"))
        item.set("id", element)
        item.set("name", element)
