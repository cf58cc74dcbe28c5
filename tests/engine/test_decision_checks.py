"""What is found wrong with a decision table before it is deployed, and that asking one raises nothing foreign."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dmn import feel, reader
from engine.dmn.reader import DecisionError
from engine.errors import EngineError
from tests.engine.tables import model, table


def findings(policy: str, rules: str, **more: Any) -> list[tuple[str, str]]:
    found = reader.check(reader.DecisionModel({"t": table(policy, rules, **more)}))
    return [(finding.severity, finding.text) for finding in found]


@pytest.mark.parametrize(
    "rules",
    [
        "< 10 -> 1\n< 20 -> 2",  # below the lowest bound
        "> 10 -> 1\n> 20 -> 2",  # beyond the highest
        "<= 10 -> 1\n>= 10 -> 2",  # at the bound itself
        "[0..10] -> 1\n[9.99..20] -> 2",
        "not(5) -> 1\n6 -> 2",
        '"a" -> 1\nnot("b") -> 2',
        'not("a") -> 1\nnot("b") -> 2',  # texts that no row mentions
        "- -> 1\n5 -> 2",
        '< date("2020-01-02") -> 1\n< date("2021-01-01") -> 2',
        "true -> 1\nnot(false) -> 2",
    ],
)
def test_every_overlap_of_a_unique_table_is_an_error_that_names_the_rows(rules: str) -> None:
    errors = [message for severity, message in findings("UNIQUE", rules) if severity == "error"]
    assert any("1، 2" in message for message in errors)
    assert [severity for severity, _ in findings("FIRST", rules) if severity == "error"] == []


@pytest.mark.parametrize(
    ("rules", "gap"),
    [
        ("<= 120 -> 1\n[121..250] -> 2", "120.5"),  # whole numbers do not cover what lies between them
        ("< 10 -> 1\n> 10 -> 2", "10"),
        ("true -> 1", "False"),
        ("<= 120 -> 1\n(120..250] -> 2", None),
        ("< 10 -> 1\n>= 10 -> 2", None),
        ("[0..10) -> 1\n[10..20) -> 2", None),
        ("true -> 1\nfalse -> 2", None),
        ('< date("2020-01-02") -> 1\n> date("2020-01-02") -> 2', "2020-01-02"),
    ],
)
def test_a_gap_between_rows_is_a_warning_with_an_example(rules: str, gap: str | None) -> None:
    found = findings("UNIQUE", rules)
    assert [severity for severity, _ in found] == (["warning"] if gap else [])
    assert not gap or gap in found[0][1]


def test_a_gap_is_looked_for_among_the_allowed_values() -> None:
    allowed = '"surface","concealed"'
    assert [kind for kind, _ in findings("UNIQUE", '"surface" -> 1', allowed=allowed)] == ["warning"]
    assert findings("UNIQUE", '"surface" -> 1\n"concealed" -> 2', allowed=allowed) == []
    assert findings("UNIQUE", '"surface" -> 1', allowed=allowed, default="0") == []
    assert [kind for kind, _ in findings("UNIQUE", "1 -> 1\n2 -> 2", allowed="1, 2, 3")] == ["warning"]
    assert findings("UNIQUE", "1 -> 1\n2, 3 -> 2", allowed="1, 2, 3") == []


def test_rows_of_an_any_table_may_overlap_when_they_say_the_same() -> None:
    assert findings("ANY", "< 10 -> 1\n< 20 -> 1") == []
    assert [kind for kind, _ in findings("ANY", "< 10 -> 1\n< 20 -> 2")] == ["error"]


def test_a_value_of_another_type_than_its_column_is_an_error_at_the_row() -> None:
    found = findings("FIRST", '"much" -> 1\n> 5 -> "big"', type="number", result_type="number")
    assert [kind for kind, _ in found] == ["error", "error"]
    assert "ردیف 1" in found[0][1]
    assert "ردیف 2" in found[1][1]


def test_a_table_too_large_to_try_is_said_to_be() -> None:
    rows = "\n".join(f"{n} ; {n} ; {n} ; {n} -> {n}" for n in range(30))
    assert [kind for kind, _ in findings("UNIQUE", rows, inputs="abcd")] == ["warning"]


def test_what_depends_on_data_is_not_guessed_at() -> None:
    for found in (findings("UNIQUE", "< y -> 1\n>= y -> 2"), findings("UNIQUE", "1 -> 1 ", inputs=["x * 2"])):
        assert [kind for kind, _ in found] == ["warning"]


def test_two_columns_of_one_value_are_not_taken_for_two_values() -> None:
    rows = "< 5 ; < 5 -> 1\n>= 5 ; >= 5 -> 2"
    assert [kind for kind, _ in findings("UNIQUE", rows, inputs="xx")] == ["warning"]
    assert findings("UNIQUE", "< 5 -> 1\n>= 5 -> 2", inputs=["loan.amount"]) == []
    assert [kind for kind, _ in findings("UNIQUE", "< 5 -> 1\n>= 4 -> 2", inputs=["loan.amount"])] == ["error"]


def test_an_order_of_answers_has_to_be_listed() -> None:
    for policy in ("PRIORITY", "OUTPUT ORDER"):
        assert [kind for kind, _ in findings(policy, "< 5 -> 1\n>= 5 -> 2")] == ["error"]
        assert findings(policy, "< 5 -> 1\n>= 5 -> 2", listed="1, 2") == []


def test_a_gap_is_reported_where_it_leaves_no_answer() -> None:
    rows = "[0..5) -> 1\n(5..9] -> 2"
    for aggregation, kinds in (("SUM", ["warning"]), ("MIN", ["warning"]), ("COUNT", []), ("", [])):
        assert [kind for kind, _ in findings("COLLECT", rows, aggregation=aggregation)] == kinds


BOUND = st.integers(0, 6).map(str)
CELL = st.one_of(
    st.just("-"),
    BOUND,
    st.sampled_from(["<", "<=", ">", ">="]).flatmap(lambda sign: BOUND.map(f"{sign} {{}}".format)),
    st.tuples(st.sampled_from("[("), BOUND, BOUND, st.sampled_from("])")).map(lambda p: f"{p[0]}{p[1]}..{p[2]}{p[3]}"),
    BOUND.map("not({})".format),
)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_the_check_finds_exactly_the_overlaps_that_asking_everything_finds(cells: list[tuple[str, str]]) -> None:
    unique = table("UNIQUE", "\n".join(f"{a} ; {b} -> {n}" for n, (a, b) in enumerate(cells)), inputs="xy")
    everything = [Decimal(n) / 2 for n in range(-2, 15)]
    overlaps = False
    for x, y in itertools.product(everything, repeat=2):
        try:
            unique.evaluate({"x": x, "y": y})
        except DecisionError:
            overlaps = True
    found = reader.check(reader.DecisionModel({"t": unique}))
    assert any(finding.severity == "error" for finding in found) is overlaps


# ---------------------------------------------------------------- types and data


def test_a_case_brings_dates_as_texts_and_the_column_reads_them() -> None:
    dated = table("FIRST", '>= date("2020-01-01") -> 1\n- -> 2', type="date")
    assert dated.evaluate({"x": "2021-05-05"}) == {"out": 1}
    assert dated.evaluate({"x": "2019-05-05"}) == {"out": 2}
    assert dated.evaluate({"x": None}) == {"out": 2}
    with pytest.raises(DecisionError, match="x"):
        dated.evaluate({"x": "yesterday"})


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("number", [1, 1.5, Decimal("2.5"), None], ["1", True, []]),
        ("integer", [1, 1.5], ["1"]),
        ("string", ["a", ""], [1, False]),
        ("boolean", [True], [0, "true"]),
        ("dateTime", ["2020-01-01T10:00:00", datetime(2020, 1, 1)], [5, date(2020, 1, 1)]),
        ("dayTimeDuration", ["P2D", timedelta(days=1)], ["soon"]),
        ("tApproval", [1, "a", True], []),
    ],
)
def test_an_input_of_the_wrong_type_is_refused_at_its_column(kind: str, right: list[Any], wrong: list[Any]) -> None:
    typed = table("FIRST", "- -> 1", type=kind)
    for value in right:
        assert typed.evaluate({"x": value}) == {"out": 1}
    for value in wrong:
        with pytest.raises(DecisionError) as raised:
            typed.evaluate({"x": value})
        assert raised.value.column == "x"


def test_an_answer_becomes_plain_data_for_a_case() -> None:
    answer = table("COLLECT", '- -> 1/4\n- -> 3\n- -> date("2020-01-01")\n- -> duration("P2DT1H")').evaluate({"x": 1})
    assert [row["out"] for row in reader.as_json(answer)] == [0.25, 3, "2020-01-01", "PT176400S"]


def test_missing_inputs_are_null_in_conditions_and_answers() -> None:
    assert table("FIRST", "null -> y + 1\n- -> 2").evaluate({}) == {"out": None}
    assert table("FIRST", "< y -> 1\n> y -> 2\n- -> 3").evaluate({"x": 5}) == {"out": 3}


def test_a_decision_says_what_it_needs_and_what_it_gives() -> None:
    decision = table("FIRST", "< limit -> fee * 2\n- -> 0")
    assert decision.inputs == {"x", "limit", "fee"}
    assert decision.outputs == ("out",)


# ---------------------------------------------------------------- chains


def literal(key: str, text: str, *requires: str) -> str:
    required = (f'<requiredDecision href="#{name}"/>' for name in requires)
    wanted = "".join(f"<informationRequirement>{decision}</informationRequirement>" for decision in required)
    return (
        f'<decision id="{key}"><variable name="{key}"/>{wanted}'
        f"<literalExpression><text>{text}</text></literalExpression></decision>"
    )


def test_a_decision_that_many_need_is_decided_once() -> None:
    """Twice the same requirement at each of 60 levels: without remembering, 2 to the 60th power questions."""
    chain = [literal("d0", "x")]
    chain += [literal(f"d{n}", f"d{n - 1} + d{n - 1}", f"d{n - 1}", f"d{n - 1}") for n in range(1, 61)]
    last = model("".join(chain)).decisions["d60"]
    assert last.inputs == {"x"}
    assert last.evaluate({"x": 1}) == {"d60": 2**60}


@pytest.mark.parametrize(
    "content",
    [
        literal("a", "1", "b") + literal("b", "1", "a"),
        literal("a", "1", "a"),
        literal("a", "1", "nowhere"),
        literal("a", "1") + literal("a", "2"),
        '<decision id="a"/>',
        "".join(literal(f"d{n}", "1") for n in range(101)),
        '<decision id="a"><decisionTable hitPolicy="MOST"><output name="o"/></decisionTable></decision>',
        '<decision id="a"><decisionTable aggregation="SUM"><output name="o"/></decisionTable></decision>',
        '<decision id="a"><decisionTable><output/><rule><inputEntry/></rule></decisionTable></decision>',
    ],
)
def test_a_file_that_cannot_be_asked_is_refused_when_it_is_read(content: str) -> None:
    with pytest.raises(DecisionError):
        model(content)


NO_FILES = [b"", b"<a>", b"\xff\xfe", b"not xml", b"<a/>" * 2, b"<d>" * 100_000, b"<a>" + b"x" * 10**6]


@pytest.mark.parametrize("xml", NO_FILES, ids=range(len(NO_FILES)))
def test_what_is_no_decision_file_is_refused_by_an_error_of_ours(xml: bytes) -> None:
    with pytest.raises(EngineError):
        reader.parse(xml)


# ---------------------------------------------------------------- nothing foreign

WORDS = [
    "x",
    "y",
    "1",
    "2.5",
    ".5",
    "10",
    "1000",
    '"a"',
    "(",
    ")",
    "[",
    "]",
    "..",
    ",",
    "<",
    "<=",
    ">",
    ">=",
    "=",
    "!=",
    "+",
    "-",
    "*",
    "/",
    "**",
    "not",
    "null",
    "true",
    'date("2020-01-01")',
    'time("10:00:00Z")',
    'time("10:00:00")',
    'date and time("2020-01-01T10:00:00+03:30")',
    'date and time("2020-01-01T10:00:00")',
    'duration("P1D")',
    "@",
    "{",
]
TEXTS = st.one_of(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), st.text(max_size=20))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=5),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.times(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers()),
)


@given(TEXTS, VALUES, VALUES)
@settings(max_examples=800, deadline=None)
def test_no_cell_and_no_value_raises_anything_foreign(source: str, x: Any, y: Any) -> None:
    for read in (feel.unary_tests, feel.expression):
        try:
            parsed: Any = read(source)
            parsed.matches(x, {"x": x, "y": y}) if read is feel.unary_tests else parsed({"x": x, "y": y})
        except feel.FeelError as error:
            assert str(error)


@pytest.mark.parametrize("source", ["1+" * 900 + "1", "(" * 900 + "1" + ")" * 900, "-" * 1900 + "1", "1," * 900 + "1"])
def test_a_long_cell_is_refused_or_worked_out_but_never_breaks(source: str) -> None:
    try:
        feel.unary_tests(source).matches(1, {})
    except feel.FeelError:
        return


@pytest.mark.parametrize("source", ['"a" * 1000000000', "many * 1000000000", "10 ** 1000 ** 1000", "9 ** 9 ** 9 ** 9"])
def test_no_cell_can_fill_the_memory(source: str) -> None:
    value = feel.expression(source)({"many": [1]})
    assert value is None or isinstance(value, Decimal)
