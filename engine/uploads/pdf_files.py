"""PDF without anything that acts: no scripts, actions at opening, programs, embedded files, films or dynamic forms.

The file is not opened by a library, whose view of a broken file another program need not share: names that only occur
where something acts are looked for in all of its bytes, and in its packed objects.
"""

from __future__ import annotations

import re
import zlib

from engine.uploads.dangers import Danger, Dangerous

MOST_UNPACKED = 50_000_000  # bytes of all packed objects
MOST_STREAMS = 20_000
_END = rb"(?=[\x00\t\n\f\r ()<>\[\]{}/%]|$)"  # of a name
_STREAM = re.compile(rb"\bstream\r?\n")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")


def _name(*names: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"/(" + b"|".join(names) + rb")" + _END)


# Long enough that packed bytes do not look like them by chance: once in 2**64.
_ANYWHERE: list[tuple[re.Pattern[bytes], Danger]] = [
    (_name(rb"JavaScript"), Danger.SCRIPT),
    (_name(rb"Launch", rb"ImportData", rb"SubmitForm"), Danger.LAUNCH),
    (_name(rb"EmbeddedFiles?", rb"FileAttachment", rb"Filespec"), Danger.EMBEDDED),
    (_name(rb"RichMedia\w*", rb"Rendition", rb"3DVIEW"), Danger.MEDIA),
]
_OUTSIDE_STREAMS: list[tuple[re.Pattern[bytes], Danger]] = [
    (_name(rb"JS"), Danger.SCRIPT),
    (_name(rb"XFA", rb"Movie", rb"Sound"), Danger.MEDIA),
    (_name(rb"AA"), Danger.ACTION),
    (_name(rb"GoToR", rb"GoToE"), Danger.EMBEDDED),
    (_name(rb"Encrypt"), Danger.ENCRYPTED),
    # A place to begin at is harmless: [page /Fit], or an action that only goes to a place of this file.
    (re.compile(rb"/OpenAction\s*<<(?![^>]{0,400}/S\s*/GoTo" + _END + rb")"), Danger.ACTION),
]


def check(content: bytes) -> None:
    """Refuse what acts, and what cannot be looked into. Raises ``Dangerous``."""
    _look(_readable(content), _ANYWHERE)
    outside, packed = _split(content)
    _look(outside, _OUTSIDE_STREAMS)
    left = MOST_UNPACKED
    for objects in packed:
        part = _readable(_inflated(objects, left))
        left -= len(part)
        _look(part, _ANYWHERE)
        _look(part, _OUTSIDE_STREAMS)


def _split(content: bytes) -> tuple[bytes, list[bytes]]:
    """All that stands outside of streams, and the streams of packed objects, still packed."""
    outside, packed, place, streams = [], [], 0, 0
    while found := _STREAM.search(content, place):
        streams += 1
        if streams > MOST_STREAMS:
            raise Dangerous(Danger.TOO_MANY)
        head = _readable(content[place : found.start()])
        outside.append(head)
        end = content.find(b"endstream", found.end())
        if end < 0:
            raise Dangerous(Danger.BROKEN)
        about = head[head.rfind(b" obj") :] if b" obj" in head else head
        if _name(rb"ObjStm").search(about):
            packed.append(_flate(about, content[found.end() : end]))
        place = end + len(b"endstream")
    outside.append(_readable(content[place:]))
    return b"\n".join(outside), packed


def _flate(about: bytes, stream: bytes) -> bytes:
    """The stream, if it is packed in the one way that programs pack objects."""
    filters = re.findall(rb"/(\w+Decode)", about)
    if filters != [b"FlateDecode"] or re.search(rb"/Predictor\s+(?!1\b)", about):
        raise Dangerous(Danger.HIDDEN)
    return stream


def _inflated(packed: bytes, most: int) -> bytes:
    """What a reader would see of packed objects, be they whole or not."""
    unpacker = zlib.decompressobj()
    try:
        part = unpacker.decompress(packed, most + 1)
    except zlib.error:
        raise Dangerous(Danger.BROKEN) from None
    if len(part) > most:
        raise Dangerous(Danger.TOO_BIG)
    return part


def _readable(text: bytes) -> bytes:
    """With names as they are meant: ``/J#61vaScript`` is ``/JavaScript``."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text) if b"#" in text else text


def _look(text: bytes, patterns: list[tuple[re.Pattern[bytes], Danger]]) -> None:
    for pattern, danger in patterns:
        if pattern.search(text):
            raise Dangerous(danger)
