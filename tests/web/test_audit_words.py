"""Every kind of subject and every value that some call records has its words on the page of the audit log."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kartabl
from webapp.office.audit import FILTERS
from webapp.office.audit_words import FIELDS, SUBJECTS

ROOT = Path(kartabl.__file__).parent
ROLE = ("name_fa", "name_en", "divided_by", "granted_by", "permissions", "on_registration", "second_factor", "active")
DAY_OR_WEEK = ("kind", "name", "estimated", "weekend", "opens", "closes", "zone")
# What a call records that its own module does not say: the names that it can hold.
HELD = {
    "engine/administration/organisation.py: subject": ("role", "unit", "district", "region"),
    "engine/administration/organisation.py: before": ROLE,
    "engine/administration/organisation.py: after": ROLE,
    "engine/identity/people.py: stated[0]": ("role", "scope"),
    "engine/identity/people.py: stated[1]": ("role", "scope"),
    "engine/jobs/calendar_changes.py: change.before": DAY_OR_WEEK,
    "engine/jobs/calendar_changes.py: change.after": DAY_OR_WEEK,
    "engine/deployment/definitions.py: kind": ("process", "decision"),
    "engine/runtime/supervision.py: case.status": ("status",),
    "webapp/shell/downloads.py: leaving.subject": (),  # each Leaving says it
    "webapp/shell/downloads.py: **leaving.which": (),
    "webapp/office/audit.py: **filters": tuple(f"filter_{name}" for name in FILTERS),
}


class Module:
    """What the calls in one file record."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(ROOT).as_posix()
        self.tree = ast.parse(path.read_text("utf-8"))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}
        self.subjects: set[str] = set()
        self.fields: set[str] = set()
        self.unknown: set[str] = set()
        for function in self.functions.values():
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    self._call(node, function)

    def _call(self, call: ast.Call, function: ast.FunctionDef) -> None:
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        what = ast.unparse(call.func)
        if what == "Leaving":
            self._subject(call.args[1], function)
            self._values(call.args[2], function)
        elif what in ("trail.record", "record", "_record", "organisation.record"):
            if "subject" in named:
                self._subject(named["subject"], function)
            elif what == "organisation.record" and ast.unparse(call.args[1]) != "'membership'":  # that is a person's
                self._kind(call.args[1], function)
            for side in ("before", "after"):
                if side in named and not ast.unparse(named[side]).startswith("CaseStatus"):
                    self._values(named[side], function)

    def _subject(self, node: ast.expr, function: ast.FunctionDef) -> None:
        for found in self._sources(node, function):
            if isinstance(found, ast.Tuple):
                self._kind(found.elts[0], function)
            else:
                self._held(found, self.subjects)

    def _kind(self, node: ast.expr, function: ast.FunctionDef) -> None:
        for found in self._sources(node, function):
            if isinstance(found, ast.Constant):
                self.subjects.add(str(found.value))
            else:
                self._held(found, self.subjects)

    def _values(self, node: ast.expr, function: ast.FunctionDef) -> None:
        for found in self._sources(node, function):
            if isinstance(found, ast.Dict):
                for key, value in zip(found.keys, found.values, strict=True):
                    if isinstance(key, ast.Constant):
                        self.fields.add(str(key.value))
                    else:
                        self._held(value, self.fields, "**")
            elif not (isinstance(found, ast.Constant) and found.value is None):
                self._held(found, self.fields)

    def _held(self, node: ast.expr, into: set[str], mark: str = "") -> None:
        text = f"{self.name}: {mark}{ast.unparse(node)}"
        if text in HELD:
            into.update(HELD[text])
        else:
            self.unknown.add(text)

    def _sources(self, node: ast.expr, function: ast.FunctionDef) -> Iterator[ast.expr]:
        """The literals that an expression stands for; none for a parameter: the calls of the function have them."""
        if isinstance(node, ast.IfExp):
            yield from self._sources(node.body, function)
            yield from self._sources(node.orelse, function)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in self.functions:
            called = self.functions[ast.unparse(node.func)]
            for inner in ast.walk(called):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from self._sources(inner.value, called)
        elif isinstance(node, ast.Name) and f"{self.name}: {node.id}" not in HELD:
            arguments = function.args
            if node.id not in {one.arg for one in (*arguments.args, *arguments.kwonlyargs)}:
                yield from self._assigned(node.id, function) or [node]
        else:
            yield node

    def _assigned(self, name: str, function: ast.FunctionDef) -> list[ast.expr]:
        found: list[ast.expr] = []
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign):
                continue
            (target,) = node.targets
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=True)
                found += [value for one, value in pairs if isinstance(one, ast.Name) and one.id == name]
            elif isinstance(target, ast.Name) and target.id == name:
                found += self._sources(node.value, function)
        return found


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    folders = ("engine", "webapp", "workflows")
    paths = [ROOT / "kartabl.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    texts = {path: path.read_text("utf-8") for path in paths}
    marks = ("trail.record", "Leaving(", "accounts import record", "organisation.record")
    return [Module(path) for path, text in texts.items() if any(mark in text for mark in marks)]


def test_every_value_that_is_recorded_is_known(modules: list[Module]) -> None:
    assert not sorted(text for module in modules for text in module.unknown)


def test_every_kind_of_subject_has_a_word(modules: list[Module]) -> None:
    found = {kind for module in modules for kind in module.subjects}
    assert {"person", "case", "backup", "signing_key", "external_identity", "unit"} <= found
    assert not sorted(found - {str(kind) for kind in SUBJECTS})


def test_every_value_has_a_label(modules: list[Module]) -> None:
    found = {name for module in modules for name in module.fields}
    assert {"role", "step", "made_at", "filter_event", "printout", "weekend", "seconds"} <= found
    assert not sorted(found - FIELDS.keys())


def test_no_word_is_there_for_nothing(modules: list[Module]) -> None:
    recorded = {name for module in modules for name in module.fields | module.subjects}
    assert not sorted({str(word) for word in (*FIELDS, *SUBJECTS)} - recorded)
