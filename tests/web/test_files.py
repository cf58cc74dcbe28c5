"""Files in the forms of tasks: several in one field, what is refused and why, what is kept besides (DOC-1)."""

from __future__ import annotations

import html
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

import forms
from engine.bpmn.diagram import read_diagrams
from forms.files import document_fields
from models.case import Task, TaskDraft
from models.document import Document
from tests.engine.test_documents import PDF, picture
from tests.web import letter
from tests.web.api_client import Api, code_of, upload
from tests.web.test_pages import Browser, send, token
from webapp.shell import limits

pytestmark = pytest.mark.rule("DOC-1")

DIAGRAMS = [*(Path(__file__).parents[2] / "bpmn_diagrams").glob("*.bpmn")]
PNG = picture("PNG")
TEXT = "متن نامه با هر چه نوشته شد"


@pytest.fixture(autouse=True)
def deployed(application: Any) -> None:
    letter.deploy(application)


class Desk:
    """A citizen at the page of their letter."""

    def __init__(self, browser: Any, application: Any) -> None:
        self.browser, self.application = browser, application
        send(browser, "/start/letter")
        with application.engine.transaction() as session:
            self.task = session.scalars(select(Task.id).order_by(Task.id.desc()).limit(1)).one()

    def sends(self, **values: Any) -> TestResponse:
        data = {"csrf_token": token(self.browser), "body": TEXT, **values}
        answer = self.browser.post(f"/tasks/{self.task}", data=data, content_type="multipart/form-data")
        answer.request.environ["wsgi.input"].close()  # the client's own copy of what it sent
        return answer  # type: ignore[no-any-return]

    def uploads(self, content: bytes, name: str, field: str = "files", **more: Any) -> TestResponse:
        data = {"csrf_token": token(self.browser), "field": field, "file": (io.BytesIO(content), name), **more}
        return self.browser.post(f"/tasks/{self.task}/files", data=data)  # type: ignore[no-any-return]

    @property
    def stored(self) -> list[str]:
        with self.application.engine.transaction() as session:
            return list(session.scalars(select(Document.name).order_by(Document.id)))

    @property
    def draft(self) -> dict[str, Any]:
        with self.application.engine.transaction() as session:
            return dict(session.scalars(select(TaskDraft.values)).one())


@pytest.fixture
def desk(signed_in: Browser, application: Any) -> Desk:
    return Desk(signed_in("citizen"), application)


def named(*names: str, content: bytes = PDF) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(content), name) for name in names]


def held(page: str, field: str = "files") -> list[str]:
    """The names of the files that a page shows as held by a field."""
    [_before, part] = page.split(f'data-files="{field}"')
    items = part.partition("</ul>")[0].split("<li ")[1:]
    assert all(f'<input type="hidden" name="{field}" value="' in item for item in items)
    return [html.unescape(re.search(r"<bdi>(.*?)</bdi>", item)[1]) for item in items]  # type: ignore[index]


@pytest.mark.both_databases("story")
def test_several_files_are_sent_at_once_and_all_of_them_are_the_value(desk: Desk) -> None:
    answer = desk.sends(files=named("یک.pdf", "دو.pdf"), photos=named("سه.png", content=PNG))
    assert answer.status_code == 303, answer.text
    assert desk.stored == ["یک.pdf", "دو.pdf", "سه.png"]


def test_a_draft_shows_its_files_with_name_and_size_and_takes_more(desk: Desk) -> None:
    assert desk.sends(files=named("یک.pdf", "دو.pdf"), _action="draft").status_code == 303
    page = desk.browser.get(f"/tasks/{desk.task}").text
    assert held(page) == ["یک.pdf", "دو.pdf"]
    assert "۱ کیلوبایت" in page
    ids = [str(number) for number in desk.draft["files"]]
    assert desk.sends(files=[*ids, *named("سه.pdf")], _action="draft").status_code == 303
    assert held(desk.browser.get(f"/tasks/{desk.task}").text) == ["یک.pdf", "دو.pdf", "سه.pdf"]


def test_without_scripts_a_button_removes_a_file_and_keeps_text_and_new_files(desk: Desk) -> None:
    desk.sends(files=named("یک.pdf", "دو.pdf"), _action="draft")
    first, second = desk.draft["files"]
    page = desk.browser.get(f"/tasks/{desk.task}").text
    assert f'name="_remove_file" value="files-{first}"' in page
    answer = desk.sends(files=[str(first), str(second), *named("سه.pdf")], _remove_file=f"files-{first}")
    assert answer.status_code == 303
    page = desk.browser.get(answer.location).text
    assert held(page) == ["دو.pdf", "سه.pdf"]
    assert TEXT in page


@pytest.mark.rule("TKT-1")
@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (PDF, "برنامه.exe", "از نوع پذیرفته‌شده نیست"),
        (b"<script>alert(1)</script>", "عکس.png", "محتوای فایل «عکس.png» با پسوند نام آن یکی نیست"),
        (PDF + b" " * 6_000_000, "بزرگ.pdf", "بیش از حد مجاز (۶ مگابایت)"),
        (b"", "تهی.pdf", "خالی است"),
        (PNG[:40], "شکسته.png", "خراب است"),
    ],
)
def test_a_refused_file_names_itself_and_its_reason_and_loses_nothing_else(
    desk: Desk, content: bytes, name: str, reason: str
) -> None:
    answer = desk.sends(files=[*named("خوب.pdf"), (io.BytesIO(content), name), *named("نیز خوب.pdf")])
    assert answer.status_code == 422
    assert f"«{name}»" in answer.text
    assert reason in answer.text
    assert TEXT in answer.text
    assert held(answer.text) == desk.stored == ["خوب.pdf", "نیز خوب.pdf"]


def test_every_refused_file_is_named(desk: Desk) -> None:
    answer = desk.sends(files=named("a.exe", "b.exe"), photos=named("نقشه.pdf"))
    shown = html.unescape(answer.text)
    for name in ("a.exe", "b.exe", "نقشه.pdf"):
        assert f"«{name}» از نوع پذیرفته‌شده نیست" in shown
    assert re.search("«نقشه.pdf» از نوع پذیرفته‌شده نیست. یکی از این‌ها را بارگذاری کنید: JPEG.{1,3}PNG\\.", shown)
    assert desk.stored == []


def test_two_hundred_files_at_once_get_one_message_and_none_is_stored(desk: Desk) -> None:
    desk.sends(files=named("پیش.pdf"), _action="draft")
    [first] = desk.draft["files"]
    answer = desk.sends(files=[str(first), *named(*(f"{number}.pdf" for number in range(200)))])
    assert answer.status_code == 422
    message = "اینجا حداکثر ۲۰ فایل جا می‌گیرد و با آنچه ارسال کردید ۲۰۱ تا می‌شد. هیچ‌یک از فایل‌های جدید ذخیره نشد."
    assert answer.text.count(message) == 2  # in the summary and at the field
    assert TEXT in answer.text
    assert held(answer.text) == desk.stored == ["پیش.pdf"]


def test_as_many_as_a_field_holds_are_taken_and_one_more_is_told(desk: Desk) -> None:
    assert desk.sends(photos=named(*"abc", content=PNG)).status_code == 422  # without endings
    names = [f"{number}.png" for number in range(3)]
    assert desk.sends(photos=named(*names, content=PNG), _action="draft").status_code == 303
    three = [str(number) for number in desk.draft["photos"]]
    answer = desk.sends(photos=[*three, *named("4.png", content=PNG)])
    assert (answer.status_code, "حداکثر ۳ فایل" in answer.text) == (422, True)
    assert held(answer.text, "photos") == names


@pytest.mark.both_databases("saving")
def test_signs_that_turn_a_name_around_are_taken_out_of_it(desk: Desk) -> None:
    names = ["نامه\u202egpj.pdf", "a\u2066b\u200f\u0007\u00ad\ufeffc.pdf", "نیم\u200cفاصله.pdf", "x\U000e0041y.pdf"]
    desk.sends(files=named(*names), _action="draft")
    assert desk.stored == ["نامهgpj.pdf", "abc.pdf", "نیم\u200cفاصله.pdf", "xy.pdf"]
    answer = desk.sends(files=named("دروغ\u202efdp.exe"))
    assert "دروغfdp.exe" in answer.text
    assert "\u202e" not in answer.text


def test_the_same_file_twice_in_a_field_is_one_and_in_two_fields_two_documents(desk: Desk) -> None:
    desk.sends(files=named("a.png", "a.png", content=PNG), photos=named("a.png", content=PNG), _action="draft")
    [one], [other] = desk.draft["files"], desk.draft["photos"]
    assert one != other
    more = {"files": [str(one), *named("a.png", content=PNG)], "photos": str(other)}
    assert desk.sends(**more, _action="draft").status_code == 303
    assert (desk.draft["files"], desk.draft["photos"]) == ([one], [other])


def test_a_number_that_was_typed_is_no_document(desk: Desk) -> None:
    """A file sent again is found again, also when its number stands somewhere in a text."""
    desk.sends(files=named("a.pdf"), _action="draft")
    [number] = desk.draft["files"]
    desk.sends(body=str(number), files=named("a.pdf"), _action="draft")
    assert desk.draft["files"] == [number]


def test_a_file_for_no_field_of_the_form_is_not_stored(desk: Desk) -> None:
    assert desk.sends(body_file=named("a.pdf"), avatar=named("b.pdf")).status_code == 303
    assert desk.stored == []


def test_a_row_may_hold_nothing_but_a_file(desk: Desk) -> None:
    answer = desk.sends(**{"meters-4-photo": named("کنتور.png", content=PNG)}, _action="draft")
    assert answer.status_code == 303
    assert [row["photo"] is not None for row in desk.draft["meters"]] == [True]


def test_a_document_of_another_case_or_another_kind_cannot_be_named(desk: Desk, signed_in: Browser) -> None:
    other = Desk(signed_in("citizen-2", "citizen"), desk.application)
    foreign = other.uploads(PDF, "a.pdf").json["id"]  # type: ignore[index]
    own = desk.uploads(PDF, "نقشه.pdf").json["id"]  # type: ignore[index]
    answer = desk.sends(files=[str(foreign), str(own)], photos=str(own))
    assert answer.status_code == 422
    assert "این فایل از این پرونده نیست" in answer.text
    assert "«نقشه.pdf» از نوع پذیرفته‌شده نیست" in answer.text
    assert held(answer.text) == ["نقشه.pdf"]


@pytest.mark.rule("TKT-1")
def test_a_body_of_a_megabyte_is_told_at_its_field_and_the_files_are_kept(desk: Desk) -> None:
    answer = desk.sends(body="و" * 500_000, files=named("یک.pdf", "دو.pdf"))
    assert answer.status_code == 422
    assert 'id="body-error"' in answer.text
    assert held(answer.text) == desk.stored == ["یک.pdf", "دو.pdf"]


@pytest.mark.rule("TKT-1")
def test_an_empty_body_is_told_at_its_field_and_the_files_are_kept(desk: Desk) -> None:
    answer = desk.sends(body=" \u200c\u202e ", files=named("یک.pdf"))
    assert (answer.status_code, "متن را بنویسید." in answer.text) == (422, True)
    assert held(answer.text) == ["یک.pdf"]
    [number] = re.findall(r'name="files" value="([0-9]+)"', answer.text)
    assert desk.sends(files=number).status_code == 303
    assert desk.stored == ["یک.pdf"]


def test_more_than_a_request_may_hold_gets_one_clear_page_and_nothing_is_stored(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_UPLOAD", 10_000)
    answer = desk.sends(files=named(*(f"{number}.pdf" for number in range(200))))
    assert answer.status_code == 413
    assert "بیش از اندازه بزرگ" in answer.text
    assert " data-failed" in answer.text  # the browser's tab keeps what was typed
    assert desk.stored == []


def test_no_start_of_a_process_asks_for_files() -> None:
    """They belong to a case, which there is not yet: a first task asks for them."""
    found = [diagram for path in DIAGRAMS for diagram in read_diagrams(path.read_bytes())]
    starts = {(diagram.key, diagram.start.id) for diagram in found}
    asking = [key for key, form in forms.registered().items() if key in starts and [*document_fields(form.unbound())]]
    assert (bool(starts), asking) == (True, [])


# One by one, by a script


def test_a_script_uploads_a_file_and_gets_what_the_list_shows(desk: Desk) -> None:
    answer = desk.uploads(PDF, "نا\u202eمه.pdf")
    assert answer.status_code == 201
    found = answer.json
    shown = {"id": found["id"], "name": "نامه.pdf", "size": "۱ کیلوبایت", "url": f"/documents/{found['id']}"}
    assert found == shown | {"note": ""}
    assert desk.uploads(PDF, "نامه.pdf").json["id"] == found["id"]  # the answer had got lost
    assert desk.uploads(PDF, "نامه.pdf", besides=str(found["id"])).json["id"] != found["id"]  # another field has it
    assert desk.sends(files=str(found["id"])).status_code == 303


def test_a_script_is_told_what_is_wrong_with_a_file(desk: Desk) -> None:
    answer = desk.uploads(PDF, "نقشه.pdf", field="photos")
    assert answer.status_code == 422
    assert json.loads(answer.text)["message"].startswith("فایل «نقشه.pdf» از نوع پذیرفته‌شده نیست")
    assert desk.uploads(PNG, "a.png", field="meters-7-photo").status_code == 201
    answer = desk.uploads(PDF + b" " * 6_000_000, "بزرگ.pdf")
    answer.request.environ["wsgi.input"].close()
    assert (answer.status_code, "«بزرگ.pdf» بیش از" in answer.json["message"]) == (422, True)  # type: ignore[index]
    for field in ("body", "nothing", "", "meters", "files-0", "csrf_token"):
        assert desk.uploads(PDF, "a.pdf", field=field).status_code == 404
    assert desk.stored == ["a.png"]


def test_nobody_else_uploads_to_the_task(desk: Desk, signed_in: Browser) -> None:
    stranger = Desk(signed_in("citizen-2", "citizen"), desk.application)
    stranger.task = desk.task
    assert stranger.uploads(PDF, "a.pdf").status_code == 404
    data = {"field": "files", "file": (io.BytesIO(PDF), "a.pdf")}
    assert desk.browser.post(f"/tasks/{desk.task}/files", data=data).status_code == 400  # no form of ours
    assert desk.stored == []
    assert desk.sends().status_code == 303
    assert desk.uploads(PDF, "a.pdf").status_code == 409  # the task is done


# Programs


@pytest.fixture
def api(client: Any, people: Any) -> Api:
    people.add("program", "citizen")
    return Api.signed_in(client, "program")


def test_a_program_names_a_list_of_documents(api: Api) -> None:
    step = api.post("/cases", {"process": "letter"}).json
    task, number = step["tasks"][0], step["case"]["number"]
    schema = api.get(f"/tasks/{task['id']}").json["form"]["properties"]["photos"]
    assert (schema["type"], schema["items"]["type"], schema["maxItems"]) == ("array", "integer", 3)
    plan, photo = (upload(api, number, name, content).json["id"] for name, content in (("a.pdf", PDF), ("b.png", PNG)))
    answer = api.complete(task, body=TEXT, files=[plan, photo], photos=[plan])
    assert code_of(answer) == (422, "invalid")
    assert set(answer.json["errors"]) == {"photos"}
    assert api.complete(task, body=TEXT, files=[plan, photo], photos=[photo]).status_code == 200


def test_a_program_that_sends_a_file_twice_has_two_documents_unless_it_repeats_its_call(api: Api) -> None:
    number = api.post("/cases", {"process": "letter"}).json["case"]["number"]
    first, second = upload(api, number), upload(api, number)
    assert first.json["id"] != second.json["id"]
    repeated = upload(api, number, key="once"), upload(api, number, key="once")
    assert repeated[0].json == repeated[1].json
    assert len({answer.json["id"] for answer in (first, second, *repeated)}) == 3
