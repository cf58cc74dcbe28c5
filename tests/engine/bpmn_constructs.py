"""Every construct of BPMN 2.0 that can stand in or beside a process, and a minimal diagram of each refused one."""

from __future__ import annotations

from tests.engine.beside import ERROR, ESCALATION, drawn, event_subprocess, tasks
from tests.engine.drawing import again, boundary, catch, end, flow, message, node, path, start, subprocess, timer, user

CANCEL = "<cancelEventDefinition/>"
CONDITION = "<conditionalEventDefinition><condition>n &gt; 1</condition></conditionalEventDefinition>"
COMPENSATE = "<compensateEventDefinition/>"
LINK = '<linkEventDefinition name="L"/>'
TERMINATE = "<terminateEventDefinition/>"
SIGNAL = '<signalEventDefinition signalRef="S1"/>'

TASKS = """
    task; user task; manual task; service task; business rule task; script task; send task; receive task
    receive task that starts a case; call activity; global task; embedded subprocess; transaction
    event subprocess; ad-hoc subprocess; start and completion quantity
    standard loop; parallel multi-instance; sequential multi-instance; multi-instance behaviour events
    compensation marker; compensation handler without an event; compensation of a repeated activity
    compensation in a transaction
"""
EVENTS = """
    none start event; message start event; signal start event; timer start event; conditional start event
    multiple start event; several start events; start event of a subprocess with a definition
    event subprocess start: message; event subprocess start: timer; event subprocess start: signal
    event subprocess start: error; event subprocess start: escalation; event subprocess start: conditional
    event subprocess start: compensation; event subprocess start: multiple
    event subprocess start: error that does not interrupt
    catch event: message; catch event: timer; catch event: signal; catch event: conditional; catch event: link
    catch event: none; catch event: multiple; catch event: error
    throw event: none; throw event: message; throw event: signal; throw event: escalation; throw event: link
    throw event: compensation; throw event: timer; throw event: multiple
    compensation thrown where nothing can be undone; compensation thrown in an event subprocess
    compensation that is not waited for; compensation of a subprocess that throws itself
    boundary event: message; boundary event: timer; boundary event: signal; boundary event: error
    boundary event: escalation; boundary event: conditional; boundary event: cancel; boundary event: compensation
    boundary event: compensation without a handler; boundary event: compensation that nothing throws
    boundary event: none; boundary event: multiple; boundary event: link
    boundary event: message, not interrupting; boundary event: timer, not interrupting
    boundary event: signal, not interrupting; boundary event: escalation, not interrupting
    boundary event: conditional, not interrupting; boundary event: error, not interrupting
    boundary event: error at a task; boundary event: cancel outside a transaction
    end event: none; end event: message; end event: signal; end event: error; end event: escalation
    end event: terminate; end event: cancel; end event: cancel outside a transaction; end event: compensation
    end event: multiple; end event: timer; several end events; an error nothing catches; an escalation nothing catches
    event definition elsewhere
"""
FLOWS = """
    exclusive gateway; inclusive gateway; parallel gateway; complex gateway; event-based gateway
    event-based gateway that starts a case; parallel event-based gateway; receive task after an event-based gateway
    conditional event after an event-based gateway; task after an event-based gateway
    gateway branch without condition; gateway without default flow; condition behind a parallel gateway
    sequence flow; default flow; conditional flow; conditional flows only; several flows out of an element
    several flows into an element; element without a way on; element that nothing leads to
    link without its other end; link that leads to two places
    process that is not executable
"""
DATA = """
    data object; data object reference; data store; data store reference; data input and output; data association
    property; message; signal; error; escalation; item definition; correlation
    lane; pool; pool without content; message flow; text annotation; association; group; category value
    documentation; resource role; interface and operation; auditing and monitoring; extension elements; diagram
    choreography; conversation
"""


def names(text: str) -> list[str]:
    return [name.strip() for line in text.splitlines() for name in line.split(";") if name.strip()]


CONSTRUCTS = [name for text in (TASKS, EVENTS, FLOWS, DATA) for name in names(text)]


def task(inner: str = "", tag: str = "userTask", more: str = "", **attributes: str) -> bytes:
    """One activity ``a`` between start and end."""
    return drawn(start() + node(tag, "a", inner, **attributes) + path("s", "a", "e") + end() + more)


def started(*events: str) -> bytes:
    return drawn("".join(events) + user("a") + path("s", "a", "e") + end())


def caught(definition: str) -> bytes:
    return drawn(start() + catch("c", definition) + path("s", "c", "e") + end())


def thrown(definition: str) -> bytes:
    return drawn(start() + node("intermediateThrowEvent", "t", definition) + path("s", "t", "e") + end())


def ended(definition: str) -> bytes:
    return drawn(start() + user("a") + path("s", "a", "e") + end("e", definition))


def at_edge(definition: str, *, interrupting: bool = True, subject: str = "sub") -> bytes:
    inner = start("s2") + user("x") + path("s2", "x", "e2") + end("e2")
    hosts = {"sub": subprocess("sub", inner), "a": user("a")}
    body = start() + hosts[subject] + path("s", subject, "e") + end() + user("h")
    body += boundary("b", subject, definition, interrupting=interrupting) + path("b", "h", "e3") + end("e3")
    return drawn(body)


def beside(definition: str, *, interrupting: bool = True) -> bytes:
    return drawn(tasks("a") + event_subprocess("o", definition, interrupting=interrupting))


def waiting(*targets: str, **attributes: str) -> bytes:
    """An event-based gateway and what stands behind it."""
    body = start() + path("s", "g") + node("eventBasedGateway", "g", **attributes) + catch("m", message()) + end()
    body += path("g", "m", "e")
    return drawn(body + "".join(targets))


def choosing(*flows: str, tag: str = "exclusiveGateway", **attributes: str) -> bytes:
    body = start() + path("s", "g") + node(tag, "g", **attributes) + user("x", "y") + "".join(flows)
    return drawn(body + path("x", "e") + path("y", "e2") + end() + end("e2"))


def undoing(activity: str) -> str:
    """A compensation event at an activity's edge, and the handler it is associated with."""
    handler = node("userTask", f"undo_{activity}", isForCompensation="true")
    line = node("association", f"l_{activity}", sourceRef=f"c_{activity}", targetRef=f"undo_{activity}")
    return boundary(f"c_{activity}", activity, COMPENSATE) + handler + line


def undone(inner: str = "", tag: str = "userTask", *, throws: str = COMPENSATE, more: str = "") -> bytes:
    """An activity that can be undone, and an event that throws."""
    body = start() + node(tag, "a", inner) + node("intermediateThrowEvent", "t", throws) + path("s", "a", "t", "e")
    return drawn(body + end() + undoing("a") + more)


_CONTENT = start("s2") + user("x") + path("s2", "x", "e2")
_TWO = message() + timer("PT1H")
_MANY = "<multiInstanceLoopCharacteristics behavior='One'><loopCardinality>2</loopCardinality>"
_MANY += "</multiInstanceLoopCharacteristics>"
_WIRE = '<dataOutputAssociation id="w"><targetRef>d</targetRef></dataOutputAssociation>'
_IO = "<ioSpecification><inputSet/><outputSet/></ioSpecification>"

REFUSED: dict[str, bytes] = {
    "compensation handler without an event": task(isForCompensation="true"),
    "compensation of a repeated activity": undone(again(most=2)),
    "compensation in a transaction": undone(_CONTENT + end("e2") + undoing("x"), "transaction"),
    "compensation thrown where nothing can be undone": thrown(COMPENSATE),
    "compensation thrown in an event subprocess": undone(
        more=event_subprocess("o", message(), body=end("e_o", COMPENSATE) + path("x_o", "e_o"))
    ),
    "compensation that is not waited for": undone(throws='<compensateEventDefinition waitForCompletion="false"/>'),
    "compensation of a subprocess that throws itself": drawn(
        tasks("y", "sub", last=COMPENSATE).replace('<userTask id="sub"></userTask>', "")
        + undoing("y")
        + subprocess("sub", _CONTENT + end("e2", COMPENSATE) + undoing("x"))
    ),
    "event subprocess start: compensation": beside(COMPENSATE),
    "boundary event: compensation without a handler": at_edge(COMPENSATE),
    "boundary event: compensation that nothing throws": task(more=undoing("a")),
    "script task": task("<script>x = 1</script>", "scriptTask"),
    "receive task that starts a case": task(tag="receiveTask", messageRef="M1", instantiate="true"),
    "global task": task(tag="callActivity", calledElement="Global"),
    "ad-hoc subprocess": task(user("x"), "adHocSubProcess"),
    "start and completion quantity": task(startQuantity="2"),
    "multi-instance behaviour events": task(_MANY),
    "timer start event": started(node("startEvent", "s", timer("PT1H"))),
    "conditional start event": started(node("startEvent", "s", CONDITION)),
    "multiple start event": started(node("startEvent", "s", _TWO)),
    "several start events": started(start(), start("s9"), path("s9", "a")),
    "start event of a subprocess with a definition": task(
        node("startEvent", "s2", timer("PT1H")) + user("x") + path("s2", "x", "e2") + end("e2"), "subProcess"
    ),
    "event subprocess start: multiple": beside(_TWO),
    "event subprocess start: error that does not interrupt": beside(ERROR, interrupting=False),
    "catch event: none": caught(""),
    "catch event: multiple": caught(_TWO),
    "catch event: error": caught(ERROR),
    "throw event: timer": thrown(timer("PT1H")),
    "throw event: multiple": thrown(ESCALATION + SIGNAL),
    "boundary event: none": at_edge(""),
    "boundary event: multiple": at_edge(_TWO),
    "boundary event: link": at_edge(LINK),
    "boundary event: error, not interrupting": at_edge(ERROR, interrupting=False),
    "boundary event: error at a task": at_edge(ERROR, subject="a"),
    "boundary event: cancel outside a transaction": at_edge(CANCEL),
    "end event: cancel outside a transaction": ended(CANCEL),
    "end event: multiple": ended(ESCALATION + SIGNAL),
    "end event: timer": ended(timer("PT1H")),
    "event definition elsewhere": caught("<eventDefinitionRef>other</eventDefinitionRef>"),
    "complex gateway": choosing(path("g", "x"), path("g", "y"), tag="complexGateway"),
    "event-based gateway that starts a case": waiting(instantiate="true"),
    "parallel event-based gateway": waiting(eventGatewayType="Parallel"),
    "conditional event after an event-based gateway": waiting(catch("c", CONDITION), path("g", "c", "e")),
    "task after an event-based gateway": waiting(user("x"), path("g", "x", "e")),
    "gateway branch without condition": choosing(flow("g", "x", "n &gt; 1"), flow("g", "y", key="open")),
    "gateway without default flow": choosing(flow("g", "x", "n &gt; 1"), flow("g", "y", "n &lt; 1")),
    "condition behind a parallel gateway": choosing(flow("g", "x", "n &gt; 1"), path("g", "y"), tag="parallelGateway"),
    "conditional flows only": choosing(flow("g", "x", "n &gt; 1"), flow("g", "y", "n &lt; 1"), tag="userTask"),
    "element without a way on": task(more=boundary("b", "a", timer("PT1H"))),
    "element that nothing leads to": task(more=user("lost") + path("lost", "e")),
    "link without its other end": drawn(start() + node("intermediateThrowEvent", "t", LINK) + path("s", "t") + end()),
    "link that leads to two places": drawn(
        start()
        + node("intermediateThrowEvent", "t", LINK)
        + path("s", "t")
        + end()
        + catch("c", LINK)
        + catch("d", LINK)
        + path("c", "e")
        + path("d", "e")
    ),
    "process that is not executable": task().replace(b'isExecutable="true"', b'isExecutable="false"'),
    "data input and output": task(_IO),
    "data association": task(_WIRE),
    "correlation": task().replace(b"<process ", b'<correlationProperty id="key"/><process '),
    "resource role": task("<potentialOwner><resourceRef>clerk</resourceRef></potentialOwner>"),
    "choreography": drawn("").split(b"<process")[0] + b'<choreography id="x"/></definitions>',
}
