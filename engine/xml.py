"""The one door through which XML comes in: no DOCTYPE, no entities, no network, no giants."""

from __future__ import annotations

from lxml import etree

from engine.errors import EngineError
from models.language import gettext as _

LIMIT = 1_000_000  # bytes


class UnsafeXml(EngineError):
    """The file is too large or holds what is never read (a DOCTYPE); ``str`` says which, in the reader's language."""

    code = "unsafe_xml"


class MalformedXml(EngineError):
    """The file is not well-formed XML; ``line`` is where it breaks."""

    code = "malformed_xml"

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def parse_xml(data: bytes, *, limit: int = LIMIT) -> etree._Element:
    """The root element of a document. Raises ``UnsafeXml`` or ``MalformedXml``."""
    if len(data) > limit:
        raise UnsafeXml(_("حجم فایل بیش از %(limit)s بایت است.", limit=limit))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        raise MalformedXml(_("سطر %(line)s: XML درست نیست (%(reason)s).", line=line, reason=error.msg), line) from error
    except ValueError as error:
        raise MalformedXml(_("فایل XML نیست."), 0) from error
    if root.getroottree().docinfo.doctype:
        raise UnsafeXml(_("فایل نباید DOCTYPE داشته باشد."))
    return root
