"""The closed expression language: what it works out, what it refuses, and that nothing else is ever raised."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.expressions.language import Expression, ExpressionError, Language, parse
from engine.spiff.script_engine import SafeEnvironment

LANGUAGE = Language({"working_days": lambda days: f"+{days}"})
CASE = {
    "source": "new",
    "count": 3,
    "meters": [{"units": 2}],
    "debt": 0,
    "text": "متن",
    "empty": None,
    "flag": True,
    "submission": {"outcome": "approved", "units": 4},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("source == 'new'", True),
        ("count > 2 and not flag", False),
        ("count > 2 or missing", True),
        ("source in ['new', 'existing']", True),
        ("count * 2 + 1", 7),
        ("count / 2", 1.5),
        ("count // 2", 1),
        ("count % 2", 1),
        ("-count", -3),
        ("1 < count <= 3", True),
        ("'many' if count > 2 else 'few'", "many"),
        ("submission['outcome']", "approved"),
        ("meters[0]['units']", 2),
        ("len(meters)", 1),
        ("sum([1, 2, 3])", 6),
        ("max(1, count)", 3),
        ("min([5, count])", 3),
        ("number('۱۲')", 12),
        ("text(count)", "3"),
        ("lower('AB')", "ab"),
        ("contains(text, 'مت')", True),
        ("coalesce(empty, 5)", 5),
        ("is_empty(empty)", True),
        ("get(submission, 'nothing', 9)", 9),
        ("{'a': count}", {"a": 3}),
        ("working_days(2)", "+2"),
        ("empty is None", True),
    ],
)
def test_conditions_of_an_office_are_worked_out(source: str, value: Any) -> None:
    assert LANGUAGE.evaluate(source, CASE) == value


ATTACKS = """
__import__('os').system('id')
().__class__
().__class__.__base__.__subclasses__()
[].__class__.__mro__[1]
''.__class__
source.upper()
source.format(count)
'{0.__class__}'.format(source)
f'{source}'
f'{source.__class__}'
'%s' % source
'%1000000000d' % 1
'a' * 10**10
'a' * 1000000000
[0] * 1000000000
9**9**9
2**100000
10**10**10
(lambda: 1)()
lambda: 1
[x for x in meters]
{x for x in meters}
{x: 1 for x in meters}
(x for x in meters)
open('/etc/passwd')
open('/etc/passwd').read()
eval('1')
exec('1')
compile('1', '', 'eval')
globals()
locals()
vars()
dir()
getattr(source, 'upper')
setattr(source, 'x', 1)
type(source)
print(1)
input()
breakpoint()
help()
exit()
quit()
memoryview(b'1')
bytes(10)
b'bytes'
1j
...
range(10**9)
list(range(10))
str(source)
int('1')
object()
super()
__builtins__
__name__
__class__
_private
(x := 5)
count.__class__
count.real
meters.append(1)
meters.__len__()
submission.keys()
submission.get('x')
working_days.__globals__
working_days(*[1])
working_days(days=1)
len(**{'x': 1})
await source
yield 1
import os
import os; os
1; 2
x = 1
del source
assert 0
source[0:2]
meters[:]
count @ count
count << 1000
count >> 1
count & 1
count | 1
count ^ 1
~count
𝓮𝔳𝔞𝔩('1')
𝓸𝓹𝓮𝓷('/etc/passwd')
1e400
1e18
99999999999999999999999
{**submission}
[*meters]
{'a'+'b': 1}
"""


@pytest.mark.parametrize("source", [line for line in ATTACKS.strip().splitlines() if line])
def test_an_attack_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        LANGUAGE.evaluate(source, CASE)


@pytest.mark.parametrize(
    "source", ["", "  ", "(" * 200, "[" * 5000, "1 +" * 1000 + "1", "a" * 3000, "'\u202e'", "1\x00"]
)
def test_what_is_too_large_or_hides_something_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        LANGUAGE.evaluate(source, CASE)


def test_data_cannot_replace_a_function_nor_bring_an_object() -> None:
    assert LANGUAGE.evaluate("len(meters)", {**CASE, "len": 5}) == 1
    with pytest.raises(ExpressionError):
        LANGUAGE.evaluate("thing", {"thing": object()})


def test_a_missing_name_is_named() -> None:
    with pytest.raises(ExpressionError, match="absent"):
        LANGUAGE.evaluate("absent > 1", CASE)


def test_an_expression_knows_what_it_reads_and_calls() -> None:
    expression: Expression = parse("len(meters) > count and source == 'new'")
    assert expression.names == {"meters", "count", "source"}
    assert expression.functions == {"len"}


@given(st.text(alphabet="abcلم01 .()[]{}'\"+-*/%<>=!&|,:_\\\u202e", max_size=60))
def test_nothing_but_its_own_error_is_ever_raised(source: str) -> None:
    try:
        LANGUAGE.evaluate(source, CASE)
    except ExpressionError:
        return


@given(
    st.recursive(
        st.sampled_from(["count", "1", "'x'", "meters", "empty", "flag"]),
        lambda inner: st.builds(
            "({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "//", "<", "==", "in"]), inner
        ),
        max_leaves=12,
    )
)
def test_well_formed_expressions_give_plain_values_or_their_own_error(source: str) -> None:
    try:
        value = LANGUAGE.evaluate(source, CASE)
    except ExpressionError:
        return
    assert value is None or isinstance(value, bool | int | float | str | list | dict)


def test_scripts_are_never_run() -> None:
    with pytest.raises(ExpressionError):
        SafeEnvironment(LANGUAGE).execute("x = 1", {})
