"""Inspectors who withdraw or are dismissed, and work that is never presented (INS-3, INS-13, INS-16)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.errors import EngineError
from models.billing import InvoiceStatus
from models.case import CaseStatus
from models.jalali import TEHRAN, parse_moment
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from tests.scenarios.inspection_book import meter

WARNING, DEADLINE = "1406/02/16 10:00", "1406/02/30 10:00"  # assigned 1405/08/30 10:00; six months, 14 days before


@pytest.mark.both_databases("story")
@pytest.mark.rule("INS-3", "ASG-1")
def test_an_inspector_withdraws_with_a_confirmation_and_the_case_goes_to_another_one_for_good(play):
    insp.begins(play)
    assert list(play.refuses("inspector-1", "withdraw")) == ["confirmed"]
    play.does("inspector-1", "withdraw", confirmed=True)
    assert insp.project(play).inspector.username == "inspector-2"
    assert play.waits_for() == {"schedule_visit": "inspector"}
    assert play.task("schedule_visit").assignee_id == play.actor("inspector-2").person_id
    ended = [(one.ended, one.inspector_id) for one in office.assignments(play)]
    assert ended == [("withdrawn", play.actor("inspector-1").person_id), ("", play.actor("inspector-2").person_id)]
    with pytest.raises(EngineError):
        play.does("inspector-1", "schedule_visit", visit_date=insp.working_day(play), visit_time="09:30")
    assert any("inspector-2" in text for text in insp.messages_to(play, "contractor"))


@pytest.mark.rule("INS-3", "ASG-3")
def test_when_nobody_is_left_the_gas_office_chooses_and_the_inspection_goes_on(play):
    insp.begins(play, inspectors=1)
    play.does("inspector-1", "withdraw", confirmed=True)
    assert (play.waits_for(), play.actions()) == ({"assign_by_hand": "gas_office"}, {})
    chosen = office.add_inspector(play, "inspector-9", regions=(7,))
    known = office.briefing(play, "gas_office", "assign_by_hand").choices["inspector"]
    assert [choice.value for choice in known] == [chosen], "never the one who left"
    play.does("gas_office", "assign_by_hand", inspector=chosen, note="تنها بازرس آزاد")
    insp.reports(play, "approved", by="inspector-9")
    assert insp.project(play).stage == "final_inspection"


@pytest.mark.rule("INS-13", "INS-14")
@pytest.mark.parametrize("moment", ["before a visit is set", "before the report", "in the final stage"])
def test_the_gas_office_dismisses_at_any_moment_and_reports_stay(play, moment):
    insp.begins(play)
    insp.reports(
        play,
        "approved" if moment == "in the final stage" else "absent_without_fee",
        *(() if moment == "in the final stage" else (1,)),
    )
    stage = insp.project(play).stage
    if moment == "before the report":
        insp.visits(play)
    assert list(play.refuses("gas_office", "dismiss_inspector", reason=" ")) == ["reason"]
    play.does("gas_office", "dismiss_inspector", reason="تأخیرهای پی‌درپی")
    assert play.waits_for() == {"schedule_visit": "inspector"}
    project = insp.project(play)
    assert (project.inspector.username, project.stage, len(insp.reports_of(play))) == ("inspector-2", stage, 1)
    assert insp.visit(play).state == ("dropped" if moment == "before the report" else "reported")
    assert office.assignments(play)[0].ended_why == "تأخیرهای پی‌درپی"
    assert any("تأخیرهای پی‌درپی" in text for text in insp.messages_to(play, "inspector-1"))


@pytest.mark.rule("INS-13", "INS-7")
def test_a_debt_stays_when_the_inspector_is_dismissed_even_while_it_is_being_paid(play):
    insp.begins(play)
    insp.reports(play, "defects", 1)
    play.does("contractor", "pay_debt")
    authority = play.payment().authority
    play.does("gas_office", "dismiss_inspector", reason="عزل")
    assert play.waits_for() == {"pay_debt": "contractor", "schedule_visit": "inspector"}
    assert play.task("schedule_visit").assignee_id == play.actor("inspector-2").person_id
    assert insp.owed(play) == 390_000

    with play.session() as session:  # the money of the payment that was left comes after all
        play.application.test_gateway.decide(session, authority, decision="pay", now=play.clock.now)
    play.returns(authority).after(timedelta(minutes=15))
    [invoice] = office.invoices(play)
    assert invoice.status is InvoiceStatus.PAID, "it settled the debt"
    assert "پرداخت شده" in office.texts(office.briefing(play, "contractor", "pay_debt").blocks)
    play.does("contractor", "pay_debt")
    assert (insp.owed(play), play.waits_for()) == (0, {"schedule_visit": "inspector"})
    assert len(office.invoices(play)) == 1, "nothing is paid twice"


@pytest.mark.rule("INS-2")
def test_the_inspector_sets_another_time_and_the_contractor_is_told_again(play):
    insp.begins(play)
    play.does("inspector-1", "schedule_visit", visit_date=insp.working_day(play), visit_time="09:30")
    play.does("inspector-1", "change_visit")
    assert (play.waits_for(), insp.visit(play).state) == ({"schedule_visit": "inspector"}, "dropped")
    insp.reports(play, "approved")
    assert [report.visit_id for report in insp.reports_of(play)] == [insp.visit(play).id]


def moment(text: str) -> datetime:
    return parse_moment(text).astimezone(ZoneInfo(TEHRAN))


@pytest.mark.both_databases("jobs")
@pytest.mark.rule("INS-16")
def test_work_that_is_not_presented_is_warned_about_and_expires(play):
    insp.begins(play)
    insp.reports(play, "absent_without_fee", 1)
    play.at(moment(WARNING) - timedelta(seconds=1))
    before = len(play.sms())
    play.at(moment(WARNING))
    [warned] = play.sms()[before:]
    assert "۱۴۰۶/۰۲/۳۰" in warned.text
    assert play.waits_for() == {"schedule_visit": "inspector"}
    play.at(moment(DEADLINE) - timedelta(seconds=1))
    assert play.case.status is CaseStatus.RUNNING
    play.at(moment(DEADLINE))
    assert (play.case.status, play.case.outcome) == (CaseStatus.COMPLETED, "inspection_expired")
    assert (play.waits_for(), play.actions(), insp.project(play).stage) == ({}, {}, "expired")
    assert "دوباره ثبت" in play.sms()[-1].text


@pytest.mark.rule("INS-16")
def test_a_debt_of_a_case_that_expires_cannot_be_paid_any_more(play):
    insp.begins(play)
    insp.reports(play, "absent_with_fee", 1)
    play.at(moment(DEADLINE))
    assert play.case.outcome == "inspection_expired"
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.CANCELLED]
    assert insp.project(play).debt == 0


@pytest.mark.rule("INS-16")
def test_work_that_was_presented_once_does_not_expire(play):
    insp.begins(play, meter("G4"), work="concealed")
    insp.reports(play, "sub_work")
    before = len(play.sms())
    play.at(moment(DEADLINE) + timedelta(days=1))
    assert (play.case.status, play.waits_for()) == (CaseStatus.RUNNING, {"schedule_visit": "inspector"})
    assert len(play.sms()) == before, "nobody is warned"
    insp.reports(play, "approved")
    insp.reports(play, "approved")
    assert play.case.outcome == "inspection_approved"


@pytest.mark.rule("INS-1", "INS-12", "INS-15")
def test_both_stages_in_order_and_each_has_its_day_of_referral(play):
    insp.begins(play)
    referred = insp.project(play).referred_at
    assert (insp.project(play).stage, referred) == ("pre_inspection", play.clock.now)
    insp.reports(play, "approved")
    project = insp.project(play)
    assert (project.stage, project.referred_at, project.approved_at) == ("final_inspection", play.clock.now, None)
    insp.reports(play, "approved")
    project = insp.project(play)
    assert (project.stage, project.approved_at, project.debt) == ("approved", play.clock.now, 0)
    assert "تاییدیه" in play.sms()[-1].text
