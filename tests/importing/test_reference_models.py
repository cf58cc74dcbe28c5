"""The 21 reference models of the BPMN Model Interchange Working Group: drawn to be exchanged, not to be run."""

import re
from pathlib import Path
from time import process_time

import pytest
from lxml import etree

from engine.bpmn.diagram import flow_nodes, read_diagrams
from engine.deployment.importing import Imported, import_file
from engine.spiff import specs
from models.language import reading
from tests.importing.simulation import Play

FOLDER = Path(__file__).parent.parent / "awkward" / "miwg-reference"
FILES = sorted(FOLDER.glob("*.bpmn"))
REFUSED = {"B.2.0.bpmn"}  # two joins wait for branches that an inclusive gateway may leave out
DEPLOYABLE = [path for path in FILES if path.name not in REFUSED]


def imported(path: Path) -> Imported:
    return import_file(path.name, path.read_bytes())


def drawn_nodes(path: Path) -> set[str]:
    root = etree.fromstring(path.read_bytes())
    return {node.get("id", "") for process in root.iter("{*}process") for node in flow_nodes(process)}


def test_at_least_twenty_of_the_twenty_one_can_be_deployed() -> None:
    assert len(FILES) == 21
    assert {path.name for path in FILES if not imported(path).deployable} == REFUSED


def test_a_refusal_says_where_and_what_to_do() -> None:
    for name in REFUSED:
        errors = [found for found in imported(FOLDER / name).findings if found.severity == "error"]
        assert errors
        assert all(found.element and found.line and "بن‌بست" in found.text for found in errors)


@pytest.mark.parametrize("path", DEPLOYABLE, ids=lambda path: path.stem)
def test_every_process_of_a_reference_model_runs_to_its_end(path: Path) -> None:
    result = imported(path)
    play = Play(result)
    stuck = {key: where for key in result.processes if (where := play.to_the_end(key))}
    play.close()
    assert stuck == {}


@pytest.mark.parametrize("path", DEPLOYABLE, ids=lambda path: path.stem)
def test_every_node_of_the_file_is_in_the_built_process_or_in_a_finding(path: Path) -> None:
    result = imported(path)
    spoken = {found.element for found in result.findings}
    running: set[str] = set()
    read = {one.key: one for xml in result.processes.values() for one in read_diagrams(xml)}
    for key in read:
        built = specs.build(key, [read[called] for called in {key, *read[key].calls}])
        for process in (built.spec, *built.subprocess_specs.values()):
            running |= {str(task.bpmn_id) for task in process.task_specs.values()}
    assert drawn_nodes(path) <= running | spoken


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_findings_are_the_same_in_both_languages(path: Path) -> None:
    persian = imported(path).findings
    with reading("en"):
        english = imported(path).findings
    assert [(one.code, one.element, one.severity, one.line) for one in persian] == [
        (one.code, one.element, one.severity, one.line) for one in english
    ]
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", one.code) for one in persian)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_was_normalised_once_is_not_changed_again(path: Path) -> None:
    first = imported(path)
    for key, xml in first.processes.items():
        again = import_file(path.name, xml)
        assert again.deployable, key
        assert [found for found in again.findings if found.severity == "changed"] == []


def test_no_reference_model_takes_long() -> None:
    began = process_time()
    for path in FILES:
        imported(path)
    assert process_time() - began < 2 * len(FILES)
