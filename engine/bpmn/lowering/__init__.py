"""Says with what SpiffWorkflow runs right what it would run wrongly, just before its parser reads a diagram.

Only the parsed copy is rewritten: the file stays as it was drawn, and what the product knows of a diagram is
always read from the file. Drawn elements keep their ids; what is put in has an id that begins with ``Kartabl.``.
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
