"""Makes every branch of a gateway have a condition or be the default; a person chooses where none is readable."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import GATEWAYS, PEOPLE_TASKS, bpmn, local
from engine.deployment.importing.draft import Draft, add_field, end_of, field_name, incoming, outgoing, set_aside
from engine.deployment.importing.foreign_expressions import kinds, translate
from engine.deployment.importing.names import names_given
from models.language import gettext as _

CHOICE, BRANCH = "کدام راه؟", "راه"


def mend(draft: Draft) -> None:
    """Translate conditions; where one is missing, a person chooses the branch in a task."""
    given = {process: names_given(process) for process in draft.processes()}
    for node in list(draft.nodes()):
        _conditions(draft, node, next(given[up] for up in node.iterancestors() if up in given))
        _default(draft, node)
        _branches_of_a_step(draft, node)
        if local(node) in ("exclusiveGateway", "inclusiveGateway") and len(outgoing(node)) > 1:
            _open_branches(draft, node)
    _unknown_names(draft)


def can_be_field(name: str, kind: str) -> bool:
    """Whether a form field could give the name its value."""
    return bool(kind) and field_name(name) == name


def _condition(flow: etree._Element) -> etree._Element | None:
    return flow.find(bpmn("conditionExpression"))


def _conditions(draft: Draft, node: etree._Element, given: set[str]) -> None:
    for flow in outgoing(node):
        condition = _condition(flow)
        if condition is None:
            continue
        text = (condition.text or "").strip()
        ours = translate(text) if text else None
        if ours is not None and any(
            not can_be_field(name, kind) and name not in given for name, kind in kinds(ours).items()
        ):
            ours = None
        if ours is None or _means_nothing(node):
            set_aside(flow, condition)
            if text and not _means_nothing(node):
                message = _(
                    "شرط «%(text)s» قابل خواندن نیست. متن آن نگه داشته شد و راه را یک نفر انتخاب می‌کند.",
                    text=text[:200],
                )
                draft.report("import.condition_unreadable", "fill_in", flow, message)
        elif ours != text:
            condition.text = ours
            draft.report(
                "import.condition_translated",
                "changed",
                flow,
                _("شرط «%(old)s» به «%(new)s» تبدیل شد.", old=text[:200], new=ours),
            )


def _means_nothing(node: etree._Element) -> bool:
    """Whether a condition on a flow out of it is never looked at."""
    alone = local(node) in ("exclusiveGateway", "inclusiveGateway") and len(outgoing(node)) == 1
    return alone or local(node) in ("parallelGateway", "eventBasedGateway", "startEvent")


def _default(draft: Draft, node: etree._Element) -> None:
    default = node.get("default")
    if default is None:
        return
    if default not in [flow.get("id") for flow in outgoing(node)]:
        set_aside(node, {"default": node.attrib.pop("default")})
        draft.report(
            "import.default_removed",
            "changed",
            node,
            _("شاخهٔ پیش‌فرض آن («%(id)s») از آن بیرون نمی‌رود و حذف شد.", id=default),
        )


def _branches_of_a_step(draft: Draft, node: etree._Element) -> None:
    """Of the flows out of a task or an event one has to be free, and a default is for beside conditions."""
    for flow in outgoing(node):
        condition = _condition(flow)
        if condition is not None and flow.get("id") == node.get("default"):
            set_aside(flow, condition)
            draft.report(
                "import.default_condition", "changed", flow, _("شاخهٔ پیش‌فرض شرط نمی‌خواهد؛ شرطش کنار گذاشته شد.")
            )
    if local(node) in GATEWAYS:
        return
    flows = outgoing(node)
    guarded = [flow for flow in flows if _condition(flow) is not None]
    if guarded and len(guarded) == len(flows):
        last = flows[-1]
        _free(last)
        if len(flows) > 1:
            node.set("default", last.get("id", ""))
        label = last.get("name") or last.get("id", "")
        draft.report(
            "import.default_added",
            "changed",
            node,
            _("شاخهٔ پیش‌فرض نداشت؛ «%(name)s» پیش‌فرض شد: اگر هیچ شرطی درست نباشد.", name=label),
        )
    elif not guarded and node.get("default"):
        set_aside(node, {"default": node.attrib.pop("default")})


def _free(flow: etree._Element) -> None:
    condition = _condition(flow)
    if condition is not None:
        set_aside(flow, condition)


def _open_branches(draft: Draft, node: etree._Element) -> None:
    flows = outgoing(node)
    default = node.get("default")
    undecided = [flow for flow in flows if _condition(flow) is None and flow.get("id") != default]
    if default is None:
        last = undecided[-1] if undecided else flows[-1]
        node.set("default", last.get("id", ""))
        _free(last)
        if not undecided:
            label = last.get("name") or last.get("id", "")
            draft.report(
                "import.default_added",
                "changed",
                node,
                _("شاخهٔ پیش‌فرض نداشت؛ «%(name)s» پیش‌فرض شد: اگر هیچ شرطی درست نباشد.", name=label),
            )
    if undecided:
        _ask(draft, node, undecided, whole=len(undecided) == len(flows))


def _ask(draft: Draft, node: etree._Element, undecided: list[etree._Element], *, whole: bool) -> None:
    """Let a person choose between the branches without a rule."""
    task = _task_before(draft, node)
    name = field_name(f"choice_{node.get('id')}")
    label = node.get("name") or CHOICE
    rest = [flow for flow in outgoing(node) if flow.get("id") == node.get("default") and flow not in undecided]
    options = [(flow.get("id", ""), _label(draft, flow, number)) for number, flow in enumerate([*undecided, *rest], 1)]
    if local(node) == "inclusiveGateway":
        for identifier, text in options:
            if identifier != node.get("default"):
                add_field(task, field_name(f"{name}_{identifier}"), text, "boolean")
    else:
        add_field(task, name, label, "enum", values=options, required="true")
    for flow in undecided:
        if flow.get("id") == node.get("default"):
            continue
        condition = etree.SubElement(flow, bpmn("conditionExpression"))
        inclusive = local(node) == "inclusiveGateway"
        ours = field_name(f"{name}_{flow.get('id')}") if inclusive else f'{name} == "{flow.get("id")}"'
        condition.text = ours
    task_name = task.get("name") or task.get("id", "")
    text = _(
        "شاخه‌هایش شرط ندارند؛ راه در «%(task)s» پرسیده می‌شود. شرط‌ها را بنویسید یا پرسش را نگه دارید.", task=task_name
    )
    if not whole:
        text = _("برخی شاخه‌هایش شرط ندارند؛ راه در «%(task)s» پرسیده می‌شود. شرط‌ها را بنویسید.", task=task_name)
    draft.report("import.branch_by_hand", "fill_in", node, text)


def _label(draft: Draft, flow: etree._Element, number: int) -> str:
    """The name of a branch: of its flow, else of its target."""
    target = end_of(flow, "targetRef")
    beyond = target.get("name") if target is not None else ""
    return flow.get("name") or beyond or f"{BRANCH} {number}"


def _task_before(draft: Draft, node: etree._Element) -> etree._Element:
    """The step just before the gateway when a person does it, else a new one."""
    arriving = incoming(node)
    if len(arriving) == 1:
        before = end_of(arriving[0], "sourceRef")
        if before is not None and local(before) in PEOPLE_TASKS and not _repeats(before) and len(outgoing(before)) == 1:
            return before
    name = node.get("name") or CHOICE
    return draft.before(node, "userTask", f"decide_{node.get('id')}", name=name)


def _repeats(node: etree._Element) -> bool:
    return any(local(child).endswith("LoopCharacteristics") for child in node)


# ---------------------------------------------------------------- names that nothing gives a value


def _unknown_names(draft: Draft) -> None:
    """A condition over a name that no step sets: the task before the branching gets a field for it."""
    for process in draft.processes():
        known = names_given(process)
        for node in [flow_node for flow_node in draft.nodes() if process in flow_node.iterancestors()]:
            _ask_for_names(draft, node, known)


def _ask_for_names(draft: Draft, node: etree._Element, known: set[str]) -> None:
    read: dict[str, str] = {}
    for flow in outgoing(node):
        condition = _condition(flow)
        if condition is not None:
            read.update(kinds(condition.text or ""))
    missing = {name: kind for name, kind in read.items() if name not in known and field_name(name) == name}
    if not missing:
        return
    own = local(node) in PEOPLE_TASKS and not _repeats(node)
    task = node if own else _task_before(draft, node)
    for name, kind in sorted(missing.items()):
        add_field(task, name, name, kind, required="false" if kind == "boolean" else "true")
        known.add(name)
    text = _(
        "هیچ گامی به این نام‌ها مقدار نمی‌دهد: %(names)s؛ در «%(task)s» پرسیده می‌شوند.",
        names=", ".join(sorted(missing)),
        task=task.get("name") or task.get("id", ""),
    )
    draft.report("import.names_by_hand", "fill_in", node, text)
