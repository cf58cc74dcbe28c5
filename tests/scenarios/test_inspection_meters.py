"""Meters that are not as registered: corrected by the contractor, with what that costs or credits (INS-11)."""

import pytest

from models.case import CaseStatus
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from tests.scenarios.inspection_book import inspection_fee, meter, repeated_visit_fee

LARGER = {"units": 2, "usage": "commercial", "floor_area": 300, "consumption": 12}  # G10
SMALLER = {"units": 1, "usage": "residential", "floor_area": 100, "consumption": 1}  # G4
DIFFERENT = "زیربنا با ثبت یکی نیست"
WAITS_FOR_METER = {"correct_meter": "contractor", "schedule_visit": "inspector"}


def stages(work: str) -> int:
    """How many inspections of each meter are prepaid."""
    return 4 if work == "concealed" else 2


@pytest.mark.both_databases("story")
@pytest.mark.rule("INS-11", "REG-7")
@pytest.mark.parametrize("work", ["surface", "concealed"])
def test_a_larger_meter_is_corrected_and_the_difference_of_what_was_prepaid_is_paid(play, work):
    insp.begins(play, meter("G4"), meter("G6"), work=work)
    insp.reports(play, "approved", mismatches={2: DIFFERENT})
    assert play.waits_for() == WAITS_FOR_METER
    assert "کنتور ۲" in play.task("schedule_visit").locked
    shown = office.briefing(play, "contractor", "correct_meter")
    assert DIFFERENT in office.texts(shown.blocks)
    assert shown.values["floor_area"] == 200

    errors = play.refuses("contractor", "correct_meter", **LARGER | {"consumption": 100})
    assert list(errors) == ["consumption"]
    assert "G25" in errors["consumption"][0], "it says the permitted maximum"
    play.does("contractor", "correct_meter", **LARGER)
    more = (inspection_fee("G10", work) - inspection_fee("G6", work)) * stages(work)
    assert insp.owed(play) == more
    assert "مابه‌التفاوت کلاس" in office.texts(office.briefing(play, "contractor", "pay_debt").blocks)
    assert [(m.number, m.meter_class) for m in insp.project(play).meters] == [(1, "G4"), (2, "G10")]
    assert play.waits_for() == {"pay_debt": "contractor", "schedule_visit": "inspector"}
    insp.pays_debt(play)
    assert insp.project(play).stage == "final_inspection", "the approved report counts once all is paid"
    insp.reports(play, "defects", 2)
    assert insp.owed(play) == repeated_visit_fee("G10", work), "from now on the new class counts"


@pytest.mark.rule("INS-11")
def test_a_smaller_meter_is_a_credit_and_nothing_is_to_be_paid(play):
    insp.begins(play, meter("G10"), work="concealed")
    insp.reports(play, "sub_work", mismatches={1: DIFFERENT})
    play.does("contractor", "correct_meter", **SMALLER)
    assert play.waits_for() == {"schedule_visit": "inspector"}
    [correction] = insp.corrections(play)
    less = (inspection_fee("G4", "concealed") - inspection_fee("G10", "concealed")) * 4
    assert (correction.difference, insp.debts(play)) == (less, [])
    assert (correction.before["meter_class"], correction.after["meter_class"]) == ("G10", "G4")
    assert "۴۰۰٬۰۰۰" in office.texts(office.case_page(play, "contractor"))


@pytest.mark.rule("INS-11", "INS-8")
def test_a_difference_joins_the_debt_of_the_same_report_and_both_are_paid_at_once(play):
    insp.begins(play, meter("G4"), meter("G4"))
    insp.reports(play, "defects", 1, 2, mismatches={1: DIFFERENT, 2: DIFFERENT})
    play.does("contractor", "correct_meter", **LARGER)
    assert play.waits_for() == WAITS_FOR_METER
    play.does("contractor", "correct_meter", **SMALLER | {"units": 3})
    repeated, more = 2 * 390_000, (770_000 - 690_000) * 2
    assert insp.debts(play) == [repeated + more]
    assert [correction.difference for correction in insp.corrections(play)] == [more, 0]
    insp.pays_debt(play)
    assert (insp.owed(play), play.waits_for()) == (0, {"schedule_visit": "inspector"})


@pytest.mark.rule("INS-11", "INS-13")
def test_a_meter_to_correct_is_found_again_when_the_inspector_changes(play):
    insp.begins(play, meter("G4"))
    insp.reports(play, "defects", 1, mismatches={1: DIFFERENT})
    play.does("gas_office", "dismiss_inspector", reason="شکایت مجری")
    assert play.waits_for() == WAITS_FOR_METER
    assert play.task("schedule_visit").assignee_id == play.actor("inspector-2").person_id
    play.does("contractor", "correct_meter", **LARGER)
    insp.pays_debt(play)
    insp.reports(play, "approved", by="inspector-2")
    insp.reports(play, "approved", by="inspector-2")
    assert play.case.status is CaseStatus.COMPLETED


@pytest.mark.rule("INS-14")
def test_a_report_is_corrected_by_another_one_that_refers_to_it_and_stays_as_it_was(play):
    insp.begins(play)
    insp.reports(play, "defects", 1)
    play.does("inspector-1", "correct_report", report=1, report_text="نشتی از اتصال بود، نه از شیر.", photos=[])
    first, second = insp.reports_of(play)
    assert (first.outcome, first.text, second.outcome, second.corrects_id) == (
        "defects",
        insp.TEXT["defects"],
        "correction",
        first.id,
    )
    assert insp.debts(play) == [390_000], "it changes neither outcome nor cost"
    page = office.texts(office.case_page(play, "contractor"))
    assert insp.TEXT["defects"] in page
    assert "نشتی از اتصال بود، نه از شیر." in page
    assert "correct_report" in play.actions(), "it may be done again"
    assert list(play.refuses("inspector-1", "correct_report", report=2, report_text="خود اصلاح")) == ["report"]


@pytest.mark.rule("INS-14")
def test_a_report_of_an_earlier_inspector_is_not_the_next_ones_to_correct(play):
    insp.begins(play)
    insp.reports(play, "absent_without_fee", 1)
    play.does("gas_office", "dismiss_inspector", reason="بیماری")
    assert list(play.refuses("inspector-2", "correct_report", report=1, report_text="من نبودم")) == ["report"]


@pytest.mark.both_databases("sql")
@pytest.mark.rule("DOC-1", "INS-14")
def test_photos_of_a_visit_are_documents_of_the_case_and_everybody_involved_finds_them(play):
    insp.visits(insp.begins(play))
    photo = office.add_document(play, "photo")["document"]
    play.does("inspector-1", "record_report", **insp.report("approved", photos=[photo]))
    assert insp.reports_of(play)[0].photos == [photo]
    assert f"/documents/{photo}" in office.texts(office.case_page(play, "contractor"))
