"""What people send by mistake or by malice: told at its field, what they typed stays, nothing changes."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from werkzeug.test import TestResponse

from engine.actor import actor_for
from models.digits import persian_digits
from tests.conftest import SATURDAY, prepare
from tests.engine.test_documents import PDF, picture
from tests.play import PASSWORD
from tests.scenarios import gas_office as office
from tests.web.world import World, build_world, dump

COMPANY = {
    "owner_kind": "company",
    "company_name": "شرکت نمونه",
    "national_id": "10380284790",
    "registration_number": "123",
    "agent_name": "رضا نمونه",
    "mobile": "09123456789",
}
VISIT = {"visit_date": "1405/09/01", "visit_time": "10:00"}
METERS = {"meters": [office.METER], "all_registered": True}
GOOD: dict[str, dict[str, Any]] = {
    "register_property": office.PROPERTY | {"renovation_code": "7-7-7-7"},
    "register_owner": office.OWNER,
    "company": COMPANY,
    "register_meters": METERS,
    "schedule_visit": VISIT,
}
WORDS_NEVER_OFFERED = ("0", "11", "-3", "منطقهٔ ۳")  # of a list of choices, which then shows none as chosen
WRONG = [
    # rule, which values, the field, what is typed into it
    *[
        ("REG-4", "register_owner", "national_code", text)
        for text in (
            "0013542418",
            "۰۰۱۳۵۴۲۴۱۸",
            "1111111111",
            "0000000000",
            "001354241",
            "00135424190",
            "001354241x",
        )
    ],
    *[("REG-4", "company", "national_id", text) for text in ("10380284791", "11111111111", "1038028479", "x")],
    *[("REG-4", "register_owner", "mobile", text) for text in ("0912345678", "021-12345678", "+1 202 555 0100", "-")],
    *[("REG-2", "register_property", "postal_code", text) for text in ("12345", "71345678901", "713456789O", "۰")],
    *[("REG-2", "register_property", "land_area", text) for text in ("-5", "0", "1e9", "NaN", "صد", "99999999999")],
    *[("REG-2", "register_property", "floors", text) for text in ("-1", "0", "201", "2.5", "9" * 400)],
    *[("REG-2", "register_property", "region", text) for text in ("0", "11", "-3", "منطقهٔ ۳")],
    *[("REG-7", "register_meters", "meters.0.consumption", text) for text in ("900", "16.01", "-1", "0", "۱۶٫۱")],
    *[("REG-6", "register_meters", "meters.0.units", text) for text in ("0", "-2", "1001", "دو", "1.5")],
    *[("REG-6", "register_meters", "meters.0.floor_area", text) for text in ("-100", "0", "1e5", "صد متر")],
    *[
        ("INS-2", "schedule_visit", "visit_date", text)
        for text in (
            "1404/12/30",
            "۱۴۰۴/۱۲/۳۰",
            "1405/07/31",
            "1405/13/01",
            "1405/00/10",
            "1405/09/00",
            "2026-13-01",
            "فردا",
            "1405/08/01",
            "1405/09/05",
        )
    ],
    *[("INS-2", "schedule_visit", "visit_time", text) for text in ("25:00", "10:60", "03:00", "ده", "-1:00")],
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = build_world(tmp_path_factory.mktemp("files"), prepare=prepare, now=SATURDAY)
    yield built
    built.application.database.dispose()


@pytest.fixture
def desk(whole: World) -> Iterator[Desk]:
    with whole.undone() as connection:
        yield Desk(whole, connection)


class Desk:
    """A person at an open task, by its page and by the API; all is undone after the test."""

    def __init__(self, world: World, connection: Connection) -> None:
        self.world, self.connection = world, connection
        self.task_id = 0
        self.who = "contractor"

    def at(self, values: str) -> Desk:
        play, objects = self.world.play, self.world.objects
        if values == "register_property":
            self.task_id = objects["property"]
        elif values == "schedule_visit":
            self.who, self.task_id = "inspector", objects["visit"]
        else:
            prepared = {
                "register_owner": office.up_to_owner,
                "company": office.up_to_owner,
                "register_meters": office.up_to_meters,
                "upload_documents": office.up_to_documents,
            }
            prepared[values](play, renovation_code="8-8-8-8")
            self.task_id = play.task("register_owner" if values == "company" else values).id
        return self

    def page(self, values: dict[str, Any], **more: Any) -> TestResponse:
        return self.world.ask(self.who, "POST", f"/tasks/{self.task_id}", data=as_page(values), **more)

    def api(self, values: dict[str, Any], verb: str = "complete") -> TestResponse:
        path = f"/api/v1/tasks/{self.task_id}/{verb}"
        return self.world.call(self.who, "POST", path, json={"values": values})

    def everything(self) -> dict[str, list[str]]:
        return dump(self.connection)


def as_page(values: dict[str, Any]) -> dict[str, Any]:
    """The values as the page's form sends them: rows by their number, a ticked box as its word."""
    sent: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, list):
            sent |= {f"{name}-{n}-{key}": v for n, row in enumerate(value) for key, v in as_page(row).items()}
        elif value is True:
            sent[name] = "y"
        elif value is not False:
            sent[name] = value if isinstance(value, tuple) else str(value)
    return sent


def with_value(values: dict[str, Any], path: str, text: str) -> dict[str, Any]:
    """The values with ``text`` at a field such as ``meters.0.units``."""
    name, _dot, rest = path.partition(".")
    if not rest:
        return values | {name: text}
    index, _dot, inner = rest.partition(".")
    rows = [dict(row) for row in values[name]]
    rows[int(index)] = with_value(rows[int(index)], inner, text)
    return values | {name: rows}


@pytest.mark.rule("REG-2", "REG-4", "REG-6", "REG-7", "INS-2", "CAL-4")
@pytest.mark.parametrize(("rule", "values", "path", "text"), WRONG, ids=lambda value: str(value)[:30])
def test_what_is_wrong_is_told_at_its_field(desk: Desk, rule: str, values: str, path: str, text: str) -> None:
    """The page keeps every word typed; the API names the field; nothing of it is kept or done."""
    desk.at(values)
    before = desk.everything()
    sent = with_value(GOOD[values], path, text)

    answer = desk.page(sent)
    assert answer.status_code == 422
    assert f'id="{path.replace(".", "-")}-error"' in answer.text
    for name, typed in as_page(sent).items():
        assert is_shown(answer, name, typed), name

    called = desk.api(sent)
    assert (called.status_code, called.json["code"]) == (422, "invalid")  # type: ignore[index]
    assert list(called.json["errors"]) == [path]  # type: ignore[index]
    assert all(called.json["errors"][path])  # type: ignore[index]
    assert desk.everything() == before


def persian_number(typed: str) -> str:
    return persian_digits(typed).replace(".", "٫")


def is_shown(answer: TestResponse, name: str, typed: str) -> bool:
    """Whether the page still holds what was typed into a field; dates and numbers it can read, in Persian digits."""
    if typed in WORDS_NEVER_OFFERED:
        return True
    page = html.unescape(answer.text)
    options = r"[^<]*(?:<option[^>]*>[^<]*</option>\s*)*"
    tags = re.findall(rf'<(?:input|select|textarea)[^>]*name="{name}"[^>]*>{options}', page)
    words = (
        f'value="{typed}"',
        f'value="{persian_digits(typed)}"',
        f'value="{persian_number(typed)}"',
        f"\n{typed}",
        f"\r\n{typed}",
    )
    ticked = typed == "y" and any("checked" in tag for tag in tags)
    return ticked or any(word in tag for tag in tags for word in words)


@pytest.mark.rule("REG-7")
def test_too_much_consumption_says_the_permitted_maximum_in_both(desk: Desk) -> None:
    desk.at("register_meters")
    sent = with_value(METERS, "meters.0.consumption", "17")
    assert "۱۶" in desk.page(sent).text.partition('id="meters-0-consumption-error"')[2][:400]
    assert "۱۶" in " ".join(desk.api(sent).json["errors"]["meters.0.consumption"])  # type: ignore[index]


@pytest.mark.rule("ACC-5", "REG-4")
@pytest.mark.parametrize("door", ["page", "api"])
@pytest.mark.parametrize("code", ["٠٠١٣٥٤٢٤١٩", "۰۰۱۳۵۴۲۴۱۹", "٠۰1٣۵4٢۴١۹", " 001-354241-9 ", "13542419"])
def test_digits_and_letters_of_any_keyboard_are_accepted_and_stored_in_one_form(
    desk: Desk, door: str, code: str
) -> None:
    desk.at("register_owner")
    sent = office.OWNER | {"national_code": code, "first_name": "علي", "last_name": "كريمي", "mobile": "٠٩١٢۳۴۵6789"}
    answer = getattr(desk, door)(sent)
    assert answer.status_code in (200, 303), answer.text
    owner = office.project(desk.world.play).owner
    assert owner is not None
    stored = (owner.national_code, owner.first_name, owner.last_name, owner.mobile)
    assert stored == ("0013542419", "علی", "کریمی", "09123456789")


# Files


def big_pdf(size: int) -> bytes:
    return PDF[:9] + b" " * (size - len(PDF)) + PDF[9:]


REFUSED_FILES = {
    "another type than its name": (picture("PNG"), "نقشه.pdf", "نقشه.pdf"),
    "a page called picture": (b"<!doctype html><script>alert(1)</script>", "a.png", "a.png"),
    "one byte too many": (big_pdf(6_000_001), "بزرگ.pdf", "بزرگ.pdf"),
    "empty": (b"", "خالی.pdf", "خالی.pdf"),
    "a program": (b"MZ" + b"\0" * 99, "a.pdf.exe", "a.pdf.exe"),
    "read from right to left": (b"MZ" + b"\0" * 99, "plan\u202efdp.exe", "planfdp.exe"),
}


@pytest.mark.rule("DOC-1", "REG-9")
@pytest.mark.parametrize("what", REFUSED_FILES)
def test_a_file_that_cannot_be_taken_is_refused_by_name(desk: Desk, what: str) -> None:
    content, name, shown = REFUSED_FILES[what]
    desk.at("upload_documents")
    before, files = desk.everything(), stored_files(desk)
    answer = desk.page({"documents": [{"title": "gas_plan", "document": (io.BytesIO(content), name)}]})
    close_upload(answer)
    assert answer.status_code == 422
    told = answer.text.partition('id="documents-0-document-error"')[2].partition("</p>")[0]
    assert shown in told
    assert "فایل مدرک را بارگذاری کنید" not in told, "it was uploaded"
    assert "gas_plan" in answer.text.partition("selected")[0][-80:] + answer.text.partition("selected")[2][:80]

    case = desk.world.play.case.number
    called = desk.world.call(
        "contractor", "POST", "/api/v1/documents", data={"case": case, "file": (io.BytesIO(content), name)}
    )
    close_upload(called)
    assert (called.status_code, called.json["code"]) == (422, "invalid")  # type: ignore[index]
    assert shown in called.json["errors"]["file"][0]  # type: ignore[index]
    assert desk.everything() == before
    assert stored_files(desk) == files


@pytest.mark.rule("DOC-1")
@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("..\\..\\boot.pdf", "boot.pdf"),
        ("/etc/shadow.pdf", "shadow.pdf"),
        ("plan\u202efdp.exe.pdf", "planfdp.exe.pdf"),
        ("a\u2066b\u200f.pdf", "ab.pdf"),
    ],
)
def test_a_name_with_parts_of_a_path_is_kept_as_a_mere_name(desk: Desk, name: str, kept: str) -> None:
    desk.at("upload_documents")
    folder = desk.world.application.settings.files_path
    outside = {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder)}
    called = desk.world.call(
        "contractor",
        "POST",
        "/api/v1/documents",
        data={"case": desk.world.play.case.number, "file": (io.BytesIO(PDF + b"\n"), name)},
    )
    assert called.status_code == 201
    assert called.json["name"] == kept  # type: ignore[index]
    assert not set('/\\"\r\n') & set(called.json["name"])  # type: ignore[index]
    assert {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder)} == outside
    assert all(len(path.name) == 64 for path in stored_files(desk))
    opened = desk.world.ask("contractor", "GET", f"/documents/{called.json['id']}")  # type: ignore[index]
    assert "\n" not in opened.headers["Content-Disposition"]
    opened.close()


@pytest.mark.rule("DOC-1")
def test_a_file_of_exactly_six_megabytes_is_taken(desk: Desk) -> None:
    desk.at("upload_documents")
    content = big_pdf(6_000_000)
    answer = desk.page({"documents": [{"title": "gas_plan", "document": (io.BytesIO(content), "نقشه.pdf")}]})
    close_upload(answer)
    assert "documents-0-document-error" not in answer.text


def stored_files(desk: Desk) -> set[Path]:
    return {path for path in desk.world.application.settings.files_path.rglob("*") if path.is_file()}


def close_upload(answer: TestResponse) -> None:
    """Close the client's own copy of what it sent; a big one is a file."""
    answer.request.environ["wsgi.input"].close()


# Too late, and somebody else's


def test_a_second_tab_is_told_who_was_first_and_when(desk: Desk) -> None:
    desk.at("schedule_visit")
    assert desk.page(VISIT).status_code == 303
    before = desk.everything()

    late = desk.page(VISIT | {"visit_time": "11:00"})
    assert late.status_code == 409
    assert "نام name-inspector" in late.text
    assert "۱۴۰۵/۰۸/۳۰ ساعت ۱۰:۰۰" in late.text
    assert "data-failed" in late.text, "the browser keeps what was typed"
    assert f'/cases/{desk.world.objects["inspection"]}"' in late.text

    called = desk.api(VISIT)
    assert (called.status_code, called.json["code"]) == (409, "task_not_open")  # type: ignore[index]
    assert "نام name-inspector" in called.json["detail"]  # type: ignore[index]
    assert desk.everything() == before


def test_a_colleague_who_took_the_task_is_named(desk: Desk) -> None:
    world = desk.world
    colleague = world.play.people.add("gas-2", "gas_office", last_name="همکار")
    with world.play.session() as session:
        world.play.engine.claim(session, world.objects["hand"], by=actor_for(colleague))
    desk.who, desk.task_id = "gas_office", world.objects["hand"]
    before = desk.everything()
    answer, called = desk.page({"inspector": "1"}), desk.api({"inspector": "1"})
    assert answer.status_code == 409
    assert "همکار" in answer.text
    assert (called.status_code, called.json["code"]) == (409, "task_claimed")  # type: ignore[index]
    assert "همکار" in called.json["detail"]  # type: ignore[index]
    assert desk.everything() == before


def test_somebody_elses_task_does_not_exist_for_one(desk: Desk) -> None:
    desk.at("schedule_visit")
    desk.who = "inspector_b"
    before = desk.everything()
    assert desk.page(VISIT).status_code == 404
    assert "برج" not in desk.page(VISIT).text
    called = desk.api(VISIT)
    assert (called.status_code, called.json["code"]) == (404, "not_found")  # type: ignore[index]
    assert desk.everything() == before


@pytest.mark.rule("REG-9", "DOC-1")
def test_a_file_for_somebody_elses_task_is_not_even_stored(desk: Desk) -> None:
    desk.at("upload_documents")
    desk.who = "contractor_b"
    files = stored_files(desk)
    upload = {"documents": [{"title": "gas_plan", "document": (io.BytesIO(PDF + b"  \n"), "a.pdf")}]}
    assert desk.page(upload).status_code == 404
    assert stored_files(desk) == files


# The session ended while somebody typed


def test_after_an_ended_session_one_is_led_back_to_where_one_typed(desk: Desk) -> None:
    """The browser keeps the text (data-keep), for this person and this page, until it was accepted."""
    desk.at("register_property")
    world, path = desk.world, f"/tasks/{desk.task_id}"
    page = world.ask("contractor", "GET", path).text
    assert "data-keep" in page
    assert 'data-person="contractor"' in page
    clock = world.play.clock
    try:
        clock.advance(timedelta(minutes=31))
        before = desk.everything()
        answer = desk.page(GOOD["register_property"])
        assert answer.status_code == 303
        assert answer.location == f"/sign-in?next=%2Ftasks%2F{desk.task_id}"
        assert desk.everything() == before
        assert world.ask("nobody", "GET", answer.location).status_code == 200
        signing = {"username": "contractor", "password": PASSWORD}
        assert world.ask("nobody", "POST", answer.location, data=signing).location == path
        called = desk.world.app.test_client().post(f"/api/v1{path}/complete", json={"values": {}})
        assert (called.status_code, called.json["code"]) == (401, "not_signed_in")  # type: ignore[index]
    finally:
        clock.now = SATURDAY
