"""Which test proves which rule: reads ``docs/rules.toml`` and the tests' marks, writes ``docs/rules.md``."""

import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LIST = ROOT / "docs" / "rules.toml"
PAGE = ROOT / "docs" / "rules.md"

INTRODUCTION = """\
# The rules and the tests that prove them

Made by `make rules` from [rules.toml](rules.toml) and the marks `@pytest.mark.rule("…")` in `tests/`.
The suite fails while this page is stale, or while a rule of a section that is built has no test.
"""


@dataclass(frozen=True)
class Section:
    """Rules of one process; ``held`` once it is built, but for the ids in ``later``."""

    title: str
    held: bool
    rules: dict[str, str]
    later: tuple[str, ...] = ()

    def needs_a_test(self, rule: str) -> bool:
        return self.held and rule not in self.later


def sections() -> list[Section]:
    listed = tomllib.loads(LIST.read_text("utf-8"))["sections"]
    return [Section(each["title"], each["held"], each["rules"], tuple(each.get("later", []))) for each in listed]


def proofs() -> dict[str, list[str]]:
    """Rule id → the tests that are marked with it, as ``tests/file.py::test``, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        everywhere = [rule for node in tree.body for rule in _page_marks(node)]
        for name, marks in _tests(tree, everywhere):
            for rule in dict.fromkeys(marks):
                found[rule].append(f"{path.relative_to(ROOT).as_posix()}::{name}")
    return found


def _tests(parent: ast.Module | ast.ClassDef, inherited: list[str]) -> Iterator[tuple[str, list[str]]]:
    for node in parent.body:
        if isinstance(node, ast.ClassDef):
            for name, marks in _tests(node, [*inherited, *_marks(node.decorator_list)]):
                yield f"{node.name}::{name}", marks
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, [*inherited, *_marks(node.decorator_list)]


def _page_marks(node: ast.stmt) -> list[str]:
    """The marks of ``pytestmark = pytest.mark.rule(…)`` or of a list of marks."""
    if not isinstance(node, ast.Assign) or getattr(node.targets[0], "id", "") != "pytestmark":
        return []
    return _marks(node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value])


def _marks(decorators: list[ast.expr]) -> list[str]:
    return [
        argument.value
        for decorator in decorators
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.rule"
        for argument in decorator.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def page() -> str:
    """The contents of ``docs/rules.md``."""
    proved = proofs()
    parts = [INTRODUCTION]
    for section in sections():
        parts.append(f"\n## {section.title}\n\n| Rule | What it says | Proved by |\n|---|---|---|\n")
        for rule, title in section.rules.items():
            tests = "<br>".join(_link(test) for test in proved.get(rule, []))
            waiting = "**no test**" if section.needs_a_test(rule) else "open: later work"
            parts.append(f"| {rule} | {title} | {tests or waiting} |\n")
    return "".join(parts)


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    words = name.split("::")[-1].removeprefix("test_").replace("_", " ")
    return f"[{words}](../{path})"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page(), "utf-8")
    else:
        print(page())
