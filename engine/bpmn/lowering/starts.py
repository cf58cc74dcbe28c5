"""The start event of a process: by the time a case exists, what it is to be started by has happened.

The library would let the new case wait for it once more.
"""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import bpmn, definitions


def lower(process: etree._Element) -> None:
    """Make a message or signal start event of the process itself a plain one."""
    for start in process.findall(bpmn("startEvent")):
        for definition in definitions(start):
            start.remove(definition)
