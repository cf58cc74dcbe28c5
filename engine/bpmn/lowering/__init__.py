"""Rewrites constructs that SpiffWorkflow executes wrongly into equivalent ones it executes correctly, before parsing.

Only the parsed copy is rewritten; the file stays as it was drawn, and everything else in the product reads the
file. Drawn elements keep their ids; inserted elements have ids that begin with ``Kartabl.``.
Each construct has a module of its own; the order of the list is part of the meaning.
"""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import bpmn
from engine.bpmn.lowering import compensation, data_objects, event_subprocesses, forks, links, starts

_STEPS = (starts.lower, compensation.lower, links.lower, forks.lower, event_subprocesses.lower)


def lower(root: etree._Element) -> None:
    """Rewrite every process of a parsed file in place."""
    data_objects.strip(root)
    for process in root.iter(bpmn("process")):
        for step in _STEPS:
            step(process)
