"""An office changes a decision table alone: prices by region; what the code does not give or lacks is refused."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

import kartabl
import workflows
from engine.contributions.questions import Questions
from engine.deployment import checking, definitions
from engine.dmn import reader
from models.language import reading
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from workflows.gas import projects
from workflows.registry import questions

DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"
TARIFF = (kartabl.DIAGRAMS / "tariff.dmn").read_bytes()


def with_column(expression: str, tests: dict[str, int]) -> bytes:
    """The shipped tariff with one more input column: each row once for each of ``tests``, test → times the price."""
    root = etree.fromstring(TARIFF)
    table = next(root.iter(f"{DMN}decisionTable"))
    column = etree.fromstring(
        f'<input xmlns="{DMN[1:-1]}" id="added" label="added"><inputExpression><text>{expression}'
        "</text></inputExpression></input>"
    )
    table.insert(list(table).index(table.find(f"{DMN}output")), column)
    for rule in table.findall(f"{DMN}rule"):
        table.remove(rule)
        for place, (test, times) in enumerate(tests.items()):
            row = etree.fromstring(etree.tostring(rule))
            for node in row.iter():
                if node.get("id"):
                    node.set("id", f"{node.get('id')}_{place}")
            cell = etree.SubElement(row, f"{DMN}inputEntry")
            etree.SubElement(cell, f"{DMN}text").text = test
            output = row.find(f"{DMN}outputEntry")
            row.insert(list(row).index(output), cell)
            amount = output.find(f"{DMN}text")
            amount.text = str(int(amount.text) * times)
            table.append(row)
    return etree.tostring(root)


def errors(xml: bytes) -> list[str]:
    bundle = checking.check({"tariff.dmn": xml}, kartabl.seam())
    return [str(finding) for finding in bundle.findings if finding.severity == "error"]


BY_REGION = with_column("region", {"5": 2, "< 5, > 5": 1})
BY_USAGE = with_column("usage", {'"commercial"': 3, '"residential","office"': 1})


def deployed(play, xml):
    assert errors(xml) == []
    with play.session() as session:
        definitions.deploy_decisions(session, {"tariff": xml}, now=play.clock.now)


@pytest.mark.rule("FEE-3")
@pytest.mark.parametrize(("region", "fee"), [(3, 690_000), (5, 1_380_000)])
def test_a_fee_that_differs_by_region_is_the_table_alone(play, region, fee):
    deployed(play, BY_REGION)
    office.up_to_invoice(play, region=region)
    assert {line.unit_amount for line in office.open_invoice(play).lines} == {fee}


@pytest.mark.rule("FEE-3", "INS-8", "INS-11")
def test_a_report_and_a_corrected_meter_cost_by_the_same_table(play):
    deployed(play, BY_USAGE)
    insp.begins(play, office.METER | {"usage": "commercial"})
    insp.reports(play, "defects", 1, mismatches={1: "کنتور دیگری نصب است"})
    assert insp.owed(play) == 3 * 390_000
    larger = {"units": 2, "usage": "commercial", "floor_area": 200, "consumption": 16}
    play.does("contractor", "correct_meter", **larger)
    assert insp.owed(play) == 3 * (390_000 + 2 * 80_000)


def test_a_table_that_needs_an_input_that_nobody_gives_is_refused(tmp_path):
    [finding] = errors(with_column("colour", {"1": 1}))
    assert all(
        word in finding for word in ("tariff.dmn", "added", "tariff", "colour", "workflows.gas.projects", "region")
    )
    with reading("en"):
        [finding] = errors(with_column("colour", {"1": 1}))
        assert "needs the input “colour”" in finding
    file = tmp_path / "tariff.dmn"
    file.write_bytes(with_column("colour", {"1": 1}))
    refused = CliRunner().invoke(kartabl.main, ["check", str(file)])
    assert refused.exit_code == 1
    assert "colour" in refused.output
    file.write_bytes(BY_REGION)
    assert CliRunner().invoke(kartabl.main, ["check", str(file)]).exit_code == 0


def test_a_table_without_an_output_that_is_read_is_refused():
    [finding] = errors(TARIFF.replace(b'name="amount"', b'name="price"'))
    assert all(word in finding for word in ("tariff", "amount", "workflows.gas.projects"))


def test_every_decision_is_asked_by_its_declaration():
    """Otherwise a table is not checked against who asks it."""
    for file in Path(workflows.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            first = node.args[0] if isinstance(node, ast.Call) and node.args else None
            literal = isinstance(first, ast.Constant) and isinstance(first.value, str)
            assert not (name == "decide" and literal), f"{file}:{node.lineno}"
    for table in kartabl.DIAGRAMS.glob("*.dmn"):
        assert questions.about(table.stem), f"nobody asks {table.name}"
        assert table.stem in reader.parse(table.read_bytes()).decisions


def test_a_question_with_other_inputs_than_declared_is_refused():
    question = Questions().declare("tariff", inputs=["item"], outputs=["amount"], by=projects.__name__)
    assert question.ask(lambda decision, **inputs: (decision, inputs), item="x") == ("tariff", {"item": "x"})
    with pytest.raises(TypeError, match="region"):
        question.ask(lambda *_: None, item="x", region=3)
