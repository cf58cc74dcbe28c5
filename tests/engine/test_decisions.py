"""Decision tables: the cells of S-FEEL, the hit policies, and the tables of the gas registration."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dmn import feel, reader
from engine.dmn.reader import DecisionError
from engine.xml import UnsafeXml

TABLES = Path(__file__).parents[2] / "bpmn_diagrams"


def table(policy: str, rules: str, *, outputs: str = "out", values: str = "", aggregation: str = "") -> reader.Decision:
    """A table with the inputs x and y; ``rules``: lines of ``x ; y -> out``."""
    columns = "".join(
        f'<input id="{name}"><inputExpression><text>{name}</text></inputExpression></input>' for name in "xy"
    )
    listed = f"<outputValues><text>{values}</text></outputValues>" if values else ""
    results = "".join(f'<output id="o_{name}" name="{name}">{listed}</output>' for name in outputs.split())
    rows = ""
    for line in rules.strip().splitlines():
        left, _, right = line.partition("->")
        cells = "".join(f"<inputEntry><text>{_escaped(cell)}</text></inputEntry>" for cell in left.split(";"))
        answers = "".join(f"<outputEntry><text>{_escaped(cell)}</text></outputEntry>" for cell in right.split(";"))
        rows += f"<rule>{cells}{answers}</rule>"
    gathered = f' aggregation="{aggregation}"' if aggregation else ""
    xml = (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"><decision id="t" name="t">'
        f'<decisionTable hitPolicy="{policy}"{gathered}>{columns}{results}{rows}</decisionTable>'
        "</decision></definitions>"
    )
    return reader.parse(xml.encode()).decisions["t"]


def _escaped(text: str) -> str:
    return text.strip().replace("&", "&amp;").replace("<", "&lt;")


@pytest.mark.parametrize(
    ("test", "fits", "does_not"),
    [
        ("<= 6", [6, -1, Decimal("5.9")], [7, Decimal("6.01"), None, "6"]),
        ("< 6", [5], [6]),
        (">= 6", [6], [5]),
        ("> 6", [7], [6]),
        ("[121..250]", [121, 250], [120, 251]),
        ("(120..250]", [Decimal("120.5"), 250], [120]),
        ("]120..250[", [121], [120, 250]),
        ("[1..5)", [1], [5]),
        ('"surface"', ["surface"], ["concealed", None, 1]),
        ('"a", "b"', ["a", "b"], ["c"]),
        ("5, 10", [5, 10], [7]),
        ("not(5, 6)", [4], [5, 6]),
        ('not("a")', ["b"], ["a"]),
        ("-", [1, None, "x"], []),
        ("true", [True], [False, 1]),
        ("null", [None], [0, ""]),
        ('date("2020-01-01")', [date(2020, 1, 1)], [date(2020, 1, 2)]),
        ('>= date("2020-01-01")', [date(2021, 1, 1)], [date(2019, 1, 1)]),
        ("< y + 1", [2], [3]),
        ("-5", [-5], [5]),
        ("[-5..-1]", [-3], [0]),
        ('"سلام"', ["سلام"], ["خداحافظ"]),
    ],
)
def test_a_cell_matches_what_the_standard_says(test: str, fits: list[Any], does_not: list[Any]) -> None:
    cell = feel.unary_tests(test)
    assert all(cell.matches(value, {"y": 2}) for value in fits)
    assert not any(cell.matches(value, {"y": 2}) for value in does_not)


@pytest.mark.parametrize(
    "cell", ["5 5", "[1..", "<", '"open', "x.", "f(1)", "1 +", "not(", "@", "a b", "a and b", "[1..5", "date(5)"]
)
def test_a_cell_that_is_not_s_feel_is_refused_when_it_is_read(cell: str) -> None:
    with pytest.raises(DecisionError):
        table("FIRST", f"{cell} ; - -> 1")


@given(st.text(alphabet='abل01 .()[]"-+*/<>=,not', max_size=30))
def test_no_cell_raises_anything_foreign(source: str) -> None:
    try:
        feel.unary_tests(source).matches(5, {})
    except feel.FeelError:
        return


def test_unique_wants_one_row_and_names_the_rows_that_overlap() -> None:
    overlapping = table("UNIQUE", '< 10 ; - -> "low"\n> 5 ; - -> "high"')
    assert overlapping.evaluate({"x": 1, "y": 0}) == {"out": "low"}
    with pytest.raises(DecisionError, match="1، 2"):
        overlapping.evaluate({"x": 7, "y": 0})


def test_first_takes_the_topmost_row() -> None:
    assert table("FIRST", '< 10 ; - -> "a"\n< 20 ; - -> "b"').evaluate({"x": 5, "y": 0}) == {"out": "a"}


def test_any_wants_the_same_answer_of_all_rows() -> None:
    rows = '< 10 ; - -> "a"\n- ; < 10 -> "{}"'
    assert table("ANY", rows.format("a")).evaluate({"x": 1, "y": 1}) == {"out": "a"}
    with pytest.raises(DecisionError):
        table("ANY", rows.format("b")).evaluate({"x": 1, "y": 1})


def test_priority_and_output_order_follow_the_listed_values() -> None:
    rows = '- ; - -> "low"\n- ; - -> "high"\n- ; - -> "middle"'
    listed = '"high", "middle", "low"'
    assert table("PRIORITY", rows, values=listed).evaluate({"x": 1, "y": 1}) == {"out": "high"}
    ordered = table("OUTPUT ORDER", rows, values=listed).evaluate({"x": 1, "y": 1})
    assert [answer["out"] for answer in ordered] == ["high", "middle", "low"]
    in_rows = table("RULE ORDER", rows).evaluate({"x": 1, "y": 1})
    assert [answer["out"] for answer in in_rows] == ["low", "high", "middle"]


@pytest.mark.parametrize(("how", "result"), [("SUM", 60), ("MIN", 10), ("MAX", 30), ("COUNT", 3)])
def test_collect_aggregates(how: str, result: int) -> None:
    rows = "- ; - -> 10\n- ; - -> 20\n- ; - -> 30\n< 0 ; - -> 99"
    assert table("COLLECT", rows, aggregation=how).evaluate({"x": 1, "y": 1}) == {"out": result}
    assert len(table("COLLECT", rows).evaluate({"x": 1, "y": 1})) == 3


def test_no_row_gives_nothing_and_a_list_policy_an_empty_list() -> None:
    assert table("FIRST", "< 0 ; - -> 1").evaluate({"x": 1, "y": 1}) is None
    assert table("COLLECT", "< 0 ; - -> 1").evaluate({"x": 1, "y": 1}) == []


def test_numbers_stay_exact() -> None:
    answer = table("FIRST", "- ; - -> x * 3; x / 10", outputs="a b").evaluate({"x": 1_500_001, "y": 0})
    assert answer == {"a": 4_500_003, "b": Decimal("150000.1")}
    assert isinstance(answer["a"], int)


def test_a_required_decision_is_decided_first() -> None:
    xml = b"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/">
      <decision id="final" name="final"><variable name="final"/>
        <informationRequirement><requiredDecision href="#rank"/></informationRequirement>
        <decisionTable hitPolicy="UNIQUE"><input><inputExpression><text>rank</text></inputExpression></input>
          <output name="out"/>
          <rule><inputEntry><text>&gt; 1</text></inputEntry>
            <outputEntry><text>"big"</text></outputEntry></rule>
          <rule><inputEntry><text>&lt;= 1</text></inputEntry>
            <outputEntry><text>"small"</text></outputEntry></rule></decisionTable></decision>
      <decision id="rank" name="rank"><variable name="rank"/>
        <literalExpression><text>x / 10</text></literalExpression></decision>
    </definitions>"""
    decision = reader.parse(xml).decisions["final"]
    assert decision.inputs == {"x"}
    assert decision.evaluate({"x": 50}) == {"out": "big"}
    assert decision.evaluate({"x": 5}) == {"out": "small"}


def test_overlap_is_an_error_and_a_gap_a_warning_at_deployment() -> None:
    def checked(rules: str) -> list[tuple[str, bool]]:
        return [(f.severity, bool(f.text)) for f in reader.check(reader.DecisionModel({"t": table("UNIQUE", rules)}))]

    assert checked("[0..10] ; - -> 1\n[10..20] ; - -> 2") == [("error", True)]
    assert checked("[0..10] ; - -> 1\n[12..20] ; - -> 2") == [("warning", True)]
    assert checked('[0..10] ; "a" -> 1\n(10..20] ; "a" -> 2\n[0..20] ; "b" -> 3') == []


def test_a_doctype_is_refused() -> None:
    with pytest.raises(UnsafeXml):
        reader.parse(b'<!DOCTYPE d [<!ENTITY x "y">]><d/>')


CLASSES = ["G4", "G6", "G10", "G16", "G25", "G40", "G65", "G100"]
INSPECTION = [690_000, 730_000, 770_000, 810_000, 850_000, 1_500_000, 1_700_000, 2_300_000]
REPEATED = [390_000, 410_000, 430_000, 450_000, 470_000, 800_000, 900_000, 1_200_000]
CONSUMPTION = [6, 10, 16, 25, 40, 65, 100, 160]
AREA = [120, 250, 500, 800, 1300, 2000, 3000, 5000]


def decide(key: str, **inputs: Any) -> Any:
    return reader.parse((TABLES / f"{key}.dmn").read_bytes()).decisions[key].evaluate(inputs)


@pytest.mark.rule("FEE-3", "REG-10")
@pytest.mark.parametrize("place", range(8))
def test_the_tariff_is_the_public_table_to_the_rial(place: int) -> None:
    for work_type, per_cent in (("surface", 100), ("concealed", 125)):
        for item, amounts in (("inspection", INSPECTION), ("repeated_visit", REPEATED)):
            answer = decide("tariff", meter_class=CLASSES[place], work_type=work_type, item=item)
            assert answer == {"amount": amounts[place] * per_cent // 100}
            assert isinstance(answer["amount"], int)


@pytest.mark.rule("REG-7")
@pytest.mark.parametrize("place", range(8))
def test_the_meter_class_is_that_of_the_larger_need(place: int) -> None:
    consumption, area = CONSUMPTION[place], AREA[place]
    assert decide("meter_class", consumption=consumption, floor_area=1) == {"meter_class": CLASSES[place]}
    assert decide("meter_class", consumption=1, floor_area=area) == {"meter_class": CLASSES[place]}
    if place < 7:
        following = {"meter_class": CLASSES[place + 1]}
        assert decide("meter_class", consumption=consumption + Decimal("0.01"), floor_area=1) == following
        assert decide("meter_class", consumption=1, floor_area=area + Decimal("0.5")) == following


@pytest.mark.rule("REG-7")
def test_the_floor_area_permits_two_classes_up() -> None:
    assert decide("floor_area_limit", floor_area=100) == {"max_class": "G10", "max_consumption": 16}
    for place, area in enumerate(AREA):
        permitted = min(place + 2, 7)
        answer = {"max_class": CLASSES[permitted], "max_consumption": CONSUMPTION[permitted]}
        assert decide("floor_area_limit", floor_area=area) == answer


@pytest.mark.rule("REG-9")
def test_concealed_work_needs_one_document_more() -> None:
    surface = {row["document"] for row in decide("required_documents", work_type="surface") if row["mandatory"]}
    concealed = {row["document"] for row in decide("required_documents", work_type="concealed") if row["mandatory"]}
    assert concealed - surface == {"concealed_details"}
    assert len(surface) == 4
