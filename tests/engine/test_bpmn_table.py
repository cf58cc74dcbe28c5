"""The table of all constructs in docs/bpmn.md: every test that it names is there, every message is really given."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine

from engine.bpmn.diagram import read_diagrams
from engine.contributions.operations import Operations
from engine.deployment import checking
from tests.engine.beside import drawn, play
from tests.engine.bpmn_constructs import CONSTRUCTS, REFUSED
from tests.engine.drawing import choice, end, flow, node, path, start, user

ROOT = Path(__file__).parents[2]
STATES = ("runs", "refused", "picture")


class Row(NamedTuple):
    construct: str
    state: str
    proof: str  # a test in backticks, or the message's text
    remark: str


@cache
def rows() -> list[Row]:
    lines = (ROOT / "docs" / "bpmn.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return [Row(*cell) for cell in cells if len(cell) == 4 and cell[1] in STATES]


def of(*states: str) -> list[Any]:
    return [pytest.param(row, id=row.construct) for row in rows() if row.state in states]


def findings(diagram: bytes) -> list[str]:
    """What is wrong with a diagram in an office where every role and operation is known and no form is missing."""

    class Everything(frozenset[str]):
        def __contains__(self, name: object) -> bool:
            return True

    seam = checking.Seam(
        operations=Operations(),
        roles=Everything(),
        form_fields=lambda process, task: frozenset(),
        functions=Everything(),
    )
    return [one.text for one in checking.check({"p.bpmn": diagram}, seam).findings if one.severity == "error"]


def test_every_construct_of_bpmn_has_one_row():
    assert sorted(row.construct for row in rows()) == sorted(CONSTRUCTS)


@pytest.mark.parametrize("row", of("runs", "picture"))
def test_the_test_that_a_row_names_is_there(row: Row):
    file, _, name = row.proof.strip("`").partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {found.name for found in ast.walk(tree) if isinstance(found, ast.FunctionDef)}


@pytest.mark.parametrize("row", of("refused"))
def test_what_a_row_says_is_refused_is_refused_with_its_words(row: Row):
    assert row.proof in findings(REFUSED[row.construct])


def test_each_minimal_diagram_belongs_to_a_refused_construct():
    assert {row.construct for row in rows() if row.state == "refused"} == REFUSED.keys()


def test_no_drawn_element_has_an_id_of_the_engines_own():
    body = start() + user("Kartabl.scope.p") + path("s", "Kartabl.scope.p", "e") + end()
    assert "شناسهٔ «Kartabl.scope.p» را خود موتور به کار می‌برد. شناسهٔ دیگری بگذارید." in findings(drawn(body))


# What has no test elsewhere


@pytest.mark.parametrize("tag", ["task", "userTask", "manualTask"])
def test_tasks_for_people_are_open_tasks(tag: str):
    body = start() + node(tag, "a") + path("s", "a", "e") + end()
    case = play(drawn(body))
    assert case.tasks == ["a"]
    assert case.does("a").done
    (diagram,) = read_diagrams(drawn(body))
    assert diagram.elements["a"].is_people_task


def test_a_plain_throw_event_is_passed():
    case = play(drawn(start() + node("intermediateThrowEvent", "t") + path("s", "t", "e") + end()))
    assert case.done
    assert case.passed == ["s", "t", "e"]


@pytest.mark.parametrize(("n", "expected"), [(1, "x"), (2, "y"), (3, "z")])
def test_an_exclusive_gateway_takes_one_way(n: int, expected: str):
    body = start() + path("s", "g") + choice("g", "d") + user("x", "y", "z") + flow("g", "x", "n == 1")
    body += flow("g", "y", "n &lt; 3") + flow("g", "z", key="d")
    body += "".join(path(key, f"e_{key}") + end(f"e_{key}") for key in "xyz")
    assert play(drawn(body), n=n).tasks == [expected]


def test_a_business_rule_task_asks_its_decision_and_keeps_the_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(PythonScriptEngine, "decide", lambda _self, _task, asked: {"asked": asked}, raising=False)
    decision = (
        "<extensionElements><spiffworkflow:calledDecisionId>fee</spiffworkflow:calledDecisionId></extensionElements>"
    )
    body = start() + node("businessRuleTask", "a", decision) + path("s", "a", "e") + end()
    assert findings(drawn(body)) == ["جدول تصمیم «fee» پیدا نشد."]
    assert play(drawn(body)).workflow.data["fee"] == {"asked": "fee"}


DRAWN_ONLY = """
    <dataObject id="d"/><dataObjectReference id="dr" dataObjectRef="d" name="نامه"/>
    <dataStoreReference id="sr" dataStoreRef="store"/><property id="pr" name="x"/>
    <laneSet id="ls"><lane id="Lane_clerk" name="کارشناس"><documentation>d</documentation>
    <flowNodeRef>a</flowNodeRef></lane></laneSet><auditing/><monitoring/><documentation>text</documentation>
    <textAnnotation id="ta"><text>یادداشت</text></textAnnotation>
    <association id="as" sourceRef="a" targetRef="ta"/><group id="gr" categoryValueRef="cv"/>
"""
BEFORE = """
    <itemDefinition id="it"/><dataStore id="store" name="بایگانی"/><category id="ca"><categoryValue id="cv"/></category>
    <interface id="if" name="i"><operation id="op" name="o"><inMessageRef>M1</inMessageRef></operation></interface>
    <collaboration id="co"><participant id="p1" processRef="p"/><participant id="p2" name="شهروند"/>
    <messageFlow id="mf" sourceRef="p2" targetRef="a"/><conversation id="cn"/></collaboration>
"""


def test_what_is_only_drawn_changes_nothing():
    inner = "<documentation>d</documentation><property id='tp' name='y'/>"
    plain = start() + node("userTask", "a", inner) + path("s", "a", "e") + end()
    with_all = drawn(DRAWN_ONLY + plain).replace(b"<process ", f"{BEFORE}<process ".encode())
    assert findings(with_all) == findings(drawn(plain)) == []
    case, other = play(with_all, n=1), play(drawn(plain), n=1)
    assert case.tasks == other.tasks == ["a"]
    assert case.does("a").passed == other.does("a").passed
    assert case.done


def test_each_pool_with_content_is_a_process_of_its_own():
    second = '<process id="q" isExecutable="true">' + start("qs") + path("qs", "qe") + end("qe") + "</process>"
    pools = '<collaboration id="co"><participant id="p1" processRef="p"/><participant id="p2" processRef="q"/>'
    body = start() + user("a") + path("s", "a", "e") + end()
    file = drawn(body).replace(b"<process ", f"{pools}</collaboration>{second}<process ".encode(), 1)
    assert [diagram.key for diagram in read_diagrams(file)] == ["q", "p"]
