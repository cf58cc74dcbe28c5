"""The whole awkward collection: deployable or refused with a reason at its place, never a fault of the program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest

from engine.deployment.importing import import_file
from models.language import LANGUAGES
from tests.awkward.collection import collection
from tests.awkward.drawn import ATTACKS
from tests.awkward.expected import Awkward

pytestmark = pytest.mark.filterwarnings("ignore:.*have been moved:DeprecationWarning")  # the library, of old files
WHOLE = list(collection())
SECONDS = 5  # of a processor, for one file
AT_ONCE = 60  # files of one call of the command
HEAVY = 40_000  # bytes: a file that may run into the command's own time limit on a busy machine
FAULT = "خطای برنامه"  # how the command says that it was surprised


def test_there_are_more_than_a_hundred_with_names_of_their_own():
    assert len({one.name for one in WHOLE}) == len(WHOLE) > 200


@pytest.mark.parametrize("awkward", WHOLE, ids=repr)
def test_the_importer_says_what_is_expected(awkward: Awkward):
    began = process_time()
    imported = import_file(f"{awkward.name}.bpmn", awkward.content)
    assert process_time() - began < SECONDS
    said = [(found.severity, found.element, found.text) for found in imported.findings]
    assert imported.deployable == awkward.deployable, said
    if not awkward.deployable or awkward.element:
        wanted = {"error"} if not awkward.deployable else {"fill_in", "changed", "picture"}
        assert any(
            severity in wanted and awkward.element in ("", element) and awkward.phrase in message
            for severity, element, message in said
        ), said


def test_no_attack_gets_into_what_is_deployed():
    for awkward in WHOLE:
        if awkward.name.startswith(("condition_", "timer_attack")):
            imported = import_file(awkward.name, awkward.content)
            conditions = [
                text for xml in imported.processes.values() for text in xml.decode().split("<conditionExpression>")[1:]
            ]
            assert not any(text.startswith(attack) for text in conditions for attack in ATTACKS)


@pytest.mark.parametrize("first", range(0, len(WHOLE), AT_ONCE))
def test_the_command_takes_every_file_and_answers_in_both_languages(first: int, tmp_path: Path):
    some = WHOLE[first : first + AT_ONCE]
    for awkward in some:
        (tmp_path / f"{awkward.name}.bpmn").write_bytes(awkward.content)
    command = [sys.executable, "-m", "kartabl", "check", "--json", *(f"{tmp_path}/{one.name}.bpmn" for one in some)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS * len(some), check=False)
    assert answer.returncode in (0, 1), answer.stderr
    assert "Traceback" not in answer.stderr
    verdicts = {Path(verdict["file"]).stem: verdict for verdict in json.loads(answer.stdout)}
    for awkward in some:
        verdict = verdicts[awkward.name]
        assert all(set(found["message"]) == set(LANGUAGES) for found in verdict["findings"])
        assert not any(FAULT in found["message"]["fa"] for found in verdict["findings"]), awkward
        if len(awkward.content) < HEAVY:
            assert verdict["deployable"] == awkward.deployable, awkward
        assert verdict["deployable"] or any(found["severity"] == "error" for found in verdict["findings"])
