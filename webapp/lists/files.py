"""A list as a file: CSV and XLSX for other programs, and the texts that are printed as PDF."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, TypedDict

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from engine.contributions.listings import Column, Listing, ListPage
from models import jalali, language
from models.language import gettext as _
from webapp.shell import current, filters

NUMERIC = ("number", "rials")
FORMULA = re.compile(r"\s*[=+\-@]|[\t\r]")  # what a spreadsheet would run instead of showing it
WIDEST = 48  # signs; longer texts are wrapped
NARROWEST = 6

Cells = Sequence[Any]


class PrintedList(TypedDict):
    """Every text of a printed list, in the reader's words and digits.

    ``head``: labels and values above the list; ``widths``: of the columns, in characters; ``marks``: of the rows,
    "danger", "warning" or ""; ``totals``: a last row, by column.
    """

    lang: str
    rtl: bool
    numbering: str
    title: str
    head: list[tuple[str, str]]
    columns: list[str]
    numeric: list[bool]
    widths: list[int]
    rows: list[list[str]]
    marks: list[str]
    totals: list[str] | None
    empty: str
    page: str


class PrintList(Protocol):
    """Makes the PDF of a list."""

    def __call__(self, texts: PrintedList, /) -> bytes: ...


def csv_file(listing: Listing, result: ListPage) -> bytes:
    """UTF-8 with a byte order mark, so that spreadsheets read Persian; no text in it is run as a formula."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    for line in _lines(listing, result):
        writer.writerow([_harmless(value) for value in line])
    return written.getvalue().encode("utf-8-sig")


def xlsx_file(listing: Listing, result: ListPage) -> bytes:
    """A workbook of one sheet, from right to left for Persian readers; amounts are numbers, all else is text."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", str(listing.label))[:31])
    sheet.sheet_view.rightToLeft = language.current() == "fa"
    sheet.freeze_panes = "A2"
    lines = _lines(listing, result)
    for number, width in enumerate(_widths(lines), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width + 3
    last = len(lines) if result.totals else 0
    for number, line in enumerate(lines, start=1):
        sheet.append([_cell(sheet, value, bold=number in (1, last)) for value in line])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def printable(listing: Listing, result: ListPage, *, filters_in_words: Sequence[tuple[str, str]]) -> PrintedList:
    """The texts of a list for its PDF. ``filters_in_words``: the labels of the filters in force and their values."""
    rows = [[text_of(column, row.values.get(column.key)) for column in listing.columns] for row in result.rows]
    totals = _totals(listing, result.totals, text_of) if result.totals else None
    persian = language.current() == "fa"
    labels = [str(column.label) for column in listing.columns]
    return {
        "lang": language.current(),
        "rtl": persian,
        "numbering": "۱" if persian else "1",
        "title": str(listing.label),
        "head": [
            *filters_in_words,
            (_("تهیه در"), filters.moment(current.now())),
            (_("تعداد ردیف‌ها"), filters.digits(len(rows))),
        ],
        "columns": labels,
        "numeric": [column.kind in NUMERIC for column in listing.columns],
        "widths": _widths([labels, *rows, *([totals] if totals else [])]),
        "rows": rows,
        "marks": [row.mark for row in result.rows],
        "totals": totals,
        "empty": _("چیزی در این فهرست نیست."),
        "page": _("صفحهٔ"),
    }


def text_of(column: Column, value: Any) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return ""
    if column.kind == "rials":
        return filters.rials(value)
    if isinstance(value, datetime):
        return filters.moment(value)
    if isinstance(value, date):
        return filters.day(value)
    if column.kind == "number" and not isinstance(value, str):
        return filters.number(value)
    return filters.digits(value[0] if column.kind == "link" else value)


def plain(column: Column, value: Any) -> Any:
    """A value for other programs: numbers as they are, dates in Jalali with plain digits."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return jalali.moment_text(value, current.zone())
    if isinstance(value, date):
        return jalali.jalali_text(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return value
    return str(value[0] if column.kind == "link" else value)


def _lines(listing: Listing, result: ListPage) -> list[list[Any]]:
    """The head, the rows, and the sums of them when there are any."""
    head = [str(column.label) for column in listing.columns]
    rows = [[plain(column, row.values.get(column.key)) for column in listing.columns] for row in result.rows]
    return [head, *rows, *([_totals(listing, result.totals, plain)] if result.totals else [])]


def _totals(listing: Listing, totals: Mapping[str, Any], draw: Any) -> list[Any]:
    sums = [draw(column, totals.get(column.key)) for column in listing.columns]
    return [_("جمع"), *sums[1:]] if listing.columns[0].key not in totals else sums


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def _cell(sheet: Any, value: Any, *, bold: bool) -> Any:
    text = isinstance(value, str)
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value) if text else value)
    if text:
        cell.data_type = "s"  # also what begins with "=": a spreadsheet displays it and does not compute it
    else:
        cell.number_format = "#,##0.##" if value != int(value) else "#,##0"
    cell.alignment = Alignment(wrap_text=text, vertical="top")
    cell.font = Font(bold=bold)
    return cell


def _widths(lines: Sequence[Cells]) -> list[int]:
    """How many signs each column needs."""
    return [
        max(NARROWEST, min(WIDEST, max(len(str(value)) for value in column))) for column in zip(*lines, strict=True)
    ]
