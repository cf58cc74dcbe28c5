"""Normalises a diagram of any tool into deployable processes, with a list of the changes.

The analyst's file is never changed: the result is a new document and findings, each at its element.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lxml import etree

from engine.bpmn.diagram import FLOW_NODES, bpmn, flow_nodes, local
from engine.contributions.operations import Operations
from engine.deployment import checking
from engine.deployment.checking import Seam
from engine.deployment.checking.flow import MAX_ELEMENTS
from engine.deployment.importing import (
    compensation,
    dialects,
    drawing,
    drawn_only,
    events,
    gateways,
    identifiers,
    names,
    references,
    repetitions,
    roles,
    scopes,
    tasks,
)
from engine.deployment.importing.draft import Draft, Known, indexed
from engine.expressions.language import Language
from engine.findings import SEVERITIES, Finding, error, is_sound
from engine.xml import LIMIT, MalformedXml, UnsafeXml, parse_xml
from models.language import gettext as _
from models.organisation import SystemRole

__all__ = ["Imported", "import_file"]

MAX_FILE_SIZE = 5_000_000  # bytes
STEPS = (
    roles.lanes,
    dialects.read,
    drawn_only.mend,
    compensation.mend,
    scopes.mend,
    references.mend,
    tasks.mend,
    events.mend,
    repetitions.mend,
    gateways.mend,
    names.mend,
    events.brought,
    roles.mend,
    tasks.forms,
    drawing.mend,
)


@dataclass(frozen=True)
class Imported:
    """``processes``: key → a deployable file; empty while a finding is an error."""

    processes: dict[str, bytes] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    document: bytes = b""  # the whole normalised diagram, all its processes together; b"" when it cannot be read

    @property
    def deployable(self) -> bool:
        """Whether at least one process can be deployed."""
        return bool(self.processes)


def import_file(
    name: str,
    content: bytes,
    *,
    seam: Seam | None = None,
    beside: Mapping[str, bytes] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Imported:
    """Normalise one file. ``name`` is only for the findings; problems of the file are findings, too.

    ``seam`` is the installation's (without it only the roles are known); ``beside`` holds its diagrams and decision
    tables, which may be called; ``labels`` maps the name of a role in any language to the role.
    """
    seam = seam or _bare_seam()
    beside = beside or {}
    try:
        root = parse_xml(content, limit=MAX_FILE_SIZE)
    except (MalformedXml, UnsafeXml) as problem:
        return Imported(findings=[replace(checking.unreadable(problem), file=name)])
    draft = Draft(name, root, _known(seam, beside, labels or {}))
    if (refusal := _refused(draft)) is not None:
        return Imported(findings=[refusal])
    drawn = _drawn(draft.root)
    identifiers.mend(draft)
    with indexed(draft.root):
        for step in STEPS:
            step(draft)
    document = etree.tostring(draft.root, encoding="utf-8", xml_declaration=True)
    processes = {key: _alone(draft.root, key) for key in _keys(draft)}
    if not processes:
        draft.report("file.no_process", "error", None, _("فرایندی در این فایل کشیده نشده است."))
    if is_sound(draft.findings):
        draft.findings.extend(_located(_checked(name, processes, beside, seam), draft.root))
    draft.findings.extend(_uncovered(name, drawn, draft))
    findings = sorted(draft.findings, key=lambda finding: SEVERITIES.index(finding.severity))
    return Imported(processes if is_sound(findings) else {}, findings, document)


def _bare_seam() -> Seam:
    """The system's own roles and the built-in functions; no operation, no form."""
    return Seam(
        operations=Operations(),
        roles=frozenset(SystemRole),
        form_fields=lambda process, task: None,
        functions=Language({}).functions,
    )


def _known(seam: Seam, beside: Mapping[str, bytes], labels: Mapping[str, str]) -> Known:
    return Known(
        operations=frozenset(operation.name for operation in seam.operations),
        roles=seam.roles,
        decisions=frozenset(file.removesuffix(".dmn") for file in beside if file.endswith(".dmn")),
        processes=frozenset(file.removesuffix(".bpmn") for file in beside if file.endswith(".bpmn")),
        labels=dict(labels),
    )


def _refused(draft: Draft) -> Finding | None:
    if draft.root.tag != bpmn("definitions"):
        text = _("این فایل نمودار BPMN 2.0 نیست. ریشهٔ آن «%(tag)s» است.", tag=local(draft.root))
        return replace(error("file.not_bpmn", "", text), file=draft.file, line=draft.root.sourceline or 0)
    count = sum(1 for _node in draft.root.iter(*(bpmn(tag) for tag in FLOW_NODES)))
    if count > MAX_ELEMENTS:
        text = _(
            "%(count)s عنصر دارد و بیش از %(most)s پذیرفته نمی‌شود. آن را به چند فرایند تقسیم کنید.",
            count=count,
            most=MAX_ELEMENTS,
        )
        return replace(error("file.too_many_elements", "", text), file=draft.file)
    return None


def _keys(draft: Draft) -> list[str]:
    return [process.get("id", "") for process in draft.processes()]


def _drawn(root: etree._Element) -> list[etree._Element]:
    """The flow nodes of the file, before anything is changed; they stay the same objects, with their old lines."""
    return [node for process in root.iter(bpmn("process")) for node in flow_nodes(process)]


def _alone(root: etree._Element, key: str) -> bytes:
    """The document with this process only; the others stay as pools without content."""
    whole = copy.deepcopy(root)
    gone: set[str] = set()
    for process in list(whole.iter(bpmn("process"))):
        parent = process.getparent()
        if process.get("id") == key or parent is None:
            process.set("isExecutable", "true")
            continue
        gone.update(inner.get("id", "") for inner in process.iter("{*}*"))
        parent.remove(process)
    for pool in whole.iter(bpmn("participant")):
        if pool.get("processRef") in gone:
            pool.attrib.pop("processRef")
    _forget(whole, gone - {""})
    return etree.tostring(whole, encoding="utf-8", xml_declaration=True)


def _forget(root: etree._Element, gone: set[str]) -> None:
    """Remove shapes and message flows of elements that are in another file."""
    for node in list(root.iter("{*}BPMNShape", "{*}BPMNEdge", "{*}BPMNPlane", bpmn("messageFlow"))):
        if gone & {node.get("bpmnElement"), node.get("sourceRef"), node.get("targetRef")}:
            parent = node.getparent()
            if parent is not None:
                parent.remove(node)
    left = {element.get("id") for element in root.iter("{*}*")}
    for edge in list(root.iter("{*}BPMNEdge")):
        parent = edge.getparent()
        if edge.get("bpmnElement") not in left and parent is not None:
            parent.remove(edge)


# ---------------------------------------------------------------- what comes out is checked as ours is


def _checked(name: str, processes: Mapping[str, bytes], beside: Mapping[str, bytes], seam: Seam) -> Iterator[Finding]:
    for key, xml in processes.items():
        if len(xml) > LIMIT:
            text = _("حجم فایل بیش از %(limit)s بایت است.", limit=LIMIT)
            yield replace(error("file.too_large", key, text), file=name)
            return
    files = {f"{key}.bpmn": xml for key, xml in processes.items()}
    refers = any(b"calledElement" in xml or b"calledDecisionId" in xml for xml in processes.values())
    bundle = checking.check({**beside, **files} if refers else files, seam)
    for finding in bundle.findings:
        if finding.file in files:
            yield replace(finding, file=name, severity="fill_in" if finding.severity == "warning" else finding.severity)


def _located(findings: Iterable[Finding], root: etree._Element) -> Iterator[Finding]:
    """The findings with the lines of the analyst's file."""
    lines = {node.get("id", ""): node.sourceline or 0 for node in root.iter("{*}*") if node.get("id")}
    for finding in findings:
        yield replace(finding, line=lines.get(finding.element, 0))


def _uncovered(name: str, drawn: list[etree._Element], draft: Draft) -> Iterator[Finding]:
    """A finding for each drawn node that neither runs nor has a finding, in case a step forgot one."""
    running = {node.get("id") for node in draft.nodes()}
    reported = {finding.element for finding in draft.findings}
    for node in drawn:
        if node.get("id") not in running | reported:
            text = _("این عنصر در آنچه اجرا می‌شود نیست و دلیلی هم گفته نشد.")
            finding = error("import.uncovered", node.get("id", ""), text)
            yield replace(finding, file=name, name=node.get("name", ""), line=node.sourceline or 0)
