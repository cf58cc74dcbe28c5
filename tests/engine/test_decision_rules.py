"""Decisions rule by rule: whom each hit policy answers, what is refused and where, what the checks say of a table."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.dmn import checks, decision, feel, reader
from engine.dmn.reader import DecisionError
from engine.findings import Finding
from tests.engine.tables import model, table


def refused(asked: reader.Decision, **inputs: Any) -> DecisionError:
    with pytest.raises(DecisionError) as raised:
        asked.evaluate(inputs)
    return raised.value


def unreadable(content: str) -> str:
    with pytest.raises(DecisionError) as raised:
        model(content)
    return str(raised.value)


def found(asked: reader.Decision) -> list[Finding]:
    return reader.check(reader.DecisionModel({"t": asked}))


# ---------------------------------------------------------------- hit policies


def test_first_and_any_answer_with_the_topmost_row_that_holds() -> None:
    assert table("FIRST", "< 5 -> 1\n< 9 -> 2\n- -> 3").evaluate({"x": 6}) == {"out": 2}
    assert table("ANY", "< 5 -> 1\n> 9 -> 2").evaluate({"x": 1}) == {"out": 1}
    two_words_for_one = table("ANY", "- -> 1\n- -> 1.0\n- -> 1").evaluate({"x": 1})
    assert two_words_for_one == {"out": 1}


def test_first_works_out_no_answer_but_its_own() -> None:
    assert table("FIRST", "- -> 1\n- -> true", result_type="number").evaluate({"x": 6}) == {"out": 1}


def test_any_names_the_rows_that_differ() -> None:
    for rows in ("- -> 1\n- -> 2", "- -> 1\n- -> 2\n- -> 1", "- -> 1\n- -> 1\n- -> 2"):
        error = refused(table("ANY", rows), x=1)
        numbers = "، ".join(str(number) for number in range(1, rows.count("\n") + 2))
        assert error.reason == f"ردیف‌های هم‌خوان خروجی یکسان ندارند: {numbers}"


def test_an_answer_that_is_not_listed_comes_last() -> None:
    rows = "- -> 7\n- -> 2\n- -> 1"
    ordered = table("OUTPUT ORDER", rows, listed="1, 2").evaluate({"x": 1})
    assert [answer["out"] for answer in ordered] == [1, 2, 7]


def test_nothing_counted_is_nought_and_a_default_stands_in_for_an_answer() -> None:
    assert table("COLLECT", "> 5 -> 1", aggregation="COUNT").evaluate({"x": 1}) == {"out": 0}
    assert table("COLLECT", "> 5 -> 1", aggregation="SUM").evaluate({"x": 1}) is None
    assert table("COLLECT", "> 5 -> 1", default="3").evaluate({"x": 1}) == []
    assert table("COLLECT", "> 5 -> 1", default="3", aggregation="SUM").evaluate({"x": 1}) == {"out": 3}
    assert table("FIRST", "> 5 -> 1; 2", outputs="a b", default="3 + 4").evaluate({"x": 1}) == {"a": 7, "b": 7}


def test_of_two_columns_one_may_have_a_default() -> None:
    content = (
        '<decision id="t"><decisionTable><input><inputExpression><text>x</text></inputExpression></input>'
        '<output name="a"><defaultOutputEntry><text>1</text></defaultOutputEntry></output><output name="b"/>'
        "</decisionTable></decision>"
    )
    assert model(content).decisions["t"].evaluate({"x": 1}) == {"a": 1, "b": None}


@pytest.mark.parametrize("answer", ["null", '"a"', "true"])
def test_only_numbers_are_summed_and_everything_is_counted(answer: str) -> None:
    rows = f"- -> 1\n- -> {answer}"
    assert table("COLLECT", rows, aggregation="COUNT").evaluate({"x": 1}) == {"out": 2}
    for how in ("SUM", "MIN", "MAX"):
        error = refused(table("COLLECT", rows, aggregation=how), x=1)
        assert error.reason == f"برای تجمیع {how} همهٔ خروجی‌ها باید عدد باشند."


# ---------------------------------------------------------------- types and places


def test_an_error_says_where_it_is() -> None:
    error = DecisionError("fee", "too much", rule="3", column="area")
    assert str(error) == "fee / 3 / area: too much"
    assert (error.decision, error.reason, error.rule, error.column) == ("fee", "too much", "3", "area")
    assert str(DecisionError("fee", "too much")) == "fee: too much"


def test_a_value_of_the_wrong_type_is_refused_with_its_place() -> None:
    error = refused(table("FIRST", "- -> 1", type="number"), x="a" * 70)
    assert str(error) == f"t / x: مقدار «{'a' * 60}» عدد نیست."
    answer = refused(table("FIRST", '- -> "a"', result_type="number"), x=1)
    assert str(answer) == "t / 1 / out: مقدار «a» عدد نیست."


def test_a_value_that_is_not_allowed_is_refused_and_null_is_not_asked() -> None:
    asked = table("FIRST", "- -> 1", allowed="1, 2")
    assert asked.evaluate({"x": 2}) == {"out": 1}
    assert asked.evaluate({"x": None}) == {"out": 1}
    assert str(refused(asked, x=3)) == "t / x: مقدار «3» در این ستون مجاز نیست."


def test_what_cannot_be_worked_out_is_refused_with_its_place() -> None:
    asked = table("FIRST", "- -> 1", default="height", result_type="number")
    assert str(refused(table("FIRST", "> 5 -> 1", default="height"), x=1)) == "t / out: نام «height» مقداری ندارد."
    assert asked.evaluate({"x": 1}) == {"out": 1}


@pytest.mark.parametrize(
    ("kind", "value", "is_one"),
    [
        ("", object(), True),
        ("number", None, True),
        ("number", 1, True),
        ("number", Decimal("1.5"), True),
        ("number", True, False),
        ("number", "1", False),
        ("boolean", True, True),
        ("boolean", 1, False),
        ("date", date(2020, 1, 1), True),
        ("date", datetime(2020, 1, 1), False),
        ("moment", datetime(2020, 1, 1), True),
        ("moment", date(2020, 1, 1), False),
    ],
)
def test_a_value_is_of_a_type_or_not(kind: str, value: Any, is_one: bool) -> None:
    assert decision.fits(kind, value) is is_one


def test_texts_of_data_become_what_the_column_means() -> None:
    assert decision.as_type("date", "2020-01-02") == date(2020, 1, 2)
    assert decision.as_type("moment", "2020-01-02T03:04:05") == datetime(2020, 1, 2, 3, 4, 5)
    assert decision.as_type("time", "03:04") == time(3, 4)
    assert decision.as_type("duration", "P1D") == timedelta(days=1)
    assert decision.as_type("date", "soon") == "soon"
    assert decision.as_type("string", "2020-01-02") == "2020-01-02"
    assert decision.as_type("date", 5) == 5


def test_an_answer_is_plain_data() -> None:
    answer = {"a": [Decimal("1.5"), time(3, 4), timedelta(seconds=90.5)], "b": datetime(2020, 1, 2), "c": None}
    assert reader.as_json(answer) == {"a": [1.5, "03:04:00", "PT90.5S"], "b": "2020-01-02T00:00:00", "c": None}


# ---------------------------------------------------------------- chains

PAIR = (
    '<decision id="pair"><variable name="both"/><decisionTable><input><inputExpression><text>x</text>'
    '</inputExpression></input><output name="a"/><output name="b"/><rule><inputEntry><text>1</text></inputEntry>'
    "<outputEntry><text>2</text></outputEntry><outputEntry><text>3</text></outputEntry></rule></decisionTable>"
    "</decision>"
)
NEEDS_PAIR = '<informationRequirement><requiredDecision href="#pair"/></informationRequirement>'


def using(expression: str) -> reader.Decision:
    content = (
        f'<decision id="d">{NEEDS_PAIR}<literalExpression><text>{expression}</text></literalExpression></decision>'
    )
    return model(PAIR + content).decisions["d"]


def test_each_answer_of_a_required_decision_has_its_name_and_all_of_them_its_variable() -> None:
    assert using("a + b").evaluate({"x": 1}) == {"d": 5}
    assert using("both.b").evaluate({"x": 1}) == {"d": 3}
    assert using("a + y").inputs == {"x", "y"}
    assert using("both.b").inputs == {"x"}


def test_a_required_decision_without_an_answer_sets_null() -> None:
    assert using("a = null and both = null").evaluate({"x": 9}) == {"d": True}


# ---------------------------------------------------------------- checks


def test_four_hundred_thousand_tries_are_worth_it_and_no_more() -> None:
    assert (checks.MAX_TRIES, checks.MAX_NAMED) == (400_000, 10)


def test_a_table_is_tried_up_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows; x has 0, 1, 1.5, 2 and 3 to be tried, y has true and false: 20 tries."""
    asked = table("UNIQUE", "1 ; true -> 1\n2 ; false -> 2", inputs="xy")
    monkeypatch.setattr(checks, "MAX_TRIES", 20)
    assert [finding.code for finding in found(asked)] == ["dmn.gap"]
    monkeypatch.setattr(checks, "MAX_TRIES", 19)
    assert [finding.code for finding in found(asked)] == ["dmn.too_large"]


def test_a_table_without_rows_is_tried_too(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = '<input><inputExpression typeRef="boolean"><text>x</text></inputExpression></input><output name="o"/>'
    asked = model(f'<decision id="t"><decisionTable>{columns}</decisionTable></decision>').decisions["t"]
    monkeypatch.setattr(checks, "MAX_TRIES", 2)
    assert [finding.text for finding in found(asked)] == ["برای این ورودی ردیفی نیست: True"]
    monkeypatch.setattr(checks, "MAX_TRIES", 1)
    assert [finding.code for finding in found(asked)] == ["dmn.too_large"]


def test_no_more_than_ten_overlaps_are_named() -> None:
    assert len(found(table("UNIQUE", "\n".join(f"[{n}..{n + 1}] -> 1" for n in range(12))))) == 10


ROWS = (
    '<decision id="t"><decisionTable><input label="size"><inputExpression><text>x</text></inputExpression></input>'
    '<output name="o" typeRef="number"/>{}</decisionTable></decision>'
)


def row(test: str, answer: str, key: str = "") -> str:
    mark = f' id="{key}"' if key else ""
    entries = f"<inputEntry><text>{test}</text></inputEntry><outputEntry><text>{answer}</text></outputEntry>"
    return f"<rule{mark}>{entries}</rule>"


def checked(*rows: str) -> list[Finding]:
    return reader.check(model(ROWS.format("".join(rows))))


def test_an_overlap_is_shown_at_its_last_row() -> None:
    three = [row("-", "1", key) for key in ("r1", "r2", "r3")]
    assert [(f.element, f.text) for f in checked(*three)] == [("r3", "ردیف‌های 1، 2، 3 هم‌پوشانی دارند؛ نمونه: —")]
    assert [f.element for f in checked(row("-", "1"), row("-", "1"))] == ["t"]


def test_a_wrong_type_is_shown_at_its_row() -> None:
    wrong = checked(row("1", '"a"', "r1"), row("2", '"b"'))
    assert [(f.element, f.text) for f in wrong] == [
        ("r1", "ردیف 1، ستون «o»: «a» عدد نیست."),
        ("t", "ردیف 2، ستون «o»: «b» عدد نیست."),
    ]


def test_an_example_shows_the_first_sixty_characters_of_a_text() -> None:
    gap = found(table("UNIQUE", '"b" -> 1', allowed=f'"b", "{"a" * 70}"'))
    assert [f.text for f in gap] == [f"برای این ورودی ردیفی نیست: {'a' * 60}"]


def test_why_a_table_is_not_checked() -> None:
    behind = "هم‌پوشانی و حالت پوشش‌نیافته بررسی نشد."
    column, bound = table("UNIQUE", "1 -> 1", inputs=["x * 2"]), table("UNIQUE", "1 -> 1\n< y -> 2")
    assert [f.text for f in found(column)] == [f"ستون «x * 2» از داده محاسبه می‌شود. {behind}"]
    assert [f.text for f in found(bound)] == [f"مرز ردیف 2 به داده بستگی دارد. {behind}"]
    unordered = found(table("PRIORITY", "- -> 1"))
    wanted = "سیاست انتخاب PRIORITY ترتیب خروجی‌ها را لازم دارد. آن‌ها را در ستون خروجی فهرست کنید."
    assert [f.text for f in unordered] == [wanted]


def test_moments_with_and_without_a_zone_stand_in_one_table() -> None:
    moments = ["2020-01-02T00:00:00", "2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z"]
    rows = "\n".join(f'date and time("{moment}") -> 1' for moment in moments)
    assert found(table("UNIQUE", rows)) == [], "they are not compared with each other"


@pytest.mark.parametrize(
    ("rows", "gap"),
    [
        ("false -> 1", "True"),
        ("true -> 1", "False"),
        ('< time("10:00:00") -> 1\n> time("10:00:00") -> 2', "10:00:00"),
        ('<= date("2020-01-01") -> 1\n>= date("2020-01-05") -> 2', "2020-01-03"),
        ('<= duration("P1D") -> 1\n>= duration("P3D") -> 2', "2 days, 0:00:00"),
        ("<= 1 -> 1\n>= 4 -> 2", "2.5"),
    ],
)
def test_a_gap_is_shown_by_the_value_in_its_middle(rows: str, gap: str) -> None:
    assert [finding.text for finding in found(table("UNIQUE", rows))] == [f"برای این ورودی ردیفی نیست: {gap}"]


def test_an_end_that_no_cell_holds_needs_no_answer() -> None:
    assert found(table("UNIQUE", "(0..5] -> 1")) == []
    assert found(table("UNIQUE", "[0..5) -> 1")) == []
    assert found(table("UNIQUE", '(date("2020-01-01")..date("2020-01-02")] -> 1')) == []


def test_numbers_and_truth_values_are_not_taken_for_each_other() -> None:
    column = table("UNIQUE", "- -> 1").columns[0]
    tried = checks._values([feel.unary_tests("1"), feel.unary_tests("true")], column)
    assert [value for value, _meant in tried] == [0, 1, 2]


def test_a_column_of_conditions_without_bounds_is_tried_with_nothing() -> None:
    assert checks._values([feel.unary_tests("-")], table("UNIQUE", "- -> 1").columns[0]) == [(None, True)]
    truth = table("UNIQUE", "- -> 1", type="boolean").columns[0]
    assert checks._values([feel.unary_tests("-")], truth) == [(True, True), (False, True)]


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('<decision id="a"/>', "a: این تصمیم نه جدول دارد و نه عبارت."),
        ('<decision id="a"><decisionTable hitPolicy="MOST"/></decision>', "a: سیاست انتخاب «MOST» نامعتبر است."),
        ('<decision id="a"><decisionTable/></decision>', "a: جدول ستون خروجی ندارد."),
        (
            '<decision id="a"><decisionTable hitPolicy="FIRST" aggregation="SUM"/></decision>',
            "a: تجمیع «SUM» با سیاست انتخاب FIRST ممکن نیست.",
        ),
        (
            '<decision id="a"><decisionTable hitPolicy="COLLECT" aggregation="MEAN"/></decision>',
            "a: تجمیع «MEAN» با سیاست انتخاب COLLECT ممکن نیست.",
        ),
        (
            '<decision id="a"><decisionTable hitPolicy="COLLECT" aggregation="SUM"><output/><output/>'
            "</decisionTable></decision>",
            "a: تجمیع فقط با یک ستون خروجی ممکن است.",
        ),
        (ROWS.format(row("1", "1") + "<rule/>"), "t / 2: تعداد خانه‌های ردیف با ستون‌ها برابر نیست."),
        (
            ROWS.format("<rule><inputEntry><text>1</text></inputEntry></rule>"),
            "t / 1: تعداد خانه‌های ردیف با ستون‌ها برابر نیست.",
        ),
        (
            '<decision id="a"><decisionTable><input label="size"/></decisionTable></decision>',
            "a / size: «» قابل خواندن نیست.",
        ),
        (ROWS.format(row("1", "1") + row("@", "1")), "t / 2 / size: «@» قابل خواندن نیست."),
        (ROWS.format(row("1", "1") + row("1", "@")), "t / 2 / o: «@» قابل خواندن نیست."),
        (
            '<decision id="a"><literalExpression><text>1</text></literalExpression></decision>' * 2,
            "a: این شناسه دو بار آمده است.",
        ),
        (
            '<decision id="a"><informationRequirement><requiredDecision href="#b"/></informationRequirement>'
            "<literalExpression><text>1</text></literalExpression></decision>",
            "a: تصمیم پیش‌نیاز «b» در فایل نیست.",
        ),
        (
            '<decision id="a"><informationRequirement><requiredDecision href="#a"/></informationRequirement>'
            "<literalExpression><text>1</text></literalExpression></decision>",
            "a: این تصمیم، با واسطه، خودش را لازم دارد.",
        ),
        (
            '<decision id="a"><literalExpression><text>x y</text></literalExpression></decision>',
            "a: «x y» قابل خواندن نیست.",
        ),
        (
            '<decision id="a"><literalExpression><text>@</text></literalExpression></decision>',
            "a: «@» قابل خواندن نیست.",
        ),
        (
            '<decision id="a"><decisionTable><input label="size"><inputExpression><text>@</text></inputExpression>'
            "</input></decisionTable></decision>",
            "a / size: «@» قابل خواندن نیست.",
        ),
        (
            '<decision id="a"><decisionTable><input label="size"><inputExpression><text>x</text></inputExpression>'
            "<inputValues><text>@</text></inputValues></input></decisionTable></decision>",
            "a / size: «@» قابل خواندن نیست.",
        ),
        (
            '<decision id="a"><decisionTable><output name="o"><outputValues><text>@</text></outputValues></output>'
            "</decisionTable></decision>",
            "a: «@» قابل خواندن نیست.",
        ),
        (
            '<decision id="a"><decisionTable><output name="o"><defaultOutputEntry><text>@</text>'
            "</defaultOutputEntry></output></decisionTable></decision>",
            "a / o: «@» قابل خواندن نیست.",
        ),
    ],
)
def test_a_file_is_refused_with_the_place_and_the_reason(content: str, message: str) -> None:
    assert unreadable(content) == message


def test_a_file_has_a_hundred_decisions_and_no_more() -> None:
    def of(count: int) -> str:
        one = '<decision id="d{}"><literalExpression><text>1</text></literalExpression></decision>'
        return "".join(one.format(number) for number in range(count))

    assert len(model(of(100)).decisions) == 100
    assert unreadable(of(101)) == ": فایل بیش از 100 تصمیم دارد."


def test_what_a_file_leaves_out_is_taken_from_what_it_has() -> None:
    content = (
        '<inputData name="net  height"/><decision id="a"><decisionTable><input id="i"><inputExpression>'
        '<text> net height </text></inputExpression></input><output id="o"/></decisionTable></decision>'
    )
    read = model(content).decisions["a"]
    assert (read.id, read.name, read.variable, read.policy, read.outputs) == ("a", "a", "a", "UNIQUE", ("a",))
    assert [(column.id, column.label, column.expression, column.type) for column in read.columns] == [
        ("i", "net height", "net height", "")
    ]
    assert [(result.id, result.default, result.priorities) for result in read.results] == [("o", "", ())]
    literal = "<literalExpression><text>1</text></literalExpression>"
    named = model(f'<decision id="a" name="Fee"><variable name="f"/>{literal}</decision>').decisions["a"]
    assert (named.name, named.variable) == ("Fee", "f")
