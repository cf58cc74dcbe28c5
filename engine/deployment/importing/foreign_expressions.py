"""Expressions of other engines, JUEL (``${order.total > 5}``) and FEEL (``= order.total > 5``), translated into ours.

The simple kind only: names, literals, comparisons, ``and or not``, arithmetic, ranges, choices. Property access
becomes one name (``order_total``), since case data is flat. Whatever else there is, the answer is ``None``.
"""

from __future__ import annotations

import ast
import re

from engine.expressions.functions import BUILT_IN
from engine.expressions.language import ExpressionError, parse

MAX_LENGTH = 2_000
DEEPEST = 30
_WRAPPED = re.compile(r"\s*[$#]\{(.*)\}\s*", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?!\.?\w))|(?P<text>"[^"\\]*"|'[^'\\]*')|(?P<name>[^\W\d]\w*)
    |(?P<sign>\.\.|&&|\|\||[<>!=]=|<>|[-+*/%<>=!?:()\[\].,]))""",
    re.VERBOSE,
)
_COMPARE = {
    "=": "==",
    "==": "==",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}
_CALLS = {"count": "len", "size": "len", "string": "text"}  # functions of ours under another name
_WORDS = {"true": "True", "false": "False", "null": "None"}


class _NotSimple(Exception):
    """The expression is of a kind that is not translated."""


def translate(source: str) -> str | None:
    """The expression in our language; ``None`` if it is not simple. An expression of ours stays as it is."""
    text = source.strip()
    wrapped = _WRAPPED.fullmatch(text)
    if wrapped:
        inner = wrapped.group(1)
    elif text.startswith("="):
        inner = text[1:]
    else:
        return text if _is_ours(text) else None
    try:
        ours = _Reader(inner[:MAX_LENGTH]).whole()
    except _NotSimple:
        return None
    return ours if _is_ours(ours) else None


def is_foreign(source: str) -> bool:
    """Whether it is marked as JUEL or FEEL."""
    return bool(_WRAPPED.fullmatch(source)) or source.lstrip().startswith("=")


def _is_ours(text: str) -> bool:
    try:
        return parse(text).functions <= BUILT_IN.keys()
    except ExpressionError:
        return False


class _Reader:
    """Reads tokens by precedence and writes our syntax; ``_NotSimple`` for anything unknown."""

    def __init__(self, source: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = self._depth = 0
        place = 0
        while source[place:].strip():
            token = _TOKEN.match(source, place)
            if token is None:
                raise _NotSimple
            self._tokens.append((str(token.lastgroup), token.group(str(token.lastgroup))))
            place = token.end()

    def whole(self) -> str:
        expression = self._choice()
        if self._at < len(self._tokens):
            raise _NotSimple
        return expression

    def _peek(self) -> str:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        return "" if kind == "text" else text

    def _take(self, *signs: str) -> str:
        """The next token when it is one of these, else nothing."""
        if self._peek() in signs and self._peek():
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise _NotSimple

    def _choice(self) -> str:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _NotSimple
        try:
            return self._if() if self._take("if") else self._question()
        finally:
            self._depth -= 1

    def _if(self) -> str:
        test = self._choice()
        self._need("then")
        then = self._choice()
        self._need("else")
        return f"({then} if {test} else {self._choice()})"

    def _question(self) -> str:
        test = self._row(("||", "or"), "or")
        if not self._take("?"):
            return test
        then = self._choice()
        self._need(":")
        return f"({then} if {test} else {self._choice()})"

    def _row(self, signs: tuple[str, ...], ours: str) -> str:
        inner = self._not if ours == "and" else lambda: self._row(("&&", "and"), "and")
        parts = [inner()]
        while self._take(*signs):
            parts.append(inner())
        return f"({f' {ours} '.join(parts)})" if len(parts) > 1 else parts[0]

    def _not(self) -> str:
        count = 0
        while self._take("!", "not"):
            count += 1
        inner = self._comparison()
        return f"(not {inner})" if count % 2 else inner

    def _comparison(self) -> str:
        left = self._sum()
        if self._take("in"):
            return self._within(left)
        if self._take("between"):
            low = self._sum()
            self._need("and")
            return f"({low} <= {left} and {left} <= {self._sum()})"
        sign = self._take(*_COMPARE)
        return f"{left} {_COMPARE[sign]} {self._sum()}" if sign else left

    def _within(self, left: str) -> str:
        opening = self._take("[", "(", "]")
        if not opening:
            return f"{left} in {self._sum()}"
        parts = [self._sum()]
        if self._take(".."):
            high, closing = self._sum(), self._take("]", ")", "[")
            below, above = "<=" if opening == "[" else "<", "<=" if closing == "]" else "<"
            return f"({parts[0]} {below} {left} and {left} {above} {high})"
        while self._take(","):
            parts.append(self._sum())
        self._need("]" if opening == "[" else ")")
        return f"{left} in [{', '.join(parts)}]"

    def _sum(self) -> str:
        expression = self._product()
        while sign := self._take("+", "-"):
            expression = f"{expression} {sign} {self._product()}"
        return expression

    def _product(self) -> str:
        expression = self._single()
        while sign := self._take("*", "/", "%", "div", "mod"):
            expression = f"{expression} {({'div': '/', 'mod': '%'}).get(sign, sign)} {self._single()}"
        return expression

    def _single(self) -> str:
        if self._take("-"):
            return f"-{self._single_deeper()}"
        if self._take("empty"):
            return f"is_empty({self._single_deeper()})"
        if self._take("("):
            inner = self._choice()
            self._need(")")
            return f"({inner})"
        if self._take("["):
            return f"[{', '.join(self._arguments(']'))}]"
        return self._literal_or_name()

    def _single_deeper(self) -> str:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _NotSimple
        expression = self._single()
        self._depth -= 1
        return expression

    def _literal_or_name(self) -> str:
        if self._at >= len(self._tokens):
            raise _NotSimple
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind in ("number", "text"):
            return text
        if kind != "name":
            raise _NotSimple
        return _WORDS.get(text) or self._name(text)

    def _name(self, text: str) -> str:
        path = [text]
        while self._take("."):
            kind, part = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
            if kind != "name":
                raise _NotSimple
            path.append(part)
            self._at += 1
        if not self._take("("):
            return "_".join(path)
        arguments = self._arguments(")")
        return self._call(path, arguments)

    def _arguments(self, closing: str) -> list[str]:
        arguments: list[str] = []
        while not self._take(closing):
            if arguments:
                self._need(",")
            arguments.append(self._choice())
        return arguments

    @staticmethod
    def _call(path: list[str], arguments: list[str]) -> str:
        """The calls that people write in conditions: of the execution's data, and of texts and lists."""
        holder, method = "_".join(path[:-1]), path[-1]
        if path[0] == "execution" and method == "getVariable" and len(arguments) == 1:
            return re.sub(r"\W", "_", arguments[0].strip("\"'"))
        if holder and len(arguments) == 1 and method in ("equals", "contains"):
            return f"{holder} == {arguments[0]}" if method == "equals" else f"contains({holder}, {arguments[0]})"
        if holder and not arguments and method in ("isEmpty", "size", "length"):
            return f"is_empty({holder})" if method == "isEmpty" else f"len({holder})"
        if holder:
            raise _NotSimple
        return f"{_CALLS.get(method, method)}({', '.join(arguments)})"


def kinds(expression: str) -> dict[str, str]:
    """The kind of form field for each name of an expression: long, boolean or string; "" if none fits."""
    try:
        parse(expression)
    except ExpressionError:
        return {}
    tree = ast.parse(expression.strip(), mode="eval")
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    by_name = {
        node.id: "boolean"
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node not in called and node.id not in _WORDS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.BinOp | ast.Call):
            beside = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
            numbers = isinstance(node, ast.BinOp) or any(_is_number(part) for part in beside)
            texts = any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node))
            truths = any(isinstance(part, ast.Constant) and isinstance(part.value, bool) for part in beside)
            kind = "boolean" if truths else "long" if numbers and not texts else "string"
            by_name.update({part.id: kind for part in beside if isinstance(part, ast.Name) and part not in called})
    inside = (node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript))
    return {**by_name, **{holder.id: "" for holder in inside if isinstance(holder, ast.Name)}}


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return (
        isinstance(inner, ast.Constant) and isinstance(inner.value, int | float) and not isinstance(inner.value, bool)
    )
