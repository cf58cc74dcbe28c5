"""JUEL and FEEL of the simple kind in our language; everything else is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.deployment.importing.foreign_expressions import is_foreign, kinds, translate
from engine.expressions.language import parse


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        ("${amount > 5 && !approved}", "(amount > 5 and (not approved))"),
        ("#{a == 'x' || b eq 2}", "(a == 'x' or b == 2)"),
        ("${empty order.lines}", "is_empty(order_lines)"),
        ("${execution.getVariable('kind') == 'gas'}", "kind == 'gas'"),
        ("${kind.equals('gas')}", "kind == 'gas'"),
        ("${ok ? 1 : 2}", "(1 if ok else 2)"),
        ("${not empty x}", "(not is_empty(x))"),
        ("${a.b.c ge 10}", "a_b_c >= 10"),
        ('= status = "ok" and total != null', '(status == "ok" and total != None)'),
        ("=if a > 1 then b else c", "(b if a > 1 else c)"),
        ("=x in [1..10]", "(1 <= x and x <= 10)"),
        ("=x in (1..10)", "(1 < x and x < 10)"),
        ("=x between 1 and 5", "(1 <= x and x <= 5)"),
        ('=x in ("a", "b")', 'x in ["a", "b"]'),
        ("=not(ok)", "(not (ok))"),
        ("=count(list) > 2", "len(list) > 2"),
        ("=-x * 2 + 1", "-x * 2 + 1"),
        ("=مبلغ > 1000", "مبلغ > 1000"),
        ("x > 5", "x > 5"),
    ],
)
def test_the_simple_kind_is_translated(foreign: str, ours: str) -> None:
    assert translate(foreign) == ours
    parse(ours)


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "=",
        "${}",
        "${bean.method(a, b)}",
        "${now()}",
        "=for x in y return x",
        "=some x in y satisfies x > 1",
        "=x[item > 1]",
        '=date("2026-01-01")',
        "Is the order ok?",
        "${a} and ${b}",
        "=a..b",
        "${a +}",
        "=1 2",
        "=" + "(" * 200 + "a" + ")" * 200,
        "${" + "-" * 500 + "a}",
        "=not " * 50 + "a",
        "=a\\b",
        "=__import__(x)",
    ],
)
def test_everything_else_is_left_alone(foreign: str) -> None:
    assert translate(foreign) is None


@given(st.text(alphabet="ab1.'\"()[]{}<>=!&|?:+-*/ ,notifelsin", max_size=40))
def test_no_text_breaks_it_and_what_comes_out_can_be_read(text: str) -> None:
    for foreign in (f"${{{text}}}", f"={text}"):
        assert is_foreign(foreign)
        found = translate(foreign)
        if found is not None:
            parse(found)
            kinds(found)


def test_names_are_asked_for_as_what_they_are_compared_with() -> None:
    assert kinds("amount > 5 and approved and kind == 'gas' and ok == True") == {
        "amount": "long",
        "approved": "boolean",
        "kind": "string",
        "ok": "boolean",
    }
