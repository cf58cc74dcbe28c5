"""Gives each step of a foreign diagram a role: by names of lanes and candidates, else one role to be corrected."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import PEOPLE_TASKS, SUB_PROCESSES, bpmn, flow_nodes, is_event_subprocess, local
from engine.deployment.importing.draft import Draft, property_of, set_property
from models.language import gettext as _


def lanes(draft: Draft) -> None:
    """Give each lane a role."""
    for lane in draft.root.iter(bpmn("lane")):
        _lane(draft, lane)


def mend(draft: Draft) -> None:
    """Give each step outside every lane, and each start, a role."""
    for process in draft.processes():
        _process(draft, process)


def role_named(draft: Draft, name: str) -> str:
    """The role with this key or label; "" if there is none."""
    folded = name.strip().casefold().replace(" ", "_").replace("-", "_")
    return folded if folded in draft.known.roles else draft.known.labels.get(name.strip(), "")


def role_around(draft: Draft, node: etree._Element) -> str:
    """The role of the lane around a node, else the default role."""
    around = {node.get("id", ""), node.get("attachedToRef", "")} | {up.get("id", "") for up in node.iterancestors()}
    role = draft.known.role
    for lane in draft.root.iter(bpmn("lane")):
        if any((reference.text or "").strip() in around for reference in lane.findall(bpmn("flowNodeRef"))):
            role = property_of(lane, "role") or role
    return role


def _lane(draft: Draft, lane: etree._Element) -> None:
    given = property_of(lane, "role")
    names = (given, lane.get("id", "").removeprefix("Lane_"), lane.get("name", ""))
    role_key = next((role for name in names if (role := role_named(draft, name))), "")
    if given and role_key == given:
        return
    set_property(lane, "role", role_key or draft.known.role)
    if not role_key:
        text = _("نقش این خط (lane) مشخص نیست و «%(role)s» گذاشته شد. ویژگی role را اصلاح کنید.", role=draft.known.role)
        draft.report("import.unknown_role", "fill_in", lane, text)


def _process(draft: Draft, process: etree._Element) -> None:
    """Steps outside every lane, and starts: who starts a case has a role, too."""
    covered = {(reference.text or "").strip() for reference in process.iter(bpmn("flowNodeRef"))}
    homeless = []
    for node in flow_nodes(process):
        if local(node) not in (*PEOPLE_TASKS, "startEvent") or _begins_on_an_event(node):
            continue
        given = property_of(node, "role")
        if given:
            if not role_named(draft, given):
                set_property(node, "role", draft.known.role)
                homeless.append(node)
            continue
        if not covered & _around(node, process):
            set_property(node, "role", draft.known.role)
            homeless.append(node)
    if homeless:
        text = _(
            "%(count)s گام آن نقش مشخصی ندارد و «%(role)s» گذاشته شد. خط (lane) بکشید یا ویژگی role را اصلاح کنید.",
            count=len(homeless),
            role=draft.known.role,
        )
        draft.report("import.steps_without_role", "fill_in", process, text)


def _begins_on_an_event(node: etree._Element) -> bool:
    scope = node.getparent()
    return local(node) == "startEvent" and scope is not None and is_event_subprocess(scope)


def _around(node: etree._Element, process: etree._Element) -> set[str]:
    """Its id and those of the subprocesses it stands in."""
    ids = {node.get("id", "")}
    for above in node.iterancestors():
        if above is process:
            break
        if local(above) in SUB_PROCESSES:
            ids.add(above.get("id", ""))
    return ids
