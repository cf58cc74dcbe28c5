"""Checks one file as it comes: a diagram of ours strictly, a foreign one by importing it, a decision table as such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.bpmn.diagram import read_diagrams
from engine.deployment import checking
from engine.deployment.checking import Seam, questions
from engine.deployment.importing import MAX_FILE_SIZE, Imported, import_file
from engine.dmn import reader
from engine.errors import EngineError
from engine.findings import Finding, error, is_sound
from engine.xml import MalformedXml, UnsafeXml
from models.language import gettext as _


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The seam with Python, the shipped files and the names of roles, against which files are checked."""

    seam: Seam
    files: Mapping[str, bytes] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def processes(self) -> frozenset[str]:
        """The keys of the shipped processes."""
        return frozenset(name.removesuffix(".bpmn") for name in self.files if name.endswith(".bpmn"))


def check_file(name: str, content: bytes, installation: Installation, *, strict: bool = False) -> Imported:
    """The verdict on one file. ``strict``: as if it were one of ours, nothing is normalised.

    Without it a file whose process has the key of a shipped one is held to be drawn for us.
    """
    if len(content) > MAX_FILE_SIZE:
        text = _(
            "حجم فایل بیش از %(limit)s بایت است. تصویرهای درون آن را حذف کنید یا آن را تقسیم کنید.", limit=MAX_FILE_SIZE
        )
        return Imported(findings=[replace(error("file.too_large", "", text), file=name)])
    if name.endswith(".dmn"):
        return _decision_table(name, content, installation)
    if strict or _is_ours(content, installation):
        return _ours(name, content, installation)
    return import_file(name, content, seam=installation.seam, beside=installation.files, labels=installation.labels)


def _is_ours(content: bytes, installation: Installation) -> bool:
    try:
        keys = {diagram.key for diagram in read_diagrams(content)}
    except (MalformedXml, UnsafeXml):
        return False
    return bool(keys & installation.processes)


def _decision_table(name: str, content: bytes, installation: Installation) -> Imported:
    try:
        model = reader.parse(content)
    except EngineError as problem:
        return Imported(findings=[replace(error("dmn.unreadable", "", str(problem)), file=name)])
    key = name.removesuffix(".dmn")
    found = reader.check(model)
    if key in model.decisions:
        found += questions.check(model.decisions[key], installation.seam.questions)
    findings = [replace(finding, file=name) for finding in found]
    if key not in model.decisions:
        keys = ", ".join(sorted(model.decisions)) or "—"
        text = _("برای استفاده، نام فایل را شناسهٔ یکی از تصمیم‌هایش بگذارید: %(keys)s", keys=keys)
        findings.append(Finding("dmn.file_name", "", "fill_in", text, file=name))
    sound = bool(model.decisions) and is_sound(findings)
    return Imported({key: content} if sound else {}, findings, content)


def _ours(name: str, content: bytes, installation: Installation) -> Imported:
    try:
        keys = [diagram.key for diagram in read_diagrams(content)]
    except (MalformedXml, UnsafeXml) as problem:
        return Imported(findings=[replace(checking.unreadable(problem), file=name)])
    own = {f"{key}.bpmn" for key in keys}
    others = {file: xml for file, xml in installation.files.items() if file not in own}
    bundle = checking.check({**others, name: content}, installation.seam)
    findings = [replace(finding, file=name) for finding in bundle.findings if finding.file in own | {name}]
    return Imported(dict.fromkeys(keys, content) if is_sound(findings) else {}, findings, content)
