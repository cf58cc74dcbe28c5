"""S-FEEL as the DMN standard defines it: the simple expressions and unary tests in the cells of decision tables.

Expressions may also join conditions with ``and``, ``or`` and ``not(…)``, in FEEL's logic of true, false and null.
Values are Python's: int where a number is whole, else Decimal; str, bool, None, date, datetime, time, timedelta.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from engine.dmn.feel_values import (
    CONVERSIONS,
    LITERALS,
    ORDER,
    arithmetic,
    both,
    compare,
    divide,
    either,
    multiply,
    negative,
    number,
    opposite,
    power,
)
from engine.errors import EngineError
from models.language import gettext as _

__all__ = [
    "CONVERSIONS",
    "Cell",
    "FeelError",
    "compare",
    "expression",
    "is_name",
    "names_in",
    "number",
    "unary_tests",
]

Value = Any
Names = Mapping[str, Value]
Evaluate = Callable[[Names], Value]
Test = Callable[[Value, Names], bool]

TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?|\.\d+)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<op>\.\.|\*\*|<=|>=|!=|[-+*/<>=(),\[\]])
    | (?P<logic>(?:and|or)\b)
    | (?P<name>date\s+and\s+time(?=\s*\()
              |[^\W\d]\w*(?:\s+(?!(?:and|or)\b)[^\W\d]\w*)*(?:\.[^\W\d]\w*)*)
    )""",
    re.VERBOSE,
)
MAX_CELL = 2_000
MAX_NESTING, MAX_TERMS = 40, 200


class FeelError(EngineError):
    """A cell cannot be read or evaluated; the message is the reason, in the reader's language."""

    code = "feel_error"


@dataclass(frozen=True)
class Cell:
    """A parsed unary test. ``points``: the literal values and bounds in it; ``names``: the names it reads."""

    source: str
    matches: Test
    points: tuple[Value, ...]
    names: frozenset[str] = frozenset()


@lru_cache(maxsize=8192)
def unary_tests(source: str) -> Cell:
    """The test that an input cell holds (DMN 1.3, 7.3.4 grammar of S-FEEL). Raises ``FeelError``."""
    text = source.strip()
    if text in ("", "-"):
        return Cell(source, lambda value, names: True, ())
    return _Parser(source).whole_tests()


@lru_cache(maxsize=8192)
def expression(source: str) -> Evaluate:
    """The function that an output cell or an input expression holds. Raises ``FeelError``."""
    return _Parser(source).whole_expression()


@lru_cache(maxsize=8192)
def names_in(source: str) -> frozenset[str]:
    """The names that an expression reads."""
    parser = _Parser(source)
    parser.whole_expression()
    return frozenset(parser.names)


def is_name(source: str) -> bool:
    """Whether an expression only reads one value, as ``age`` and ``loan.amount`` do."""
    token = TOKEN.fullmatch(source.strip())
    return token is not None and token.lastgroup == "name" and token["name"] not in LITERALS


class _Parser:
    """Recursive descent over the tokens of one cell."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_CELL:
            raise FeelError(_("خانه بیش از اندازه بلند است."))
        self._source = source
        self._tokens = self._split(source)
        self._at = 0
        self._depth = 0
        self._terms = 0
        self.names: set[str] = set()
        self._names_read = 0
        self._points: list[Value] = []

    def _split(self, source: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        text = source.rstrip()
        while at < len(text):
            token = TOKEN.match(text, at)
            if token is None:
                raise self._error()
            kind, word = str(token.lastgroup), token.group(token.lastgroup or 0)
            tokens.append((kind, " ".join(word.split()) if kind == "name" else word))
            at = token.end()
        return tokens

    def _error(self) -> FeelError:
        return FeelError(_("«%(source)s» قابل خواندن نیست.", source=self._source.strip()[:100]))

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        text = self._peek()
        if not text or (expected and text != expected):
            raise self._error()
        self._at += 1
        return text

    def whole_expression(self) -> Evaluate:
        run = self._either()
        if self._at != len(self._tokens):
            raise self._error()
        return run

    def whole_tests(self) -> Cell:
        negated = self._peek() == "not" and self._at + 1 < len(self._tokens) and self._tokens[1][1] == "("
        if negated:
            self._at += 2
        tests = [self._test()]
        while self._peek() == ",":
            self._take()
            tests.append(self._test())
        if negated:
            self._take(")")
        if self._at != len(self._tokens):
            raise self._error()

        def matches(value: Value, names: Names) -> bool:
            return any(test(value, names) for test in tests) is not negated

        return Cell(self._source, matches, tuple(self._points), frozenset(self.names))

    def _test(self) -> Test:
        sign = self._peek()
        if sign in ORDER:
            self._take()
            work, end = ORDER[sign], self._endpoint()
            return lambda value, names: compare(work, value, end(names))
        if sign in ("[", "]") or (sign == "(" and self._is_interval()):
            return self._interval()
        same = self._endpoint()
        return lambda value, names: compare(operator.eq, value, same(names))

    def _is_interval(self) -> bool:
        depth = 0
        for _kind, text in self._tokens[self._at :]:
            depth += (text in "([") - (text == ")")
            if text == ".." and depth == 1:
                return True
            if depth == 0:
                return False
        return False

    def _interval(self) -> Test:
        low_closed = self._take() == "["
        low = self._endpoint()
        self._take("..")
        high = self._endpoint()
        closing = self._take()
        if closing not in ("]", ")", "["):
            raise self._error()
        above = operator.ge if low_closed else operator.gt
        below = operator.le if closing == "]" else operator.lt
        return lambda value, names: compare(above, value, low(names)) and compare(below, value, high(names))

    def _endpoint(self) -> Evaluate:
        before = self._names_read
        run = self._sum()
        if self._names_read == before:
            self._points.append(run({}))
        return run

    def _either(self) -> Evaluate:
        run = self._together()
        while self._peek() == "or":
            self._take()
            run = _both(either, run, self._together())
        return run

    def _together(self) -> Evaluate:
        run = self._comparison()
        while self._peek() == "and":
            self._take()
            run = _both(both, run, self._comparison())
        return run

    def _comparison(self) -> Evaluate:
        left = self._sum()
        sign = self._peek()
        if sign == "!=":
            self._take()
            other = self._sum()
            return lambda names: not compare(operator.eq, left(names), other(names))
        if sign in ORDER:
            self._take()
            work, right = ORDER[sign], self._sum()
            return lambda names: compare(work, left(names), right(names))
        return left

    def _sum(self) -> Evaluate:
        run = self._product()
        while self._peek() in ("+", "-"):
            work = arithmetic(operator.add if self._take() == "+" else operator.sub)
            run = _both(work, run, self._product())
        return run

    def _product(self) -> Evaluate:
        run = self._power()
        while self._peek() in ("*", "/"):
            work = multiply if self._take() == "*" else divide
            run = _both(work, run, self._power())
        return run

    def _power(self) -> Evaluate:
        run = self._unary()
        while self._peek() == "**":
            self._take()
            run = _both(power, run, self._unary())
        return run

    def _unary(self) -> Evaluate:
        self._depth += 1
        self._terms += 1
        if self._depth > MAX_NESTING or self._terms > MAX_TERMS:
            raise FeelError(_("خانه بیش از اندازه پیچیده است."))
        try:
            if self._peek() != "-":
                return self._primary()
            self._take()
            inner = self._unary()
            return lambda names: negative(inner(names))
        finally:
            self._depth -= 1

    def _primary(self) -> Evaluate:
        kind, text = self._kind(), self._take()
        if kind == "number":
            value = number(Decimal(text))
            return lambda names: value
        if kind == "string":
            words = re.sub(r"\\(.)", lambda escape: {"n": "\n", "t": "\t"}.get(escape[1], escape[1]), text[1:-1])
            return lambda names: words
        if text == "(":
            return self._inside()
        if kind == "name":
            return self._named(text)
        raise self._error()

    def _inside(self) -> Evaluate:
        run = self._either()
        self._take(")")
        return run

    def _named(self, text: str) -> Evaluate:
        if text in LITERALS:
            value = LITERALS[text]
            return lambda names: value
        if self._peek() == "(" and text == "not":
            self._take()
            inside = self._inside()
            return lambda names: opposite(inside(names))
        if self._peek() == "(":
            return self._literal_call(text)
        return self._read(*text.split("."))

    def _read(self, first: str, *path: str) -> Evaluate:
        """``loan.amount`` reads ``amount`` of the mapping ``loan``; a missing key gives null."""
        self.names.add(first)
        self._names_read += 1

        def read(names: Names) -> Value:
            if first not in names:
                raise FeelError(_("نام «%(name)s» مقداری ندارد.", name=first))
            value = names[first]
            for name in path:
                value = value.get(name) if isinstance(value, Mapping) else None
            return number(value)

        return read

    def _literal_call(self, name: str) -> Evaluate:
        convert = CONVERSIONS.get(name)
        if convert is None:
            raise FeelError(_("تابع «%(name)s» در S-FEEL نیست.", name=name))
        self._take("(")
        if self._kind() != "string":
            raise self._error()
        text = self._take()[1:-1]
        self._take(")")
        try:
            value = convert(text)
        except ValueError:
            raise FeelError(_("«%(text)s» %(name)s درستی نیست.", text=text, name=name)) from None
        return lambda names: value


def _both(work: Callable[[Value, Value], Value], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda names: work(left(names), right(names))
