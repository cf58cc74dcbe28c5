"""S-FEEL rule by rule: what a cell may hold, how far it may go, and what its values are to each other."""

from __future__ import annotations

import operator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.dmn import feel, feel_values

A_DAY, TWO_DAYS = timedelta(days=1), timedelta(days=2)


def value(source: str, **names: Any) -> Any:
    return feel.expression(source)(names)


def holds(source: str, given: Any, **names: Any) -> bool:
    return feel.unary_tests(source).matches(given, names)


# ---------------------------------------------------------------- how far a cell may go


def test_a_cell_has_two_thousand_characters_and_no_more() -> None:
    assert value(f'"{"a" * 1998}"') == "a" * 1998
    for read in (feel.expression, feel.unary_tests):
        with pytest.raises(feel.FeelError, match="بیش از اندازه بلند"):
            read(f'"{"a" * 1999}"')


def test_a_cell_is_nested_forty_deep_and_no_deeper() -> None:
    assert value("-" * 39 + "1") == -1
    assert value("(" * 39 + "1" + ")" * 39) == 1
    for deep in ("-" * 40 + "1", "(" * 40 + "1" + ")" * 40, "1 + " * 5 + "-" * 40 + "1"):
        with pytest.raises(feel.FeelError, match="بیش از اندازه پیچیده"):
            feel.expression(deep)


def test_a_cell_has_two_hundred_terms_and_no_more() -> None:
    assert value(" + ".join(["1"] * 200)) == 200
    with pytest.raises(feel.FeelError, match="بیش از اندازه پیچیده"):
        feel.expression(" + ".join(["1"] * 201))


# ---------------------------------------------------------------- how it is read


@pytest.mark.parametrize("source", ["1 2", "(1 2", "(1", "1 +", "[1..5 6", "1 <", "date(5)", "date 5", "* 1", ")", ""])
def test_what_is_no_expression_is_refused_with_its_text(source: str) -> None:
    with pytest.raises(feel.FeelError) as raised:
        feel.expression(source)
    assert str(raised.value) == f"«{source}» قابل خواندن نیست."


@pytest.mark.parametrize("source", ["[1..5 6", "[1..5 5", "(1 + 2) 3", "not(1", "not(1 2", "1, 2 3", "(1"])
def test_what_is_no_test_is_refused(source: str) -> None:
    with pytest.raises(feel.FeelError, match="قابل خواندن نیست"):
        feel.unary_tests(source)


def test_a_refusal_shows_the_first_hundred_characters() -> None:
    with pytest.raises(feel.FeelError) as raised:
        feel.expression("  @" + "x" * 150)
    assert str(raised.value) == f"«@{'x' * 99}» قابل خواندن نیست."


def test_a_name_of_several_words_has_one_blank_between_them_and_a_text_keeps_its_own() -> None:
    assert value("loan \t  amount + 1", **{"loan amount": 5}) == 6
    assert value('"a  b"') == "a  b"


@pytest.mark.parametrize(
    ("source", "text"), [(r'"a\nb"', "a\nb"), (r'"a\tb"', "a\tb"), (r'"a\"b"', 'a"b'), (r'"a\\b"', "a\\b"), ('""', "")]
)
def test_a_text_has_the_escapes_of_the_standard(source: str, text: str) -> None:
    assert value(source) == text


def test_the_word_not_alone_is_a_name() -> None:
    assert feel.unary_tests("not").names == {"not"}
    assert holds("not", 5, **{"not": 5})


def test_a_parenthesis_opens_an_interval_or_a_sum() -> None:
    assert holds("(1 + 2) * 3", 9) and not holds("(1 + 2) * 3", 8)
    assert holds("((1 + 2)..5]", 4) and not holds("((1 + 2)..5]", 3)
    assert holds("(1), (2..5]", 1) and holds("(1), (2..5]", 3) and not holds("(1), (2..5]", 2)


def test_the_values_that_a_cell_mentions_are_its_points() -> None:
    assert feel.unary_tests("< 5, [1..2], x, x + 1, 3 + 4").points == (5, 1, 2, 7)
    assert feel.unary_tests("< x + y, z").names == {"x", "y", "z"}
    assert feel.names_in("x * loan.amount + 1") == {"x", "loan"}


@pytest.mark.parametrize(
    ("source", "is_one"),
    [("age", True), (" loan.amount ", True), ("true", False), ("null", False), ("x + 1", False), ("5", False)],
)
def test_a_column_that_only_reads_is_known_as_such(source: str, is_one: bool) -> None:
    assert feel.is_name(source) is is_one


# ---------------------------------------------------------------- what it gives


@pytest.mark.parametrize(
    ("sign", "answers"),
    [
        ("=", (False, True, False)),
        ("!=", (True, False, True)),
        ("<", (True, False, False)),
        ("<=", (True, True, False)),
        (">", (False, False, True)),
        (">=", (False, True, True)),
    ],
)
def test_a_comparison_of_two_values(sign: str, answers: tuple[bool, ...]) -> None:
    for x, answer in zip((4, 5, 6), answers, strict=True):
        assert value(f"x {sign} 5", x=x) is answer


THREE = {"true": True, "false": False, "null": None}


@pytest.mark.parametrize("left", THREE)
@pytest.mark.parametrize("right", THREE)
def test_conditions_have_three_values(left: str, right: str) -> None:
    one, other = THREE[left], THREE[right]
    both = False if False in (one, other) else None if None in (one, other) else True
    either = True if True in (one, other) else None if None in (one, other) else False
    assert value(f"{left} and {right}") is both
    assert value(f"{left} or {right}") is either
    assert value(f"not({left})") is (None if one is None else not one)


def test_conditions_of_what_is_no_truth_value_have_none() -> None:
    assert value("1 and true") is None
    assert value("1 or false") is None
    assert value("not(1)") is None
    assert feel_values.both(1, 1) is None and feel_values.either(0, 0) is None


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("12 / 4 / 3", 1),
        ("2 ** 3 ** 2", 64),
        ("-2 + 5", 3),
        ("7 / 2", Decimal("3.5")),
        ("1 / 3", Decimal("0." + "3" * 34)),
        ("5 / 0", None),
        ("null + 1", None),
        ("1 + null", None),
        ("true + 1", None),
        ("1 + true", None),
        ('1 + "a"', None),
        ('-"a"', None),
        ("-true", None),
        ("-null", None),
        ('"a" + "b"', "ab"),
        ('"a" * 2', None),
        ('2 * "a"', None),
        ("true * 2", None),
        ('date("2020-01-01") + duration("P1D")', date(2020, 1, 2)),
        ('date("9999-12-31") + duration("P1D")', None),
        ('-duration("P1D")', -A_DAY),
        ('duration("P1D") * 2', TWO_DAYS),
        ('2 * duration("P1D")', TWO_DAYS),
        ('duration("P1D") / 2', None),
        ("true / 2", None),
        ("2 / true", None),
        ("null / 2", None),
    ],
)
def test_arithmetic_gives_null_for_what_cannot_be_worked_out(source: str, result: Any) -> None:
    given = value(source)
    assert (type(given), given) == (type(result), result)


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (2, 10, 1024),
        (2, Decimal("0.5"), Decimal("1.414213562373095048801688724209698")),
        (1, 1000, 1),
        (1, -1000, 1),
        (1, 1001, None),
        (1, -1001, None),
        (10**12, 1, 10**12),
        (-(10**12), 1, -(10**12)),
        (10**12 + 1, 1, None),
        (-(10**12) - 1, 1, None),
        (-4, Decimal("0.5"), None),
        (0, -1, None),
        (True, 1, None),
        (1, True, None),
        ("2", 1, None),
        (None, 1, None),
    ],
)
def test_a_power_has_bounds(left: Any, right: Any, result: Any) -> None:
    assert feel_values.power(left, right) == result
    assert feel_values.power(left, right) is not True


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (5, 5),
        (True, True),
        ("1", "1"),
        (2.0, 2),
        (1.5, Decimal("1.5")),
        (Decimal("3.00"), 3),
        (Decimal("3.5"), Decimal("3.5")),
        (Decimal("1E33"), 10**33),
        (Decimal("1E34"), Decimal("1E34")),
        (float("inf"), None),
        (Decimal("nan"), None),
        (10**40, 10**40),
    ],
)
def test_a_number_has_one_form(given: Any, result: Any) -> None:
    one = feel.number(given)
    assert (type(one), one) == (type(result), result)


def test_a_sum_has_thirty_four_digits() -> None:
    assert value("x + 0.5", x=Decimal("1" * 33)) == Decimal("1" * 33 + ".5")
    assert value("x + 0.5", x=Decimal("1" * 34 + ".1")) == Decimal("1" * 33 + "2")


AWARE, NAIVE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1)


@pytest.mark.parametrize(
    ("sign", "left", "right", "result"),
    [
        (operator.eq, None, None, True),
        (operator.le, None, None, False),
        (operator.eq, None, 1, False),
        (operator.lt, 1, None, False),
        (operator.eq, 1, Decimal("1.0"), True),
        (operator.eq, 1, True, False),
        (operator.eq, True, True, True),
        (operator.eq, True, False, False),
        (operator.lt, False, True, False),
        (operator.lt, 1, "2", False),
        (operator.lt, "a", "b", True),
        (operator.lt, date(2020, 1, 1), date(2020, 1, 2), True),
        (operator.eq, date(2020, 1, 1), NAIVE, False),
        (operator.lt, time(1), time(2), True),
        (operator.lt, A_DAY, TWO_DAYS, True),
        (operator.lt, AWARE, NAIVE, False),
        (operator.lt, NAIVE, datetime(2020, 1, 2), True),
        (operator.eq, [1], [1], False),
    ],
)
def test_values_of_different_kinds_are_neither_equal_nor_more_nor_less(
    sign: Any, left: Any, right: Any, result: bool
) -> None:
    assert feel.compare(sign, left, right) is result


# ---------------------------------------------------------------- names and literals


def test_a_name_without_a_value_is_refused_by_its_name() -> None:
    with pytest.raises(feel.FeelError) as raised:
        value("height")
    assert str(raised.value) == "نام «height» مقداری ندارد."


def test_a_path_reads_from_one_mapping_into_the_next_and_gives_null_beside() -> None:
    assert value("a.b.c", a={"b": {"c": 2.0}}) == 2
    assert value("a.b.c", a={"b": 5}) is None
    assert value("a.c", a={"b": 5}) is None


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P2D", TWO_DAYS),
        ("PT3H", timedelta(hours=3)),
        ("PT4M", timedelta(minutes=4)),
        ("PT5.5S", timedelta(seconds=5.5)),
        ("-P1DT2H3M4S", -timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("PT0S", timedelta()),
    ],
)
def test_a_duration_is_read_from_its_text(text: str, length: timedelta) -> None:
    assert value(f'duration("{text}")') == length


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("duration", "P"),
        ("duration", "PT"),
        ("duration", "-P"),
        ("duration", "2D"),
        ("duration", "P99999999999D"),
        ("date", "2020-13-01"),
        ("time", "25:00"),
        ("date and time", "noon"),
    ],
)
def test_a_literal_that_is_none_is_refused_with_its_text_and_its_kind(name: str, text: str) -> None:
    with pytest.raises(feel.FeelError) as raised:
        value(f'{name}("{text}")')
    assert str(raised.value) == f"«{text}» {name} درستی نیست."


def test_a_function_that_s_feel_has_not_is_refused_by_its_name() -> None:
    with pytest.raises(feel.FeelError) as raised:
        value("floor(1.5)")
    assert str(raised.value) == "تابع «floor» در S-FEEL نیست."


def test_literals_of_dates_and_times() -> None:
    assert value('date("2020-01-02")') == date(2020, 1, 2)
    assert value('time("10:30:00")') == time(10, 30)
    assert value('date  and time("2020-01-02T10:30:00+00:00")') == datetime(2020, 1, 2, 10, 30, tzinfo=UTC)
