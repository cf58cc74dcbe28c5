"""Two elements that can be active at the same time never write the same variable."""

from __future__ import annotations

from typing import Any

from engine.contributions.operations import Operations
from engine.deployment import checking
from engine.expressions.functions import BUILT_IN
from tests.engine.small import chain, end, flow, process, service, start, user_task

operations = Operations()


@operations.register("test_parallel_writes.weigh")
def weigh(context: Any) -> int:
    return 1


WEIGH = "test_parallel_writes.weigh"
FORK = '<bpmn:parallelGateway id="fork"/><bpmn:parallelGateway id="join"/>'


def findings(*diagrams: bytes, fields: frozenset[str] = frozenset({"answer"})) -> list[str]:
    seam = checking.Seam(
        operations=operations,
        roles=frozenset({"citizen"}),
        form_fields=lambda process_key, task_key: fields,
        functions=frozenset(BUILT_IN),
    )
    keys = [xml.partition(b'process id="')[2].partition(b'"')[0].decode() for xml in diagrams]
    bundle = checking.check(dict(zip((f"{key}.bpmn" for key in keys), diagrams, strict=True)), seam)
    return [str(finding) for finding in bundle.findings if finding.severity == "error"]


def side_by_side(one: str, other: str) -> bytes:
    """Elements ``one`` and ``other`` in two branches, each given as XML that defines the id ``a`` or ``b``."""
    flows = chain("begin", "fork", "a", "join", "done") + chain("fork", "b", "join")
    return process(start() + FORK + one + other + end() + flows)


def test_two_operations_with_one_result_are_refused_with_both_and_the_variable():
    (finding,) = findings(side_by_side(service("a", WEIGH, "weight"), service("b", WEIGH, "weight")))
    assert "«a»" in finding and "«b»" in finding and "«weight»" in finding


def test_results_of_their_own_are_deployed():
    assert findings(side_by_side(service("a", WEIGH, "one"), service("b", WEIGH, "other"))) == []


def test_one_after_the_other_may_write_the_same():
    body = start() + service("a", WEIGH, "weight") + service("b", WEIGH, "weight") + end()
    assert findings(process(body + chain("begin", "a", "b", "done"))) == []


def asking(condition: str) -> str:
    """A choice before the end that reads ``condition``."""
    gateway = '<bpmn:exclusiveGateway id="choice" default="otherwise"/>'
    return gateway + end("other_end") + flow("choice", "done", condition) + flow("choice", "other_end", "", "otherwise")


def two_forms(condition: str) -> bytes:
    body = start() + FORK + user_task("a") + user_task("b") + end() + asking(condition)
    return process(body + chain("begin", "fork", "a", "join", "choice") + chain("fork", "b", "join"))


def test_a_field_that_two_forms_write_and_an_expression_reads_is_refused():
    (finding,) = findings(two_forms("answer == 1"))
    assert "«a»" in finding and "«b»" in finding and "«answer»" in finding


def test_a_field_that_no_expression_reads_is_no_case_data():
    assert findings(two_forms("case == 1")) == []


def test_a_reminder_may_not_write_what_comes_after_it_writes():
    reminder = (
        '<bpmn:boundaryEvent id="remind" attachedToRef="wait" cancelActivity="false"><bpmn:timerEventDefinition>'
        "<bpmn:timeDuration>'PT1H'</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>"
    )
    body = start() + user_task("wait") + reminder + service("a", WEIGH, "weight") + service("b", WEIGH, "weight")
    body += end() + end("reminded") + chain("begin", "wait", "a", "done") + chain("remind", "b", "reminded")
    (finding,) = findings(process(body))
    assert "«weight»" in finding


def test_a_called_process_writes_what_its_caller_must_not_write_beside_it():
    inner = process(start() + service("inner", WEIGH, "weight") + end() + chain("begin", "inner", "done"), key="called")
    call = '<bpmn:callActivity id="b" calledElement="called"/>'
    (finding,) = findings(side_by_side(service("a", WEIGH, "weight"), call), inner)
    assert "«weight»" in finding and "small.bpmn" in finding


def each(*, collected: bool) -> str:
    output = "<bpmn:loopDataOutputRef>all</bpmn:loopDataOutputRef>" if collected else ""
    item = '<bpmn:outputDataItem id="weight"/>' if collected else ""
    loop = (
        f"<bpmn:multiInstanceLoopCharacteristics><bpmn:loopDataInputRef>case</bpmn:loopDataInputRef>{output}"
        f'<bpmn:inputDataItem id="one"/>{item}</bpmn:multiInstanceLoopCharacteristics>'
    )
    return service("a", WEIGH, "weight").replace("</bpmn:serviceTask>", f"{loop}</bpmn:serviceTask>")


def test_instances_that_write_one_variable_are_refused_unless_they_are_collected():
    body = start() + end() + chain("begin", "a", "done")
    (finding,) = findings(process(body + each(collected=False)))
    assert "«a»" in finding and "«weight»" in finding
    assert findings(process(body + each(collected=True))) == []
