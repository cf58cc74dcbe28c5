"""``kartabl check FILE…`` and ``kartabl import``: a verdict with reasons, whatever the file holds."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import kartabl
from engine.deployment.importing import Imported, guarded
from engine.deployment.importing.files import Installation, check_file
from tests.importing.drawing import around, file, flow

FINE = file(around('<bpmn:task id="step" name="Look at it"/>'))
BROKEN = file(around('<bpmn:task id="step" name="Look at it"/>') + flow("step", "nowhere"))


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(kartabl.main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_deployable_file_ends_with_zero(tmp_path: Path) -> None:
    result = run("check", written(tmp_path, "fine.bpmn", FINE))
    assert result.exit_code == 0


def test_a_refused_file_ends_with_one_and_says_where_and_why(tmp_path: Path) -> None:
    result = run("check", "--language", "fa", written(tmp_path, "broken.bpmn", BROKEN))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    error = lines.index("  خطا | broken.bpmn:1 | step_nowhere | import.dangling_flow")
    assert "وصل یا حذف کنید" in lines[error + 1]


def test_every_finding_is_printed_once_in_each_language(tmp_path: Path) -> None:
    path = written(tmp_path, "broken.bpmn", BROKEN)
    both = [line for line in run("check", path).output.splitlines() if line.startswith("    ")]
    english = [line for line in run("check", "--language", "en", path).output.splitlines() if line.startswith("    ")]
    assert both[1::2] == english and both[0::2] != english


def test_the_verdict_as_json_has_code_file_element_name_line_severity_and_texts(tmp_path: Path) -> None:
    result = run("check", "--json", written(tmp_path, "broken.bpmn", BROKEN), written(tmp_path, "fine.bpmn", FINE))
    broken, fine = json.loads(result.output)
    assert (broken["file"], broken["deployable"], fine["deployable"]) == ("broken.bpmn", False, True)
    first = broken["findings"][0]
    assert set(first) == {"code", "file", "element", "name", "line", "severity", "message"}
    assert first["code"] == "import.dangling_flow"
    assert first["severity"] == "error" and first["element"] == "step_nowhere" and first["line"] == 1
    assert set(first["message"]) == {"fa", "en"}


def test_our_own_files_are_held_to_the_real_forms_and_operations() -> None:
    paths = sorted(kartabl.DIAGRAMS.glob("*.*mn"))
    result = run("check", *paths)
    assert result.exit_code == 0, result.output


def test_a_shipped_process_is_not_imported_but_checked(tmp_path: Path) -> None:
    xml = (kartabl.DIAGRAMS / "payment.bpmn").read_bytes().replace(b'id="payment.', b'id="paymint.', 1)
    result = run("check", written(tmp_path, "payment.bpmn", xml))
    assert result.exit_code == 1
    assert "paymint." in result.output


def test_strict_normalises_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "drawn.bpmn", file(around('<bpmn:serviceTask id="step"/>')))
    assert run("check", path).exit_code == 0
    assert run("check", "--strict", path).exit_code == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.bpmn", b""),
        ("zeros.bpmn", b"\0" * 1000),
        ("text.bpmn", "سلام".encode()),
        ("doctype.bpmn", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
        ("deep.bpmn", b"<a>" * 100_000),
        ("large.bpmn", b" " * 5_000_001),
        ("many.bpmn", file("".join(f'<bpmn:task id="t{n}"/>' for n in range(2001)))),
        ("table.dmn", b"<x/>"),
        ("latin.bpmn", FINE.replace(b"Look at it", b"\xff\xfe")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_file_is_too_odd_for_a_clear_refusal(tmp_path: Path, name: str, content: bytes) -> None:
    result = run("check", written(tmp_path, name, content))
    assert result.exit_code == 1
    assert "Traceback" not in result.output and "Error:" not in result.output


def test_an_import_writes_the_normalised_diagram_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path, out = written(tmp_path, "drawn.bpmn", FINE), tmp_path / "out.bpmn"
    result = run("import", path, "-o", out, "--folder", tmp_path / "ready")
    assert result.exit_code == 0, result.output
    assert path.read_bytes() == FINE
    assert b"spiffworkflow:formField" in out.read_bytes()
    assert (tmp_path / "ready" / "drawn.bpmn").exists()
    assert run("check", "--strict", tmp_path / "ready" / "drawn.bpmn").exit_code == 0


def test_an_import_never_writes_over_the_analysts_file(tmp_path: Path) -> None:
    path = written(tmp_path, "drawn.bpmn", FINE)
    assert run("import", path, "-o", path).exit_code == 1
    assert path.read_bytes() == FINE


# ---------------------------------------------------------------- the child process


def test_what_takes_too_long_is_a_finding() -> None:
    verdict = guarded.look("slow.bpmn", _forever, seconds=0.3)
    assert not verdict.deployable
    assert "پنج ثانیه" in verdict.findings["fa"][0].text


def _forever() -> Imported:
    threading.Event().wait()
    raise AssertionError("nobody ends the waiting")


def test_what_takes_too_much_memory_is_a_finding() -> None:
    verdict = guarded.look("fat.bpmn", lambda: Imported(document=b"x" * 2_000_000_000))
    assert not verdict.deployable
    assert verdict.findings["fa"][0].severity == "error"


def test_a_fault_of_ours_is_a_finding_and_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    verdict = guarded.look("odd.bpmn", lambda: Imported(**{"nothing": 1}))
    assert "TypeError" in verdict.findings["fa"][0].text
    assert capfd.readouterr().err == ""


def test_a_file_is_checked_without_a_child_just_the_same() -> None:
    here: Installation = kartabl.installation()
    assert check_file("fine.bpmn", FINE, here).deployable
    assert not check_file("broken.bpmn", BROKEN, here).deployable
