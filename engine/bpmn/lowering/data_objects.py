"""Removes data objects and data stores: they are drawn only, and the library would refuse or store them."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import bpmn

_DATA = ("dataObject", "dataObjectReference", "dataStore", "dataStoreReference")


def strip(root: etree._Element) -> None:
    """Remove them from a tree in place. ``engine.deployment.checking.constructs`` refuses elements that use them."""
    for node in list(root.iter(*(bpmn(tag) for tag in _DATA))):
        parent = node.getparent()
        if parent is not None:
            parent.remove(node)
