"""Tickets in the browser and by the API, with the general pages only; and what is sent by mistake (TKT)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models.case import Case, Task, TaskStatus
from models.document import Document
from models.ticket import Ticket
from tests.engine.test_documents import PDF, picture
from tests.play import Play
from tests.scenarios import tickets
from tests.web.api_client import Api, code_of
from tests.web.test_pages import send, token

Browser = Callable[..., FlaskClient]
File = tuple[io.BytesIO, str]


class Visit:
    """One person at one ticket, in a browser in which they sign in anew when days have passed."""

    def __init__(self, signed_in: Browser, who: str, play: Play) -> None:
        self._sign_in, self.who, self.play = signed_in, who, play
        self._browser = signed_in(who)

    @property
    def browser(self) -> FlaskClient:
        if self._browser.get("/worklist").status_code != 200:
            self._browser = self._sign_in(self.who)
        return self._browser

    def starts(self) -> Visit:
        assert send(self.browser, "/start/ticket").status_code == 303
        with self.play.session() as session:
            self.play.case_id = session.scalars(select(func.max(Case.id))).one()
        return self

    def task(self, key: str) -> int:
        with self.play.session() as session:
            wanted = select(Task.id).where(Task.case_id == self.play.case_id, Task.key == key)
            return (
                session.scalars(wanted.order_by((Task.status == TaskStatus.OPEN).desc(), Task.id.desc())).first() or 0
            )

    def sends(self, key: str, /, **values: Any) -> Any:
        kind = "multipart/form-data" if any(isinstance(value, tuple | list) for value in values.values()) else None
        data = {"csrf_token": token(self.browser), **values}
        return self.browser.post(f"/tasks/{self.task(key)}", data=data, content_type=kind)

    def page(self, key: str) -> str:
        answer = self.browser.get(f"/tasks/{self.task(key)}")
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def citizen(signed_in: Browser, play: Play) -> Visit:
    tickets.staff(play)
    return Visit(signed_in, "citizen", play)


@pytest.fixture
def unit(signed_in: Browser, play: Play, citizen: Visit) -> Visit:
    return Visit(signed_in, "unit-it", play)


def pdf(name: str = "نامه.pdf") -> File:
    return io.BytesIO(PDF), name


def photo(name: str = "Penguins.png") -> File:
    return io.BytesIO(picture("PNG")), name


# The way of a ticket


@pytest.mark.both_databases("story")
@pytest.mark.rule("TKT-1", "TKT-2", "TKT-3")
def test_a_ticket_with_files_is_asked_and_answered_in_the_general_pages(citizen: Visit, unit: Visit) -> None:
    citizen.starts()
    assert 'type="file"' in citizen.page("submit_ticket")
    answer = citizen.sends("submit_ticket", **tickets.ASKS, files=[pdf(), photo()])
    assert answer.status_code == 303, answer.text
    case = citizen.browser.get(answer.location, follow_redirects=True).text
    for part in ("شما", "سلام", "Penguins.png", "در انتظار پاسخ", 'class="talk"'):
        assert part in case
    (link,) = set(re.findall(r'href="(/documents/\d+)"[^>]*><svg[^>]*><use[^>]*></use></svg><span><bdi>Penguins', case))
    opened = citizen.browser.get(link)
    assert opened.status_code == 200
    opened.close()

    page = unit.page("answer_ticket")
    assert "Penguins.png" in page and "نام citizen" in page
    assert "روز کاری مانده" in page
    answer = unit.sends("answer_ticket", body="انجام شد.", files=[pdf("پاسخ.pdf")])
    assert answer.status_code == 303
    reply = citizen.page("reply_ticket")
    for part in ("نام unit-it", "فناوری اطلاعات", "انجام شد.", "پاسخ.pdf"):
        assert part in reply


@pytest.mark.rule("TKT-3", "TKT-5")
def test_the_worklist_tells_the_working_time_left_and_marks_what_is_late(unit: Visit, play: Play) -> None:
    tickets.asks(play)
    assert "روز کاری مانده" in unit.browser.get("/worklist").text
    play.at(tickets.deadline(play) + timedelta(hours=1))
    page = unit.browser.get("/worklist").text
    assert "۱ ساعت دیر" in page
    assert "due--over" in page


@pytest.mark.both_databases("search")
@pytest.mark.rule("TKT-2", "TKT-5")
def test_the_requester_has_a_list_with_states_and_overdue_ones_are_marked_for_those_who_answer_for_them(
    citizen: Visit, unit: Visit, signed_in: Browser, play: Play
) -> None:
    tickets.asks(play, title="نخست")
    tickets.answers(play)
    tickets.asks(play, title="دومین")
    play.at(tickets.deadline(play) + tickets.SECOND)
    own = citizen.browser.get("/lists/tickets").text
    assert own.index("دومین") < own.index("نخست")
    assert "پاسخ داده شد" in own and "گذشته از مهلت" in own and "list__row--warning" in own
    assert "دومین" in citizen.browser.get("/worklist").text
    assert "دومین" not in citizen.browser.get("/lists/tickets?state=answered").text
    found = citizen.browser.get(f"/lists/tickets?q={play.case.number}").text
    assert "دومین" in found and "نخست" not in found

    assert "list__row--danger" in unit.browser.get("/lists/unit_tickets").text
    for who in ("president", "supervisor"):
        page = signed_in(who).get("/worklist").text
        assert "درخواست‌های گذشته از مهلت" in page and "دومین" in page and "list__row--danger" in page
    assert "دومین" not in signed_in("unit-finance").get("/lists/unit_tickets").text
    assert signed_in("citizen-2", "citizen").get("/lists/tickets").text.count("دومین") == 0
    assert signed_in("citizen-2", "citizen").get("/lists/overdue_tickets").status_code == 404


@pytest.mark.rule("TKT-5", "TKT-6")
def test_the_escalation_comes_with_the_tracking_number_and_ends_both(
    citizen: Visit, unit: Visit, signed_in: Browser, play: Play
) -> None:
    tickets.overdue(play)
    page = citizen.page("escalate_ticket")
    assert f'value="{play.case.number}"' in page
    assert citizen.sends("escalate_ticket", tracking_number=play.case.number, body="رسیدگی کنید").status_code == 303
    president = Visit(signed_in, "president", play)
    page = president.page("answer_escalation")
    assert "سلام" in page and "رسیدگی کنید" in page
    assert president.sends("answer_escalation", body="دستور داده شد").status_code == 303
    late = unit.sends("answer_ticket", body="دیر رسید")
    assert late.status_code == 409
    assert "پاسخ رئیس سازمان" in late.text


@pytest.mark.rule("TKT-3")
def test_a_transfer_is_a_small_form_beside_the_answer(unit: Visit, play: Play) -> None:
    tickets.asks(play)
    page = unit.page("answer_ticket")
    assert "ارجاع به واحد دیگر" in page
    answer = unit.sends("transfer_ticket", unit="finance", note="مالی است")
    assert answer.status_code == 303
    after = unit.browser.get(answer.location, follow_redirects=True)
    assert after.status_code == 200
    assert "ارجاع به مالی" in after.text


# By mistake or by malice: a clear message each, and nothing lost


@pytest.mark.rule("TKT-1")
def test_an_empty_body_is_told_at_its_field_and_files_stay(citizen: Visit) -> None:
    citizen.starts()
    answer = citizen.sends("submit_ticket", **(tickets.ASKS | {"body": " \u200f\n "}), files=[pdf()])
    assert answer.status_code == 422
    assert "متن درخواست را بنویسید" in answer.text
    assert "نامه.pdf" in answer.text and tickets.ASKS["title"] in answer.text


@pytest.mark.rule("TKT-1")
def test_a_unit_that_there_is_not_is_told_at_its_field(citizen: Visit) -> None:
    citizen.starts()
    page = citizen.page("submit_ticket")
    assert page.count("<option") == 18  # the seventeen units and the empty line
    answer = citizen.sends("submit_ticket", **(tickets.ASKS | {"unit": "هجدهمین"}))
    assert answer.status_code == 422
    assert 'id="unit-error"' in answer.text


@pytest.mark.rule("TKT-4")
def test_a_reply_to_a_closed_ticket_says_why_it_is_closed(citizen: Visit, unit: Visit, play: Play) -> None:
    tickets.asks(play)
    tickets.answers(play)
    play.after(timedelta(days=7, seconds=1))
    answer = citizen.sends("reply_ticket", body="هنوز کار دارم")
    assert answer.status_code == 409
    assert "۷ روز بدون پاسخ" in answer.text
    assert citizen.browser.get(f"/tasks/{citizen.task('reply_ticket')}").status_code == 409


@pytest.mark.rule("TKT-4")
def test_a_reply_in_the_moment_of_closing_is_refused_as_well_before_the_worker_has_come(
    citizen: Visit, unit: Visit, play: Play
) -> None:
    tickets.asks(play)
    tickets.answers(play)
    play.clock.now += timedelta(days=7, seconds=1)
    answer = citizen.sends("reply_ticket", body="هنوز کار دارم")
    assert answer.status_code == 409
    assert "۷ روز بدون پاسخ" in answer.text


@pytest.mark.rule("TKT-3")
def test_an_answer_while_a_colleague_answers_names_the_colleague(unit: Visit, signed_in: Browser, play: Play) -> None:
    tickets.asks(play)
    colleague = Visit(signed_in, "unit-it-2", play)
    assert send(colleague.browser, f"/tasks/{colleague.task('answer_ticket')}/claim").status_code == 303
    assert "نام unit-it-2" in unit.page("answer_ticket")
    taken = unit.sends("answer_ticket", body="پاسخ من")
    assert (taken.status_code, "نام unit-it-2" in taken.text) == (409, True)
    assert colleague.sends("answer_ticket", body="پاسخ او").status_code == 303
    late = unit.sends("answer_ticket", body="پاسخ من")
    assert (late.status_code, "نام unit-it-2" in late.text) == (409, True)
    assert [text for _kind, _unit, text in tickets.conversation(play)] == ["سلام", "پاسخ او"]


@pytest.mark.rule("TKT-5")
def test_an_escalation_of_a_ticket_that_was_just_answered_says_so(citizen: Visit, unit: Visit, play: Play) -> None:
    tickets.overdue(play)
    assert unit.sends("answer_ticket", body="ببخشید").status_code == 303
    late = citizen.sends("escalate_ticket", tracking_number=play.case.number, body="رسیدگی کنید")
    assert late.status_code == 409
    assert "پاسخ به درخواست" in late.text
    assert "reply_ticket" in play.waits_for()


@pytest.mark.rule("TKT-1", "DOC-1")
def test_a_file_that_is_not_what_its_name_says_is_refused_by_name_and_the_rest_is_kept(citizen: Visit) -> None:
    citizen.starts()
    wrong = (io.BytesIO(b"MZ\x90\x00" + b"\0" * 200), "حقوق\u202egpj.pdf")
    answer = citizen.sends("submit_ticket", **tickets.ASKS, files=[photo(), wrong])
    assert answer.status_code == 422
    assert "حقوقgpj.pdf" in answer.text and "\u202e" not in answer.text
    assert "Penguins.png" in answer.text and "سلام" in answer.text
    with citizen.play.session() as session:
        assert session.scalars(select(Document.name)).all() == ["Penguins.png"]


@pytest.mark.rule("TKT-1", "DOC-1")
def test_two_hundred_files_are_too_many_and_the_text_is_kept(citizen: Visit) -> None:
    citizen.starts()
    answer = citizen.sends("submit_ticket", **tickets.ASKS, files=[pdf(f"{number}.pdf") for number in range(200)])
    assert answer.status_code == 422
    assert "حداکثر" in answer.text and "سلام" in answer.text and tickets.ASKS["title"] in answer.text
    with citizen.play.session() as session:
        assert session.scalar(select(func.count()).select_from(Document)) == 0


@pytest.mark.rule("TKT-1")
@pytest.mark.parametrize("with_file", [False, True])
def test_a_body_of_a_megabyte_is_refused_in_words_and_the_page_keeps_it(citizen: Visit, with_file: bool) -> None:
    citizen.starts()
    long = "درخواست بلند. " * 43_000
    files = {"files": [pdf()]} if with_file else {}
    answer = citizen.sends("submit_ticket", **(tickets.ASKS | {"body": long}), **files)
    if with_file:
        answer.request.environ["wsgi.input"].close()  # the client's own copy of what it sent
    assert answer.status_code == 422
    assert "حداکثر ۲۰٬۰۰۰ کاراکتر" in answer.text
    assert long.strip() in answer.text
    with citizen.play.session() as session:
        assert session.scalar(select(func.count()).select_from(Ticket)) == 0
    assert citizen.sends("submit_ticket", **tickets.ASKS).status_code == 303


@pytest.mark.rule("TKT-1")
def test_a_title_that_turns_the_line_round_is_shown_without_its_marks(citizen: Visit, unit: Visit) -> None:
    citizen.starts()
    sent = citizen.sends("submit_ticket", **(tickets.ASKS | {"title": "\u202eexe.cod\u202c \u2067مدرک"}))
    assert sent.status_code == 303
    page = unit.browser.get("/worklist").text
    assert "exe.cod مدرک" in page
    assert "\u202e" not in page and "\u2067" not in page


# Programs


@pytest.mark.rule("TKT-1", "TKT-3", "TKT-4")
def test_a_program_asks_answers_and_replies(client: FlaskClient, play: Play) -> None:
    tickets.staff(play)
    citizen, staff = Api.signed_in(client, "citizen"), Api.signed_in(client, "unit-it")
    begun = citizen.post("/cases", {"process": "ticket"})
    assert begun.status_code == 201
    (task,) = begun.json["tasks"]
    assert (task["key"], task["role"]) == ("submit_ticket", "citizen")
    form = citizen.get(f"/tasks/{task['id']}").json["form"]
    assert len(form["properties"]["unit"]["enum"]) == 17
    wrong = citizen.complete(task, **(tickets.ASKS | {"unit": "x", "body": ""}))
    assert code_of(wrong) == (422, "invalid")
    assert set(wrong.json["errors"]) == {"unit", "body"}
    sent = citizen.complete(task, **tickets.ASKS)
    assert sent.status_code == 200, sent.text
    number = sent.json["case"]["number"]
    assert sent.json["case"]["waits_for"][0]["task"] == "answer_ticket"

    (waiting,) = staff.get("/tasks", process="ticket").json["items"]
    assert (waiting["case"], waiting["key"], waiting["priority"]) == (number, "answer_ticket", 20)
    assert staff.complete(waiting, body="انجام شد").status_code == 200
    (reply,) = citizen.get("/tasks", process="ticket").json["items"]
    assert reply["key"] == "reply_ticket"
    play.at(play.clock.now + timedelta(days=8))
    closed = Api.signed_in(client, "citizen").complete(reply, body="دیر")
    assert code_of(closed) == (409, "task_not_open")
    assert "۷ روز بدون پاسخ" in closed.json["detail"]
