"""The cases of the DMN technology compatibility kit, compliance level 2, in every namespace that DMN has had."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.dmn import reader
from engine.errors import EngineError
from tests.engine import kit

RUNS = [case for case in kit.cases() if "why" not in case.folder]
REFUSED = [folder for folder in kit.FOLDERS if "why" in folder]
DOC = Path(__file__).parents[2] / "docs" / "dmn.md"


@pytest.mark.parametrize("namespace", kit.NAMESPACES)
@pytest.mark.parametrize("case", RUNS, ids=lambda case: f"{case.folder['folder']}-{case.number}")
def test_a_decision_answers_as_the_kit_wants(case: kit.Case, namespace: str) -> None:
    assert case.passes(namespace)


@pytest.mark.parametrize("folder", REFUSED, ids=lambda folder: folder["folder"])
def test_what_is_not_supported_is_refused_when_the_file_is_read(folder: dict[str, kit.Json]) -> None:
    with pytest.raises(EngineError):
        reader.parse(kit.written(folder, kit.NAMESPACES[0]))


@pytest.mark.parametrize("folder", kit.FOLDERS, ids=lambda folder: folder["folder"])
def test_the_check_finds_nothing_wrong_in_the_kits_tables(folder: dict[str, kit.Json]) -> None:
    if "why" not in folder:
        found = reader.check(reader.parse(kit.written(folder, kit.NAMESPACES[2])))
        assert [finding for finding in found if finding.severity == "error"] == []


def test_the_document_says_the_pass_rate_that_the_kit_has() -> None:
    assert kit.report() in DOC.read_text(encoding="utf-8")
