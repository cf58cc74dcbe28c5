"""Small diagrams in other tools' dialects, for tests of the importer."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from lxml import etree

from engine.bpmn.diagram import BPMN, Diagram, Element, read_diagrams
from engine.contributions.operations import Operations
from engine.deployment.checking.seam import Seam
from engine.deployment.importing import Imported, import_file
from engine.expressions.language import Language
from workflows import roles

NAMESPACES = {
    "bpmn": BPMN,
    "camunda": "http://camunda.org/schema/1.0/bpmn",
    "zeebe": "http://camunda.org/schema/zeebe/1.0",
    "flowable": "http://flowable.org/bpmn",
    "activiti": "http://activiti.org/bpmn",
    "signavio": "http://www.signavio.com",
    "spiffworkflow": "http://spiffworkflow.org/bpmn/schema/1.0/core",
    "modeler": "http://camunda.org/schema/modeler/1.0",
}


def file(body: str, *, head: str = "", key: str = "drawn", attributes: str = "") -> bytes:
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return (
        f'<bpmn:definitions {declared} id="d" targetNamespace="x">{head}'
        f'<bpmn:process id="{key}" {attributes}>{body}</bpmn:process></bpmn:definitions>'
    ).encode()


def line(*nodes: str) -> str:
    """Nodes one after the other: their XML with a ``%`` where flows are not wanted; ids are read from them."""
    ids = [node.partition('id="')[2].partition('"')[0] for node in nodes]
    flows = "".join(
        f'<bpmn:sequenceFlow id="{one}_{other}" sourceRef="{one}" targetRef="{other}"/>' for one, other in pairwise(ids)
    )
    return "".join(nodes) + flows


def around(node: str, *, data: str = "") -> str:
    """A node between a start and an end. ``data``: names that whoever starts has to give."""
    given = (
        '<bpmn:extensionElements><spiffworkflow:properties><spiffworkflow:property name="data" '
        f'value="{data}"/></spiffworkflow:properties></bpmn:extensionElements>'
    )
    return line(f'<bpmn:startEvent id="begin">{given}</bpmn:startEvent>', node, '<bpmn:endEvent id="done"/>')


def flow(source: str, target: str, condition: str = "") -> str:
    inner = f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>" if condition else ""
    name = f"{source}_{target}"
    return f'<bpmn:sequenceFlow id="{name}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'


def imported(content: bytes) -> Imported:
    """The file, imported where nothing but the delivered roles is known."""
    seam = Seam(
        operations=Operations(),
        roles=frozenset(roles.organisation().roles) | roles.CASE_ROLES.keys(),
        form_fields=lambda _process, _task: None,
        functions=Language({}).functions,
    )
    return import_file("drawn.bpmn", content, seam=seam)


def diagram(result: Imported) -> Diagram:
    assert result.deployable, [str(found) for found in result.findings if found.severity == "error"]
    return read_diagrams(next(iter(result.processes.values())))[0]


def element(content: bytes, identifier: str) -> Element:
    return diagram(imported(content)).elements[identifier]


def said(result: Imported, identifier: str) -> list[str]:
    """The severities of what was found at an element."""
    return [found.severity for found in result.findings if found.element == identifier]


def foreign(content: bytes) -> Counter[str]:
    """Everything in the file that is neither BPMN's own nor ours, as text: elements whole, attributes with values."""
    root = etree.fromstring(content)
    own = {BPMN, NAMESPACES["spiffworkflow"], "urn:kartabl:bpmn", "http://www.w3.org/2001/XMLSchema-instance"}
    found: Counter[str] = Counter()
    for node in root.iter("{*}*"):
        name = etree.QName(node)
        parent = node.getparent()
        if name.namespace and name.namespace not in own and "omg.org" not in name.namespace:
            above = etree.QName(parent).namespace if parent is not None else ""
            if above in own:
                copy = etree.fromstring(etree.tostring(node, with_tail=False))
                found[etree.tostring(copy, method="c14n", exclusive=True).decode()] += 1
        for attribute, value in node.attrib.items():
            namespace = etree.QName(attribute).namespace
            if namespace and namespace not in own:
                found[f"{node.get('id')} {attribute}={value}"] += 1
    return found
