"""The closed language of conditions, parameters and timers: Python's look, a fixed set of syntax, plain data.

No attributes, methods, comprehensions, formatting or powers; functions only by name from a fixed table; sizes
capped. An expression is checked and turned into nested closures once, so that a step costs microseconds;
nothing of it ever reaches ``eval``.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from engine.errors import EngineError
from engine.expressions.functions import (
    BUILT_IN,
    LENIENT,
    Functions,
    Json,
    Wrong,
    add,
    capped,
    divide,
    divide_whole,
    is_in,
    item,
    multiply,
    ordering,
    plain,
    remainder,
    subtract,
)
from models.language import gettext as _
from models.language import lazy

Evaluate = Callable[[Mapping[str, Json], Functions], Json]

MAX_SOURCE, MAX_NODES, MAX_DEPTH = 2_000, 300, 30
# Marks that hide what is written: directions, zero widths, NUL. The zero-width non-joiner spells Persian.
HIDDEN = re.compile("[\x00\u00ad\u061c\u200b\u200d-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
QUOTED = re.compile(r"""("[^"]*"|'[^']*')""")
# What the tokenizer of Python takes and nobody means: prefixed texts, comments, 0x1F, 1_000, 1j, "1if".
ODD = re.compile(r"""[\\#`]|[\w]["']|(?<![\w.])\d[\d.]*[^\W\d]""")

CONSTANTS: dict[str, Json] = {"true": True, "false": False, "null": None}  # beside Python's True, False, None
BINARY: dict[type[ast.operator], Callable[[Json, Json], Json]] = {
    ast.Add: add,
    ast.Sub: subtract,
    ast.Mult: multiply,
    ast.Div: divide,
    ast.FloorDiv: divide_whole,
    ast.Mod: remainder,
}
COMPARE: dict[type[ast.cmpop], Callable[[Json, Json], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: ordering(operator.lt),
    ast.LtE: ordering(operator.le),
    ast.Gt: ordering(operator.gt),
    ast.GtE: ordering(operator.ge),
    ast.In: is_in,
    ast.NotIn: lambda one, many: not is_in(one, many),
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
REFUSED = {
    ast.Attribute: lazy('نقطه و ویژگی در عبارت مجاز نیست. جزء را با ["نام"] بخوانید.'),
    ast.Pow: lazy("توان (**) در عبارت مجاز نیست."),
    ast.JoinedStr: lazy("متن قالب‌دار در عبارت مجاز نیست."),
    ast.NamedExpr: lazy("مقداردهی (:=) در عبارت مجاز نیست."),
    ast.Starred: lazy("ستاره در عبارت مجاز نیست."),
    ast.Slice: lazy("برش در عبارت مجاز نیست. فقط یک جزء را می‌توان خواند."),
}


class ExpressionError(EngineError):
    """An expression cannot be parsed or evaluated; ``reason`` is in the reader's language."""

    code = "expression_error"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(reason)
        self.source = source
        self.reason = reason


@dataclass(frozen=True)
class Expression:
    """A parsed expression with the names it reads and the functions it calls.

    ``items``: (name, key) pairs of constant subscripts, as ``submission["decision"]``.
    """

    source: str
    names: frozenset[str]
    functions: frozenset[str]
    items: frozenset[tuple[str, str]]
    _run: Evaluate = field(repr=False, compare=False)

    def evaluate(self, values: Mapping[str, Json], functions: Functions | None = None) -> Json:
        """The value over ``values`` (plain JSON data), with ``functions`` beside the built-in ones.

        Raises ``ExpressionError``, never anything else.
        """
        return self.work_out(values, {**BUILT_IN, **functions} if functions else BUILT_IN)

    def work_out(self, values: Mapping[str, Json], functions: Functions) -> Json:
        """Like ``evaluate``, with exactly these functions. Raises ``ExpressionError``."""
        try:
            return self._run(values, functions)
        except Wrong as wrong:
            raise ExpressionError(self.source, str(wrong)) from None
        except (TypeError, ValueError, LookupError, ArithmeticError, RecursionError, MemoryError) as error:
            raise ExpressionError(self.source, _("این عبارت با این داده‌ها قابل محاسبه نیست.")) from error


def parse(source: str) -> Expression:
    """Check an expression and make it ready to run; a text is read only once. Raises ``ExpressionError``."""
    if not isinstance(source, str):
        raise ExpressionError(str(source)[:MAX_SOURCE], _("عبارت باید متن باشد."))
    return _parsed(source)


@lru_cache(maxsize=4096)
def _parsed(source: str) -> Expression:
    try:
        compiler = _Compiler()
        run = compiler.compile(_tree(source))
    except Wrong as wrong:
        raise ExpressionError(source, str(wrong)) from None
    return Expression(source, frozenset(compiler.names), frozenset(compiler.functions), frozenset(compiler.items), run)


def _tree(source: str) -> ast.expr:
    """The syntax tree, once the text is small and plain enough to be handed to Python's own reader."""
    text = " ".join(re.split(r"[\r\n\t]+", source)).strip()
    if not text:
        raise Wrong(_("عبارت خالی است."))
    if len(text) > MAX_SOURCE:
        raise Wrong(_("عبارت بیش از اندازه بلند است."))
    if HIDDEN.search(text):
        raise Wrong(_("کاراکترهای پنهان در عبارت مجاز نیست."))
    bare = QUOTED.sub('""', text)
    if "\\" in text or ODD.search(bare):
        raise Wrong(_("این نوشته یک عبارت درست نیست."))
    if _nesting(bare) > MAX_DEPTH:
        raise Wrong(_("عبارت بیش از اندازه پیچیده است."))
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise Wrong(_("این نوشته یک عبارت درست نیست.")) from None
    _measure(tree)
    return tree.body


def _nesting(text: str) -> int:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _measure(tree: ast.AST) -> None:
    count, stack = 0, [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        count += isinstance(node, ast.expr)
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise Wrong(_("عبارت بیش از اندازه پیچیده است."))
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _refused(node: ast.AST) -> Wrong:
    known = REFUSED.get(type(node))
    return Wrong(str(known) if known else _("«%(kind)s» در عبارت مجاز نیست.", kind=type(node).__name__))


class _Compiler:
    """Turns a syntax tree into closures; a kind of syntax that ``_kinds`` does not name is refused."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.functions: set[str] = set()
        self.items: set[tuple[str, str]] = set()
        self._kinds: dict[type[ast.AST], Callable[[Any], Evaluate]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.BoolOp: self._and_or,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.Compare: self._compare,
            ast.IfExp: self._if_else,
            ast.List: self._list,
            ast.Tuple: self._list,
            ast.Dict: self._dict,
            ast.Subscript: self._index,
            ast.Call: self._call,
        }

    def compile(self, node: ast.expr) -> Evaluate:
        kind = self._kinds.get(type(node))
        if kind is None:
            raise _refused(node)
        return kind(node)

    def _constant(self, node: ast.Constant) -> Evaluate:
        value = node.value
        if value is not None and not isinstance(value, bool | int | float | str):
            raise Wrong(_("این نوع مقدار در عبارت مجاز نیست."))
        capped(value)
        return lambda values, functions: value

    def _name(self, node: ast.Name, *, lenient: bool = False) -> Evaluate:
        name = self._allowed(node.id)
        if name in CONSTANTS:
            constant = CONSTANTS[name]
            return lambda values, functions: constant
        self.names.add(name)

        def read(values: Mapping[str, Json], functions: Functions) -> Json:
            try:
                value = values[name]
            except KeyError:
                if lenient:
                    return None
                raise Wrong(_("نام «%(name)s» مقداری ندارد.", name=name[:40])) from None
            if plain(value):
                return value
            raise Wrong(_("مقدار «%(name)s» دادهٔ ساده نیست.", name=name[:40]))

        return read

    @staticmethod
    def _allowed(name: str) -> str:
        if name.startswith("_"):
            raise Wrong(_("نام «%(name)s» مجاز نیست.", name=name[:40]))
        return name

    def _and_or(self, node: ast.BoolOp) -> Evaluate:
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

    def _unary(self, node: ast.UnaryOp) -> Evaluate:
        inner = self.compile(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda values, functions: not inner(values, functions)
        if isinstance(node.op, ast.USub):
            return lambda values, functions: subtract(0, inner(values, functions))
        raise _refused(node.op)

    def _binary(self, node: ast.BinOp) -> Evaluate:
        work = BINARY.get(type(node.op))
        if work is None:
            raise _refused(node.op)
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda values, functions: work(left(values, functions), right(values, functions))

    def _compare(self, node: ast.Compare) -> Evaluate:
        first = self.compile(node.left)
        rest = []
        for sign, part in zip(node.ops, node.comparators, strict=True):
            is_none = isinstance(part, ast.Constant) and part.value is None
            if isinstance(sign, ast.Is | ast.IsNot) and not is_none:
                raise Wrong(_("عملگر is فقط با None می‌آید؛ برای برابری == بنویسید."))
            rest.append((COMPARE[type(sign)], self.compile(part)))

        def run(values: Mapping[str, Json], functions: Functions) -> bool:
            left = first(values, functions)
            for compare, part in rest:
                right = part(values, functions)
                if not compare(left, right):
                    return False
                left = right
            return True

        return run

    def _if_else(self, node: ast.IfExp) -> Evaluate:
        test, then, other = self.compile(node.test), self.compile(node.body), self.compile(node.orelse)
        return lambda values, functions: (then if test(values, functions) else other)(values, functions)

    def _list(self, node: ast.List | ast.Tuple) -> Evaluate:
        parts = [self.compile(part) for part in node.elts]
        return lambda values, functions: [part(values, functions) for part in parts]

    def _dict(self, node: ast.Dict) -> Evaluate:
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                raise Wrong(_("کلید باید متن ساده باشد."))
            pairs.append((key.value, self.compile(value)))
        return lambda values, functions: {key: value(values, functions) for key, value in pairs}

    def _index(self, node: ast.Subscript) -> Evaluate:
        holder, at = self.compile(node.value), self.compile(node.slice)
        if isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
            self.items.add((node.value.id, str(node.slice.value)))

        def run(values: Mapping[str, Json], functions: Functions) -> Json:
            value = item(holder(values, functions), at(values, functions))
            if plain(value):
                return value
            raise Wrong(_("مقدار دادهٔ ساده نیست."))

        return run

    def _call(self, node: ast.Call) -> Evaluate:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise Wrong(_("فقط تابع‌های نام‌برده را می‌توان فراخوانی کرد."))
        name = self._allowed(node.func.id)
        self.functions.add(name)
        lenient = name in LENIENT
        parts = [
            self._name(part, lenient=lenient) if isinstance(part, ast.Name) else self.compile(part)
            for part in node.args
        ]

        def run(values: Mapping[str, Json], functions: Functions) -> Json:
            function = functions.get(name)
            if function is None:
                raise Wrong(_("تابع «%(name)s» نامعتبر است.", name=name[:40]))
            return _called(name, function, [part(values, functions) for part in parts])

        return run


def _called(name: str, function: Callable[..., Json], arguments: list[Json]) -> Json:
    try:
        return capped(function(*arguments))
    except Wrong:
        raise
    except EngineError as error:
        raise Wrong(_("تابع «%(name)s»: %(reason)s", name=name, reason=error)) from error
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RuntimeError) as error:
        raise Wrong(_("تابع «%(name)s» این ورودی‌ها را نمی‌پذیرد.", name=name[:40])) from error


class Language:
    """The built-in functions and the installation's own (``working_days``), which data can never replace."""

    def __init__(self, functions: Functions) -> None:
        self._functions = {**BUILT_IN, **functions}

    @property
    def functions(self) -> frozenset[str]:
        return frozenset(self._functions)

    def evaluate(self, source: str, values: Mapping[str, Json]) -> Json:
        """The value of an expression. Raises ``ExpressionError``."""
        return parse(source).work_out(values, self._functions)
