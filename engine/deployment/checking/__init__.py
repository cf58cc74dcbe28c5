"""Checks a bundle of diagrams and decision tables before anything of it is deployed: the seam with Python.

Whatever SpiffWorkflow would accept and run wrongly, or refuse without saying where, is a finding here: file,
element, reason. Nothing is deployed while there is one of severity ``error``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.bpmn import diagram as diagrams
from engine.bpmn.diagram import Diagram, Element
from engine.bpmn.lowering.names import inserted
from engine.deployment.checking import constructs, events, flow, locks, roles
from engine.deployment.checking.seam import CASE, Seam, of_element, of_expression, of_submissions, unset_names
from engine.dmn import reader
from engine.errors import EngineError
from engine.spiff import specs
from engine.xml import MalformedXml, UnsafeXml
from models.language import gettext as _

__all__ = ["CASE", "LARGEST_UPLOAD", "SEVERITIES", "Bundle", "Finding", "Seam", "check", "check_folders"]

LARGEST_UPLOAD = 50_000_000  # bytes

SEVERITIES = ("error", "fill_in", "changed", "picture", "warning")


@dataclass(frozen=True)
class Finding:
    """What is wrong or was done at an element; ``message`` says it and what to do, in the reader's language.

    ``severity``: error (not deployed), warning (shown); of an imported file also fill_in (deployable, and has
    to be completed before it does real work), changed (normalised) and picture (shown, never run).
    """

    file: str
    element: str  # the element's id; "" for the whole file
    message: str
    severity: str = "error"
    name: str = ""  # what the element is called in the diagram
    line: int = 0  # where it stands in the file; 0: nowhere in particular

    def __str__(self) -> str:
        place = f"{self.file}: {self.element}" if self.element else self.file
        return f"{place}: {self.message}"


@dataclass
class Bundle:
    """The readable part of a set of files, and what is wrong with them."""

    diagrams: dict[str, Diagram]
    decisions: dict[str, bytes]
    findings: list[Finding]

    @property
    def sound(self) -> bool:
        return all(finding.severity != "error" for finding in self.findings)


def check_folders(folders: Iterable[Path], seam: Seam) -> Bundle:
    """Check every ``.bpmn`` and ``.dmn`` file of the folders against each other and the seam.

    Of two files of one name the later folder's counts.
    """
    found = (path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in (".bpmn", ".dmn"))
    return check({path.name: path.read_bytes() for path in found}, seam)


def check(files: Mapping[str, bytes], seam: Seam) -> Bundle:
    """Check a bundle. ``files``: name → content; all faults of all files are found at once."""
    bundle = Bundle({}, {}, [])
    for name, content in files.items():
        try:
            if name.endswith(".dmn"):
                _read_decisions(name, content, bundle)
            else:
                _read_diagrams(name, content, bundle)
        except (UnsafeXml, MalformedXml) as error:
            bundle.findings.append(Finding(name, "", str(error)))
    for diagram in bundle.diagrams.values():
        bundle.findings.extend(_check_diagram(diagram, bundle, seam))
    bundle.findings.extend(_cyclic_calls(bundle))
    for key, place, message, severity in events.check(bundle.diagrams):
        bundle.findings.append(Finding(f"{key}.bpmn", place, message, severity))
    if bundle.sound:
        for diagram in bundle.diagrams.values():
            bundle.findings.extend(_check_coverage(diagram, bundle))
    bundle.findings = [_located(finding, bundle) for finding in bundle.findings]
    return bundle


def _located(finding: Finding, bundle: Bundle) -> Finding:
    """With the element's name and line, for people who look for it in the drawing."""
    diagram = bundle.diagrams.get(finding.file.removesuffix(".bpmn"))
    element = diagram.elements.get(finding.element) if diagram else None
    return replace(finding, name=element.name, line=element.line) if element else finding


def _read_decisions(name: str, content: bytes, bundle: Bundle) -> None:
    key = name.removesuffix(".dmn")
    try:
        model = reader.parse(content)
    except EngineError as error:
        bundle.findings.append(Finding(name, "", str(error)))
        return
    if key not in model.decisions:
        bundle.findings.append(Finding(name, "", _("جدول تصمیمی با شناسهٔ %(key)s در این پرونده نیست.", key=key)))
        return
    for found in reader.check(model):
        bundle.findings.append(Finding(name, found.element_id, found.message, found.severity))
    bundle.decisions[key] = content


def _read_diagrams(name: str, content: bytes, bundle: Bundle) -> None:
    found = diagrams.read(content)
    if not found:
        bundle.findings.append(Finding(name, "", _("فرایندی در این پرونده کشیده نشده است.")))
    for diagram in found:
        if name != f"{diagram.key}.bpmn":
            bundle.findings.append(
                Finding(name, diagram.key, _("نام پرونده باید شناسهٔ فرایند باشد: %(key)s.bpmn", key=diagram.key or "?"))
            )
        bundle.diagrams[diagram.key] = diagram


def _check_diagram(diagram: Diagram, bundle: Bundle, seam: Seam) -> Iterator[Finding]:
    file = f"{diagram.key}.bpmn"
    for place, message in constructs.refused(diagram):
        yield Finding(file, place, message)
    for element in diagram.elements.values():
        for message in _check_element(element, diagram, bundle, seam):
            yield Finding(file, element.id, message)
    for located in diagram.expressions:
        yield from (Finding(file, lack.element, str(lack.message)) for lack in of_expression(located, seam))
    flow_faults = flow.faults(
        diagram, related=bundle.diagrams, operations=seam.operations, form_fields=seam.form_fields
    )
    for fault in flow_faults:
        yield Finding(file, fault.element, fault.message, fault.severity)
    for place, message in (*locks.faults(diagram), *roles.faults(diagram)):
        yield Finding(file, place, message)
    limit = diagram.properties.get("upload_limit", "1")
    if not (limit.isascii() and limit.isdigit() and 0 < int(limit) <= LARGEST_UPLOAD):
        yield Finding(
            file, diagram.key, _("بیشترین اندازهٔ فایل (upload_limit) باید عددی میان ۱ و ۵۰٬۰۰۰٬۰۰۰ بایت باشد.")
        )
    related = [one for one in bundle.diagrams.values() if one.key in diagram.calls or diagram.key in one.calls]
    for lack in (*unset_names(diagram, bundle.diagrams, seam), *of_submissions(diagram, related, seam)):
        yield Finding(file, lack.element, str(lack.message), lack.severity)


def _check_element(element: Element, diagram: Diagram, bundle: Bundle, seam: Seam) -> Iterator[str]:
    yield from (str(lack.message) for lack in of_element(element, diagram, seam, decisions=bundle.decisions))
    if element.tag == "callActivity" and element.called not in bundle.diagrams:
        yield _("فرایند فراخوانده‌شده «%(key)s» پیدا نشد.", key=element.called or "—")


def _cyclic_calls(bundle: Bundle) -> Iterator[Finding]:
    for key in bundle.diagrams:
        reached: set[str] = set()
        wanted = list(bundle.diagrams[key].calls)
        while wanted:
            called = wanted.pop()
            if called in bundle.diagrams and called not in reached:
                reached.add(called)
                wanted.extend(bundle.diagrams[called].calls)
        if key in reached:
            elements = bundle.diagrams[key].elements.values()
            calling = next((element.id for element in elements if element.called in bundle.diagrams), "")
            yield Finding(f"{key}.bpmn", calling, _("این فرایند، مستقیم یا با واسطه، خودش را فرا می‌خواند."))


def _check_coverage(diagram: Diagram, bundle: Bundle) -> Iterator[Finding]:
    """Build the process as it will run, and see that every node that is drawn is in it."""
    file = f"{diagram.key}.bpmn"
    wanted = {diagram.key, *diagram.calls}
    while True:
        more = wanted.union(*(bundle.diagrams[key].calls for key in wanted))
        if more == wanted:
            break
        wanted = more
    try:
        built = specs.build(diagram.key, [bundle.diagrams[key] for key in wanted])
    except specs.DiagramNotBuilt as error:
        yield Finding(file, "", _("موتور این نمودار را نمی‌پذیرد: %(reason)s", reason=error))
        return
    processes = (built.spec, *built.subprocess_specs.values())
    run = {task.bpmn_id for process in processes for task in process.task_specs.values()}
    for element in diagram.elements.values():
        # A compensation event is run as the note that what it stands at is completed.
        undoable = element.tag == "boundaryEvent" and element.event == "compensate"
        if (inserted("done", element.attached_to) if undoable else element.id) not in run:
            yield Finding(file, element.id, _("هیچ راهی به این عنصر نمی‌رسد؛ هنگام اجرا نادیده می‌ماند."))
