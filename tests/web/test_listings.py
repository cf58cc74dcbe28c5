"""Lists of a role: their page, filters and files, the first rows on the worklist, the API; weeks and own sheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from pypdf import PdfReader

import kartabl
from engine.contributions.listings import Column, Filter, Listings, ListPage, Row
from engine.contributions.sheets import Sheets
from tests import audited
from tests.web.api_client import Api
from tests.web.shelf import FORMULA, Shelf

SignIn = Callable[..., FlaskClient]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def application(application: kartabl.Application, shelf: Shelf) -> kartabl.Application:
    return shelf.wired(application)


@pytest.fixture
def reader(signed_in: SignIn) -> FlaskClient:
    return signed_in("finance")


def titles(page: str) -> list[str]:
    return [re.sub("<[^>]+>", "", found) for found in re.findall(r'class="list__title"[^>]*>(.*?)</a>', page)]


# The page


@pytest.mark.both_databases("search")
def test_a_page_shows_thirty_rows_and_leads_on_to_the_rest(reader: FlaskClient, shelf: Shelf) -> None:
    shown, query = [], ""
    while True:
        page = reader.get(f"/lists/books{query}")
        assert page.status_code == 200
        assert len(titles(page.text)) <= 30
        shown += titles(page.text)
        found = re.search(r'name="cursor" value="([^"]+)"', page.text)
        if found is None:
            break
        query = f"?cursor={found[1]}"
    assert len(shown) == len(set(shown)) == 70
    assert {asked.most for asked in shelf.asked} == {30}, "no more was asked for than is shown"


def test_values_are_written_for_the_reader_and_the_first_column_leads_on(reader: FlaskClient) -> None:
    page = reader.get("/lists/books?q=کتاب 12").text
    assert "کتاب ۱۲" in page
    assert "۱۲٬۰۰۰٬۰۰۰ ریال" in page
    assert "۱۴۰۵/۰۹/۱۲" in page
    assert 'href="/cases/12"' in page
    assert "جمع" in page


def test_a_row_that_is_marked_is_seen_so(reader: FlaskClient) -> None:
    page = reader.get("/lists/books").text
    assert page.count("list__row--danger") == page.count("list__row--warning") == 1


@pytest.mark.both_databases("search")
def test_filters_narrow_the_list_down_and_stay_on_the_page(reader: FlaskClient, shelf: Shelf) -> None:
    page = reader.get("/lists/books?mark=danger").text
    assert titles(page) == ["کتاب ۱"]
    assert '<option selected value="danger">' in page
    asked = shelf.asked[-1]
    assert (asked.choices, asked.q, asked.date_from) == ({"mark": "danger"}, "", None)


@pytest.mark.rule("CAL-4")
def test_days_are_typed_in_jalali_with_any_digits(reader: FlaskClient) -> None:
    page = reader.get("/lists/books", query_string={"since": "۱۴۰۵/۰۹/۰۱", "until": "1405/09/02"})
    assert titles(page.text) == ["کتاب ۱", "کتاب ۲"]


@pytest.mark.rule("CAL-4")
@pytest.mark.parametrize("day", ["1405/13/01", "1405/12/30", "1405/07/31", "دیروز", "05/09/01"])
def test_a_day_that_does_not_exist_is_said_at_its_field(reader: FlaskClient, shelf: Shelf, day: str) -> None:
    page = reader.get("/lists/books", query_string={"since": day})
    assert page.status_code == 422
    assert 'id="since-error"' in page.text
    assert titles(page.text) == []
    assert shelf.asked == []


def test_a_range_that_ends_before_it_begins_is_said_at_its_field(reader: FlaskClient) -> None:
    page = reader.get("/lists/books?since=1405/09/02&until=1405/09/01")
    assert page.status_code == 422
    assert 'id="until-error"' in page.text


@pytest.mark.parametrize("query", ["mark=nothing", "cursor=x", "cursor=%FF", "q=" + "ا" * 201])
def test_an_address_that_was_made_up_is_refused(reader: FlaskClient, query: str) -> None:
    assert reader.get(f"/lists/books?{query}").status_code == 422


def test_a_list_is_there_for_its_role_only(signed_in: SignIn) -> None:
    citizen = signed_in("citizen")
    for path in ("/lists/books", "/lists/books.csv", "/weeks/desk", "/sheets/me", "/lists/none", "/weeks/books"):
        assert citizen.get(path).status_code == 404, path
    assert citizen.get("/lists/plain").status_code == 200
    assert "/lists/books" not in citizen.get("/worklist").text


@pytest.mark.parametrize(
    "path", ["/lists/torn", "/lists/torn.csv", "/lists/torn.xlsx", "/worklist", "/api/v1/lists/torn"]
)
def test_a_row_without_the_value_of_a_column_is_refused_wherever_the_list_is_read(
    reader: FlaskClient, shelf: Shelf, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """It would show a column that is empty, and nobody would know why. What has nothing to show says ``None``."""
    columns = [Column("title", "عنوان"), Column("price", "بها")]
    torn = ListPage([Row({"title": "کتاب", "price": None}), Row({"title": "کتاب"})])
    shelf.listings.register(key="torn", label="پاره", role="finance", columns=columns, home=2)(
        lambda _context, _query: torn
    )
    by_api = Api.signed_in(reader, "finance").headers if path.startswith("/api") else {}
    assert reader.get(path, headers=by_api).status_code == 500
    assert "List torn: a row has no value for price" in caplog.text


# Files


def lines_of(answer: Any) -> list[list[str]]:
    assert answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("kind", ["csv", "xlsx", "pdf"])
def test_each_file_is_recorded_with_the_person_and_kept_by_no_browser(
    reader: FlaskClient, application: kartabl.Application, kind: str
) -> None:
    answer = reader.get(f"/lists/books.{kind}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert audited.last(application) == ("list_exported", "finance", ("list", "books"), "127.0.0.1")


@pytest.mark.both_databases("search")
def test_the_csv_holds_all_rows_and_the_sums(reader: FlaskClient) -> None:
    answer = reader.get("/lists/books.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=books-1405-08-30.csv"
    head, *rows, totals = lines_of(answer)
    assert head == ["عنوان", "صفحه", "بها", "چاپ", "امانت", "نویسنده"]
    assert len(rows) == 70
    assert rows[3] == ["کتاب 3", "3", "3000000", "1405/09/03", "1405/08/30 10:00", "نویسندهٔ 3"]
    assert totals == ["جمع", "2415", "2415000000", "", "", ""]


def test_a_file_is_narrowed_down_like_the_page(reader: FlaskClient) -> None:
    page = reader.get("/lists/books?mark=danger").text
    assert 'href="/lists/books.csv?mark=danger"' in page
    assert [line[0] for line in lines_of(reader.get("/lists/books.csv?mark=danger"))] == ["عنوان", "کتاب 1", "جمع"]
    assert reader.get("/lists/books.csv?since=1405/13/01").status_code == 422


def test_no_text_is_run_by_a_spreadsheet(reader: FlaskClient) -> None:
    assert lines_of(reader.get("/lists/books.csv"))[1][0] == f"'{FORMULA}"
    cell = load_workbook(io.BytesIO(reader.get("/lists/books.xlsx").data)).active["A2"]
    assert (cell.value, cell.data_type) == (FORMULA, "s")


def test_the_workbook_runs_from_right_to_left_and_counts(reader: FlaskClient) -> None:
    answer = reader.get("/lists/books.xlsx")
    sheet = load_workbook(io.BytesIO(answer.data)).active
    assert sheet.sheet_view.rightToLeft
    assert (sheet.title, sheet.max_row, sheet.freeze_panes) == ("کتاب‌ها", 72, "A2")
    row = [cell.value for cell in sheet[5]]
    assert row == ["کتاب 3", 3, 3_000_000, "1405/09/03", "1405/08/30 10:00", "نویسندهٔ 3"]
    assert [cell.value for cell in sheet[72]][:3] == ["جمع", 2415, 2_415_000_000]


def test_the_pdf_says_what_it_holds_in_persian_digits(reader: FlaskClient) -> None:
    answer = reader.get("/lists/books.pdf?since=1405/09/01")
    pages = PdfReader(io.BytesIO(answer.data)).pages
    text = " ".join(page.extract_text() for page in pages)
    assert answer.content_type == "application/pdf"
    assert len(pages) > 1
    assert {"۰۹", "۹۰"} & set(re.findall("[۰-۹]+", text)), "the month, whose digits pypdf may take from right to left"
    assert not re.search("[0-9]", text)


def test_a_pdf_of_an_empty_list_can_be_had(reader: FlaskClient, shelf: Shelf) -> None:
    shelf.rows = []
    assert len(PdfReader(io.BytesIO(reader.get("/lists/books.pdf").data)).pages) == 1


def test_a_file_that_would_be_too_long_is_refused_with_advice(reader: FlaskClient, shelf: Shelf) -> None:
    shelf.rows = Shelf(2_001).rows
    answer = reader.get("/lists/books.pdf")
    assert answer.status_code == 422
    assert "۲۰۰۰" in answer.text
    assert reader.get("/lists/books.csv").status_code == 200


def test_a_list_gives_only_the_files_that_it_names(reader: FlaskClient) -> None:
    assert reader.get("/lists/plain.csv").status_code == 200
    assert reader.get("/lists/plain.pdf").status_code == 404
    assert reader.get("/lists/plain.exe").status_code == 404


def test_files_are_in_the_language_of_their_reader(reader: FlaskClient) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', reader.get("/worklist").text)
    assert token is not None
    reader.post("/language/en", data={"csrf_token": token[1]})
    assert not load_workbook(io.BytesIO(reader.get("/lists/books.xlsx").data)).active.sheet_view.rightToLeft
    assert reader.get("/lists/books.pdf").status_code == 200


# The worklist page and the navigation


@pytest.mark.both_databases("search")
def test_the_first_rows_stand_on_the_worklist_page_with_a_way_to_all(reader: FlaskClient, shelf: Shelf) -> None:
    page = reader.get("/worklist").text
    home = page.partition('id="list-books"')[2].partition("</section>")[0]
    assert len(titles(home)) == 2
    assert 'href="/lists/books"' in home
    assert "<tfoot" not in home, "sums of all rows below the first two would mislead"
    assert 'id="list-plain"' not in page
    assert [asked.limit for asked in shelf.asked] == [2]


def test_whoever_looks_for_a_task_sees_tasks_only(reader: FlaskClient, shelf: Shelf) -> None:
    assert 'id="list-books"' not in reader.get("/worklist?q=12").text
    assert shelf.asked == []


def test_the_navigation_has_what_is_the_persons_own(reader: FlaskClient) -> None:
    side = reader.get("/lists/books").text.partition('<nav class="side"')[2].partition("</nav>")[0]
    assert side.count('class="side-nav__heading">کتابخانه') == 1
    order = re.findall(r'href="(/(?:lists|weeks|sheets)/\w+)"', side)
    assert order == ["/lists/books", "/weeks/desk", "/sheets/me", "/lists/plain"]
    assert '<span class="side-nav__count">۷</span>' in side
    assert re.search(r'href="/lists/books" aria-current="page"', side)


# The API


def test_the_api_gives_the_same_rows(client: Any, people: Any) -> None:
    people.add("finance", "finance")
    api = Api.signed_in(client, "finance")
    page = api.get("/lists/books", mark="danger", limit=5).json or {}
    assert page["next"] is None
    assert page["items"] == [
        {
            "values": {
                "title": "کتاب 1",
                "pages": 1,
                "price": 1_000_000,
                "printed": "2026-11-22",
                "lent": "2026-11-21T06:30:00Z",
                "writer": {"text": "نویسندهٔ 1", "url": "/cases"},
            },
            "url": "/cases/1",
            "mark": "danger",
        }
    ]
    assert page["totals"] == {"pages": 1, "price": 1_000_000}


@pytest.mark.both_databases("search")
def test_the_api_pages_filters_and_refuses_like_the_page(client: Any, people: Any) -> None:
    people.add("finance", "finance")
    api = Api.signed_in(client, "finance")
    first = api.get("/lists/books", since="2026-11-23", limit=2).json or {}
    assert [row["values"]["pages"] for row in first["items"]] == [2, 3]
    second = api.get("/lists/books", since="2026-11-23", limit=2, cursor=first["next"]).json or {}
    assert [row["values"]["pages"] for row in second["items"]] == [4, 5]
    wrong = api.get("/lists/books", since="1405/13/01")
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["since"])
    assert api.get("/lists/none").status_code == 404


def test_the_api_says_which_lists_there_are(client: Any, people: Any) -> None:
    people.add("finance", "finance")
    books, plain = Api.signed_in(client, "finance").get("/lists").json
    assert (books["key"], plain["key"]) == ("books", "plain")
    assert books["columns"][2] == {"key": "price", "label": "بها", "kind": "rials"}
    assert books["filters"]["properties"]["mark"]["x-labels"] == {"danger": "گم‌شده", "warning": "دیرکرده"}
    assert plain["filters"]["properties"] == {}


# Weeks


def test_a_week_begins_on_saturday_and_holds_local_days(reader: FlaskClient) -> None:
    page = reader.get("/weeks/desk").text
    days = page.split('<li class="week__day')[1:]
    assert len(days) == 7
    assert "week__day--today" in f"week__day{days[0]}"
    assert "شنبه" in days[0] and "۱۴۰۵/۰۸/۳۰" in days[0]
    assert "۱۴:۰۰" in days[0] and "نشست ۱۲" in days[0] and 'href="/cases"' in days[0]
    assert "week__day--off" in f"week__day{days[6]}"


@pytest.mark.both_databases("search")
def test_an_evening_in_utc_is_the_next_day_in_tehran(reader: FlaskClient) -> None:
    """The 27th, 20:45 UTC, is past midnight in Tehran: it belongs to the Saturday after."""
    page = reader.get("/weeks/desk?day=1405/09/01").text
    assert "شب‌نشینی" not in page


def test_weeks_go_backwards_and_forwards(reader: FlaskClient) -> None:
    page = reader.get("/weeks/desk").text
    assert "/weeks/desk?day=1405/08/23" in page
    assert "/weeks/desk?day=1405/09/07" in page
    other = reader.get("/weeks/desk?day=1405/09/10").text
    assert "۱۴۰۵/۰۹/۰۷" in other and "week__day--today" not in other


def test_a_day_that_is_none_shows_this_week_and_says_so(reader: FlaskClient) -> None:
    page = reader.get("/weeks/desk?day=1405/12/31")
    assert page.status_code == 422
    assert 'id="day-error"' in page.text and "۱۴۰۵/۰۸/۳۰" in page.text


# Own sheets


def send(reader: FlaskClient, **values: str) -> Any:
    token = re.search(r'name="csrf_token" value="([^"]+)"', reader.get("/sheets/me").text)
    assert token is not None
    return reader.post("/sheets/me", data={"csrf_token": token[1], **values})


@pytest.mark.both_databases("saving")
def test_a_sheet_shows_what_is_kept_and_keeps_what_is_written(reader: FlaskClient, shelf: Shelf) -> None:
    page = reader.get("/sheets/me").text
    assert 'value="نشر آفتاب"' in page and "این برگه از آن خود شماست." in page and "شهروندان" in page
    answer = send(reader, firm="نشر چشمه", role="finance", **{"places-0-name": "تهران"})
    assert (answer.status_code, answer.location) == (303, "/sheets/me")
    assert shelf.sheet == {"firm": "نشر چشمه", "role": "finance", "places": [{"name": "تهران"}]}
    assert "برگه ذخیره شد." in reader.get("/sheets/me").text


def test_what_a_sheet_refuses_stays_on_the_page(reader: FlaskClient, shelf: Shelf) -> None:
    for firm, message in {"": "firm-error", "نشر ماه": "این ناشر تعطیل است."}.items():
        answer = send(reader, firm=firm, role="finance")
        assert answer.status_code == 422
        assert message in answer.text
        assert '<option selected value="finance">' in answer.text
    assert shelf.sheet == {"firm": "نشر آفتاب"}


def test_rows_of_a_sheet_are_added_without_losing_what_was_typed(reader: FlaskClient, shelf: Shelf) -> None:
    answer = send(reader, firm="نشر نو", _add="places")
    assert answer.status_code == 200
    assert 'value="نشر نو"' in answer.text and 'name="places-0-name"' in answer.text
    assert shelf.sheet == {"firm": "نشر آفتاب"}


# Registering


def test_a_mistake_in_a_registration_is_found_when_the_program_starts() -> None:
    listings, columns = Listings(), [Column("a", "الف")]
    for wrong in (
        {"columns": [Column("a", "الف", "money")]},
        {"columns": []},
        {"exports": ["doc"]},
        {"filters": [Filter("a", "الف", "date")]},
        {"filters": [Filter("a", "الف", "search"), Filter("b", "ب", "search")]},
    ):
        with pytest.raises(ValueError, match="List a"):
            listings.register(key="a", label="الف", role="finance", **{"columns": columns, **wrong})
    listings.register(key="a", label="الف", role="finance", columns=columns)(Shelf(1).read)
    with pytest.raises(ValueError, match="twice"):
        listings.register(key="a", label="الف", role="citizen", columns=columns)(Shelf(1).read)
    with pytest.raises(ValueError, match=r"<module>\.<key>"):
        Sheets().register(key="a", label="الف", role="finance", form="me", read=Shelf(1).own)
