"""The sweep takes what is old and leaves what counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

import kartabl
from engine.jobs import purge
from models.account import Attempt, VerificationCode
from tests.play import People
from tests.standing import StandingClock

pytestmark = pytest.mark.both_databases("sql")


def test_old_tries_and_codes_go_and_new_ones_stay(
    application: kartabl.Application, people: People, clock: StandingClock
) -> None:
    with application.engine.transaction() as session:
        for age in (timedelta(days=3), timedelta(minutes=5)):
            at = clock.now - age
            session.add(Attempt(kind="sign_in", key="k", at=at))
            session.add(
                VerificationCode(holder="09120000000", purpose="register", code_hash="h", sent_at=at, expires_at=at)
            )
    assert purge.sweep(application.engine) == 2
    with application.engine.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 1
        assert session.scalar(select(func.count()).select_from(VerificationCode)) == 1
    assert purge.sweep(application.engine) == 0
