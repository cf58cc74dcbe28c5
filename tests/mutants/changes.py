"""The small changes that mutation testing makes to a module: each stands for a slip of the pen."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ORDERS: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
EQUALS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMPARED = ORDERS | EQUALS
SUMS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
ONLY_CHECKED = {"strict"}  # arguments that a linter wants and no input of ours can reach
TYPES = {"annotation", "returns", "type_params", "decorator_list"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, the statement before and after (of a block: its first line), the changed module."""

    function: str  # workflows.rules.fees.total, …Class.method; of a table of the module: its name
    was: str
    becomes: str
    tree: ast.Module
    code: CodeType

    def __str__(self) -> str:
        return f"function = {quoted(self.function)}\nwas = {quoted(self.was)}\nbecomes = {quoted(self.becomes)}\n"


def quoted(text: str) -> str:
    """A text as TOML writes it."""
    return f"'{text}'" if "'" not in text and text.isprintable() else json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True)
class _Place:
    """A node with its statement, as the field (and the number in its list) of the node above."""

    above: ast.AST
    field: str
    number: int | None
    statement: ast.stmt
    compared: bool  # stands in a comparison

    @property
    def node(self) -> ast.AST:
        value = getattr(self.above, self.field)
        return value if self.number is None else value[self.number]

    def put(self, node: ast.AST) -> None:
        if self.number is None:
            setattr(self.above, self.field, node)
        else:
            getattr(self.above, self.field)[self.number] = node


def mutants(path: Path, module: str) -> Iterator[Mutant]:
    """Every mutant of a file; the tree of one is only valid until the next is asked for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name, statement in _named(tree.body, ""):
        for place in list(_places(statement, statement, False)):
            before, was = place.node, head(place.statement)
            for after in changed(before, place):
                place.put(ast.copy_location(after, before))
                statement_now = after if before is place.statement else place.statement
                ast.fix_missing_locations(tree)
                code = compile(tree, str(path), "exec", dont_inherit=True)
                yield Mutant(f"{module}.{name}", was, head(statement_now), tree, code)
            place.put(before)


def _named(body: list[ast.stmt], above: str) -> Iterator[tuple[str, ast.stmt]]:
    """Functions, methods and tables of a module, with their names."""
    for statement in body:
        if isinstance(statement, Function):
            yield above + statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            yield from (
                (name, inner)
                for name, inner in _named(statement.body, f"{above}{statement.name}.")
                if isinstance(inner, Function)
            )
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None and not above:
            if _is_declared(statement.value):
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if isinstance(target, ast.Name):
                yield target.id, statement


def _is_declared(value: ast.expr) -> bool:
    """Whether a table of the module enters a register (``office_rules.declare(…)``), which refuses a second one."""
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "declare"


def _places(node: ast.AST, statement: ast.stmt, compared: bool) -> Iterator[_Place]:
    compared = compared or isinstance(node, ast.Compare)
    for field, value in ast.iter_fields(node):
        for number, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or field in TYPES:
                continue
            inside = child if isinstance(child, ast.stmt) else statement
            yield _Place(node, field, number, inside, compared)
            yield from _places(child, inside, compared and not isinstance(child, ast.stmt | ast.Call))


def head(statement: ast.AST) -> str:
    """A statement in one line; of a block its first line."""
    if isinstance(getattr(statement, "body", None), list):
        statement = copy.copy(statement)
        statement.body = [ast.Pass()]  # type: ignore[attr-defined]
        for rest in ("orelse", "finalbody", "decorator_list"):
            if hasattr(statement, rest):
                setattr(statement, rest, [])
    return ast.unparse(statement).removesuffix("    pass").strip()


def changed(node: ast.AST, place: _Place) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    for kind, ways in WAYS:
        if isinstance(node, kind):
            yield from ways(node, place)
    asks = place.field == "test" or (place.field == "ifs" and isinstance(place.above, ast.comprehension))
    if asks and isinstance(node, ast.expr) and not _is_turned_anyway(node):
        yield ast.UnaryOp(ast.Not(), node)


def _is_turned_anyway(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.Compare) and type(node.ops[0]) in EQUALS


def _compare(node: ast.Compare, _place: _Place) -> Iterator[ast.AST]:
    for number, sign in enumerate(node.ops):
        other = COMPARED[type(sign)]()
        yield ast.Compare(node.left, [*node.ops[:number], other, *node.ops[number + 1 :]], node.comparators)


def _bool(node: ast.BoolOp, _place: _Place) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def _sum(node: ast.BinOp, _place: _Place) -> Iterator[ast.AST]:
    if type(node.op) in SUMS:
        yield ast.BinOp(node.left, SUMS[type(node.op)](), node.right)


def _added(node: ast.AugAssign, _place: _Place) -> Iterator[ast.AST]:
    if type(node.op) in SUMS:
        yield ast.AugAssign(node.target, SUMS[type(node.op)](), node.value)


def _sign(node: ast.UnaryOp, _place: _Place) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _constant(node: ast.Constant, place: _Place) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(place.above, ast.keyword) and place.above.arg in ONLY_CHECKED:
        return
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield from (ast.Constant(value + 1), ast.Constant(value - 1))
    elif isinstance(value, str) and place.compared and value:
        yield ast.Constant(f"{value}?")


def _return(node: ast.Return, _place: _Place) -> Iterator[ast.AST]:
    if node.value is not None and ast.unparse(node.value) != "None":
        yield ast.Return(ast.Constant(None))


def _call(node: ast.Call, _place: _Place) -> Iterator[ast.AST]:
    for number, given in enumerate(node.keywords):
        if given.arg not in ONLY_CHECKED:
            yield ast.Call(node.func, node.args, [*node.keywords[:number], *node.keywords[number + 1 :]])


def _statement(node: ast.stmt, _place: _Place) -> Iterator[ast.AST]:
    if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass()


WAYS: list[tuple[type[ast.AST], Callable[..., Iterator[ast.AST]]]] = [
    (ast.Compare, _compare),
    (ast.BoolOp, _bool),
    (ast.BinOp, _sum),
    (ast.AugAssign, _added),
    (ast.UnaryOp, _sign),
    (ast.Constant, _constant),
    (ast.Return, _return),
    (ast.Call, _call),
    (ast.stmt, _statement),
]
