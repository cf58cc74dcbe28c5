"""Elements that are drawn and never run: the importer marks them in the file, the parser leaves them out."""

from __future__ import annotations

from lxml import etree

KARTABL = "urn:kartabl:bpmn"
PICTURE = f"{{{KARTABL}}}picture"


def mark(node: etree._Element) -> None:
    """Mark an element as drawn only: it stays in the file and never runs."""
    node.set(PICTURE, "true")


def is_picture(node: etree._Element) -> bool:
    """Whether the element is marked as drawn only."""
    return node.get(PICTURE) == "true"


def strip(root: etree._Element) -> None:
    """Remove all marked elements from a tree in place."""
    for node in root.xpath("//*[@*[local-name()='picture' and namespace-uri()=$ns]='true']", ns=KARTABL):
        parent = node.getparent()
        if parent is not None:
            parent.remove(node)
