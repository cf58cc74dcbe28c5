"""Makes steps without an operation of ours user tasks, with a form to confirm them."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import PEOPLE_TASKS, SPIFF, SUB_PROCESSES, bpmn, local
from engine.deployment.importing.draft import (
    ORIGINAL,
    Draft,
    add_field,
    becomes,
    children,
    field_name,
    fields_of,
    incoming,
    set_aside,
)
from models.language import gettext as _

NOTE = "یادداشت"
BY_HAND = frozenset({"serviceTask", "scriptTask", "sendTask", "businessRuleTask", "callActivity"})
SCRIPTS = ("preScript", "postScript")
PAYLOADS = ("messagePayload", "processVariableCorrelation")


def mend(draft: Draft) -> None:
    """Mend the extensions, quantities and bindings of every step."""
    nodes = list(draft.nodes())
    for node in nodes:
        _extensions(draft, node)
        _quantities(draft, node)
        if local(node) == "receiveTask":
            node.attrib.pop("instantiate", None)
            _receive(draft, node)
        if local(node) in BY_HAND and not _is_bound(draft, node):
            _by_hand(draft, node)


def forms(draft: Draft) -> None:
    """A step of a person without any field gets one to write into: a form cannot be empty."""
    for node in draft.nodes():
        if local(node) in PEOPLE_TASKS and not fields_of(node):
            add_field(node, f"note_{field_name(node.get('id', ''))}", NOTE, "text")
            if node.find(f"{bpmn('extensionElements')}/{ORIGINAL}") is None:
                draft.report(
                    "import.form_without_fields",
                    "fill_in",
                    node,
                    _("این کار فرم ندارد و فعلاً فقط یک یادداشت می‌گیرد. فیلدهای آن را بنویسید."),
                )


def _extensions(draft: Draft, node: etree._Element) -> None:
    """Set aside extensions of spiff-arena that this engine does not run."""
    for extension in [
        extension for extension in node.iter(f"{{{SPIFF}}}*") if local(extension) in (*SCRIPTS, *PAYLOADS)
    ]:
        holder = extension.getparent()
        owner = holder.getparent() if holder is not None else None
        if owner is not node and local(node) in SUB_PROCESSES:
            continue  # that of an inner step
        set_aside(node, extension)
        if local(extension) in SCRIPTS:
            draft.report(
                "import.script_stored",
                "fill_in",
                node,
                _("اسکریپت اجرا نمی‌شود؛ متنش نگه داشته شد. کارش را به یک عملیات بدهید."),
            )
        else:
            text = _("محتوا و کلید پیام از اینجا خوانده نمی‌شود؛ ویژگی‌های payload و correlation_key را بنویسید.")
            draft.report("import.message_payload", "fill_in", node, text)


def _quantities(draft: Draft, node: etree._Element) -> None:
    for name in ("startQuantity", "completionQuantity"):
        if node.get(name, "1") != "1":
            set_aside(node, {name: node.attrib.pop(name)})
            draft.report(
                "import.token_quantity",
                "changed",
                node,
                _("تعداد توکن‌ها (%(name)s) خوانده نمی‌شود و کنار گذاشته شد.", name=name),
            )


def _is_bound(draft: Draft, node: etree._Element) -> bool:
    """Whether something of ours is there to do it."""
    kind, known = local(node), draft.known
    if kind == "serviceTask":
        return _extension(node, "serviceTaskOperator", "id") in known.operations
    if kind == "businessRuleTask":
        return _extension(node, "calledDecisionId") in known.decisions
    if kind == "callActivity":
        here = {process.get("id") for process in draft.processes()}
        return node.get("calledElement") in known.processes | here
    if kind == "sendTask":
        return bool(node.get("messageRef")) and _property(node, "correlation_key") != ""
    return False


def _extension(node: etree._Element, name: str, attribute: str = "") -> str:
    extension = node.find(f"{bpmn('extensionElements')}/{{{SPIFF}}}{name}")
    if extension is None:
        return ""
    return (extension.get(attribute, "") if attribute else extension.text or "").strip()


def _property(node: etree._Element, name: str) -> str:
    path = f"{bpmn('extensionElements')}/{{{SPIFF}}}properties/{{{SPIFF}}}property"
    return next((prop.get("value", "") for prop in node.iterfind(path) if prop.get("name") == name), "")


def _by_hand(draft: Draft, node: etree._Element) -> None:
    code, text = _why(node)
    for name in ("script", "messageEventDefinition"):
        for part in node.findall(bpmn(name)):
            set_aside(node, part)
    for name in ("scriptFormat", "messageRef", "calledElement", "operationRef"):
        if name in node.attrib:
            set_aside(node, {name: node.attrib.pop(name)})
    for part in node.findall(f"{bpmn('extensionElements')}/{{{SPIFF}}}*"):
        if local(part) in ("serviceTaskOperator", "calledDecisionId"):
            set_aside(node, part)
    becomes(node, "userTask")
    draft.report(code, "fill_in", node, text)


def _why(node: etree._Element) -> tuple[str, str]:
    """Code and text of the finding about a step that nothing of ours can do."""
    kind = local(node)
    if kind == "serviceTask":
        name = _extension(node, "serviceTaskOperator", "id")
        text = _(
            "عملیات «%(name)s» در این سامانه نیست؛ فعلاً یک نفر انجامش می‌دهد. عملیاتی به آن بدهید.", name=name or "—"
        )
        return "import.operation_by_hand", text
    if kind == "scriptTask":
        text = _("اسکریپت اجرا نمی‌شود؛ متنش نگه داشته شد و یک نفر انجامش می‌دهد. کارش را به یک عملیات بدهید.")
        return "import.script_by_hand", text
    if kind == "sendTask":
        text = _("گیرندهٔ پیام مشخص نیست. فعلاً یک نفر پیام را ارسال می‌کند. پیام و ویژگی correlation_key را بنویسید.")
        return "import.message_by_hand", text
    if kind == "businessRuleTask":
        name = _extension(node, "calledDecisionId")
        text = _("جدول تصمیم «%(name)s» پیدا نشد؛ فعلاً یک نفر تصمیم می‌گیرد. جدول را بسازید.", name=name or "—")
        return "import.decision_by_hand", text
    name = node.get("calledElement", "")
    text = _("فرایند «%(name)s» در این فایل نیست. فعلاً یک گام دستی است. فرایند را انتخاب کنید.", name=name or "—")
    return "import.call_by_hand", text


def _receive(draft: Draft, node: etree._Element) -> None:
    """Behind an event-based gateway a receiving task is an event: it cannot have a boundary event or repeat."""
    parent = node.getparent()
    here = children(parent) if parent is not None else {}
    sources = [here.get(flow.get("sourceRef", "")) for flow in incoming(node)]
    guards = [other for other in here.values() if other.get("attachedToRef") == node.get("id")]
    loops = [child for child in node if local(child).endswith("LoopCharacteristics")]
    if guards or not any(source is not None and local(source) == "eventBasedGateway" for source in sources):
        return
    for loop in loops:
        set_aside(node, loop)
        draft.report(
            "import.loop_after_event_gateway",
            "fill_in",
            node,
            _("پس از دروازهٔ مبتنی بر رویداد چیزی تکرار نمی‌شود و یک بار انجام می‌شود."),
        )
