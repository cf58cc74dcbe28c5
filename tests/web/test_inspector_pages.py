"""The inspector's pages as a browser gets them: lists, files, the week, the worksheet."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import openpyxl
import pypdf
import pytest
from flask.testing import FlaskClient

from models.gas import Inspector
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios.test_inspector_lists import change, given, reports

LISTS = (
    "pre_inspections",
    "final_inspections",
    "approved_inspections",
    "withdrawn_inspections",
    "dismissed_inspections",
    "financial_report",
)


@pytest.fixture
def inspector(play: Play, signed_in: Any) -> FlaskClient:
    """An inspector with a project in debt that was approved once."""
    browser: FlaskClient = signed_in("inspector-1", "inspector")
    office.add_inspector(play, "inspector-1")
    number = given(play, meters=2)
    reports(play, number, "approved")
    change(play, number, stage="final_inspection", debt=1_230_000)
    return browser


@pytest.mark.both_databases("search")
@pytest.mark.rule("INS-1", "INR-1", "INR-2", "INR-3", "INR-4")
def test_every_list_is_a_page_and_a_file_for_inspectors_alone(inspector: FlaskClient, signed_in: Any) -> None:
    contractor = signed_in("contractor", "contractor")
    for key in LISTS:
        assert inspector.get(f"/lists/{key}").status_code == 200
        assert inspector.get(f"/lists/{key}.csv").data.startswith(b"\xef\xbb\xbf")
        assert contractor.get(f"/lists/{key}").status_code == 404
    home = inspector.get("/worklist").text
    assert "بدهکار: ۱٬۲۳۰٬۰۰۰ ریال" in home and "بازرسی‌های نهایی من" in home


@pytest.mark.rule("INR-4")
def test_the_financial_report_is_printed_and_a_sheet_with_sums(inspector: FlaskClient) -> None:
    days = "from=1405/08/30&to=1405/08/30"
    printed = inspector.get(f"/lists/financial_report.pdf?{days}")
    assert printed.content_type == "application/pdf"
    assert len(pypdf.PdfReader(BytesIO(printed.data)).pages) == 1
    book = openpyxl.load_workbook(BytesIO(inspector.get(f"/lists/financial_report.xlsx?{days}").data))
    rows = list(book.active.iter_rows(values_only=True)) if book.active else []
    assert any("پیش‌بازرسی" in row for row in rows)
    assert inspector.get("/lists/financial_report?from=1405/12/30").status_code == 422


@pytest.mark.both_databases("search")
@pytest.mark.rule("INS-2")
def test_the_week_is_a_page(inspector: FlaskClient) -> None:
    assert inspector.get("/weeks/visits").status_code == 200


@pytest.mark.rule("INR-5")
def test_the_worksheet_is_kept_and_refused_without_a_region(inspector: FlaskClient, play: Play) -> None:
    page = inspector.get("/sheets/worksheet").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    refused = inspector.post("/sheets/worksheet", data={"csrf_token": token, "ready": "y"})
    assert refused.status_code == 422 and "حداقل یک منطقه" in refused.text
    kept = inspector.post("/sheets/worksheet", data={"csrf_token": token, "ready": "y", "regions": ["2", "7"]})
    assert kept.status_code == 303
    with play.session() as session:
        assert sorted(row.region for row in session.query(Inspector).one().regions) == [2, 7]
