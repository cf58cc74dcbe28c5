"""Checks one file as it comes: a diagram of ours strictly, a foreign one by importing it, a decision table as such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.bpmn import diagram as diagrams
from engine.deployment import checking
from engine.deployment.checking import Finding, Seam
from engine.deployment.importing import LARGEST_FILE, Imported, import_file
from engine.dmn import reader
from engine.errors import EngineError
from engine.xml import MalformedXml, UnsafeXml
from models.language import gettext as _


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What files are checked against: the seam with Python, the shipped files, and what roles are called."""

    seam: Seam
    files: Mapping[str, bytes] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def processes(self) -> frozenset[str]:
        return frozenset(name.removesuffix(".bpmn") for name in self.files if name.endswith(".bpmn"))


def check_file(name: str, content: bytes, installation: Installation, *, strict: bool = False) -> Imported:
    """The verdict on one file. ``strict``: as if it were one of ours, nothing is normalised.

    Without it a file whose process has the key of a shipped one is held to be drawn for us.
    """
    if len(content) > LARGEST_FILE:
        text = _(
            "پرونده بزرگ‌تر از %(limit)s بایت است؛ تصویرهای درون آن را بردارید یا آن را بشکنید.", limit=LARGEST_FILE
        )
        return Imported(findings=[Finding(name, "", text)])
    if name.endswith(".dmn"):
        return _decision_table(name, content)
    if strict or _is_ours(content, installation):
        return _ours(name, content, installation)
    return import_file(name, content, seam=installation.seam, beside=installation.files, labels=installation.labels)


def _is_ours(content: bytes, installation: Installation) -> bool:
    try:
        keys = {diagram.key for diagram in diagrams.read(content)}
    except (MalformedXml, UnsafeXml):
        return False
    return bool(keys & installation.processes)


def _decision_table(name: str, content: bytes) -> Imported:
    try:
        model = reader.parse(content)
    except EngineError as error:
        return Imported(findings=[Finding(name, "", str(error))])
    found = [Finding(name, one.element_id, one.message, one.severity) for one in reader.check(model)]
    key = name.removesuffix(".dmn")
    if key not in model.decisions:
        keys = ", ".join(sorted(model.decisions)) or "—"
        text = _("برای به‌کار بردن، نام پرونده را شناسهٔ یکی از تصمیم‌هایش کنید: %(keys)s", keys=keys)
        found.append(Finding(name, "", text, "fill_in"))
    sound = bool(model.decisions) and all(one.severity != "error" for one in found)
    return Imported({key: content} if sound else {}, found, content)


def _ours(name: str, content: bytes, installation: Installation) -> Imported:
    try:
        keys = [diagram.key for diagram in diagrams.read(content)]
    except (MalformedXml, UnsafeXml) as error:
        return Imported(findings=[Finding(name, "", str(error), line=getattr(error, "line", 0))])
    own = {f"{key}.bpmn" for key in keys}
    others = {file: xml for file, xml in installation.files.items() if file not in own}
    bundle = checking.check({**others, name: content}, installation.seam)
    found = [replace(one, file=name) for one in bundle.findings if one.file in own | {name}]
    sound = all(one.severity != "error" for one in found)
    return Imported(dict.fromkeys(keys, content) if sound else {}, found, content)
