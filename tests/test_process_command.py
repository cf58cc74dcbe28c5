"""``kartabl process``: what a fresh production installation offers, and how an operator changes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

import kartabl
from models import migrate
from models.database import open_database
from tests.secret import SECRET_KEY


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "KARTABL_MODE": "production",
        "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
        "KARTABL_SECRET_KEY": SECRET_KEY,
        "KARTABL_DATABASE_URL": f"sqlite:///{tmp_path / 'office.db'}",
        "KARTABL_FILES_PATH": str(tmp_path / "files"),
    }


def run(environment: dict[str, str], *arguments: str) -> Result:
    result = CliRunner().invoke(kartabl.main, ["process", *arguments], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def offered(environment: dict[str, str]) -> set[str]:
    rows = json.loads(run(environment, "list", "--json").stdout)
    return {row["key"] for row in rows if row["offered"] and row["startable"]}


def test_a_fresh_production_offers_what_somebody_has_decided(environment: dict[str, str]) -> None:
    assert offered(environment) == set()
    assert run(environment, "offer", "ticket", "project_registration").exit_code == 0
    assert offered(environment) == {"ticket", "project_registration"}
    assert run(environment, "withdraw", "ticket").exit_code == 0
    assert offered(environment) == {"project_registration"}
    refused = run(environment, "offer", "nothing")
    assert refused.exit_code == 1 and "nothing is not deployed" in refused.output
    again = run(environment, "withdraw", "ticket")
    assert again.exit_code == 0 and again.output.splitlines()[-2:] == [
        "0 processes withdrawn",
        "ticket: withdrawn already",
    ]
    for verb in ("offer", "withdraw"):
        refused = run(environment, verb, "ticket", "payment")
        assert refused.exit_code == 1 and "payment only follows from other cases" in refused.output
    assert offered(environment) == {"project_registration"}, "the others of a refused command are not switched either"
    run(environment, "offer", "--all")
    assert "ticket" in offered(environment) and "payment" not in offered(environment)
    assert "follows from other cases" in run(environment, "list").output


def test_a_demonstration_offers_everything(environment: dict[str, str]) -> None:
    assert "ticket" in offered(environment | {"KARTABL_MODE": "demo"})


def test_an_upgraded_installation_keeps_what_it_has(environment: dict[str, str]) -> None:
    offered(environment)  # makes the database
    database = open_database(environment["KARTABL_DATABASE_URL"])
    migrate.command.downgrade(migrate.configuration(database), "0015")
    with database.begin() as connection:
        connection.execute(text("DELETE FROM process_definitions WHERE key = 'certificate_revocation'"))
    database.dispose()
    kept = offered(environment)
    assert {"ticket", "project_registration", "confirmation_issuance"} <= kept
    assert "certificate_revocation" not in kept, "what comes with the new version is not offered by itself"
