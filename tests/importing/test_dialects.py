"""Attributes of Camunda 7 and 8, Flowable, Signavio and spiff-arena: understood where we have the like, kept always."""

from pathlib import Path

import pytest

from engine.bpmn.diagram import read_diagrams
from engine.contributions.operations import OperationContext, Operations
from engine.deployment.checking import Seam
from engine.deployment.importing import import_file
from engine.deployment.importing.files import Installation, check_file
from tests.awkward import collection
from tests.importing.drawing import around, diagram, element, file, flow, foreign, imported, line, said
from tests.importing.simulation import ROLES, Play

DIALECTS = sorted((Path(collection.__file__).parent / "dialects").glob("*.bpmn"))
SEVEN = ("camunda", "flowable", "activiti")


def extensions(inner: str) -> str:
    return f"<bpmn:extensionElements>{inner}</bpmn:extensionElements>"


# ---------------------------------------------------------------- Camunda 7, Flowable, Activiti


@pytest.mark.parametrize("prefix", SEVEN)
def test_candidates_due_date_and_priority_become_ours(prefix: str) -> None:
    marks = (
        f'{prefix}:candidateGroups="clerks, finance" {prefix}:assignee="${{initiator}}" {prefix}:dueDate="P3D" '
        f'{prefix}:priority="80"'
    )
    step = element(file(around(f'<bpmn:userTask id="step" {marks}/>')), "step")
    assert step.role == "finance"
    assert step.properties["due"] == '"P3D"'
    assert step.properties["priority"] == "80"


def test_a_group_that_is_no_role_of_ours_is_said() -> None:
    result = imported(file(around('<bpmn:userTask id="step" camunda:candidateGroups="clerks"/>')))
    assert "fill_in" in said(result, "step")
    assert any("clerks" in found.text for found in result.findings)
    assert diagram(result).elements["step"].role == "supervisor"


def test_a_due_date_that_cannot_be_read_is_said() -> None:
    result = imported(file(around('<bpmn:userTask id="step" camunda:dueDate="${bean.date(1, x.y())}"/>')))
    assert any("bean" in found.text for found in result.findings)
    assert result.deployable


def test_a_follow_up_date_is_kept_and_said() -> None:
    result = imported(file(around('<bpmn:userTask id="step" camunda:followUpDate="2027-01-01"/>')))
    assert "picture" in said(result, "step")


def test_form_data_becomes_a_declared_form() -> None:
    form = extensions(
        '<camunda:formData><camunda:formField id="amount" label="Amount" type="long" defaultValue="5">'
        '<camunda:validation><camunda:constraint name="required"/></camunda:validation></camunda:formField>'
        '<camunda:formField id="kind-of" type="enum"><camunda:value id="a" name="A"/><camunda:value id="b" name="B"/>'
        '</camunda:formField><camunda:formField id="ok" type="boolean"/></camunda:formData>'
    )
    content = file(around(f'<bpmn:userTask id="step">{form}</bpmn:userTask>'))
    fields = {field["id"]: field for field in element(content, "step").fields}
    assert fields["amount"] == {"id": "amount", "label": "Amount", "type": "long", "required": "true", "default": "5"}
    assert [value["id"] for value in fields["kind_of"]["values"]] == ["a", "b"]
    assert fields["ok"]["type"] == "boolean"


@pytest.mark.parametrize("prefix", ["flowable", "activiti"])
def test_form_properties_become_a_declared_form(prefix: str) -> None:
    form = extensions(f'<{prefix}:formProperty id="amount" name="Amount" type="long" required="true"/>')
    content = file(around(f'<bpmn:userTask id="step">{form}</bpmn:userTask>'))
    assert element(content, "step").fields[0]["label"] == "Amount"


@pytest.mark.parametrize(
    "mark", ['camunda:formKey="embedded:app:x.html"', 'flowable:formKey="f"', 'camunda:formRef="f"']
)
def test_a_form_that_is_not_in_the_file_is_said(mark: str) -> None:
    result = imported(file(around(f'<bpmn:userTask id="step" {mark}/>')))
    assert said(result, "step").count("fill_in") == 2  # the form is missing, and a note stands in for it


@pytest.mark.parametrize(
    "mark",
    [
        'camunda:type="external" camunda:topic="send_mail"',
        'camunda:class="org.example.SendMail"',
        'camunda:delegateExpression="${sendMail}"',
        'camunda:expression="${mail.send(x)}"',
        'flowable:type="mail"',
    ],
)
def test_work_that_no_operation_of_ours_does_is_named_and_done_by_hand(mark: str) -> None:
    result = imported(file(around(f'<bpmn:serviceTask id="step" {mark}/>')))
    step = diagram(result).elements["step"]
    assert step.tag == "userTask"
    name = mark.rpartition('="')[2].rstrip('"')
    assert any(name in found.text for found in result.findings if found.element == "step")


def notify(context: OperationContext, *, text: str, copies: int = 1) -> str:
    return f"{text} {copies}"


def test_a_topic_that_is_an_operation_of_ours_is_bound_to_it() -> None:
    operations = Operations()
    operations.register("test_dialects.notify")(notify)
    name = next(iter(operations)).name
    seam = Seam(
        operations=operations, roles=ROLES, form_fields=lambda process, task: None, functions=frozenset({"len"})
    )
    inputs = extensions(
        '<camunda:inputOutput><camunda:inputParameter name="text">${order.name}</camunda:inputParameter>'
        '<camunda:inputParameter name="copies">${2 + 1}</camunda:inputParameter></camunda:inputOutput>'
    )
    marks = f'camunda:type="external" camunda:topic="{name}" camunda:resultVariable="sent"'
    content = file(around(f'<bpmn:serviceTask id="step" {marks}>{inputs}</bpmn:serviceTask>'))
    result = import_file("drawn.bpmn", content, seam=seam)
    step = diagram(result).elements["step"]
    assert (step.tag, step.operation, step.result) == ("serviceTask", name, "sent")
    assert {one.name: one.value for one in step.parameters} == {"text": "order_name", "copies": "2 + 1"}


def test_a_collection_becomes_the_list_of_a_repetition() -> None:
    several = '<bpmn:multiInstanceLoopCharacteristics camunda:collection="${people}" camunda:elementVariable="person"/>'
    result = imported(file(around(f'<bpmn:userTask id="step">{several}</bpmn:userTask>', data="people")))
    assert b"<bpmn:loopDataInputRef>people</bpmn:loopDataInputRef>" in result.document


# ---------------------------------------------------------------- Camunda 8


def test_camunda_8_says_the_same_in_elements() -> None:
    inner = extensions(
        '<zeebe:assignmentDefinition candidateGroups="=[&quot;finance&quot;]"/>'
        '<zeebe:taskSchedule dueDate="=deadline" followUpDate="=later"/><zeebe:priorityDefinition priority="70"/>'
        '<zeebe:formDefinition formId="approve-invoice"/>'
    )
    content = file(around(f'<bpmn:userTask id="step">{inner}</bpmn:userTask>', data="deadline"))
    step = element(content, "step")
    assert step.role == "finance"
    assert (step.properties["due"], step.properties["priority"]) == ("deadline", "70")
    assert any("approve-invoice" in found.text for found in imported(content).findings)


def test_a_form_kept_in_the_diagram_as_json_becomes_fields() -> None:
    form = (
        '<zeebe:userTaskForm id="f1">{"components": [{"key": "amount", "label": "Amount", "type": "number", '
        '"validate": {"required": true}}, {"type": "button"}, {"key": "way", "type": "select", "values": '
        '[{"value": "a", "label": "A"}]}]}</zeebe:userTaskForm>'
    )
    inner = extensions('<zeebe:formDefinition formKey="camunda-forms:bpmn:f1"/>')
    content = file(extensions(form) + around(f'<bpmn:userTask id="step">{inner}</bpmn:userTask>'))
    fields = element(content, "step").fields
    assert [(one["id"], one["type"], one["required"]) for one in fields] == [
        ("amount", "long", "true"),
        ("way", "enum", "false"),
    ]


def test_feel_conditions_become_ours() -> None:
    body = line('<bpmn:startEvent id="begin"/>', '<bpmn:userTask id="look"/>', '<bpmn:exclusiveGateway id="way"/>')
    body += '<bpmn:endEvent id="yes"/><bpmn:endEvent id="no"/>'
    content = file(body + flow("way", "yes", '= order.total >= 10 and status = "ok"') + flow("way", "no"))
    conditions = {one.element_id: one.source for one in diagram(imported(content)).expressions}
    assert conditions["way_yes"] == '(order_total >= 10 and status == "ok")'


def test_the_key_of_a_subscription_goes_to_the_event() -> None:
    head = (
        '<bpmn:message id="paid" name="paid">'
        + extensions('<zeebe:subscription correlationKey="=order.id"/>')
        + "</bpmn:message>"
    )
    event = (
        '<bpmn:intermediateCatchEvent id="wait"><bpmn:messageEventDefinition messageRef="paid"/>'
        "</bpmn:intermediateCatchEvent>"
    )
    step = element(file(around(event, data="order_id"), head=head), "wait")
    assert step.properties["correlation_key"] == "order_id"


def test_a_called_process_of_the_same_file_is_called() -> None:
    call = (
        '<bpmn:callActivity id="step">'
        + extensions('<zeebe:calledElement processId="other"/>')
        + "</bpmn:callActivity>"
    )
    other = (
        '<bpmn:process id="other">'
        + around('<bpmn:task id="t"/>').replace('"begin', '"b2').replace("_done", "_d2").replace('"done', '"d2')
        + "</bpmn:process>"
    )
    result = imported(file(around(call), head=other))
    read = {one.key: one for xml in result.processes.values() for one in read_diagrams(xml)}
    assert read["drawn"].elements["step"].called == "other"
    play = Play(result)
    assert play.to_the_end("drawn") == ""
    play.close()


# ---------------------------------------------------------------- spiff-arena, Signavio


def test_a_json_form_and_scripts_of_spiff_arena_are_said_and_kept() -> None:
    inner = extensions(
        '<spiffworkflow:properties><spiffworkflow:property name="formJsonSchemaFilename" value="x-schema.json"/>'
        "</spiffworkflow:properties><spiffworkflow:preScript>a = 1</spiffworkflow:preScript>"
    )
    result = imported(file(around(f'<bpmn:userTask id="step">{inner}</bpmn:userTask>')))
    assert result.deployable
    assert any("x-schema.json" in found.text for found in result.findings)
    assert b"a = 1" in result.document


def test_a_connector_of_spiff_arena_is_done_by_hand_and_its_text_is_kept() -> None:
    inner = extensions(
        '<spiffworkflow:serviceTaskOperator id="http/GetRequest" resultVariable="r"><spiffworkflow:parameters>'
        '<spiffworkflow:parameter id="url" type="str" value="&quot;https://example.org&quot;"/>'
        "</spiffworkflow:parameters></spiffworkflow:serviceTaskOperator>"
    )
    result = imported(file(around(f'<bpmn:serviceTask id="step">{inner}</bpmn:serviceTask>')))
    assert diagram(result).elements["step"].tag == "userTask"
    assert b"http/GetRequest" in result.document and b"https://example.org" in result.document


def test_what_signavio_adds_is_kept_untouched() -> None:
    meta = extensions('<signavio:signavioMetaData metaKey="bgcolor" metaValue="#ffffff"/><signavio:signavioLabel/>')
    content = file(around(f'<bpmn:task id="step">{meta}</bpmn:task>'), attributes='signavio:x="1"')
    assert foreign(imported(content).document) == foreign(content)


# ---------------------------------------------------------------- nothing foreign is lost


@pytest.mark.parametrize("path", DIALECTS, ids=lambda path: path.stem)
def test_every_foreign_element_and_attribute_survives(path: Path) -> None:
    content = path.read_bytes()
    result = imported(content)
    assert foreign(content) - foreign(result.document) == {}


@pytest.mark.parametrize("path", DIALECTS, ids=lambda path: path.stem)
def test_a_file_of_each_dialect_is_played_to_its_end(path: Path) -> None:
    result = check_file(path.name, path.read_bytes(), Installation(seam=_bare()))
    if not result.deployable:
        assert [found for found in result.findings if found.severity == "error"]
        return
    play = Play(result)
    stuck = {key: where for key in result.processes if (where := play.to_the_end(key))}
    play.close()
    assert stuck == {}


def _bare() -> Seam:
    return Seam(operations=Operations(), roles=ROLES, form_fields=lambda process, task: None, functions=frozenset())
