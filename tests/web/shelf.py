"""A library's lists, week and own sheet, in registries of their own: what any process may offer to a role."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import kartabl
from engine.contributions.briefings import Briefing, Notice
from engine.contributions.listings import Column, Filter, ListingContext, Listings, ListPage, ListQuery, Row, WeekEntry
from engine.contributions.sheets import Sheets
from engine.errors import Refusal
from engine.paging import page_of, read_cursor
from forms import TaskForm, user_task
from forms.fields import SelectField, TextField
from forms.rows import RowForm, RowsField
from forms.validators import Required
from models.choice import Choice
from tests.conftest import SATURDAY

COLUMNS = (
    Column("title", "عنوان"),
    Column("pages", "صفحه", "number"),
    Column("price", "بها", "rials"),
    Column("printed", "چاپ", "date"),
    Column("lent", "امانت", "moment"),
    Column("writer", "نویسنده", "link"),
)
FILTERS = (
    Filter("q", "عنوان کتاب", "search"),
    Filter("mark", "حال", "choice", (Choice("danger", "گم‌شده"), Choice("warning", "دیرکرده"))),
    Filter("since", "از روز", "date_from"),
    Filter("until", "تا روز", "date_to"),
)
FIRST_DAY = date(2026, 11, 21)  # 1405/08/30
FORMULA = '=HYPERLINK("http://evil.example")'


class Place(RowForm):
    name = TextField("نام جا", [Required()])


@user_task("me")
class OwnSheet(TaskForm):
    submit_label = "ذخیرهٔ برگه"

    firm = TextField("ناشر", [Required()])
    role = SelectField("گروه")
    places = RowsField(Place, "جاها", min_rows=0, max_rows=5)


class Shelf:
    """``books`` rows; what was asked of it, and what the person has written about themselves."""

    def __init__(self, books: int = 70) -> None:
        self.asked: list[ListQuery] = []
        self.sheet: dict[str, Any] = {"firm": "نشر آفتاب"}
        self.rows = [book(number) for number in range(books)]
        self.listings, self.sheets = Listings(), Sheets()
        self._register()

    def wired(self, application: kartabl.Application) -> kartabl.Application:
        """The application with these registries in the place of its own."""
        return dataclasses.replace(application, listings=self.listings, sheets=self.sheets)

    def read(self, _context: ListingContext, asked: ListQuery) -> ListPage:
        self.asked.append(asked)
        rows = [row for row in self.rows if self._wanted(row, asked)]
        begin = read_cursor(asked.cursor, "books", [int])[0] if asked.cursor else -1
        rest = [row for row in rows if row.values["pages"] > begin]
        found = page_of(rest[: asked.most + 1], asked.most, lambda row: [row.values["pages"]], sort="books")
        totals = {"pages": sum(row.values["pages"] for row in rows), "price": sum(row.values["price"] for row in rows)}
        return ListPage(found.items, found.next, totals)

    def week(self, _context: ListingContext, first: date, last: date) -> list[WeekEntry]:
        at = SATURDAY + timedelta(hours=4)
        late = datetime(2026, 11, 27, 20, 45, tzinfo=SATURDAY.tzinfo)  # already Saturday in Tehran
        entries = [WeekEntry(at, "نشست 12", "/cases"), WeekEntry(late, "شب‌نشینی", mark="danger")]
        return [entry for entry in entries if first <= entry.at.date() <= last]

    def own(self, _context: ListingContext) -> Briefing:
        offered = {"role": [Choice("citizen", "شهروندان"), Choice("finance", "مالی")]}
        return Briefing(values=self.sheet, choices=offered, blocks=[Notice("info", "این برگه از آن خود شماست.")])

    def write(self, _context: ListingContext, submission: Mapping[str, Any]) -> str:
        if submission["firm"] == "نشر ماه":
            raise Refusal({"firm": ["این ناشر تعطیل است."]})
        self.sheet = dict(submission)
        return "برگه ذخیره شد."

    def _wanted(self, row: Row, asked: ListQuery) -> bool:
        printed = row.values["printed"]
        return (
            asked.q in row.values["title"]
            and row.mark == asked.choices.get("mark", row.mark)
            and (asked.date_from or printed) <= printed <= (asked.date_to or printed)
        )

    def _register(self) -> None:
        self.listings.register(
            key="books",
            label="کتاب‌ها",
            role="finance",
            columns=COLUMNS,
            filters=FILTERS,
            home=2,
            exports=("csv", "xlsx", "pdf"),
            badge=lambda _context: 7,
            group="کتابخانه",
        )(self.read)
        self.listings.register(key="plain", label="ساده", role={"finance", "citizen"}, columns=COLUMNS)(self.read)
        self.listings.register_week(key="desk", label="هفتهٔ میز", role="finance", group="کتابخانه")(self.week)
        self.sheets.register(
            key="me", label="برگهٔ من", role="finance", form="shelf.me", read=self.own, group="کتابخانه"
        )(self.write)


def book(number: int) -> Row:
    """Book number 0 has a title that a spreadsheet would run; the others are told apart by their numbers."""
    values = {
        "title": FORMULA if number == 0 else f"کتاب {number}",
        "pages": number,
        "price": number * 1_000_000,
        "printed": FIRST_DAY + timedelta(days=number),
        "lent": SATURDAY if number % 2 else None,
        "writer": (f"نویسندهٔ {number}", "/cases"),
    }
    return Row(values, url=f"/cases/{number}", mark={1: "danger", 2: "warning"}.get(number, ""))
