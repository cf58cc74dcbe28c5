"""What of a diagram is picture only: marked in the file by the importer, left out of what runs."""

from __future__ import annotations

from lxml import etree

KARTABL = "urn:kartabl:bpmn"
PICTURE = f"{{{KARTABL}}}picture"


def mark(node: etree._Element) -> None:
    """From here on the element is shown and kept, and never run."""
    node.set(PICTURE, "true")


def is_picture(node: etree._Element) -> bool:
    return node.get(PICTURE) == "true"


def strip(root: etree._Element) -> None:
    """Take what is marked out of a tree that is about to be read for running."""
    for node in root.xpath("//*[@*[local-name()='picture' and namespace-uri()=$ns]='true']", ns=KARTABL):
        parent = node.getparent()
        if parent is not None:
            parent.remove(node)
