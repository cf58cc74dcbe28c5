"""What is read for an inspection does not grow with the reports that were recorded before."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import event, select

from models.case import Case
from models.digits import persian_digits
from models.inspection import InspectionReport, InspectionVisit, MeterCorrection
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from workflows.gas.projects import project_of
from workflows.gas_inspection.printout import printed

MANY = 40  # reports, each of a visit, each with a meter that was found different and put right


def written(number: int) -> str:
    return f"بازدید {persian_digits(number)} از آغاز"


@pytest.fixture
def long_one(play: Play) -> Play:
    """An inspection with many reports; the last one made a debt that is owed."""
    insp.begins(play, office.METER, work="concealed")
    project = insp.project(play)
    with play.session() as session:
        for number in range(1, MANY + 1):
            visit = InspectionVisit(
                project_id=project.id,
                inspector_id=project.inspector_id,
                stage=project.stage,
                at=play.clock.now,
                set_at=play.clock.now,
                state="reported",
            )
            session.add(visit)
            session.flush()
            report = InspectionReport(
                project_id=project.id,
                case_id=play.case_id,
                number=number,
                inspector_id=project.inspector_id,
                visit_id=visit.id,
                stage=project.stage,
                outcome="absent_without_fee",
                text=written(number),
                at=play.clock.now,
                meters=[1],
                mismatches=[],
                photos=[],
            )
            session.add(report)
            session.flush()
            session.add(
                MeterCorrection(
                    project_id=project.id,
                    report_id=report.id,
                    meter_number=1,
                    remark="دیگر است",
                    difference=0,
                    corrected_at=play.clock.now,
                )
            )
    return insp.reports(play, "defects", 1)


@contextmanager
def loaded() -> Iterator[Counter[str]]:
    """How many rows of each kind are loaded inside the block."""
    counts: Counter[str] = Counter()

    def count(found: Any, _context: Any) -> None:
        counts[type(found).__name__] += 1

    kinds = (InspectionReport, InspectionVisit, MeterCorrection)
    for kind in kinds:
        event.listen(kind, "load", count)
    yield counts
    for kind in kinds:
        event.remove(kind, "load", count)


@pytest.mark.both_databases("search")
@pytest.mark.rule("INS-14")
def test_the_page_of_a_case_has_its_newest_reports_and_the_way_to_all(long_one: Play) -> None:
    with loaded() as counts:
        blocks = office.case_page(long_one, "contractor")
    assert counts["InspectionReport"] <= 10
    assert counts["MeterCorrection"] <= 10
    shown = office.texts(blocks)
    assert written(MANY) in shown
    assert written(1) not in shown
    assert f"/cases/{long_one.case.number}/reports/inspection_reports.pdf" in shown


@pytest.mark.rule("INS-14")
def test_the_printout_has_every_report_however_many(long_one: Play) -> None:
    engine = long_one.engine
    printout = engine.printouts.get("gas_inspection", "inspection_reports")
    with long_one.session() as session:
        case = session.scalars(select(Case).where(Case.id == long_one.case_id)).one()
        context = engine.briefing_context(session, case, long_one.actor("contractor"))
        assert printout.unavailable(context) is None
        rows = printed(context, project_of(session, case))["rows"]
        pdf = printout.render(context)
    assert [row[0] for row in rows] == [persian_digits(number) for number in range(1, MANY + 2)]
    assert rows[0][-1] == written(1)
    assert len(PdfReader(io.BytesIO(pdf)).pages) > 1


def test_there_is_nothing_to_print_before_the_first_report(play: Play) -> None:
    insp.begins(play)
    printout = play.engine.printouts.get("gas_inspection", "inspection_reports")
    with play.session() as session:
        case = session.scalars(select(Case).where(Case.id == play.case_id)).one()
        context = play.engine.briefing_context(session, case, play.actor("contractor"))
        assert printout.unavailable(context) == "هنوز گزارشی برای این پروژه ثبت نشده است."


@pytest.mark.rule("INS-10")
def test_a_debt_is_explained_by_its_own_report_alone(long_one: Play) -> None:
    with loaded() as counts:
        shown = office.texts(office.briefing(long_one, "contractor", "pay_debt").blocks)
    assert (counts["InspectionReport"], counts["MeterCorrection"]) == (1, 0)
    assert insp.TEXT["defects"] in shown


@pytest.mark.rule("INS-14")
def test_the_oldest_report_can_be_corrected_without_reading_all(long_one: Play) -> None:
    with loaded() as counts:
        offered = office.briefing(long_one, "inspector-1", "correct_report")
    assert counts["InspectionReport"] <= 5
    assert offered.values == {"report": MANY + 1}, "the newest is what is corrected most"
    long_one.does("inspector-1", "correct_report", report=1, report_text="در خانه بودند.", photos=[])
    corrected = insp.reports_of(long_one)[-1]
    assert (corrected.number, corrected.text) == (MANY + 2, "در خانه بودند.")
    assert corrected.corrects_id == insp.reports_of(long_one)[0].id


@pytest.mark.both_databases("search")
def test_a_step_reads_as_much_after_many_reports_as_after_one(long_one: Play) -> None:
    insp.pays_debt(long_one)
    with loaded() as counts:
        insp.visits(long_one)
        long_one.does("inspector-1", "record_report", **insp.report("absent_without_fee", 1))
    assert counts["InspectionReport"] <= 3 * 5, "the newest five, each time the step is looked at"
    assert counts["MeterCorrection"] == 0
