"""The only XML parser of the product: no DOCTYPE, no entities, no network, limited size."""

from __future__ import annotations

from lxml import etree

from engine.errors import EngineError
from models.language import gettext as _

LIMIT = 1_000_000  # bytes


class UnsafeXml(EngineError):
    """The file is too large or has a DOCTYPE; ``str`` is the reason in the reader's language."""

    code = "unsafe_xml"


class MalformedXml(EngineError):
    """The file is not well-formed XML; ``line`` is where it breaks."""

    code = "malformed_xml"

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def parse_xml(data: bytes, *, limit: int = LIMIT) -> etree._Element:
    """Parse a document of at most ``limit`` bytes. Returns its root element. Raises ``UnsafeXml``, ``MalformedXml``."""
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
