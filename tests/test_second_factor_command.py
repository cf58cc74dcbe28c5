"""``kartabl user reset-second-factor``: the way back in for the last admin who has lost their telephone."""

from __future__ import annotations

from pathlib import Path

import pyotp
from click.testing import CliRunner, Result
from sqlalchemy import select

import kartabl
from engine.identity import second_factor
from engine.settings import Settings
from models.account import SignInSession
from models.audit import AuditEvent
from tests.conftest import prepare
from tests.databases import SQLITE, fresh_database
from tests.play import PASSWORD, People
from tests.secret import SECRET_KEY


def run(url: str, folder: Path, name: str) -> Result:
    environment = {
        "KARTABL_MODE": "production",
        "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
        "KARTABL_SECRET_KEY": SECRET_KEY,
        "KARTABL_DATABASE_URL": url,
        "KARTABL_FILES_PATH": str(folder),
    }
    return CliRunner().invoke(kartabl.main, ["user", "reset-second-factor", name], env=environment)


def test_the_last_admin_comes_in_again(tmp_path: Path) -> None:
    url = fresh_database(SQLITE, prepare=prepare)
    application = kartabl.build(Settings(secret_key=SECRET_KEY, database_url=url))
    admin = People(application).add("admin", "admin")
    factors, now = application.second_factors, application.clock()
    offer = factors.offer(admin.id)
    totp = pyotp.TOTP(factors.offered_secret(admin.id, offer) or "")
    code = totp.generate_otp(totp.timecode(now))
    with application.engine.transaction() as session:
        factors.enrol_app(session, session.merge(admin), offer, code, address="", now=now)
        application.accounts.open_session(session, admin, now=now, kind="browser", proved=True)

    unknown = run(url, tmp_path, "nobody")
    assert (unknown.exit_code, "no account nobody" in unknown.output) == (1, True)
    done = run(url, tmp_path, "Admin")
    assert (done.exit_code, "removed" in done.output) == (0, True), done.output
    again = run(url, tmp_path, "admin")
    assert (again.exit_code, "has no second factor" in again.output) == (1, True)

    with application.engine.transaction() as session:
        assert second_factor.state(session, admin.id) is None
        assert session.scalars(select(SignInSession)).all() == []
        assert "second_factor_reset" in session.scalars(select(AuditEvent.event)).all()
        _person, token = application.accounts.sign_in(session, "admin", PASSWORD, address="", now=application.clock())
        assert application.accounts.person_of_session(session, token, now=application.clock()) is not None
    application.database.dispose()
