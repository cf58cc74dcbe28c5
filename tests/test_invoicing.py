"""Texts of invoice lines: each comes from the process that makes the invoice."""

import pytest

import workflows  # noqa: F401 - registers the texts
from models.billing import InvoiceLine
from models.language import reading
from workflows.gas.inspections import DEBT, METER_CORRECTION
from workflows.gas.projects import REGISTRATION
from workflows.invoicing import LineTexts
from workflows.registry import line_texts


@pytest.mark.parametrize("reason", [REGISTRATION, DEBT, METER_CORRECTION])
@pytest.mark.parametrize(
    ("item", "stage", "text"),
    [
        ("inspection", "sub_work", "زیرکار"),
        ("repeated_visit", "final_inspection", "بازدید تکراری بازرسی نهایی"),
        ("repeated_visit", "", "بازدید تکراری"),
        ("inspection", "", "بازرسی"),
    ],
)
def test_the_invoices_of_gas_projects_name_item_and_stage(reason, item, stage, text):
    with reading("fa"):
        assert line_texts.of(reason, InvoiceLine(item=item, stage=stage)) == text


def test_a_line_of_an_unknown_reason_shows_its_item():
    assert LineTexts().of("copies", InvoiceLine(item="page", stage="")) == "page"


def test_a_reason_belongs_to_one_process():
    texts = LineTexts()
    texts.register("copies")(lambda line: f"copy of a {line.item}")

    with pytest.raises(ValueError, match="'copies'"):
        texts.register("fines", "copies")(lambda line: line.item)
    assert texts.of("copies", InvoiceLine(item="page", stage="")) == "copy of a page"
