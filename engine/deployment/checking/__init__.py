"""Checks a bundle of diagrams and decision tables before deployment.

Constructs that SpiffWorkflow would run wrongly, or refuse without a place, become findings with file, element and
reason. Nothing is deployed while there is one of severity ``error``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.bpmn.diagram import Diagram, Element, read_diagrams
from engine.bpmn.lowering.names import inserted
from engine.deployment.checking import constructs, events, flow, locks, questions, roles
from engine.deployment.checking.seam import CASE, Lack, Seam, of_element, of_expression, of_submissions, unset_names
from engine.dmn import reader
from engine.errors import EngineError
from engine.findings import Finding, error, is_sound
from engine.spiff import specs
from engine.xml import MalformedXml, UnsafeXml
from models.language import gettext as _

__all__ = ["CASE", "MAX_UPLOAD", "Bundle", "Seam", "check", "check_folders", "unreadable"]

MAX_UPLOAD = 50_000_000  # bytes


@dataclass
class Bundle:
    """The readable diagrams and tables of a set of files, and the findings about all files."""

    diagrams: dict[str, Diagram]
    decisions: dict[str, bytes]
    findings: list[Finding]

    @property
    def sound(self) -> bool:
        """Whether no finding is an error."""
        return is_sound(self.findings)


def check_folders(folders: Iterable[Path], seam: Seam) -> Bundle:
    """Check every ``.bpmn`` and ``.dmn`` file of the folders against each other and the seam.

    Of two files of one name the later folder's counts.
    """
    paths = (path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in (".bpmn", ".dmn"))
    return check({path.name: path.read_bytes() for path in paths}, seam)


def check(files: Mapping[str, bytes], seam: Seam) -> Bundle:
    """Check a bundle. ``files``: name → content; the result has the findings of all files."""
    bundle = Bundle({}, {}, [])
    for name, content in files.items():
        try:
            if name.endswith(".dmn"):
                _read_decisions(name, content, bundle, seam)
            else:
                _read_diagrams(name, content, bundle)
        except (UnsafeXml, MalformedXml) as problem:
            bundle.findings.append(replace(unreadable(problem), file=name))
    for diagram in bundle.diagrams.values():
        bundle.findings.extend(_of_file(diagram, _check_diagram(diagram, bundle, seam)))
    for diagram in bundle.diagrams.values():
        bundle.findings.extend(_of_file(diagram, _cyclic_calls(diagram, bundle)))
    bundle.findings.extend(events.check(bundle.diagrams))
    if bundle.sound:
        for diagram in bundle.diagrams.values():
            bundle.findings.extend(_of_file(diagram, _check_coverage(diagram, bundle)))
    bundle.findings = [_located(finding, bundle) for finding in bundle.findings]
    return bundle


def unreadable(problem: UnsafeXml | MalformedXml) -> Finding:
    """The finding about a file that is no XML, or XML that is not read."""
    code = "xml.malformed" if isinstance(problem, MalformedXml) else "xml.unsafe"
    return replace(error(code, "", str(problem)), line=getattr(problem, "line", 0))


def _of_file(diagram: Diagram, findings: Iterable[Finding]) -> Iterator[Finding]:
    return (replace(finding, file=f"{diagram.key}.bpmn") for finding in findings)


def _located(finding: Finding, bundle: Bundle) -> Finding:
    """The finding with the element's name and line, so that people can locate it in the drawing."""
    diagram = bundle.diagrams.get(finding.file.removesuffix(".bpmn"))
    element = diagram.elements.get(finding.element) if diagram else None
    return replace(finding, name=element.name, line=element.line) if element else finding


def _read_decisions(name: str, content: bytes, bundle: Bundle, seam: Seam) -> None:
    key = name.removesuffix(".dmn")
    try:
        model = reader.parse(content)
    except EngineError as problem:
        bundle.findings.append(replace(error("dmn.unreadable", "", str(problem)), file=name))
        return
    if key not in model.decisions:
        text = _("جدول تصمیمی با شناسهٔ %(key)s در این فایل نیست.", key=key)
        bundle.findings.append(replace(error("dmn.file_name", "", text), file=name))
        return
    findings = [*reader.check(model), *questions.check(model.decisions[key], seam.questions)]
    bundle.findings.extend(replace(finding, file=name) for finding in findings)
    bundle.decisions[key] = content


def _read_diagrams(name: str, content: bytes, bundle: Bundle) -> None:
    diagrams = read_diagrams(content)
    if not diagrams:
        text = _("فرایندی در این فایل کشیده نشده است.")
        bundle.findings.append(replace(error("file.no_process", "", text), file=name))
    for diagram in diagrams:
        if name != f"{diagram.key}.bpmn":
            text = _("نام فایل باید شناسهٔ فرایند باشد: %(key)s.bpmn", key=diagram.key or "?")
            bundle.findings.append(replace(error("file.name", diagram.key, text), file=name))
        bundle.diagrams[diagram.key] = diagram


def _check_diagram(diagram: Diagram, bundle: Bundle, seam: Seam) -> Iterator[Finding]:
    yield from constructs.refused(diagram)
    for element in diagram.elements.values():
        yield from _check_element(element, diagram, bundle, seam)
    for located in diagram.expressions:
        yield from map(_finding, of_expression(located, seam))
    yield from flow.check(diagram, related=bundle.diagrams, operations=seam.operations, form_fields=seam.form_fields)
    yield from locks.check(diagram)
    yield from roles.check(diagram)
    limit = diagram.properties.get("upload_limit", "1")
    if not (limit.isascii() and limit.isdigit() and 0 < int(limit) <= MAX_UPLOAD):
        text = _("بیشترین حجم فایل (upload_limit) باید عددی میان ۱ و ۵۰٬۰۰۰٬۰۰۰ بایت باشد.")
        yield error("process.upload_limit", diagram.key, text)
    related = [other for other in bundle.diagrams.values() if other.key in diagram.calls or diagram.key in other.calls]
    yield from map(_finding, unset_names(diagram, bundle.diagrams, seam))
    yield from map(_finding, of_submissions(diagram, related, seam))


def _finding(lack: Lack) -> Finding:
    return Finding(f"seam.{lack.kind}", lack.element, lack.severity, str(lack.message))


def _check_element(element: Element, diagram: Diagram, bundle: Bundle, seam: Seam) -> Iterator[Finding]:
    yield from map(_finding, of_element(element, diagram, seam, decisions=bundle.decisions))
    if element.tag == "callActivity" and element.called not in bundle.diagrams:
        text = _("فرایند فراخوانده‌شده «%(key)s» پیدا نشد.", key=element.called or "—")
        yield error("call.missing", element.id, text)


def _cyclic_calls(diagram: Diagram, bundle: Bundle) -> Iterator[Finding]:
    called: set[str] = set()
    ahead = list(diagram.calls)
    while ahead:
        key = ahead.pop()
        if key in bundle.diagrams and key not in called:
            called.add(key)
            ahead.extend(bundle.diagrams[key].calls)
    if diagram.key in called:
        call = next((element.id for element in diagram.elements.values() if element.called in bundle.diagrams), "")
        yield error("call.cyclic", call, _("این فرایند، مستقیم یا با واسطه، خودش را فراخوانی می‌کند."))


def _check_coverage(diagram: Diagram, bundle: Bundle) -> Iterator[Finding]:
    """Build the process as it will run, and see that every node that is drawn is in it."""
    keys = {diagram.key, *diagram.calls}
    while True:
        more = keys.union(*(bundle.diagrams[key].calls for key in keys))
        if more == keys:
            break
        keys = more
    try:
        built = specs.build(diagram.key, [bundle.diagrams[key] for key in keys])
    except specs.DiagramNotBuilt as problem:
        yield error("process.not_built", "", _("موتور این نمودار را نمی‌پذیرد: %(reason)s", reason=problem))
        return
    processes = (built.spec, *built.subprocess_specs.values())
    run = {task.bpmn_id for process in processes for task in process.task_specs.values()}
    for element in diagram.elements.values():
        # A compensation event is run as the note that what it stands at is completed.
        undoable = element.tag == "boundaryEvent" and element.event == "compensate"
        if (inserted("done", element.attached_to) if undoable else element.id) not in run:
            text = _("هیچ راهی به این عنصر نمی‌رسد؛ هنگام اجرا نادیده می‌ماند.")
            yield error("bpmn.unreachable", element.id, text)
