"""Beginnings of stories of certificates: an approved project, a request, an issued certificate."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

import forms
from engine.errors import InvalidSubmission
from models.account import Person
from models.case import Case
from models.gas import GasProject
from models.inspection import Certificate
from tests.play import Play
from tests.scenarios import gas_office as office
from workflows.certificates import check as certificate_check


def approved(play: Play, *meters: dict[str, Any], by: str = "contractor", **changes: Any) -> str:
    """A project after its final approval, by the inspector ``inspector-1``. Returns its number."""
    with play.session() as session:
        known = session.scalars(select(Person.id).where(Person.username == "inspector-1")).first()
    if known is None:
        office.add_inspector(play, "inspector-1")
    office.paid(play, *meters, by=by, **changes)
    number = play.case.number
    state(play, number, stage="approved", approved_at=play.clock.now)
    return number


def state(play: Play, number: str, **values: Any) -> None:
    """Write down of a project what its inspection came to."""
    with play.session() as session:
        project = session.scalars(select(GasProject).join(GasProject.case).where(Case.number == number)).one()
        for name, value in values.items():
            setattr(project, name, value)


def ask(play: Play, project: str, *, by: str = "contractor", remarks: str = "") -> Play:
    """The contractor asks for the certificate."""
    return begin(play, "confirmation_issuance", "confirmation_requested", by=by, project=project, remarks=remarks)


def revoke(play: Play, certificate: str, *, by: str = "gas_office", reason: str = "تخلف پس از بازرسی") -> Play:
    return begin(play, "certificate_revocation", "revocation_asked", by=by, certificate=certificate, reason=reason)


def begin(play: Play, process: str, event: str, *, by: str, **values: Any) -> Play:
    """Start a case with the form of its start event."""
    form_class = forms.form_for(process, event)
    assert form_class is not None
    actor = play.actor(by)
    with play.engine.transaction() as session:
        result = play.engine.start_case(session, process, by=actor, form=form_class.from_values(values))
    play.case_id, play.messages = result.case.id, result.flashes
    play.work()
    return play


def refused(play: Play, project: str, **values: Any) -> str:
    """The words with which a request is refused; no case came of it."""
    before = cases(play)
    try:
        ask(play, project, **values)
    except InvalidSubmission as refusal:
        assert cases(play) == before
        return office.texts([refusal.errors["project"]])
    raise AssertionError("the request was accepted")


def issued(play: Play, *meters: dict[str, Any], by: str = "contractor", **changes: Any) -> Certificate:
    """A certificate that was asked for and approved."""
    ask(play, approved(play, *meters, by=by, **changes), by=by)
    play.does("inspector-1", "review_confirmation", decision="approve")
    return certificate(play)


def certificate(play: Play) -> Certificate:
    """The newest certificate, with what stands around it."""
    with play.session() as session:
        certificate = session.scalars(select(Certificate).order_by(Certificate.id.desc())).first()
        assert certificate is not None, "no certificate was issued"
        assert certificate.project.case.number
        assert certificate.case.number
        return certificate


def cases(play: Play) -> int:
    with play.session() as session:
        return len(session.scalars(select(Case.id)).all())


def check(play: Play, text: str) -> certificate_check.Verdict:
    """Check the text of a paper's QR code, as everybody may."""
    with play.session() as session:
        return certificate_check.check_signed(session, text)
