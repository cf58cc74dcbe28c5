"""Reads a BPMN file into diagrams: elements with names, roles and properties, and all expressions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lxml import etree

from engine.bpmn import drawn_only
from engine.calendar.timers import literal
from engine.expressions.language import ExpressionError, parse
from engine.xml import parse_xml
from models.language import SOURCE, current, stored

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
ACTIVITIES = frozenset(
    [
        "task",
        "userTask",
        "manualTask",
        "serviceTask",
        "scriptTask",
        "sendTask",
        "receiveTask",
        "businessRuleTask",
        "callActivity",
        "subProcess",
        "transaction",
        "adHocSubProcess",
    ]
)
EVENTS = frozenset(["startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"])
SUB_PROCESSES = frozenset({"subProcess", "transaction", "adHocSubProcess"})
GATEWAYS = frozenset(["exclusiveGateway", "parallelGateway", "inclusiveGateway", "complexGateway", "eventBasedGateway"])
FLOW_NODES = ACTIVITIES | EVENTS | GATEWAYS
PEOPLE_TASKS = frozenset({"userTask", "manualTask", "task"})  # an abstract task says no more than that somebody does it
INSERTED = "Kartabl."  # ids of what lowering inserts begin so: Kartabl.<kind>.<id of what caused it>
SUBMISSION = "submission"  # the values of the form just submitted: readable by expressions, never stored


def bpmn(tag: str) -> str:
    """The tag of a BPMN element with its namespace, as lxml names it."""
    return f"{{{BPMN}}}{tag}"


def local(node: etree._Element) -> str:
    """The local name of an element; "" for comments."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def scopes(process: etree._Element) -> Iterator[etree._Element]:
    """The process itself and every subprocess in it, the outer ones first."""
    yield process
    yield from process.iter(*(bpmn(tag) for tag in SUB_PROCESSES))


def is_event_subprocess(node: etree._Element) -> bool:
    """Whether an event starts this subprocess. On a transaction the engine ignores ``triggeredByEvent``."""
    return local(node) == "subProcess" and node.get("triggeredByEvent") == "true"


def definitions(event: etree._Element) -> list[etree._Element]:
    """The event definitions inside an event; empty for a plain one."""
    return [child for child in event if local(child).endswith("EventDefinition")]


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation."""

    name: str
    value: str  # an expression


@dataclass(frozen=True)
class Element:
    """A flow node of a diagram, with the attributes that the engine uses."""

    id: str
    tag: str  # BPMN's local name: userTask, boundaryEvent, …
    name: str
    line: int
    roles: tuple[str, ...]  # the lane's or those of the element's own ``role`` property; several: see ``roles_in``
    properties: dict[str, str]
    operation: str = ""  # service task: the operator's id
    parameters: tuple[Parameter, ...] = ()
    result: str = ""  # variable that the operation's or the decision's result goes to
    decision: str = ""
    called: str = ""  # call activity: the called process
    event: str = ""  # timer, message, signal, error, …; "" for a plain event
    event_name: str = ""  # name of the message or signal that is thrown or waited for
    attached_to: str = ""
    interrupting: bool = True
    fields: tuple[dict[str, Any], ...] = ()  # form fields declared in the diagram
    at_edge: bool = False  # a boundary event, or the start event of an event subprocess
    of: str = ""  # the subprocess it stands in; "" for the process itself

    @property
    def role(self) -> str:
        """The role; of several the first one, and "" where there is none."""
        return self.roles[0] if self.roles else ""

    @property
    def is_people_task(self) -> bool:
        """Whether a person does it: a user, manual or abstract task."""
        return self.tag in PEOPLE_TASKS

    @property
    def is_action(self) -> bool:
        """Whether a person may trigger it beside the way the case goes: at a boundary, or with ``kind=action``."""
        return self.at_edge or self.properties.get("kind") == "action"

    @property
    def waits_for_person(self) -> bool:
        """Whether it is a message event that a person may trigger: it names a role of its own."""
        return self.event == "message" and self.catches and "role" in self.properties

    @property
    def locks(self) -> tuple[str, ...]:
        """The user tasks of the same process that nobody can complete while this activity is at work."""
        return tuple(self.properties.get("locks", "").replace(",", " ").split())

    def timer_of_due(self, elements: Mapping[str, Element]) -> Element | None:
        """The boundary timer of this task that ``due`` names, if any: the task is due when the timer fires."""
        named = elements.get(self.properties.get("due", ""))
        return named if named and named.attached_to == self.id and named.event == "timer" else None

    @property
    def throws(self) -> bool:
        """Whether it sends a message or a signal."""
        thrown = self.tag in ("intermediateThrowEvent", "endEvent") and self.event in ("message", "signal")
        return thrown or self.tag == "sendTask"

    @property
    def catches(self) -> bool:
        """Whether a running case waits here for a message or a signal; a start event of a process does not."""
        waits = self.at_edge or self.tag in ("intermediateCatchEvent", "receiveTask")
        return waits and self.event in ("message", "signal")

    @property
    def starts_case(self) -> bool:
        """Whether a message or a signal starts a case here."""
        return self.tag == "startEvent" and not self.of and self.event in ("message", "signal")


@dataclass(frozen=True)
class Located:
    """An expression and the element it stands at."""

    element_id: str
    source: str
    where: str  # condition, timer, parameter x, due, …


@dataclass(frozen=True)
class Diagram:
    """One process of a ``.bpmn`` file, read but not yet checked."""

    key: str
    name: str
    xml: bytes
    root: etree._Element = field(repr=False, compare=False)
    process: etree._Element = field(repr=False, compare=False)
    elements: dict[str, Element]
    expressions: tuple[Located, ...]
    properties: dict[str, str] = field(default_factory=dict)  # the process's own, as ``upload_limit``

    @property
    def start(self) -> Element:
        """The start event of the process itself."""
        return next(element for element in self.elements.values() if element.tag == "startEvent" and not element.of)

    def name_of(self, element: str) -> str:
        """The name of an element in the drawing; "" for a flow or an element without a name."""
        return self.elements[element].name if element in self.elements else ""

    def ends_main_course(self, end: Element) -> bool:
        """Whether an end event is the process's own, or that of an event subprocess which takes the process over."""
        if not end.of:
            return True
        starts = (
            element
            for element in self.elements.values()
            if element.of == end.of and element.tag == "startEvent" and element.at_edge
        )
        return not self.elements[end.of].of and any(start.interrupting for start in starts)

    @property
    def calls(self) -> frozenset[str]:
        """The keys of the called processes."""
        return frozenset(element.called for element in self.elements.values() if element.called)

    @property
    def decisions(self) -> frozenset[str]:
        """The keys of the decision tables that the diagram uses."""
        return frozenset(element.decision for element in self.elements.values() if element.decision)

    @cached_property
    def names_read(self) -> frozenset[str]:
        """The names that expressions of the diagram read; of a submission only these become case data."""
        names: set[str] = set()
        for located in self.expressions:
            try:
                names |= parse(located.source).names
            except ExpressionError:
                continue  # the check names it; such a diagram is not deployed
        return frozenset(names - {SUBMISSION})


def lane_role(lane: etree._Element) -> str:
    """The role of a lane: its ``role`` property, else its id without ``Lane_``."""
    return _properties(lane).get("role") or lane.get("id", "").removeprefix("Lane_")


def roles_in(text: str) -> tuple[str, ...]:
    """The role keys in a text: one, or several with commas between, any of which may start a case."""
    return tuple(text.replace(",", " ").split())


def read_diagrams(xml: bytes) -> list[Diagram]:
    """The processes that a file draws, except pools without content.

    Raises ``UnsafeXml`` or ``MalformedXml``.
    """
    root = parse_xml(xml)
    drawn_only.strip(root)
    return [_read_process(root, process, xml) for process in root.iter(bpmn("process")) if _has_content(process)]


def _has_content(process: etree._Element) -> bool:
    return any(local(child) in FLOW_NODES for child in process)


def _read_process(root: etree._Element, process: etree._Element, xml: bytes) -> Diagram:
    roles = _roles_by_node(process)
    elements = {node.get("id", ""): _element(node, roles, process) for node in flow_nodes(process)}
    return Diagram(
        key=process.get("id", ""),
        name=process.get("name", "") or process.get("id", ""),
        xml=xml,
        root=root,
        process=process,
        elements=elements,
        expressions=tuple(_expressions(process)),
        properties=_properties(process),
    )


def flow_nodes(process: etree._Element) -> Iterator[etree._Element]:
    """Every flow node of the process, those of its subprocesses included."""
    for node in process.iter(etree.Element):
        if isinstance(node.tag, str) and node.tag.startswith(f"{{{BPMN}}}") and local(node) in FLOW_NODES:
            yield node


def _roles_by_node(process: etree._Element) -> dict[str, str]:
    roles: dict[str, str] = {}
    for lane in process.iter(bpmn("lane")):  # inner lanes come after the outer ones and win
        for reference in lane.findall(bpmn("flowNodeRef")):
            roles[(reference.text or "").strip()] = lane_role(lane)
    return roles


def _role_of(node: etree._Element, roles: dict[str, str], process: etree._Element) -> str:
    """The role of the node's lane: inside a subprocess of the nearest lane around it, at a boundary of its activity."""
    at: etree._Element | None = node
    while at is not None and at is not process:
        role = roles.get(at.get("id", "")) or roles.get(at.get("attachedToRef", ""))
        if role:
            return role
        at = at.getparent()
    return ""


def _properties(node: etree._Element) -> dict[str, str]:
    path = f"{bpmn('extensionElements')}/{{{SPIFF}}}properties/{{{SPIFF}}}property"
    return {prop.get("name", ""): prop.get("value", "") for prop in node.findall(path)}


def _extension(node: etree._Element, name: str) -> etree._Element | None:
    return node.find(f"{bpmn('extensionElements')}/{{{SPIFF}}}{name}")


def _element(node: etree._Element, roles: dict[str, str], process: etree._Element) -> Element:
    properties = _properties(node)
    operator = _extension(node, "serviceTaskOperator")
    decision = _extension(node, "calledDecisionId")
    decision_id = (decision.text or "").strip() if decision is not None else ""
    return Element(
        id=node.get("id", ""),
        tag=local(node),
        name=node.get("name", ""),
        line=node.sourceline or 0,
        roles=roles_in(properties.get("role") or _role_of(node, roles, process)),
        properties=properties,
        operation=operator.get("id", "") if operator is not None else "",
        parameters=_parameters(operator),
        result=(operator.get("resultVariable", "") if operator is not None else "")
        or properties.get("result", decision_id),
        decision=decision_id,
        called=node.get("calledElement", ""),
        event=event_kind(node),
        event_name=event_name(node),
        attached_to=node.get("attachedToRef", ""),
        interrupting=node.get("cancelActivity", "true") != "false" and node.get("isInterrupting", "true") != "false",
        fields=_fields(node),
        at_edge=local(node) == "boundaryEvent" or _starts_beside(node),
        of=_inside(node, process),
    )


def _starts_beside(node: etree._Element) -> bool:
    around = node.getparent()
    return local(node) == "startEvent" and around is not None and is_event_subprocess(around)


def _inside(node: etree._Element, process: etree._Element) -> str:
    around = node.getparent()
    return around.get("id", "") if around is not None and around is not process else ""


def _parameters(operator: etree._Element | None) -> tuple[Parameter, ...]:
    if operator is None:
        return ()
    parameters = operator.iter(f"{{{SPIFF}}}parameter")
    return tuple(Parameter(parameter.get("id", ""), parameter.get("value", "")) for parameter in parameters)


def _fields(node: etree._Element) -> tuple[dict[str, Any], ...]:
    """Form fields declared as ``spiffworkflow:formField`` with the attributes id, label, type, required, default;
    an enum's ``values`` are its elements ``spiffworkflow:value`` with id and name."""
    forms = _extension(node, "formFields")
    if forms is None:
        return ()
    return tuple(_field(declared) for declared in forms.iter(f"{{{SPIFF}}}formField"))


def _field(declared: etree._Element) -> dict[str, Any]:
    values = [{"id": option.get("id"), "name": option.get("name")} for option in declared.iter(f"{{{SPIFF}}}value")]
    return {
        **{str(name): str(value) for name, value in declared.attrib.items()},
        **({"values": values} if values else {}),
    }


def event_kind(node: etree._Element) -> str:
    """timer, message, signal, … of an event (``multiple`` for more than one); send and receive tasks: a message."""
    kinds = [local(definition).removesuffix("EventDefinition") for definition in definitions(node)]
    if local(node) in ("sendTask", "receiveTask"):
        return "message"
    return kinds[0] if len(kinds) == 1 else "multiple" if kinds else ""


def event_name(node: etree._Element) -> str:
    """The name of the message or signal that an event throws or waits for; "" when it has none."""
    for kind in ("message", "signal"):
        definition = node.find(bpmn(f"{kind}EventDefinition"))
        reference = (definition if definition is not None else node).get(f"{kind}Ref")
        if reference:
            declared = node.getroottree().getroot().iter(bpmn(kind))
            return next((element.get("name", "") for element in declared if element.get("id") == reference), "")
    return ""


def payload_names(properties: Mapping[str, str]) -> tuple[str, ...]:
    """The names of case data that a thrown message or signal carries: its property ``payload``."""
    return tuple(properties.get("payload", "").replace(",", " ").split())


EXPRESSION_PROPERTIES = ("due", "priority", "scope", "lock_reason", "correlation_key")


def _expressions(process: etree._Element) -> Iterator[Located]:
    """Every expression of the process, with the element it stands at."""
    for flow in process.iter(bpmn("sequenceFlow")):
        condition = flow.find(bpmn("conditionExpression"))
        if condition is not None:
            yield Located(flow.get("id", ""), (condition.text or "").strip(), "condition")
    for timer in process.iter(bpmn("timerEventDefinition")):
        times = (time.text or "" for time in timer if local(time) in ("timeDate", "timeDuration", "timeCycle"))
        yield from (Located(_owner(timer), time.strip(), "timer") for time in times if literal(time) is None)
    for event in process.iter(bpmn("conditionalEventDefinition")):
        for condition in event.findall(bpmn("condition")):
            yield Located(_owner(event), (condition.text or "").strip(), "condition")
    for operator in process.iter(f"{{{SPIFF}}}serviceTaskOperator"):
        for parameter in _parameters(operator):
            yield Located(_owner(operator), parameter.value, f"parameter {parameter.name}")
    timers = {
        (node.get("attachedToRef"), node.get("id")) for node in flow_nodes(process) if event_kind(node) == "timer"
    }
    for node in flow_nodes(process):
        yield from _expressions_at(node, timers)


def _expressions_at(node: etree._Element, timers: Collection[tuple[str | None, str | None]]) -> Iterator[Located]:
    """The expressions in a node's own properties and its repetition; a ``due`` that names a boundary timer is none."""
    for name, value in _properties(node).items():
        if name in EXPRESSION_PROPERTIES and not (name == "due" and (node.get("id"), value) in timers):
            yield Located(node.get("id", ""), value, name)
    for name in payload_names(_properties(node)):
        yield Located(node.get("id", ""), name, "payload")
    for tag in ("loopCondition", "loopCardinality", "completionCondition"):
        for inner in node.iterfind(f"./*/{bpmn(tag)}"):
            yield Located(node.get("id", ""), (inner.text or "").strip(), tag)


def _owner(inner: etree._Element) -> str:
    """The id of the flow node that an inner element belongs to."""
    at: etree._Element | None = inner
    while at is not None and local(at) not in FLOW_NODES:
        at = at.getparent()
    return at.get("id", "") if at is not None else ""


def in_readers_language(xml: bytes) -> bytes:
    """The diagram with the names of its elements translated, for looking at only."""
    if current() == SOURCE:
        return xml
    root = parse_xml(xml)
    for element in root.iter("{*}*"):
        name = element.get("name")
        if name and etree.QName(element).localname not in ("property", "parameter"):  # those are keys
            element.set("name", stored(name))
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)
