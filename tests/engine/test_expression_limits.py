"""The expression language at its edges: hostile texts and data, the words of errors, nothing foreign raised."""

import re
import warnings
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine

from engine.errors import EngineError
from engine.expressions.language import ExpressionError, Language, parse
from engine.spiff.script_engine import SafeEnvironment
from models import language

CASE: dict[str, Any] = {
    "case": 7,
    "outcome": "sub_work",
    "debt": 2_070_000,
    "stage_fee": 690_000,
    "area": 120.5,
    "meters": [{"class": "G4", "approved": True}, {"class": "G16", "approved": False}],
    "charge": {"debt": 690_000, "reason": "چهارمین ثبت زیرکار"},
    "remarks": "",
    "answered_at": None,
    "واحد": "بازرسی گاز",
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("debt / 3", 690_000),  # money that divides evenly stays whole
        ("area / 2", 60.25),
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(10 / 3, 2)", 3.33),
        ("number('۱۲۰') + number('1٬500') + number('٠٫٥')", 1620.5),
        ("text(case) + '-' + text(true)", "7-true"),
        ("min('b', 'a')", "a"),
        ("sum([])", 0),
        ("contains(['a'], 'b') or contains(answered_at, 'x')", False),
        ("coalesce(answered_at, not_yet_set, 'none')", "none"),
        ("is_empty(remarks) and is_empty(not_yet_set) and not is_empty(meters)", True),
        ("{'unit': واحد, 'urgent': false, 'by': null}", {"unit": "بازرسی گاز", "urgent": False, "by": None}),
        ("debt >\n      0", True),
        ("'debt' in charge", True),
        ("meters[-1]['class']", "G16"),
        ("outcome not in ('approved', 'defects')", True),
        ("answered_at is None or answered_at > 5", True),  # what is not needed is not worked out
        ("1 if true else missing", 1),
    ],
)
def test_what_analysts_write_gives_what_they_mean(source: str, value: Any) -> None:
    result = parse(source).evaluate(CASE)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("missing > 5", "«missing» مقداری ندارد"),
        ("outcome > 5", "متن و عدد را نمی‌توان"),
        ("outcome * 5", "نه متن و عدد"),
        ("answered_at < 1", "تهی و عدد"),
        ("debt / 0", "بر صفر"),
        ("shout(debt)", "تابع «shout» نامعتبر است"),
        ("len(debt)", "len تعداد"),
        ("round()", "تابع «round» این ورودی‌ها را نمی‌پذیرد"),
        ("number('abc')", "«abc» عدد نیست"),
        ("charge.debt", 'با ["نام"]'),
        ("charge['paid']", "جزء «paid» وجود ندارد"),
        ("meters[9]", "جزء «9» وجود ندارد"),
        ("debt['x']", "از عدد نمی‌توان جزئی خواند"),
        ("debt ** 2", "توان"),
        ("debt = 5", "عبارت درستی نیست|عبارت درست نیست"),
        ("", "خالی"),
        ("5 in debt", "نه در عدد"),
        ("debt is 5", "فقط با None"),
    ],
)
def test_what_is_wrong_is_said_in_words_an_analyst_understands(source: str, words: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(source).evaluate(CASE)
    assert re.search(words if "|" in words else re.escape(words), raised.value.reason)
    assert raised.value.source == source
    assert not re.search(r"Error|Exception|Traceback", raised.value.reason)


def test_a_reason_is_worded_when_it_is_raised_for_whoever_reads() -> None:
    with language.reading("en"), pytest.raises(ExpressionError) as raised:
        parse("missing").evaluate({})
    assert "missing" in raised.value.reason


class Canary:
    """An object that is no data: reading anything of it fails the test."""

    SECRET = "secret"

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return object.__getattribute__(self, name)
        raise AssertionError(f"{name} was read")

    def __call__(self, *arguments: Any) -> Any:
        raise AssertionError("called")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    __hash__ = None  # type: ignore[assignment]


HOSTILE = [
    "canary",
    "canary()",
    "canary.SECRET",
    "canary == canary",
    "holder['canary']",
    "holder['canary'] == 1",
    "many[0]",
    "len(canary)",
    "text(holder)",
    "__builtins__['eval']('1')",
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]",
    "outcome.ljust(10**9)",
    "'a'.zfill(1000000000)",
    "1 << 1000000",
    "max(*meters)",
    "max(default=1)",
    "meters[::-1]",
    "{1, 2}",
    "+debt",
    "ope\u200bn('x')",
    "outcome == 'x\u202e'",
    "outcome == '\ufeff'",
    "debt # comment",
    "debt \\\n + 1",
    "'\\x41'",
    "'\\N{BULLET}'",
    "1if debt else 2",
    "0x1F",
    "1_000",
    "u'x'",
    "number('1' + '0000000000000000000000000')",
    "999999999999999 * 999999999999999",
    "[" * 1000 + "]" * 1000,
    "-" * 1900 + "1",
    "not " * 450 + "1",
    "+".join("1" * 400),
    " or ".join(["debt"] * 350),
    "9" * 1900,
    "debt if " * 200 + "1" + " else 2" * 200,
    "charge" + "['a']" * 300,
    "'" + "a" * 1990,
    "\ud800",
    "${debt > 5}",
    "= debt > 5",
    "$debt",
    "min.__self__",
    "get(charge, [])['x']",
]


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_no_hostile_expression_is_evaluated(source: str) -> None:
    canary = Canary()
    values = {**CASE, "canary": canary, "holder": {"canary": canary}, "many": [canary], "__builtins__": {}}
    with pytest.raises(ExpressionError):
        parse(source).evaluate(values)


@pytest.mark.parametrize("source", [None, 5, b"1", ["1"], object()])
def test_what_is_no_text_is_refused(source: Any) -> None:
    with pytest.raises(ExpressionError):
        parse(source)


def test_a_text_cannot_be_made_to_grow_but_may_be_long_when_a_person_typed_it() -> None:
    with pytest.raises(ExpressionError):
        parse("long + long").evaluate({"long": "x" * 9_000})
    assert parse("len(report)").evaluate({"report": "x" * 50_000}) == 50_000


def _raising(error: Exception) -> Any:
    def function() -> Any:
        raise error

    return function


FAILING = [
    _raising(AttributeError("x")),
    _raising(EngineError("x")),
    _raising(KeyError("x")),
    _raising(RuntimeError("x")),
    object,
    lambda: float("nan"),
    lambda: 10**20,
    lambda: {1, 2},
    lambda unexpected: 1,
]


@pytest.mark.parametrize("function", FAILING, ids=range(len(FAILING)))
def test_whatever_a_function_raises_or_returns_stays_inside(function: Any) -> None:
    with pytest.raises(ExpressionError):
        parse("f()").evaluate({}, {"f": function})


# ---------------------------------------------------------------- nothing foreign is ever raised

WORDS = [
    "debt",
    "meters",
    "charge",
    "outcome",
    "x",
    "None",
    "True",
    "null",
    "0",
    "1",
    "2.5",
    "999999999999999",
    "'a'",
    '""',
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ".",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "<",
    "<=",
    "==",
    "!=",
    "=",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "len(",
    "min(",
    "max(",
    "sum(",
    "round(",
    "number(",
    "text(",
    "contains(",
    "coalesce(",
    "is_empty(",
    "get(",
    "lambda",
    "for",
    "f'",
    "\\",
    "\n",
    "#",
    "_",
    "__class__",
    "'%s'",
    "۵",
    "ی",
    "\u200c",
]
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))


@given(TEXTS)
@example("0or 1")
@example("len(len(len(")
@settings(max_examples=1000, deadline=None)
def test_no_text_makes_it_raise_or_warn_anything_foreign(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = parse(source).evaluate(CASE)
        except ExpressionError as error:
            assert error.reason
        else:
            assert value is None or isinstance(value, bool | int | float | str | list | dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
SIGNS = ["+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "in", "not in", "and", "or"]
CALLS = [
    "len",
    "min",
    "max",
    "round",
    "abs",
    "sum",
    "number",
    "text",
    "lower",
    "contains",
    "coalesce",
    "is_empty",
    "get",
]
FORMS = [f"a {sign} b" for sign in SIGNS] + ["a[b]", "-a", "not a", "a if b else a"]
FORMS += [f"{name}({arguments})" for name in CALLS for arguments in ("a", "a, b", "[a, b]", "")]


@given(st.sampled_from(FORMS), JSON, JSON)
@settings(max_examples=1000, deadline=None)
def test_no_data_makes_it_raise_anything_foreign(source: str, a: Any, b: Any) -> None:
    try:
        parse(source).evaluate({"a": a, "b": b})
    except ExpressionError as error:
        assert error.reason


# ---------------------------------------------------------------- SpiffWorkflow


def test_every_door_of_the_librarys_environment_is_ours() -> None:
    engine = PythonScriptEngine(environment=SafeEnvironment(Language({"working_days": lambda days: f"P{days}D"})))
    doors = {name for name in vars(type(engine.environment).__bases__[0]) if not name.startswith("_")}
    assert doors == {"evaluate", "execute", "call_service"} <= set(vars(SafeEnvironment))
    assert engine.environment.globals == {}
    context = {"debt": 5, "working_days": 1}
    assert engine.environment.evaluate("working_days(2)", context) == "P2D"
    assert engine.environment.evaluate("debt + limit", context, {"limit": 1, "debt": 9}) == 6
    for refused in (
        lambda: engine.environment.execute("debt = 6", context),
        lambda: engine.environment.execute("", context, {}),
        lambda: engine.environment.evaluate("__import__('os')", context),
        lambda: engine.environment.call_service(context, operation_name="x", operation_params={}),
    ):
        with pytest.raises(ExpressionError):
            refused()
    assert context == {"debt": 5, "working_days": 1}
