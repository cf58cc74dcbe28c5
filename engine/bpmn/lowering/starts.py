"""Start events of processes: a message or signal start becomes a plain one, for it has arrived when the case exists.

The library would make the new case wait for it once more.
"""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import bpmn, definitions


def lower(process: etree._Element) -> None:
    """Make a message or signal start event of the process itself a plain one."""
    for start in process.findall(bpmn("startEvent")):
        for definition in definitions(start):
            start.remove(definition)
