"""Stories of ``confirmation_issuance``: a certificate is asked for, issued and printed (CNF)."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from engine.errors import InvalidSubmission, NotFound
from models.billing import Invoice, InvoiceStatus
from models.case import Case, CaseStatus
from models.gas import GasProject
from tests.play import Play
from tests.scenarios import certificates, gas_office, inspections
from workflows.certificates.records import address_of


def owe(play: Play, project: str, amount: int = 862_500) -> None:
    """The project's inspection has an open invoice."""
    with play.session() as session:
        found = session.scalars(select(GasProject).join(GasProject.case).where(Case.number == project)).one()
        of_project = (Case.refers_to_id == found.case_id, Case.process_key == "gas_inspection")
        inspection = session.scalars(select(Case).where(*of_project)).one()
        session.add(
            Invoice(
                number=f"debt-{inspection.id}",
                case_id=inspection.id,
                payer_id=found.contractor_id,
                reason="debt",
                total=amount,
                status=InvoiceStatus.OPEN,
                created_at=play.clock.now,
            )
        )


@pytest.mark.both_databases("story")
@pytest.mark.rule("CNF-1", "CNF-2", "CNF-3")
def test_a_whole_story_from_the_request_to_the_certificate(play: Play) -> None:
    project = certificates.approved(play)
    registration = play.case_id
    certificates.ask(play, project, remarks="لطفاً پیش از پایان ماه")

    assert "نزد" in play.messages[0]
    assert play.case.refers_to_id == registration
    assert play.waits_for() == {"review_confirmation": "inspector"}
    seen = gas_office.texts(gas_office.briefing(play, "inspector-1", "review_confirmation").blocks)
    assert "لطفاً پیش از پایان ماه" in seen

    play.does("inspector-1", "review_confirmation", decision="approve")

    assert (play.case.status, play.case.outcome) == (CaseStatus.COMPLETED, "certificate_issued")
    found = certificates.certificate(play)
    assert found.facts["project"] == project
    assert found.facts["inspector"] == "نام inspector-1"
    assert certificates.check(play, address_of(found, "https://kartabl.example")).state == "valid"
    told = play.sms()[-1]
    assert told.receiver == "09130000001"
    assert found.number in gas_office.texts([told.text]).translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789"))


@pytest.mark.rule("CNF-1", "CNF-4", "INS-15")
def test_concealed_work_comes_through_debts_and_both_stages_to_its_certificate(play: Play) -> None:
    inspections.begins(play, work="concealed")
    inspection = play.case_id
    with play.session() as session:
        project = session.get_one(Case, play.case.refers_to_id).number
    for _number in range(4):
        inspections.reports(play, "sub_work")
    assert "هنوز تایید نشده" in certificates.refused(play, project)
    play.case_id = inspection
    inspections.pays_debt(play)
    inspections.reports(play, "approved")
    assert "هنوز تایید نشده" in certificates.refused(play, project)
    play.case_id = inspection
    inspections.reports(play, "approved")
    assert "درخواست تاییدیه" in gas_office.texts(gas_office.case_page(play, "contractor"))

    certificates.ask(play, project)
    play.does("inspector-1", "review_confirmation", decision="approve")

    assert certificates.check(play, address_of(certificates.certificate(play), "")).state == "valid"
    play.case_id = inspection
    assert "معتبر" in gas_office.texts(gas_office.case_page(play, "contractor"))


@pytest.mark.rule("CNF-2")
def test_a_rejection_needs_a_reason_that_the_contractor_reads_and_another_request_is_open(play: Play) -> None:
    project = certificates.approved(play)
    certificates.ask(play, project)

    assert list(play.refuses("inspector-1", "review_confirmation", decision="reject")) == ["reason"]
    assert list(play.refuses("inspector-1", "review_confirmation")) == ["decision"]
    play.does("inspector-1", "review_confirmation", decision="reject", reason="نقشهٔ چون‌ساخت نیست")

    assert play.case.outcome == "confirmation_rejected"
    assert "نقشهٔ چون‌ساخت نیست" in play.sms()[-1].text
    assert "نقشهٔ چون‌ساخت نیست" in gas_office.texts(gas_office.case_page(play, "contractor"))
    assert certificates.ask(play, project).waits_for() == {"review_confirmation": "inspector"}


@pytest.mark.rule("CNF-4")
def test_a_second_request_is_refused_while_one_is_open(play: Play) -> None:
    project = certificates.approved(play)
    certificates.ask(play, project)
    number = play.case.number

    words = certificates.refused(play, project)
    assert number in words.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789"))


@pytest.mark.rule("CNF-4", "INS-15")
def test_it_is_refused_in_debt_and_says_how_much(play: Play) -> None:
    project = certificates.approved(play)
    owe(play, project)
    assert "۸۶۲٬۵۰۰" in certificates.refused(play, project)


@pytest.mark.rule("CNF-4", "INS-15")
@pytest.mark.parametrize("stage", ["pre_inspection", "final_inspection", "expired", ""])
def test_it_is_refused_before_final_approval(play: Play, stage: str) -> None:
    project = certificates.approved(play)
    certificates.state(play, project, stage=stage, approved_at=None)
    assert "هنوز تایید نشده" in certificates.refused(play, project)


@pytest.mark.rule("CNF-4", "CNF-5")
def test_while_a_certificate_holds_there_is_no_second_one_and_after_its_revocation_there_may_be(play: Play) -> None:
    first = certificates.issued(play)
    project = first.project.case.number
    assert "معتبر است" in certificates.refused(play, project)

    certificates.revoke(play, first.number)
    certificates.ask(play, project)
    play.does("inspector-1", "review_confirmation", decision="approve")
    second = certificates.certificate(play)
    assert second.number != first.number
    assert certificates.check(play, address_of(first, "")).state == "revoked"
    assert certificates.check(play, address_of(second, "")).state == "valid"


@pytest.mark.rule("CNF-1")
def test_another_contractors_project_is_unknown_as_one_that_does_not_exist(play: Play) -> None:
    project = certificates.approved(play)
    play.people.add("contractor-2", "contractor")
    foreign = certificates.refused(play, project, by="contractor-2")
    assert foreign == certificates.refused(play, "1405-000999-1", by="contractor-2")
    assert foreign == certificates.refused(play, "1405", by="contractor-2")
    with pytest.raises(NotFound):
        certificates.ask(play, project, by="inspector-1")


@pytest.mark.rule("CNF-4")
def test_a_debt_that_arises_during_the_review_stops_the_certificate_and_not_the_rejection(play: Play) -> None:
    project = certificates.approved(play)
    certificates.ask(play, project)
    owe(play, project)

    assert "بدهی" in gas_office.texts(gas_office.briefing(play, "inspector-1", "review_confirmation").blocks)
    assert "بدهی" in play.refuses("inspector-1", "review_confirmation", decision="approve")["decision"][0]
    assert certificates.cases(play) == 3
    play.does("inspector-1", "review_confirmation", decision="reject", reason="بدهی")
    assert play.case.outcome == "confirmation_rejected"


@pytest.mark.both_databases("locking")
@pytest.mark.rule("CNF-4")
def test_of_two_requests_at_the_same_moment_one_is_accepted(play: Play) -> None:
    project = certificates.approved(play)
    play.actor("contractor")
    barrier, outcomes = Barrier(2), []

    def ask() -> None:
        barrier.wait()
        try:
            certificates.ask(Play(play.application, play.clock), project)
            outcomes.append("accepted")
        except InvalidSubmission:
            outcomes.append("refused")

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "refused"]


# The printout


@pytest.mark.rule("CNF-3")
def test_the_printout_waits_for_the_certificate_and_goes_with_its_revocation(play: Play) -> None:
    project = certificates.approved(play)
    certificates.ask(play, project)
    assert "پس از موافقت بازرس" in (unavailable(play) or "")

    play.does("inspector-1", "review_confirmation", decision="approve")
    issuance, found = play.case_id, certificates.certificate(play)
    assert unavailable(play) is None
    certificates.revoke(play, found.number)
    play.case_id = issuance
    assert "باطل" in (unavailable(play) or "")


def unavailable(play: Play) -> str | None:
    with play.session() as session:
        context = play.engine.briefing_context(session, session.get_one(Case, play.case_id), play.actor("contractor"))
        return play.engine.printouts.get("confirmation_issuance", "certificate").unavailable(context)
