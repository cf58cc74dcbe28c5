"""Stories of ``certificate_revocation``: the gas office revokes a certificate, with a reason (CNF-5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.errors import InvalidSubmission, NotFound
from models.account import Message
from models.case import CaseStatus
from tests.play import Play
from tests.scenarios import certificates, gas_office
from workflows.certificates.records import address_of


@pytest.mark.both_databases("story")
@pytest.mark.rule("CNF-5")
def test_revoking_says_so_at_once_and_tells_contractor_and_inspector_why(play: Play) -> None:
    found = certificates.issued(play)
    play.clock.now += timedelta(days=3)
    certificates.revoke(play, found.number.replace("-", ""), reason="لوله‌کشی پس از بازرسی تغییر کرد")

    assert (play.case.status, play.case.outcome) == (CaseStatus.COMPLETED, "certificate_revoked")
    verdict = certificates.check(play, address_of(found, ""))
    assert (verdict.state, verdict.revoked_at) == ("revoked", play.clock.now)
    assert "لوله‌کشی" not in gas_office.texts(list(verdict.blocks)) + verdict.sentence
    assert "لوله‌کشی پس از بازرسی تغییر کرد" in play.sms()[-1].text
    with play.session() as session:
        told = session.scalars(select(Message).where(Message.title == "ابطال تاییدیه")).all()
        assert {notice.person_id for notice in told} == {found.project.contractor_id, found.inspector_id}


@pytest.mark.rule("CNF-5")
def test_a_certificate_is_revoked_once_and_only_by_the_gas_office(play: Play) -> None:
    found = certificates.issued(play)
    before = certificates.cases(play)
    for who in ("contractor", "inspector-1"):
        with pytest.raises(NotFound):
            certificates.revoke(play, found.number, by=who)
    for number in ("9-1405-999999-0", found.project.case.number, "سلام"):
        with pytest.raises(InvalidSubmission) as unknown:
            certificates.revoke(play, number)
        assert list(unknown.value.errors) == ["certificate"]
    with pytest.raises(InvalidSubmission) as silent:
        certificates.revoke(play, found.number, reason="")
    assert list(silent.value.errors) == ["reason"]
    assert certificates.cases(play) == before

    certificates.revoke(play, found.number)
    with pytest.raises(InvalidSubmission) as twice:
        certificates.revoke(play, found.number)
    assert "قبلاً" in twice.value.errors["certificate"][0]
