"""The closed language of conditions, parameters and timers: Python's look, a fixed set of syntax, plain data.

No attributes, methods, comprehensions, formatting or powers; functions only by name from a fixed table; sizes
capped. An expression is checked and turned into nested closures once, so that a step costs microseconds.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment

from engine.errors import EngineError
from models.digits import ascii_digits
from models.language import gettext as _

Json = Any
Functions = Mapping[str, Callable[..., Json]]
Evaluate = Callable[[Mapping[str, Json], Functions], Json]

MAX_SOURCE, MAX_NODES, MAX_DEPTH = 2_000, 300, 30
MAX_TEXT, MAX_ITEMS, MAX_NUMBER = 10_000, 1_000, 10**15
HIDDEN = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\x00]")  # direction marks that hide what is written


class ExpressionError(EngineError):
    """An expression cannot be read or worked out; ``reason`` says why, in the reader's language."""

    code = "expression_error"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(reason)
        self.source = source
        self.reason = reason


class _Wrong(Exception):
    """Inside this module: the reason only; the expression is added on the way out."""


@dataclass(frozen=True)
class Expression:
    """A checked expression: the names it reads, the functions it calls, and how it is worked out."""

    source: str
    names: frozenset[str]
    functions: frozenset[str]
    _run: Evaluate = field(repr=False, compare=False)

    def evaluate(self, values: Mapping[str, Json], functions: Functions | None = None) -> Json:
        """The value over ``values`` (plain JSON data). Raises ``ExpressionError``, never anything else."""
        try:
            return self._run(values, {**BUILT_IN, **functions} if functions else BUILT_IN)
        except _Wrong as wrong:
            raise ExpressionError(self.source, str(wrong)) from None
        except (TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
            reason = _("حساب‌شدنی نیست (%(kind)s).", kind=type(error).__name__)
            raise ExpressionError(self.source, reason) from error


@lru_cache(maxsize=4096)
def parse(source: str) -> Expression:
    """Check an expression and make it ready to run. Raises ``ExpressionError``."""
    try:
        return _parse(source)
    except _Wrong as wrong:
        raise ExpressionError(source, str(wrong)) from None


def _parse(source: str) -> Expression:
    if not source.strip():
        raise _Wrong(_("عبارت خالی است."))
    if len(source) > MAX_SOURCE:
        raise _Wrong(_("عبارت بیش از اندازه بلند است."))
    if HIDDEN.search(source):
        raise _Wrong(_("نشانه‌های پنهان جهت متن در عبارت راه ندارد."))
    if _nesting(source) > MAX_DEPTH:
        raise _Wrong(_("عبارت بیش از اندازه پیچیده است."))
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise _Wrong(_("این نوشته یک عبارت درست نیست.")) from None
    _measure(tree)
    names: set[str] = set()
    functions: set[str] = set()
    run = _Compiler(names, functions).compile(tree.body)
    return Expression(source, frozenset(names), frozenset(functions), run)


def _nesting(source: str) -> int:
    depth = deepest = 0
    for sign in source:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _measure(tree: ast.AST) -> None:
    count, stack = 0, [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise _Wrong(_("عبارت بیش از اندازه پیچیده است."))
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _capped(value: Json) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal) and not abs(value) <= MAX_NUMBER:
        raise _Wrong(_("عدد بیش از اندازه بزرگ است."))
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise _Wrong(_("متن بیش از اندازه بلند است."))
    if isinstance(value, list | tuple | dict) and len(value) > MAX_ITEMS:
        raise _Wrong(_("فهرست بیش از اندازه بلند است."))
    return value


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _arithmetic(work: Callable[[Any, Any], Any]) -> Callable[[Json, Json], Json]:
    def run(left: Json, right: Json) -> Json:
        if not (_is_number(left) and _is_number(right)):
            raise _Wrong(_("اینجا عدد لازم است."))
        return _capped(work(left, right))

    return run


def _add(left: Json, right: Json) -> Json:
    if isinstance(left, str) and isinstance(right, str):
        return _capped(left + right)
    return _arithmetic(operator.add)(left, right)


BINARY: dict[type[ast.operator], Callable[[Json, Json], Json]] = {
    ast.Add: _add,
    ast.Sub: _arithmetic(operator.sub),
    ast.Mult: _arithmetic(operator.mul),
    ast.Div: _arithmetic(operator.truediv),
    ast.FloorDiv: _arithmetic(operator.floordiv),
    ast.Mod: _arithmetic(operator.mod),
}
COMPARE: dict[type[ast.cmpop], Callable[[Json, Json], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def _number(value: Json) -> Json:
    if _is_number(value):
        return value
    if not isinstance(value, str):
        raise _Wrong(_("اینجا عدد لازم است."))
    digits = ascii_digits(value.strip())[:40]
    return _capped(int(digits) if re.fullmatch(r"[+-]?\d+", digits, re.ASCII) else float(Decimal(digits)))


def _text(value: Json) -> str:
    return str(value)[:MAX_TEXT] if isinstance(value, str | int | float | bool | Decimal) else ""


def _numbers(values: tuple[Json, ...]) -> list[Json]:
    found = list(values[0]) if len(values) == 1 and isinstance(values[0], list | tuple) else list(values)
    if not found or not all(_is_number(value) for value in found):
        raise _Wrong(_("اینجا عدد لازم است."))
    return found


BUILT_IN: dict[str, Callable[..., Json]] = {
    "len": lambda value: len(value) if isinstance(value, str | list | tuple | dict) else 0,
    "min": lambda *values: min(_numbers(values)),
    "max": lambda *values: max(_numbers(values)),
    "sum": lambda values: sum(_numbers((values,))) if values else 0,
    "round": lambda value: round(_numbers((value,))[0]),
    "abs": lambda value: abs(_numbers((value,))[0]),
    "number": _number,
    "text": _text,
    "lower": lambda value: _text(value).lower(),
    "contains": lambda many, one: one in many if isinstance(many, list | tuple | dict) else _text(one) in _text(many),
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "is_empty": lambda value: value is None or value in ("", [], {}),
    "get": lambda where, key, default=None: where.get(key, default) if isinstance(where, dict) else default,
}


class _Compiler:
    """Turns a syntax tree into closures; whatever is not named here is refused."""

    def __init__(self, names: set[str], functions: set[str]) -> None:
        self._names = names
        self._functions = functions

    def compile(self, node: ast.AST) -> Evaluate:
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is None:
            raise _Wrong(_("«%(kind)s» در عبارت راه ندارد.", kind=type(node).__name__))
        run: Evaluate = handler(node)
        return run

    def _constant(self, node: ast.Constant) -> Evaluate:
        value = node.value
        if value is not None and not isinstance(value, bool | int | float | str):
            raise _Wrong(_("این گونه مقدار در عبارت راه ندارد."))
        _capped(value)
        return lambda values, functions: value

    def _name(self, node: ast.Name) -> Evaluate:
        name = node.id
        if name.startswith("_"):
            raise _Wrong(_("نام «%(name)s» راه ندارد.", name=name[:40]))
        self._names.add(name)

        def read(values: Mapping[str, Json], functions: Functions) -> Json:
            try:
                value = values[name]
            except KeyError:
                raise _Wrong(_("نام «%(name)s» مقداری ندارد.", name=name[:40])) from None
            if value is None or isinstance(value, str | bool | int | float | Decimal | list | tuple | dict):
                return value
            raise _Wrong(_("مقدار «%(name)s» دادهٔ ساده نیست.", name=name[:40]))

        return read

    def _boolop(self, node: ast.BoolOp) -> Evaluate:
        parts = [self.compile(value) for value in node.values]
        stops_at = isinstance(node.op, ast.Or)

        def run(values: Mapping[str, Json], functions: Functions) -> Json:
            result = None
            for part in parts:
                result = part(values, functions)
                if bool(result) is stops_at:
                    return result
            return result

        return run

    def _unaryop(self, node: ast.UnaryOp) -> Evaluate:
        inner = self.compile(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda values, functions: not inner(values, functions)
        if isinstance(node.op, ast.USub):
            return lambda values, functions: -_numbers((inner(values, functions),))[0]
        raise _Wrong(_("«%(kind)s» در عبارت راه ندارد.", kind=type(node.op).__name__))

    def _binop(self, node: ast.BinOp) -> Evaluate:
        work = BINARY.get(type(node.op))
        if work is None:
            raise _Wrong(_("«%(kind)s» در عبارت راه ندارد.", kind=type(node.op).__name__))
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda values, functions: work(left(values, functions), right(values, functions))

    def _compare(self, node: ast.Compare) -> Evaluate:
        first = self.compile(node.left)
        rest = [(COMPARE[type(op)], self.compile(part)) for op, part in zip(node.ops, node.comparators, strict=True)]

        def run(values: Mapping[str, Json], functions: Functions) -> bool:
            left = first(values, functions)
            for compare, part in rest:
                right = part(values, functions)
                if not compare(left, right):
                    return False
                left = right
            return True

        return run

    def _ifexp(self, node: ast.IfExp) -> Evaluate:
        test, then, other = self.compile(node.test), self.compile(node.body), self.compile(node.orelse)
        return lambda values, functions: (then if test(values, functions) else other)(values, functions)

    def _list(self, node: ast.List | ast.Tuple) -> Evaluate:
        parts = [self.compile(part) for part in node.elts]
        return lambda values, functions: [part(values, functions) for part in parts]

    _tuple = _list

    def _dict(self, node: ast.Dict) -> Evaluate:
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                raise _Wrong(_("کلید باید متن ساده باشد."))
            pairs.append((key.value, self.compile(value)))
        return lambda values, functions: {key: value(values, functions) for key, value in pairs}

    def _subscript(self, node: ast.Subscript) -> Evaluate:
        where, key = self.compile(node.value), self.compile(node.slice)

        def run(values: Mapping[str, Json], functions: Functions) -> Json:
            holder, at = where(values, functions), key(values, functions)
            by_place = isinstance(holder, list | tuple | str) and isinstance(at, int)
            if by_place or (isinstance(holder, dict) and isinstance(at, str)):
                return holder[at]
            raise _Wrong(_("از این مقدار نمی‌توان جزئی برداشت."))

        return run

    def _call(self, node: ast.Call) -> Evaluate:
        if not isinstance(node.func, ast.Name) or node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise _Wrong(_("تنها تابع‌های نام‌برده را می‌توان فراخواند."))
        name = node.func.id
        if name.startswith("_"):
            raise _Wrong(_("نام «%(name)s» راه ندارد.", name=name[:40]))
        self._functions.add(name)
        parts = [self.compile(part) for part in node.args]

        def run(values: Mapping[str, Json], functions: Functions) -> Json:
            function = functions.get(name)
            if function is None:
                raise _Wrong(_("تابع «%(name)s» شناخته نیست.", name=name[:40]))
            return _capped(function(*(part(values, functions) for part in parts)))

        return run


class Language:
    """The built-in functions and those of the installation (``working_days``), which data can never replace."""

    def __init__(self, functions: Functions) -> None:
        self._functions = {**BUILT_IN, **functions}

    @property
    def functions(self) -> frozenset[str]:
        return frozenset(self._functions)

    def evaluate(self, source: str, values: Mapping[str, Json]) -> Json:
        """The value of an expression. Raises ``ExpressionError``."""
        return parse(source).evaluate(values, self._functions)


class SafeEnvironment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """What SpiffWorkflow evaluates everything with: our language, at the level below which nothing else runs."""

    def __init__(self, language: Language) -> None:
        super().__init__({})
        self._language = language

    def evaluate(
        self, expression: str, context: Mapping[str, Json], external_context: Mapping[str, Json] | None = None
    ) -> Json:
        values = {**external_context, **context} if external_context else context
        return self._language.evaluate(expression, values)

    def execute(self, script: str, context: Any, external_context: Any = None) -> Any:
        raise ExpressionError(script, _("اسکریپت در این سامانه اجرا نمی‌شود."))

    def call_service(self, context: Any, **kwargs: Any) -> Any:
        raise ExpressionError("", _("خدمت ناشناخته است."))


JUEL = re.compile(r"^\s*[$#]\{(.*)\}\s*$", re.DOTALL)
FEEL_WORDS = {"null": "None", "true": "True", "false": "False"}


def translate(source: str) -> str | None:
    """A simple JUEL (``${x > 5}``) or FEEL (``= x = 5``) expression in our language; ``None`` if it is not simple."""
    juel = JUEL.match(source)
    if juel:
        text = juel.group(1).replace("&&", " and ").replace("||", " or ")
        text = re.sub(r"!(?!=)", " not ", text)
    elif source.lstrip().startswith("="):
        text = re.sub(r"(?<![<>!=])=(?!=)", "==", source.lstrip()[1:])
    else:
        return None
    text = re.sub(r"\b(null|true|false)\b", lambda found: FEEL_WORDS[found.group(1)], text).strip()
    try:
        parse(text)
    except ExpressionError:
        return None
    return text
