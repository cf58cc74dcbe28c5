"""What an inspector finds in their lists, their week and their worksheet, and the gas office in its own list."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest

from engine.contributions.listings import ListingContext
from engine.errors import InvalidSubmission, NotFound
from models.billing import Invoice, InvoiceLine, InvoiceStatus
from models.gas import GasProject
from models.inspection import InspectionReport, InspectionVisit
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios import inspections
from tests.scenarios.lists import cells, read
from tests.scenarios.projects import assigned, left
from workflows.registry import listings

pytestmark = pytest.mark.both_databases("search")

numbers = itertools.count(1)


def given(play: Play, *, stage: str = "pre_inspection", **values: Any) -> str:
    """A project in the hands of the inspector whose turn it is. Returns its number."""
    project_id = assigned(play, stage=stage, **values)
    play.clock.advance(timedelta(minutes=1))
    with play.session() as session:
        return session.get_one(GasProject, project_id).case.number


def change(play: Play, number: str, **values: Any) -> None:
    with play.session() as session:
        found = project(session, number)
        for name, value in values.items():
            setattr(found, name, value)


def project(session: Any, number: str) -> GasProject:
    found: GasProject = session.query(GasProject).join(GasProject.case).filter_by(number=number).one()
    return found


def reports(play: Play, number: str, outcome: str, **values: Any) -> None:
    """A report on the project, as the inspection records it."""
    with play.session() as session:
        found = project(session, number)
        session.add(
            InspectionReport(
                **{
                    "project_id": found.id,
                    "case_id": found.case_id,
                    "number": next(numbers),
                    "meters": [],
                    "inspector_id": found.inspector_id,
                    "stage": found.stage,
                    "outcome": outcome,
                    "text": "شرح",
                    "at": play.clock.now,
                    "mismatches": [],
                    "photos": [],
                }
                | values
            )
        )
    play.clock.advance(timedelta(minutes=1))


def invoiced(play: Play, number: str, reason: str, status: InvoiceStatus, *lines: tuple[str, str, int, int]) -> int:
    """An invoice with lines (item, stage, quantity, unit amount)."""
    with play.session() as session:
        invoice = Invoice(
            number=f"I-{next(numbers)}",
            case_id=project(session, number).case_id,
            reason=reason,
            status=status,
            created_at=play.clock.now,
            total=sum(quantity * unit for _item, _stage, quantity, unit in lines),
            lines=[
                InvoiceLine(item=item, stage=stage, quantity=quantity, unit_amount=unit, amount=quantity * unit)
                for item, stage, quantity, unit in lines
            ],
        )
        session.add(invoice)
        session.flush()
        return invoice.id


@pytest.mark.rule("INS-1")
def test_both_stages_have_their_list_in_the_order_of_referral_and_a_debt_is_told_with_its_amount(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    pre = [given(play, meters=2) for _ in range(2)]
    final = [given(play, stage="final_inspection") for _ in range(3)]
    given(play, stage="approved")
    change(play, final[0], referred_at=play.clock.now + timedelta(days=3))
    change(play, final[1], debt=1_230_000)
    found = read(play, "inspector-1", "pre_inspections")
    assert cells(found, "number", "meters") == [(pre[0], 2), (pre[1], 2)]
    found = read(play, "inspector-1", "final_inspections")
    assert cells(found, "number") == [final[1], final[2], final[0]]
    assert cells(found, "debt") == ["بدهکار: ۱٬۲۳۰٬۰۰۰ ریال", None, None]
    assert [row.mark for row in found.rows] == ["danger", "", ""]
    assert {listing.key for listing in listings.for_roles({"inspector"}) if listing.home} >= {
        "pre_inspections",
        "final_inspections",
    }


@pytest.mark.rule("INS-1")
def test_a_list_leads_to_the_inspection_and_shows_the_next_visit(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1")
    office.paid(play)
    inspection = play.follow("gas_inspection").case
    with play.session() as session:
        (found,) = session.query(GasProject).all()
        found.stage = "pre_inspection"
        at = play.clock.now + timedelta(days=2)
        for state, days in (("dropped", 1), ("planned", 2)):
            session.add(
                InspectionVisit(
                    project_id=found.id,
                    inspector_id=person,
                    stage=found.stage,
                    set_at=play.clock.now,
                    state=state,
                    at=play.clock.now + timedelta(days=days),
                )
            )
    (row,) = read(play, "inspector-1", "pre_inspections").rows
    assert (row.url, row.values["visit"]) == (f"/cases/{inspection.number}", at)


@pytest.mark.rule("INS-1", "INR-1", "INR-2", "INR-3", "INR-4")
def test_everybody_sees_their_own_only_and_nobody_without_the_role(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    number = given(play)
    reports(play, number, "approved")
    play.people.add("inspector-2", "inspector")
    for key in (
        "pre_inspections",
        "final_inspections",
        "approved_inspections",
        "withdrawn_inspections",
        "dismissed_inspections",
        "financial_report",
    ):
        assert read(play, "inspector-2", key).rows == []
        with pytest.raises(NotFound):
            listings.get(key, play.actor("contractor"))


@pytest.mark.rule("INR-1")
def test_approved_projects_are_searched_by_stage_words_and_days(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    first, second = given(play), given(play, work_type="concealed")
    reports(play, first, "defects", meters=[1])
    reports(play, first, "approved")
    play.clock.advance(timedelta(days=1))
    change(play, first, stage="final_inspection")
    reports(play, first, "approved")
    reports(play, second, "approved")
    everything = read(play, "inspector-1", "approved_inspections")
    assert cells(everything, "number", "stage") == [
        (second, "پیش‌بازرسی"),
        (first, "بازرسی نهایی"),
        (first, "پیش‌بازرسی"),
    ]
    final = read(play, "inspector-1", "approved_inspections", choices={"stage": "final_inspection"})
    assert cells(final, "number") == [first]
    for typed in (first, first.replace("-", ""), f"  {first}"):
        assert set(cells(read(play, "inspector-1", "approved_inspections", q=typed), "number")) == {first}
    day = date(2026, 11, 21)
    assert cells(read(play, "inspector-1", "approved_inspections", date_from=day, date_to=day), "number") == [first]


@pytest.mark.rule("INR-2", "INR-3", "INS-3", "INS-13")
def test_withdrawn_and_dismissed_projects_are_kept_apart_with_the_reason(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    kept = []
    for how, reason in (("withdrawn", ""), ("dismissed", "گزارش‌ها ثبت نشدند."), ("withdrawn", "")):
        project_id = assigned(play, meters=2)
        left(play, project_id, "gas_office", how=how, reason=reason)
        with play.session() as session:
            kept.append(session.get_one(GasProject, project_id).case.number)
        play.clock.advance(timedelta(minutes=1))
    assert cells(read(play, "inspector-1", "withdrawn_inspections"), "number", "meters") == [(kept[2], 2), (kept[0], 2)]
    assert cells(read(play, "inspector-1", "dismissed_inspections"), "number", "reason") == [
        (kept[1], "گزارش‌ها ثبت نشدند."),
    ]
    assert read(play, "inspector-1", "pre_inspections").rows == []


@pytest.mark.rule("INR-4", "FEE-3")
def test_the_financial_report_gives_each_visit_its_fee_and_the_sums_of_the_range(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    surface, concealed = given(play, meters=2, is_block=True), given(play, work_type="concealed")
    invoiced(
        play,
        surface,
        "registration",
        InvoiceStatus.PAID,
        ("inspection", "pre_inspection", 1, 690_000),
        ("inspection", "final_inspection", 1, 690_000),
        ("inspection", "pre_inspection", 1, 730_000),
        ("inspection", "final_inspection", 1, 730_000),
    )
    prepaid = ("inspection", "sub_work", 3, 862_500), ("inspection", "final_inspection", 1, 862_500)
    invoiced(play, concealed, "registration", InvoiceStatus.PAID, *prepaid)
    repeat = invoiced(
        play,
        surface,
        "debt",
        InvoiceStatus.PAID,
        ("repeated_visit", "pre_inspection", 1, 390_000),
        ("class_difference", "final_inspection", 1, 40_000),
    )
    fourth = invoiced(play, concealed, "debt", InvoiceStatus.OPEN, ("inspection", "sub_work", 1, 862_500))
    reports(play, surface, "defects", meters=[2], invoice_id=repeat)
    reports(play, surface, "approved")
    reports(play, surface, "correction")
    reports(play, surface, "absent_without_fee", meters=[1, 2], stage="final_inspection")
    for count in range(1, 4):
        reports(play, concealed, "sub_work", sub_work_number=count)
    reports(play, concealed, "sub_work", sub_work_number=4, invoice_id=fourth)
    reports(play, concealed, "approved")

    found = read(play, "inspector-1", "financial_report")
    assert cells(found, "meters", "outcome", "block", "fee", "paid") == [
        (1, "تایید", "خیر", 0, 0),
        (1, "زیرکار شمارهٔ ۴", "خیر", 862_500, 0),
        (1, "زیرکار شمارهٔ ۳", "خیر", 862_500, 862_500),
        (1, "زیرکار شمارهٔ ۲", "خیر", 862_500, 862_500),
        (1, "زیرکار شمارهٔ ۱", "خیر", 862_500, 862_500),
        (2, "عدم حضور بدون هزینه", "بله", 0, 0),
        (2, "تایید", "بله", 1_420_000, 1_420_000),
        (1, "عدم تایید با اشکال", "بله", 390_000, 390_000),
    ]
    assert found.totals == {"meters": 10, "fee": 5_260_000, "paid": 4_397_500}
    assert [row.mark for row in found.rows].count("warning") == 1

    block = read(play, "inspector-1", "financial_report", choices={"block": "yes", "stage": "pre_inspection"})
    assert block.totals == {"meters": 3, "fee": 1_810_000, "paid": 1_810_000}
    tomorrow = date(2026, 11, 22)
    nothing = read(play, "inspector-1", "financial_report", date_from=tomorrow, date_to=tomorrow)
    assert (nothing.rows, nothing.totals) == ([], {"meters": 0, "fee": 0, "paid": 0})


@pytest.mark.rule("INR-4")
def test_the_sums_are_of_the_whole_range_and_not_of_the_page(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    number = given(play, meters=2)
    for _ in range(5):
        reports(play, number, "absent_without_fee", meters=[1])
    first = read(play, "inspector-1", "financial_report", limit=2)
    assert len(first.rows) == 2 and first.next and first.totals == {"meters": 5, "fee": 0, "paid": 0}
    assert len(read(play, "inspector-1", "financial_report", limit=None).rows) == 5


@pytest.mark.parametrize(
    ("key", "seen"),
    [("pre_inspections", "oldest"), ("approved_inspections", "newest"), ("running_inspections", "newest")],
)
@pytest.mark.rule("INS-1", "INR-1")
def test_pages_follow_one_another_without_gap_or_repetition_even_at_the_same_moment(
    play: Play, key: str, seen: str
) -> None:
    office.add_inspector(play, "inspector-1")
    given_numbers = []
    for count in range(7):
        office.paid(play, renovation_code=f"3-{count}") if key == "running_inspections" else assigned(
            play, stage="pre_inspection"
        )
        with play.session() as session:
            given_numbers.append(session.get_one(type(play.case), play.case_id).number)
        reports_at_once(play, given_numbers[-1])
    who = "gas_office" if key == "running_inspections" else "inspector-1"
    got, cursor = [], None
    for _ in range(5):
        found = read(play, who, key, limit=3, cursor=cursor)
        got += cells(found, "number")
        cursor = found.next
        if cursor is None:
            break
    assert got == (given_numbers if seen == "oldest" else given_numbers[::-1])
    with pytest.raises(InvalidSubmission):
        read(play, who, key, cursor="dHJhc2g")


def reports_at_once(play: Play, number: str) -> None:
    now = play.clock.now
    reports(play, number, "approved")
    play.clock.now = now


@pytest.mark.rule("INS-1")
def test_a_cursor_of_another_list_is_refused(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    for _ in range(2):
        reports(play, given(play), "approved")
    cursor = read(play, "inspector-1", "approved_inspections", limit=1).next
    assert cursor
    with pytest.raises(InvalidSubmission):
        read(play, "inspector-1", "financial_report", cursor=cursor)


@pytest.mark.rule("INS-2", "CAL-4")
def test_the_week_holds_own_visits_of_its_days_in_tehran_and_marks_a_missing_report(play: Play) -> None:
    person = office.add_inspector(play, "inspector-1")
    number = given(play)
    saturday = play.clock.now.replace(hour=0, minute=0) - timedelta(hours=3, minutes=30)  # 1405/08/30, 00:00 in Tehran
    with play.session() as session:
        found = project(session, number)
        for at, state, inspector in (
            (saturday - timedelta(minutes=1), "planned", person),
            (saturday, "reported", person),
            (saturday + timedelta(hours=2), "planned", person),
            (saturday + timedelta(days=1), "dropped", person),
            (saturday + timedelta(days=7, minutes=-1), "planned", person),
            (saturday + timedelta(days=7), "planned", person),
            (saturday + timedelta(days=1), "planned", play.actor("gas_office").person_id),
        ):
            session.add(
                InspectionVisit(
                    project_id=found.id,
                    inspector_id=inspector,
                    stage="pre_inspection",
                    at=at,
                    state=state,
                    set_at=saturday,
                )
            )
    with play.session() as session:
        actor = play.actor("inspector-1")
        context = ListingContext(session=session, actor=actor, now=play.clock.now, services=play.engine.services)
        week = listings.week("visits", actor).read(context, date(2026, 11, 21), date(2026, 11, 27))
    assert [(entry.at - saturday, entry.mark) for entry in week] == [
        (timedelta(0), ""),
        (timedelta(hours=2), "warning"),
        (timedelta(days=7, minutes=-1), ""),
    ]
    assert week[0].url == f"/cases/{number}" and "پیش‌بازرسی" in week[0].text


@pytest.mark.rule("INS-13")
def test_the_gas_office_sees_all_running_inspections_and_narrows_them(play: Play) -> None:
    office.add_inspector(play, "inspector-1")
    found = []
    for count, changes in enumerate(({"debt": 5}, {"stage": "final_inspection"}, {"inspector_id": None})):
        office.paid(play, renovation_code=f"3-{count}")
        found.append(play.case.number)
        change(play, found[-1], **({"stage": "pre_inspection"} | changes))
    debtor, final, nobody = found
    assert cells(read(play, "gas_office", "running_inspections"), "number") == [nobody, final, debtor]
    narrowed = {
        name: cells(read(play, "gas_office", "running_inspections", **asked), "number")
        for name, asked in {
            "debt": {"choices": {"state": "in_debt"}},
            "nobody": {"choices": {"state": "no_inspector"}},
            "final": {"choices": {"stage": "final_inspection"}},
            "number": {"q": final},
            "words": {"q": "برج آفتاب"},
            "none": {"q": "چیزی‌که‌نیست"},
        }.items()
    }
    assert narrowed == {
        "debt": [debtor],
        "nobody": [nobody],
        "final": [final],
        "number": [final],
        "words": [nobody, final, debtor],
        "none": [],
    }


@pytest.mark.rule("INR-4", "INS-7", "INS-8", "FEE-1", "FEE-2")
@pytest.mark.parametrize(
    ("work", "outcomes"),
    [
        ("surface", ["defects", "absent_without_fee", "approved", "absent_with_fee", "approved"]),
        ("concealed", ["sub_work", "defects", "sub_work", "sub_work", "sub_work", "approved", "approved"]),
    ],
)
def test_the_fees_of_a_finished_projects_reports_are_all_that_was_paid_for_it(
    play: Play, work: str, outcomes: list[str]
) -> None:
    inspections.begins(play, office.METER, office.METER | {"consumption": 10}, work=work)
    for outcome in outcomes:
        marked = [2] if outcome == "defects" or outcome.startswith("absent") else []
        inspections.reports(play, outcome, *marked)
        if "pay_debt" in play.waits_for():
            inspections.pays_debt(play)
    assert play.case.outcome == "inspection_approved"
    found = read(play, "inspector-1", "financial_report")
    with play.session() as session:
        paid = sum(invoice.total for invoice in session.query(Invoice).filter_by(status=InvoiceStatus.PAID))
    assert len(found.rows) == len(outcomes)
    assert found.totals and found.totals["fee"] == found.totals["paid"] == paid > 0
    approved = [row.values["stage"] for row in read(play, "inspector-1", "approved_inspections").rows]
    assert approved == ["بازرسی نهایی", "پیش‌بازرسی"]
