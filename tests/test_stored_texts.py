"""Stored texts (names of tasks, days, documents …) are shown as they are: never formatted, never markup.

Jinja's ``_()`` formats with ``%`` and marks its result as safe, and ours in Python takes values: both are for texts of
the catalogue, which stand there as literals. Everything else goes through ``stored``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

import webapp
from models.language import reading, stored

ROOT = Path(webapp.__file__).parent.parent
TEMPLATES = sorted((ROOT / "webapp" / "templates").rglob("*.html"))
MODULES = [
    ROOT / "kartabl.py",
    *(
        path
        for folder in ("models", "engine", "forms", "workflows", "webapp")
        for path in (ROOT / folder).rglob("*.py")
    ),
]
TRANSLATING = {"_": 1, "gettext": 1, "lazy": 1, "ngettext": 2}  # how many first arguments are texts of the catalogue
AT_HOME = ROOT / "models" / "language.py"


def test_no_template_translates_anything_but_a_literal() -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in TEMPLATES
        for call in environment.parse(path.read_text("utf-8")).find_all(nodes.Call)
        if isinstance(call.node, nodes.Name)
        and call.node.name in TRANSLATING
        and not all(isinstance(given, nodes.Const) for given in call.args[: TRANSLATING[call.node.name]])
    ]
    assert found == [], "write {{ text | stored }}"


def test_no_template_calls_a_text_safe() -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    found = []
    for path in TEMPLATES:
        tree = environment.parse(path.read_text("utf-8"))
        found += [f"{path.name}:{one.lineno}" for one in tree.find_all(nodes.Filter) if one.name in ("safe", "format")]
        found += [f"{path.name}:{one.lineno}" for one in tree.find_all((nodes.MarkSafe, nodes.Mod))]
        found += [f"{path.name}:{one.lineno}" for one in tree.find_all(nodes.EvalContextModifier)]
    assert found == []


def test_no_module_translates_anything_but_a_literal() -> None:
    found = [f"{path.relative_to(ROOT)}:{line}" for path in MODULES if path != AT_HOME for line in _not_literal(path)]
    assert found == [], "call stored(text)"


def _not_literal(path: Path) -> Iterator[int]:
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        texts = call.args[: TRANSLATING.get(name, 0)]
        if not all(isinstance(text, ast.Constant) for text in texts):
            yield call.lineno


@pytest.mark.parametrize("text", ["۱۰۰% درخواست", "%s %d %(x)s %", "{0} {x}", "<b>\"'&", ""])
def test_a_stored_text_stays_as_it_is(text: str) -> None:
    for language in ("fa", "en"):
        with reading(language):
            assert stored(text) == text
            assert not hasattr(stored(text), "__html__")


def test_a_stored_text_of_the_catalogue_is_translated() -> None:
    with reading("en"):
        assert stored("سامانه") != "سامانه"
