"""Awkward as drawings: flows, pictures, constructs, events, references, expressions, deadlocks."""

from __future__ import annotations

from collections.abc import Iterator

from tests.awkward.drawing import document, end, flow, node, path, person, simple, start, timer
from tests.awkward.expected import Awkward, filled_in, fine, refused

# ---------------------------------------------------------------- flows


def flows() -> Iterator[Awkward]:
    yield refused("flow_to_nothing", simple(more=flow("work", "nowhere", key="stray")), "nowhere", "stray")
    yield refused("flow_from_nothing", simple(more=flow("nowhere", "work", key="stray")), "nowhere", "stray")
    yield refused("flow_without_target", simple(more='<sequenceFlow id="stray" sourceRef="work"/>'), "", "stray")
    yield refused(
        "flow_to_itself",
        simple(more=flow("work", "work", key="back")).replace(path("work", "done"), ""),
        "پایان",
        "work",
    )
    yield fine("no_start", document(person("work") + end() + path("work", "done")))
    yield fine("no_end", document(start() + person("work") + path("begin", "work")))
    yield fine(
        "two_starts",
        document(
            start()
            + start(key="again")
            + person("work")
            + end()
            + path("begin", "work", "done")
            + path("again", "work")
        ),
    )
    yield fine("only_tasks", document(person("one", "other") + path("one", "other")))
    yield fine("unconnected", document(start() + person("work", "lonely") + end() + path("begin", "work", "done")))
    yield fine("start_to_end", document(start() + end() + path("begin", "done")))
    yield fine("task_with_two_flows", simple(person("work", "more"), more=path("work", "more", "done")))
    fork = node("exclusiveGateway", "choice") + person("a", "b")
    meets = path("begin", "choice", "a", "done") + path("choice", "b", "done")
    yield fine("gateway_without_conditions", document(start() + fork + end() + meets))
    yield fine(
        "gateway_without_default",
        document(
            start()
            + fork
            + end()
            + path("begin", "choice")
            + path("a", "done")
            + path("b", "done")
            + flow("choice", "a", "x == 1")
            + flow("choice", "b", "x == 2")
        ),
    )
    yield fine("gateway_of_one_flow", simple(node("exclusiveGateway", "choice"), first="choice", last="choice"))
    inner = start(key="is") + person("inner") + end(key="ie") + path("is", "inner", "ie")
    across = simple(node("subProcess", "sub", inner), first="sub", last="sub", more=flow("inner", "done", key="across"))
    yield refused("flow_out_of_a_subprocess", across, "", "across")
    yield fine("empty_subprocess", simple(node("subProcess", "sub"), first="sub", last="sub"))
    loose = node("subProcess", "sub", person("inner"))
    yield fine("subprocess_without_start", simple(loose, first="sub", last="sub"))
    commented = "><!-- یادداشت -->".join(simple().split(">")[:-1]) + ">"
    yield fine("comment_after_every_tag", commented)
    yield fine("processing_instructions", simple().replace("><", "><?php echo 1 ?><"))
    yield fine(
        "cdata_name", simple().replace("</userTask>", "<documentation><![CDATA[<b>]]></documentation></userTask>")
    )


# ---------------------------------------------------------------- the drawing


def pictures() -> Iterator[Awkward]:
    for number, value in enumerate(("NaN", "", "abc", "1e400", "۱۲", "-5", "1,5")):
        box = f'<dc:Bounds x="{value}" y="1" width="9" height="9"/>'
        shape = f'<bpmndi:BPMNShape id="s" bpmnElement="work">{box}</bpmndi:BPMNShape>'
        plane = f'<bpmndi:BPMNPlane id="pl" bpmnElement="awkward">{shape}</bpmndi:BPMNPlane>'
        drawn = f'<bpmndi:BPMNDiagram id="d">{plane}</bpmndi:BPMNDiagram>'
        yield fine(f"coordinate_{number}", simple().replace("</definitions>", f"{drawn}</definitions>"))
    stray = '<bpmndi:BPMNDiagram id="d"><bpmndi:BPMNPlane id="pl" bpmnElement="gone"/></bpmndi:BPMNDiagram>'
    yield fine("picture_of_nothing", simple().replace("</definitions>", f"{stray}</definitions>"))
    data = node("dataObject", "d1") + node("dataObjectReference", "d2", dataObjectRef="d1")
    data += node("dataStoreReference", "d3", dataStoreRef="gone") + node("textAnnotation", "n1", "<text>یادداشت</text>")
    data += node("association", "as1", sourceRef="work", targetRef="n1") + node("group", "g1")
    yield fine("data_and_notes", simple(more=data))
    reads = "<dataInputAssociation><sourceRef>gone</sourceRef><targetRef>x</targetRef></dataInputAssociation>"
    deep = start(key="is") + node("userTask", "inner", reads) + end(key="ie") + path("is", "inner", "ie")
    yield fine("data_that_is_nowhere", simple(node("subProcess", "sub", deep), first="sub", last="sub"))
    lanes = '<laneSet id="ls"><lane id="l1" name="کارشناس"><flowNodeRef>work</flowNodeRef>'
    lanes += "<flowNodeRef>gone</flowNodeRef></lane></laneSet>"
    yield fine("lane_with_a_stranger", simple(more=lanes))


# ---------------------------------------------------------------- constructs


def constructs() -> Iterator[Awkward]:
    def alone(name: str, drawn: str, *phrase: str, key: str = "work") -> Awkward:
        content = simple(drawn, first=key, last=key)
        return refused(name, content, *phrase, key) if phrase else fine(name, content)

    yield alone("complex_gateway", node("complexGateway", "work"), "پیچیده")
    yield alone("ad_hoc_subprocess", node("adHocSubProcess", "work", person("inner")), "ad-hoc")
    for tag in ("task", "manualTask", "serviceTask", "scriptTask", "businessRuleTask", "sendTask", "receiveTask"):
        yield Awkward(f"bare_{tag}", simple(node(tag, "work", name="گام"), first="work", last="work").encode(), True)
    yield alone(
        "script", node("scriptTask", "work", "<script>import os; os.system('id')</script>", scriptFormat="python")
    )
    number = node("loopCardinality", "number", "1000000000")
    many = f"<multiInstanceLoopCharacteristics>{number}</multiInstanceLoopCharacteristics>"
    yield alone("a_billion_instances", node("userTask", "work", many), "500")
    yield alone("loop_without_number", node("userTask", "work", "<multiInstanceLoopCharacteristics/>"))
    yield alone("standard_loop", node("userTask", "work", "<standardLoopCharacteristics/>"))
    yield alone("call_without_target", node("callActivity", "work"))
    yield alone("call_of_a_stranger", node("callActivity", "work", calledElement="gone"))
    yield alone("call_of_itself", node("callActivity", "work", calledElement="awkward"), "خودش")
    compensation = node("userTask", "work", isForCompensation="true")
    yield refused("compensation_task", simple(compensation), "انتهای این جریان", "from_begin_work")
    yield refused("choreography", simple(node("choreographyTask", "work")), "انتهای این جریان", "from_begin_work")
    yield refused("unknown_element", simple(node("robotTask", "work")), "انتهای این جریان", "from_begin_work")
    camunda = '<extensionElements><x:y xmlns:x="urn:x"><x:z a="1"/></x:y></extensionElements>'
    yield alone("foreign_extension", node("userTask", "work", camunda))
    yield alone("transaction", node("transaction", "work", start(key="is") + end(key="ie") + path("is", "ie")))


# ---------------------------------------------------------------- events


UNFILLED = {"compensate": ("from_event_given_up", "انتهای این جریان")}


def events() -> Iterator[Awkward]:
    def event(name: str, inner: str, *phrase: str, before: str = "", tag: str = "intermediateCatchEvent") -> Awkward:
        content = simple(node(tag, "event", inner), first="event", last="event", before=before)
        return refused(name, content, *phrase, "event") if phrase else fine(name, content)

    message, signal = '<message id="M" name="m"/>', '<signal id="S" name="s"/>'
    yield event("message_without_reference", "<messageEventDefinition/>")
    yield event("message_to_nowhere", '<messageEventDefinition messageRef="gone"/>')
    yield event("message_without_name", '<messageEventDefinition messageRef="M"/>', before='<message id="M"/>')
    yield event("message", '<messageEventDefinition messageRef="M"/>', before=message)
    yield event("signal_to_nowhere", '<signalEventDefinition signalRef="gone"/>')
    yield event("signal", '<signalEventDefinition signalRef="S"/>', before=signal)
    yield event("timer_without_time", "<timerEventDefinition/>")
    for number, (value, kind) in enumerate(
        (
            ("PT48H", "timeDuration"),
            ("'P2D'", "timeDuration"),
            ("P١D", "timeDuration"),
            ("-P1D", "timeDuration"),
            ("1403/12/30", "timeDate"),
            ("1404-01-01", "timeDate"),
            ("P99999999999D", "timeDuration"),
            ("", "timeDate"),
            ("0 0 12 * * ?", "timeCycle"),
            ("R/PT1S", "timeCycle"),
            ("R3/PT1H", "timeCycle"),
            ("2 days", "timeDuration"),
        )
    ):
        yield Awkward(
            f"timer_{number}",
            simple(node("intermediateCatchEvent", "event", timer(value, kind)), first="event", last="event").encode(),
            True,
        )
    yield event("event_of_two_definitions", '<messageEventDefinition messageRef="M"/>' + timer("PT1H"), before=message)
    yield event("bare_catch", "")
    yield event("link_without_partner", '<linkEventDefinition name="away"/>', "لینک", tag="intermediateThrowEvent")
    yield event("compensation_throw", "<compensateEventDefinition/>", tag="intermediateThrowEvent")
    yield event("conditional", "<conditionalEventDefinition><condition>x == 1</condition></conditionalEventDefinition>")
    for kind in ("cancel", "compensate", "conditional", "error", "escalation", "message", "signal", "timer"):
        definition = f"<{kind}EventDefinition/>"
        guard = node("boundaryEvent", "event", definition, attachedToRef="work") + end(key="given_up")
        drawn = simple(more=guard + path("event", "given_up"))
        yield Awkward(f"boundary_{kind}_unfilled", drawn.encode(), kind != "compensate", *UNFILLED.get(kind, ()))
        begin = document(start(definition) + person("work") + end() + path("begin", "work", "done"))
        yield Awkward(f"start_{kind}_unfilled", begin.encode(), True)
        yield Awkward(
            f"end_{kind}_unfilled", simple().replace("</endEvent>", f"{definition}</endEvent>").encode(), True
        )
    stray = node("boundaryEvent", "event", timer("PT1H"), attachedToRef="gone") + end(key="given_up")
    yield refused("boundary_of_nothing", simple(more=stray + path("event", "given_up")), "", "event")
    lonely = node("boundaryEvent", "event", timer("PT1H"), attachedToRef="work")
    yield fine("boundary_without_flow", simple(more=lonely))
    gateway = node("eventBasedGateway", "gate") + person("a", "b")
    yield filled_in(
        "event_gateway_to_tasks",
        document(start() + gateway + end() + path("begin", "gate", "a", "done") + path("gate", "b", "done")),
        "gate",
    )


# ---------------------------------------------------------------- references


def references() -> Iterator[Awkward]:
    yield fine(
        "default_is_nowhere",
        document(
            start()
            + node("exclusiveGateway", "choice", default="gone")
            + person("a", "b")
            + end()
            + path("begin", "choice")
            + flow("choice", "a", "x == 1")
            + flow("choice", "b")
            + path("a", "done")
            + path("b", "done")
        ),
    )
    yield fine("incoming_is_a_lie", simple().replace("</userTask>", "<incoming>gone</incoming></userTask>"))
    yield fine(
        "error_without_code",
        simple(before='<error id="E"/>').replace("</endEvent>", '<errorEventDefinition errorRef="E"/></endEvent>'),
    )
    pool = '<collaboration id="c"><participant id="p1" processRef="gone"/><participant id="p2" processRef="awkward"/>'
    pool += '<messageFlow id="mf" sourceRef="gone" targetRef="work"/></collaboration>'
    yield fine("pool_of_a_stranger", simple(before=pool))
    circle = [
        simple(node("callActivity", "work", calledElement=other), first="work", last="work").replace(
            'id="awkward"', f'id="{key}"'
        )
        for key, other in (("one", "other"), ("other", "one"))
    ]
    second = circle[1].partition("<process")[2]
    for key in ("begin", "work", "done"):
        second = (
            second.replace(f'"{key}"', f'"{key}2"').replace("from_begin_work", "f1").replace("from_work_done", "f2")
        )
    yield refused("processes_call_each_other", circle[0].replace("</definitions>", "<process" + second), "خودش")


# ---------------------------------------------------------------- expressions

ATTACKS = (
    "__import__('os').popen('id').read()",
    "().__class__.__base__.__subclasses__()",
    "open('/etc/passwd').read()",
    "9**9**9",
    "'a'*10**10",
    "[x for x in case]",
    "lambda: 1",
    "f'{case}'",
    "case.__class__",
    "exec('1')",
    "𝓮𝔳𝔞𝔩('1')",
    "(" * 200 + "1" + ")" * 200,
    "x" * 5_000,
    "1 +",
    "a := 1",
    "*case",
    "${bean.method()}",
    "#{execution.setVariable('a', 1)}",
    "case\u202e == 1",
    "import os",
)


def expressions() -> Iterator[Awkward]:
    for number, attack in enumerate(ATTACKS):
        text = attack.replace("&", "&amp;").replace("<", "&lt;")
        body = start() + node("exclusiveGateway", "choice", default="otherwise") + person("a", "b") + end()
        body += path("begin", "choice") + flow("choice", "a", text, key="asked") + flow("choice", "b", key="otherwise")
        yield filled_in(f"condition_{number}", document(body + path("a", "done") + path("b", "done")), "asked")
    waiting = simple(node("intermediateCatchEvent", "event", timer(ATTACKS[0])), first="event", last="event")
    yield filled_in("timer_attack", waiting, "event")


# ---------------------------------------------------------------- deadlocks and endless rounds


def deadlocks() -> Iterator[Awkward]:
    fork = node("exclusiveGateway", "choice", default="otherwise") + node("parallelGateway", "join") + person("a", "b")
    body = start() + fork + end() + path("begin", "choice") + flow("choice", "a", "case == 1")
    body += flow("choice", "b", key="otherwise") + path("a", "join", "done") + path("b", "join")
    yield refused("choice_into_join", document(body), "بن‌بست", "join")
    round_ = start() + node("exclusiveGateway", "merge") + person("a", "b") + path("begin", "merge", "a", "b", "merge")
    yield refused("endless", document(round_), "پایان", "merge")
    gates = (
        start()
        + node("exclusiveGateway", "one")
        + node("exclusiveGateway", "other")
        + path("begin", "one", "other", "one")
    )
    yield refused("gateways_in_a_circle", document(gates), "می‌چرخند", "one")
    waits = start() + node("parallelGateway", "join") + person("a", "lost") + end()
    waits += path("begin", "a", "join", "done") + path("lost", "join") + flow("join", "lost", key="back")
    yield refused("join_with_a_lost_branch", document(waits), "", "join")
