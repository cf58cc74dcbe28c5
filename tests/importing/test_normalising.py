"""What is only drawn becomes something that runs, and each change is said."""

import pytest

from engine.bpmn.diagram import read_diagrams
from engine.deployment.importing import import_file
from tests.importing.drawing import around, diagram, element, file, flow, imported, line, said
from tests.importing.simulation import Play

TWO_WAYS = (
    line(
        '<bpmn:startEvent id="begin"/>',
        '<bpmn:userTask id="look" name="Look"/>',
        '<bpmn:exclusiveGateway id="way" name="Good?"/>',
    )
    + '<bpmn:endEvent id="yes"/><bpmn:endEvent id="no"/>'
)


def plays_to_its_end(content: bytes) -> bool:
    result = imported(content)
    play = Play(result)
    where = [play.to_the_end(key) for key in result.processes]
    play.close()
    return not any(where)


def test_the_given_bytes_are_not_changed() -> None:
    content = file(around('<bpmn:task id="step"/>'))
    before = bytes(content)
    imported(content)
    assert content == before


def test_a_choice_without_conditions_is_asked_in_the_step_before_it() -> None:
    content = file(TWO_WAYS + flow("way", "yes") + flow("way", "no"))
    fields = {field["id"]: field for field in element(content, "look").fields}
    assert [value["id"] for value in fields["choice_way"]["values"]] == ["way_yes", "way_no"]
    assert said(imported(content), "way") == ["fill_in"]
    assert plays_to_its_end(content)


def test_a_choice_after_an_automatic_step_is_asked_in_a_step_of_its_own() -> None:
    body = line('<bpmn:startEvent id="begin"/>', '<bpmn:exclusiveGateway id="way"/>')
    content = file(body + '<bpmn:endEvent id="yes"/><bpmn:endEvent id="no"/>' + flow("way", "yes") + flow("way", "no"))
    assert element(content, "decide_way").tag == "userTask"
    assert plays_to_its_end(content)


def test_a_condition_over_a_name_that_nothing_sets_is_asked_for() -> None:
    content = file(TWO_WAYS + flow("way", "yes", "${amount > 5}") + flow("way", "no"))
    assert {"amount": "long"}.items() <= {f["id"]: f["type"] for f in element(content, "look").fields}.items()
    assert plays_to_its_end(content)


def test_a_condition_in_words_is_kept_as_text_and_asked() -> None:
    content = file(TWO_WAYS + flow("way", "yes", "if the boss agrees") + flow("way", "no"))
    result = imported(content)
    assert said(result, "way_yes") == ["fill_in"]
    assert b"if the boss agrees" in result.document
    assert plays_to_its_end(content)


def test_branches_of_an_inclusive_gateway_are_asked_one_by_one() -> None:
    body = line('<bpmn:startEvent id="begin"/>', '<bpmn:inclusiveGateway id="way"/>')
    ends = "".join(f'<bpmn:endEvent id="{name}"/>{flow("way", name)}' for name in ("one", "two", "three"))
    content = file(body + ends)
    assert [field["type"] for field in element(content, "decide_way").fields] == ["boolean", "boolean"]
    assert plays_to_its_end(content)


@pytest.mark.parametrize(
    "node",
    [
        '<bpmn:serviceTask id="step" name="Send mail"/>',
        '<bpmn:scriptTask id="step"><bpmn:script>x = 1</bpmn:script></bpmn:scriptTask>',
        '<bpmn:sendTask id="step"/>',
        '<bpmn:businessRuleTask id="step"/>',
        '<bpmn:callActivity id="step" calledElement="elsewhere"/>',
        '<bpmn:subProcess id="step"/>',
        '<bpmn:receiveTask id="step"/>',
    ],
)
def test_a_step_that_nothing_does_yet_is_done_by_a_person(node: str) -> None:
    content = file(around(node))
    result = imported(content)
    assert "fill_in" in said(result, "step")
    assert diagram(result).elements["step"].fields
    assert plays_to_its_end(content)


def test_the_text_of_a_script_is_kept() -> None:
    content = file(around('<bpmn:scriptTask id="step"><bpmn:script>total = a + b</bpmn:script></bpmn:scriptTask>'))
    assert b"total = a + b" in imported(content).document


def test_a_missing_start_and_end_are_added() -> None:
    content = file(line('<bpmn:task id="one"/>', '<bpmn:task id="two"/>'))
    tags = [one.tag for one in diagram(imported(content)).elements.values()]
    assert tags.count("startEvent") == tags.count("endEvent") == 1
    assert plays_to_its_end(content)


def test_of_several_starts_whoever_starts_chooses_one() -> None:
    body = '<bpmn:startEvent id="a"/><bpmn:startEvent id="b"/><bpmn:task id="t"/><bpmn:endEvent id="e"/>'
    content = file(body + flow("a", "t") + flow("b", "t") + flow("t", "e"))
    assert {"a", "b", "t", "e"} <= diagram(imported(content)).elements.keys()
    assert plays_to_its_end(content)


def test_what_no_flow_reaches_stays_in_the_picture_and_does_not_run() -> None:
    content = file(
        around('<bpmn:task id="step"/>')
        + line('<bpmn:task id="lost"/>', '<bpmn:task id="behind"/>')
        + flow("behind", "lost")
    )
    result = imported(content)
    assert said(result, "lost") == said(result, "behind") == ["picture"]
    assert "lost" not in diagram(result).elements
    assert b'id="lost"' in result.document


@pytest.mark.parametrize(
    ("kind", "written", "ours"),
    [
        ("timeDuration", "PT48H", '"PT48H"'),
        ("timeDuration", "'P2D'", '"P2D"'),
        ("timeCycle", "R3/PT1H", '"R3/PT1H"'),
        ("timeCycle", "PT1H", '"R/PT1H"'),
        ("timeDate", "2027-01-01T08:00:00Z", '"2027-01-01T08:00:00Z"'),
        ("timeDate", "2027-01-01T08:00:00", '"2027-01-01T08:00:00+03:30"'),
        ("timeDate", "2027-01-01", '"2027-01-01T00:00:00+03:30"'),
        ("timeDate", "${deadline}", "deadline"),
        ("timeDate", "1404-01-01T08:00:00Z", '"P1D"'),
        ("timeDuration", "tomorrow morning", '"P1D"'),
        ("timeDuration", "P1XY", '"P1D"'),
        ("timeDuration", "R3/PT1H", '"P1D"'),
        ("timeCycle", "0 0 9 * * MON", '"R1/P1D"'),
        ("timeDuration", "", '"P1D"'),
    ],
)
def test_times_become_expressions_that_can_be_worked_out(kind: str, written: str, ours: str) -> None:
    timer = f"<bpmn:timerEventDefinition><bpmn:{kind}>{written}</bpmn:{kind}></bpmn:timerEventDefinition>"
    wait = f'<bpmn:intermediateCatchEvent id="wait">{timer}</bpmn:intermediateCatchEvent>'
    content = file(around(wait, data="deadline"))
    result = imported(content)
    assert {one.element_id: one.source for one in diagram(result).expressions}["wait"] == ours
    assert said(result, "wait")


def test_an_expression_over_a_name_that_nothing_sets_is_put_aside() -> None:
    timer = "<bpmn:timerEventDefinition><bpmn:timeDate>${deadline}</bpmn:timeDate></bpmn:timerEventDefinition>"
    content = file(around(f'<bpmn:intermediateCatchEvent id="wait">{timer}</bpmn:intermediateCatchEvent>'))
    result = imported(content)
    assert said(result, "wait").count("fill_in") == 1
    assert b"deadline" in result.document
    assert plays_to_its_end(content)


def test_flows_without_ids_get_some() -> None:
    body = '<bpmn:startEvent id="a"/><bpmn:task id="b"/><bpmn:endEvent id="c"/>'
    body += '<bpmn:sequenceFlow sourceRef="a" targetRef="b"/><bpmn:sequenceFlow sourceRef="b" targetRef="c"/>'
    result = imported(file(body))
    assert [found.severity for found in result.findings if found.element == "a_to_b"] == ["changed"]
    assert plays_to_its_end(file(body))


def test_ids_the_engine_cannot_keep_are_changed_wherever_they_are_mentioned() -> None:
    body = '<bpmn:startEvent id="Start"/><bpmn:task id="End"/><bpmn:endEvent id="Kartabl.x"/>'
    content = file(body + flow("Start", "End") + flow("End", "Kartabl.x"), key="k" * 80)
    result = imported(content)
    assert result.deployable
    assert {len(key) for key in result.processes} == {51 + 1}
    assert plays_to_its_end(content)


def test_an_id_that_comes_twice_is_an_error_of_the_analyst() -> None:
    result = imported(file(around('<bpmn:task id="step"/>') + '<bpmn:task id="step"/>'))
    assert not result.deployable
    assert "error" in said(result, "step")


def test_a_flow_into_nothing_is_an_error() -> None:
    result = imported(file(around('<bpmn:task id="step"/>') + flow("step", "nowhere")))
    assert said(result, "step_nowhere") == ["error"]


def test_data_is_a_picture() -> None:
    store = '<bpmn:dataStoreReference id="archive" name="Archive"/>'
    wire = '<bpmn:dataOutputAssociation id="w"><bpmn:targetRef>archive</bpmn:targetRef></bpmn:dataOutputAssociation>'
    content = file(around(f'<bpmn:userTask id="step">{wire}</bpmn:userTask>') + store)
    result = imported(content)
    assert said(result, "archive") == ["picture"]
    assert plays_to_its_end(content)


def test_an_error_at_the_edge_of_a_step_done_by_hand_is_reported_by_a_person() -> None:
    edge = (
        '<bpmn:boundaryEvent id="wrong" attachedToRef="step"><bpmn:errorEventDefinition/></bpmn:boundaryEvent>'
        '<bpmn:endEvent id="bad"/>'
    )
    content = file(around('<bpmn:serviceTask id="step"/>') + edge + flow("wrong", "bad"))
    assert element(content, "wrong").waits_for_person
    assert plays_to_its_end(content)


def test_a_pool_without_content_is_a_picture_and_each_other_process_a_file_of_its_own() -> None:
    pools = (
        '<bpmn:collaboration id="c"><bpmn:participant id="p1" processRef="drawn"/><bpmn:participant id="p2" '
        'processRef="empty"/><bpmn:participant id="p3" processRef="other"/></bpmn:collaboration>'
        '<bpmn:process id="empty"/><bpmn:process id="other">'
        + around('<bpmn:task id="t"/>').replace('"begin', '"b2').replace("_done", "_d2").replace('"done', '"d2')
        + "</bpmn:process>"
    )
    result = imported(file(around('<bpmn:task id="step"/>'), head=pools))
    assert said(result, "p2") == ["picture"]
    assert set(result.processes) == {"drawn", "other"}
    for key, xml in result.processes.items():
        assert [one.key for one in read_diagrams(xml)] == [key]


def test_an_unreadable_file_is_one_finding_with_its_line() -> None:
    result = import_file("x.bpmn", b"<a>\n<b></a>")
    assert [(found.severity, found.line) for found in result.findings] == [("error", 2)]


def test_a_file_that_is_no_diagram_says_so() -> None:
    assert [found.severity for found in import_file("x.bpmn", b"<html/>").findings] == ["error"]


def test_inserted_steps_are_drawn_where_the_file_has_a_picture() -> None:
    shapes = "".join(
        f'<di:BPMNShape xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" id="{one}_s" bpmnElement="{one}">'
        f'<dc:Bounds xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" x="{x}" y="100" width="50" height="50"/>'
        "</di:BPMNShape>"
        for x, one in ((100, "begin"), (200, "way"), (300, "yes"), (400, "no"))
    )
    plane = f'<di:BPMNPlane xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" id="plane">{shapes}</di:BPMNPlane>'
    body = line('<bpmn:startEvent id="begin"/>', '<bpmn:exclusiveGateway id="way"/>')
    body += '<bpmn:endEvent id="yes"/><bpmn:endEvent id="no"/>' + flow("way", "yes") + flow("way", "no")
    content = file(body).replace(
        b"</bpmn:definitions>",
        f'<di:BPMNDiagram xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI">{plane}</di:BPMNDiagram>'
        "</bpmn:definitions>".encode(),
    )
    assert b'bpmnElement="decide_way"' in imported(content).document


def test_a_field_or_value_called_like_a_step_does_not_hide_the_step() -> None:
    form = (
        '<bpmn:extensionElements><camunda:formData><camunda:formField id="done" type="enum">'
        '<camunda:value id="step" name="x"/></camunda:formField></camunda:formData></bpmn:extensionElements>'
    )
    assert plays_to_its_end(file(around(f'<bpmn:userTask id="step">{form}</bpmn:userTask>')))
