"""What was written once is read by each person in their language: history lines and diagrams."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import kartabl
from engine.actor import SYSTEM
from engine.bpmn.diagram import in_readers_language
from engine.persistence import history
from engine.queries.history import line
from models.case import Case, HistoryEntry
from models.language import lazy, reading
from tests.engine.office import Office

MOMENT = datetime(2025, 11, 21, 10, 35, tzinfo=UTC)


def told(session: Session, case: Case) -> str:
    entry = session.scalars(
        select(HistoryEntry).where(HistoryEntry.case_id == case.id).order_by(HistoryEntry.id.desc()).limit(1)
    ).one()
    return line(entry).words


@pytest.mark.rule("CASE-1")
def test_a_line_with_values_is_read_in_each_readers_language(office: Office) -> None:
    case = office.case()
    text = lazy("زمان بازدید: %(moment)s", moment=MOMENT)
    history.record(office.session, case, what="visit_scheduled", by=SYSTEM, at=MOMENT, details={"text": text})

    assert told(office.session, case) == "زمان بازدید: ۱۴۰۴/۰۸/۳۰ ساعت ۱۴:۰۵"
    with reading("en"):
        assert told(office.session, case) == "Visit time: 1404/08/30 (2025-11-21) 14:05"


@pytest.mark.rule("CASE-1")
def test_words_and_codes_inside_a_line_are_read_in_the_same_language(office: Office) -> None:
    case = office.case()
    text = lazy("گزارش بازدید ثبت شد: %(outcome)s", outcome=lazy("تایید"))
    history.record(office.session, case, what="report_recorded", by=SYSTEM, at=MOMENT, details={"text": text})
    with reading("en"):
        assert told(office.session, case) == "Visit report recorded: Approved"

    text = lazy("ملک با کد ثبتی %(code)s ثبت شد", code="000068-0")
    history.record(office.session, case, what="property_registered", by=SYSTEM, at=MOMENT, details={"text": text})
    with reading("en"):
        assert told(office.session, case) == "Property registered with the code 000068-0"


def test_a_diagram_is_drawn_in_the_readers_language_and_keeps_its_keys() -> None:
    xml = (kartabl.DIAGRAMS / "gas_inspection.bpmn").read_bytes()
    assert in_readers_language(xml) == xml
    with reading("en"):
        drawn = in_readers_language(xml).decode()
    assert 'name="Set the visit time"' in drawn
    assert 'name="role"' in drawn or 'name="due"' in drawn
