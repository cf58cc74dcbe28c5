"""Every command that changes something leaves a row, by the user of the operating system; ``kartabl audit`` itself."""

from __future__ import annotations

import os
import pwd
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import kartabl
from tests.secret import SECRET_KEY

NAMES = ("--first-name", "نیما", "--last-name", "فرجی")
CHANGING = {  # command: the event, and its arguments; the ones above have been given before
    "migrate": ("schema_changed", ()),
    "deploy": ("deployed", ()),
    "process offer": ("process_offered", ("ticket",)),
    "process withdraw": ("process_withdrawn", ("ticket",)),
    "user create": ("account_created", ("nima", *NAMES, "--role", "finance")),
    "clock advance": ("clock_moved", ("3d",)),
    "clock reset": ("clock_moved", ()),
    "keys rotate": ("signing_key_made", ()),
}
OTHERS = {
    "audit prune": "test_audit_verification.py: its removals are rows",
    "audit verify": "reads",
    "backup": "tests/test_backup.py: it is in the log of the installation, not of its backup",
    "check": "reads",
    "clock show": "reads",
    "demo": "invents people and cases for a demonstration",
    "import": "writes a file",
    "keys list": "reads",
    "keys publish": "reads",
    "process list": "reads",
    "restore": "tests/test_backup.py: the last row of the log that it puts in place",
    "run": "what it prepares is that of migrate and deploy",
    "settings": "reads",
    "user reset-second-factor": "tests/test_second_factor_command.py: somebody has to have one",
    "verify": "reads",
    "worker": "does the work of the system",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "KARTABL_MODE": "staging",
        "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
        "KARTABL_SECRET_KEY": SECRET_KEY,
        "KARTABL_DATABASE_URL": f"sqlite:///{tmp_path / 'office.db'}",
        "KARTABL_FILES_PATH": str(tmp_path / "files"),
    }


def run(environment: dict[str, str], *arguments: str) -> Result:
    result = CliRunner().invoke(kartabl.main, arguments, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def rows(environment: dict[str, str]) -> list[tuple[str, str, str]]:
    path = environment["KARTABL_DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT event, actor, address FROM audit_events ORDER BY seq").fetchall()


def commands(group: click.Group, *names: str) -> set[str]:
    found: set[str] = set()
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = isinstance(command, click.Group)
        found |= commands(command, *names, name) if inner else {" ".join((*names, name))}  # type: ignore[arg-type]
    return found


def test_every_command_is_in_one_of_the_tables() -> None:
    assert commands(kartabl.main) == CHANGING.keys() | OTHERS.keys()


def test_every_command_that_changes_something_leaves_a_row_by_its_user(environment: dict[str, str]) -> None:
    operator = pwd.getpwuid(os.getuid()).pw_name
    known = 0
    for command, (event, arguments) in CHANGING.items():
        result = run(environment, *command.split(), *arguments)
        assert result.exit_code == 0, (command, result.output)
        added = rows(environment)[known:]
        known += len(added)
        assert event in {row[0] for row in added}, (command, added)
        assert {row[1:] for row in added} == {(operator, "command")}, command


def test_the_log_is_verified_and_what_was_cut_off_is_told(environment: dict[str, str]) -> None:
    run(environment, "migrate")
    run(environment, "keys", "rotate")
    verified = run(environment, "audit", "verify")
    assert verified.exit_code == 0
    head = re.search(r"^head (\d+:[0-9a-f]{64})$", verified.output, re.MULTILINE)
    assert head is not None
    assert run(environment, "audit", "verify", "--head", head[1]).exit_code == 0
    assert run(environment, "audit", "verify", "--head", "nonsense").exit_code == 2
    number = int(head[1].partition(":")[0])
    ahead = run(environment, "audit", "verify", "--head", f"{number + 1}:{'0' * 64}")
    assert ahead.exit_code == 1 and "cut off" in ahead.output
    path = environment["KARTABL_DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute("UPDATE audit_events SET actor = 'x'")
        database.execute("DROP TRIGGER audit_events_no_update")
        database.execute("UPDATE audit_events SET actor = 'x' WHERE seq = 1")
        database.commit()
    broken = run(environment, "audit", "verify")
    assert broken.exit_code == 1 and "number 1: the row was changed" in broken.output
    assert "0 rows removed" in run(environment, "audit", "prune").output
