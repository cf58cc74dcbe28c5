"""What an inspection costs beyond what was prepaid: the rule of three sub-works, repeated visits, the lock, payment."""

import pytest
from sqlalchemy import select

from engine.errors import InvalidSubmission, TaskLocked
from models.billing import InvoiceStatus
from models.case import CaseStatus, Task, TaskStatus
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from tests.scenarios.inspection_book import TARIFF, Book, inspection_fee, meter, repeated_visit_fee

LOCKED = {"pay_debt": "contractor", "schedule_visit": "inspector"}


@pytest.mark.rule("FEE-1", "FEE-2", "FEE-3")
def test_the_tariff_table_says_what_the_reckoning_of_these_tests_says(play):
    with play.session() as session:
        for meter_class in TARIFF:
            for work in ("surface", "concealed"):
                asked = {"meter_class": meter_class, "work_type": work}
                decide = play.engine.decisions.evaluate
                inspection = decide(session, "tariff", {**asked, "item": "inspection"})["amount"]
                repeated = decide(session, "tariff", {**asked, "item": "repeated_visit"})["amount"]
                assert (inspection, repeated) == (
                    inspection_fee(meter_class, work),
                    repeated_visit_fee(meter_class, work),
                )


@pytest.mark.both_databases("story")
@pytest.mark.rule("INS-7", "FEE-2", "INS-10")
@pytest.mark.parametrize("classes", [("G4",), ("G4", "G10", "G65")])
def test_three_sub_works_are_prepaid_and_each_further_one_is_owed(play, classes):
    insp.begins(play, *map(meter, classes), work="concealed")
    one_stage = sum(inspection_fee(each, "concealed") for each in classes)
    for number in range(1, 7):
        insp.reports(play, "sub_work")
        assert insp.reports_of(play)[-1].sub_work_number == number
        if number <= 3:
            assert (play.waits_for(), insp.debts(play)) == ({"schedule_visit": "inspector"}, [])
            continue
        assert (insp.owed(play), insp.debts(play)) == (one_stage, [one_stage] * (number - 3))
        assert play.waits_for() == LOCKED
        insp.pays_debt(play)
        assert (play.waits_for(), insp.owed(play)) == ({"schedule_visit": "inspector"}, 0)
    lines = office.invoices(play)[-1].lines
    assert [(line.meter_class, line.item, line.stage, line.quantity) for line in lines] == [
        (each, "inspection", "sub_work", 1) for each in classes
    ]


@pytest.mark.rule("INS-7", "INS-10")
def test_the_inspectors_next_task_is_there_locked_and_says_why_and_how_much(play):
    insp.begins(play, work="concealed")
    for _ in range(4):
        insp.reports(play, "sub_work")
    locked = play.task("schedule_visit")
    assert "۸۶۲٬۵۰۰ ریال" in locked.locked
    assert locked.assignee_id == play.actor("inspector-1").person_id
    with pytest.raises(TaskLocked):
        play.does("inspector-1", "schedule_visit", visit_date=insp.working_day(play), visit_time="09:30")
    assert "۸۶۲٬۵۰۰ ریال" in play.sms()[-1].text

    insp.pays_debt(play)
    opened = play.task("schedule_visit")
    assert (opened.id, opened.locked, opened.status) == (locked.id, None, TaskStatus.OPEN)
    assert any("پرداخت شد" in text for text in insp.messages_to(play, "inspector-1"))


@pytest.mark.rule("INS-8")
def test_defects_and_an_absence_cost_a_repeated_visit_of_each_marked_meter_in_either_stage(play):
    classes = ("G4", "G6", "G10")
    insp.begins(play, *map(meter, classes), work="concealed")
    book = Book("concealed", dict(enumerate(classes, start=1)))
    story = [
        ("defects", 1, 3),
        ("sub_work",),
        ("absent_with_fee", 2),
        ("absent_without_fee", 1, 2, 3),
        ("approved",),
        ("defects", 2),
        ("absent_with_fee", 1, 2, 3),
        ("approved",),
    ]
    for outcome, *marked in story:
        insp.reports(play, outcome, *marked)
        assert insp.owed(play) == book.report(outcome, *marked)
        if insp.owed(play):
            assert play.waits_for() == LOCKED
            insp.pays_debt(play)
    assert insp.debts(play) == book.invoiced == [1_025_000, 512_500, 512_500, 1_537_500]
    assert play.case.status is CaseStatus.COMPLETED
    assert {line.item for invoice in office.invoices(play) for line in invoice.lines} == {"repeated_visit"}


@pytest.mark.rule("INS-9", "FEE-1", "INS-6")
def test_surface_work_owes_for_every_report_with_a_cost_beyond_its_two_stages(play):
    insp.begins(play, meter("G4"), meter("G100"), work="surface")
    insp.reports(play, "absent_without_fee", 1)
    assert insp.debts(play) == []
    insp.reports(play, "defects", 2)
    assert insp.owed(play) == 1_200_000
    insp.pays_debt(play)
    insp.reports(play, "approved")
    insp.reports(play, "defects", 1, 2)
    assert insp.owed(play) == 1_590_000
    insp.pays_debt(play)
    insp.reports(play, "approved")
    assert insp.debts(play) == [1_200_000, 1_590_000]


@pytest.mark.both_databases("saving")
@pytest.mark.rule("INS-10")
def test_a_debt_that_is_not_paid_stays_and_part_payment_is_refused(play):
    insp.begins(play)
    insp.reports(play, "defects", 1)
    shown = office.texts(office.briefing(play, "contractor", "pay_debt").blocks)
    assert "۳۹۰٬۰۰۰ ریال" in shown
    assert insp.TEXT["defects"] in shown, "the reason is shown"
    assert list(play.refuses("contractor", "pay_debt", amount=1000)) == ["amount"]
    insp.pays_debt(play, "fail")
    assert (play.waits_for(), insp.owed(play)) == (LOCKED, 390_000)
    insp.pays_debt(play, "cancel")
    assert (play.waits_for(), insp.owed(play)) == (LOCKED, 390_000)
    insp.pays_debt(play)
    assert [(invoice.total, invoice.status) for invoice in office.invoices(play)] == [(390_000, InvoiceStatus.PAID)]


@pytest.mark.rule("INS-4", "INS-5", "INS-12")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        (insp.report("sub_work"), "outcome"),
        (insp.report("defects"), "meters"),
        (insp.report("absent_with_fee"), "meters"),
        (insp.report("absent_without_fee"), "meters"),
        (insp.report("approved", 1), "meters"),
        (insp.report("defects", 7), "meters"),
        (insp.report("approved") | {"outcome": "fine"}, "outcome"),
        (insp.report("approved") | {"report_text": " "}, "report_text"),
        (insp.report("absent_without_fee", 1, mismatches={1: "دیگر است"}), "mismatches"),
        (insp.report("defects", 1, mismatches={9: "دیگر است"}), "mismatches.0.meter"),
        (insp.report("defects", 1) | {"mismatches": [{"meter": 1, "remark": "الف"}] * 2}, "mismatches.1.meter"),
        (insp.report("defects", 1) | {"mismatches": [{"meter": 1}]}, "mismatches.0.remark"),
        (insp.report("approved", photos=[999]), "photos"),
    ],
)
def test_a_report_that_cannot_be_is_refused_at_its_field_and_nothing_changes(surface_visit, values, field):
    assert list(surface_visit.refuses("inspector-1", "record_report", **values)) == [field]
    assert (insp.reports_of(surface_visit), insp.debts(surface_visit)) == ([], [])


@pytest.fixture
def surface_visit(play):
    """Surface work at the time of its first visit."""
    return insp.visits(insp.begins(play))


@pytest.mark.rule("INS-4")
def test_a_sub_work_is_refused_in_the_final_stage_and_no_report_is_there_before_a_visit(play):
    insp.begins(play, work="concealed")
    assert "record_report" not in play.waits_for()
    insp.reports(play, "approved")
    assert insp.project(play).stage == "final_inspection"
    insp.visits(play)
    errors = play.refuses("inspector-1", "record_report", **insp.report("sub_work"))
    assert "پیش‌بازرسی" in errors["outcome"][0]


@pytest.mark.both_databases("locking")
@pytest.mark.rule("INS-4", "INS-7")
def test_a_double_click_records_one_report_and_makes_one_debt(play):
    insp.visits(insp.begins(play))
    values = insp.report("defects", 1)
    with play.session() as session:
        task = session.scalars(select(Task.id).where(Task.key == "record_report")).one()
    play.does("inspector-1", "record_report", **values)
    with pytest.raises(Exception, match=str(task)) as refused:
        play.does("inspector-1", "record_report", **values)
    assert not isinstance(refused.value, InvalidSubmission)
    assert (len(insp.reports_of(play)), insp.debts(play)) == (1, [390_000])
