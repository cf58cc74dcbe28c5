"""DOCX and XLSX without anything that acts: macros (VBA, Excel 4), objects, controls, parts from elsewhere."""

from __future__ import annotations

import re

from engine.uploads.archives import parts
from engine.uploads.dangers import Danger, Dangerous

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ARCHIVE = b"PK\x03\x04"
TYPES_PART = "[Content_Types].xml"
# What a part is called. Programs find parts by their relationships, so names alone do not suffice: see _WORDS.
_NAMES: list[tuple[re.Pattern[str], Danger]] = [
    (re.compile(r"vbaproject|vbadata|(^|/)(macrosheets|dialogsheets)/"), Danger.MACRO),
    (re.compile(r"(^|/)activex/|(^|/)ctrlprops/"), Danger.CONTROL),
    (re.compile(r"(^|/)embeddings/|oleobject|\.(exe|dll|scr|js|vbs|hta|lnk|bat|cmd|jar)$"), Danger.EMBEDDED),
    (re.compile(r"(^|/)(customui|webextensions|querytables)/|(^|/)connections\.xml$"), Danger.REMOTE),
]
# What content types, relationships and documents say, in lower case.
_WORDS: list[tuple[re.Pattern[str], Danger]] = [
    (re.compile(r"macroenabled|vbaproject|ms-excel\.(intl)?macrosheet|xlmacrosheet|xlintlmacrosheet"), Danger.MACRO),
    (re.compile(r"relationships/(wordvbadata|dialogsheet)|keymapcustomizations"), Danger.MACRO),
    (re.compile(r"relationships/(control|activexcontrol)|activex\+xml"), Danger.CONTROL),
    (re.compile(r"relationships/(oleobject|package)\b|oledocument|officedocument\.oleobject"), Danger.EMBEDDED),
]
_EXTERNAL = re.compile(rb"<[\w:]*relationship\b[^>]*\btargetmode\s*=\s*[\"']external[\"'][^>]*>")
_LINK = re.compile(rb"relationships/hyperlink[\"']")  # opened by whoever clicks, and by nobody else
_DDE = re.compile(rb"ddelink\b|ddeauto\b|instrtext[^>]*>\s*dde\s")
_OTHER_ENCODING = re.compile(rb"(\xef\xbb\xbf)?\s*<\?xml[^>]*encoding\s*=\s*[\"'](?!utf-8|us-ascii)", re.IGNORECASE)
_DOCTYPE = re.compile(rb"<!(doctype|entity)")


def check(content: bytes, needed: str) -> None:
    """Refuse what acts or lies. ``needed``: the part without which it is no such file. Raises ``Dangerous``."""
    names = set()
    for name, part in parts(content):
        names.add(name)
        _check_name(name.lower())
        _check_part(name.lower(), part)
    if needed not in names or TYPES_PART not in names:
        raise Dangerous(Danger.BROKEN)


def _check_name(name: str) -> None:
    for pattern, danger in _NAMES:
        if pattern.search(name):
            raise Dangerous(danger)


def _check_part(name: str, part: bytes) -> None:
    if part.startswith((OLE, ARCHIVE)):
        raise Dangerous(Danger.EMBEDDED)
    if not name.endswith((".xml", ".rels", ".vml")):
        return
    text = _lower(part)
    if _DOCTYPE.search(text):
        raise Dangerous(Danger.BROKEN)
    if name.endswith(".rels") or name == TYPES_PART.lower():
        for pattern, danger in _WORDS:
            if pattern.search(text.decode("latin-1")):
                raise Dangerous(danger)
    if any(not _LINK.search(found[0]) for found in _EXTERNAL.finditer(text)) or _DDE.search(text):
        raise Dangerous(Danger.REMOTE)


def _lower(part: bytes) -> bytes:
    """The XML in lower case and one byte a sign. Raises ``Dangerous`` for encodings that no office program writes."""
    if part.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in part[:64]:
        raise Dangerous(Danger.BROKEN)
    if _OTHER_ENCODING.match(part):
        raise Dangerous(Danger.BROKEN)
    return part.lower()
