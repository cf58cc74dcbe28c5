"""What a command refuses it says in one line that names it, and leaves everything as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

import kartabl
from engine.errors import Conflict, InvalidSubmission, NotAllowed, NotFound, Taken
from engine.settings import Settings
from models.account import Person
from tests.conftest import prepare
from tests.databases import fresh_database
from tests.secret import SECRET_KEY

NIMA = ("nima", "--first-name", "نیما", "--last-name", "فرجی", "--role", "finance")


@pytest.fixture
def environment(server: str, tmp_path: Path) -> dict[str, str]:
    return {
        "KARTABL_MODE": "staging",
        "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
        "KARTABL_SECRET_KEY": SECRET_KEY,
        "KARTABL_DATABASE_URL": fresh_database(server, prepare=prepare),
        "KARTABL_FILES_PATH": str(tmp_path / "files"),
    }


def run(environment: dict[str, str], *arguments: str) -> Result:
    result = CliRunner().invoke(kartabl.main, arguments, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def people(environment: dict[str, str]) -> int:
    application = kartabl.build(Settings(secret_key=SECRET_KEY, database_url=environment["KARTABL_DATABASE_URL"]))
    try:
        with application.sessions() as session:
            return session.scalar(select(func.count()).select_from(Person)) or 0
    finally:
        application.database.dispose()


@pytest.mark.both_databases("saving")
@pytest.mark.parametrize("again", ["nima", "NIMA", " nima "])
def test_an_account_that_is_there_is_not_made_again(environment: dict[str, str], again: str) -> None:
    assert run(environment, "user", "create", *NIMA).exit_code == 0
    refused = run(environment, "user", "create", again, *NIMA[1:])
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (1, "Error: There is an account nima already.")
    assert people(environment) == 1


@pytest.mark.both_databases("saving")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("ab", *NIMA[1:]), "3 to 60"),
        (("a" * 61, *NIMA[1:]), "3 to 60"),
        ((*NIMA, "--mobile", "12"), "not a mobile number"),
        ((*NIMA, "--first-name", "ن" * 101), "1 to 100"),
        ((*NIMA, "--last-name", " "), "1 to 100"),
        ((*NIMA, "--role", "nobody"), "not a role"),
    ],
)
def test_an_account_that_cannot_be_is_not_made(
    environment: dict[str, str], arguments: tuple[str, ...], named: str
) -> None:
    refused = run(environment, "user", "create", *arguments)
    assert refused.exit_code == 2
    assert named in refused.stderr.splitlines()[-1]
    assert people(environment) == 0


@pytest.mark.both_databases("saving")
def test_a_role_that_is_named_twice_is_given_once(environment: dict[str, str]) -> None:
    assert run(environment, "user", "create", *NIMA, "--role", "finance", "--mobile", "+989120000000").exit_code == 0
    assert people(environment) == 1


@pytest.mark.parametrize("command", [("keys", "publish", "-o"), ("import", "bpmn_diagrams/ticket.bpmn", "-o")])
def test_a_place_that_cannot_be_written_is_named(
    environment: dict[str, str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("")
    place = str(tmp_path / "file" / "there")
    refused = run(environment, *command, place)
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-1].startswith(f"Error: {tmp_path / 'file'}")


@pytest.mark.parametrize(
    "refusal",
    [
        Taken(),
        Conflict("1405-000012-3"),
        NotFound("case", 7),
        NotAllowed("nima", "see"),
        InvalidSubmission({"": ["no"]}),
    ],
)
def test_whatever_else_is_refused_is_one_line(refusal: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise refusal

    monkeypatch.setattr(kartabl, "sections", refuse)
    result = CliRunner().invoke(kartabl.main, ["settings"])
    assert (result.exit_code, len(result.stderr.splitlines()), result.stderr[:7]) == (1, 1, "Error: ")
