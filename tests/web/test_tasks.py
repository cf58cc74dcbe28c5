"""A whole registration in the browser: rows added and removed, files, the gateway, and what a refusal keeps."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import kartabl
from engine.queries import monitor, worklist
from models.case import Case, Task, TaskKind, TaskStatus
from models.document import Document
from tests.engine.test_documents import PDF
from tests.scenarios import gas_office as office
from tests.web.test_pages import send, started, token

Browser = Callable[..., FlaskClient]


class Walk:
    """A contractor's browser, always at the open task of the one case."""

    def __init__(self, browser: FlaskClient, application: kartabl.Application) -> None:
        self.browser, self.application = browser, application
        started(browser)
        with application.engine.transaction() as session:
            self.case_id = session.scalars(select(func.max(Case.id))).one()

    def task(self, key: str) -> int:
        with self.application.engine.transaction() as session:
            found = select(Task.id).where(Task.case_id == self.case_id, Task.key == key, Task.status == TaskStatus.OPEN)
            return session.scalars(found).one()

    def sends(self, key: str, /, **values: Any) -> Any:
        """What the page of the task answers to these values; numbers as a person types them."""
        sent = {name: str(value) if isinstance(value, int | float) else value for name, value in values.items()}
        kind = "multipart/form-data" if any(isinstance(value, tuple | list) for value in values.values()) else None
        data = {"csrf_token": token(self.browser), **sent}
        return self.browser.post(f"/tasks/{self.task(key)}", data=data, content_type=kind)

    def does(self, key: str, /, **values: Any) -> Any:
        answer = self.sends(key, **values)
        assert answer.status_code == 303, answer.text
        return self.browser.get(answer.location)

    def page(self, key: str) -> str:
        answer = self.browser.get(f"/tasks/{self.task(key)}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def up_to_meters(self) -> None:
        self.does("choose_property", source="new")
        self.does("register_property", **office.PROPERTY)
        self.does("register_owner", **office.OWNER)
        self.does("register_building", **{n: v for n, v in office.SURFACE.items() if v is not False})

    def up_to_documents(self) -> None:
        self.up_to_meters()
        meter = {f"meters-0-{name}": value for name, value in office.METER.items()}
        self.does("register_meters", **meter, all_registered="y")


@pytest.fixture
def walk(signed_in: Browser, application: kartabl.Application) -> Walk:
    return Walk(signed_in("contractor", mobile="09130000001"), application)


def pdf(name: str = "سند.pdf") -> tuple[io.BytesIO, str]:
    return io.BytesIO(PDF), name


@pytest.mark.rule("REG-6")
def test_rows_are_added_and_removed_and_keep_what_was_typed(walk: Walk) -> None:
    walk.up_to_meters()
    typed = {"meters-0-units": "2", "meters-0-floor_area": "صد"}
    assert walk.sends("register_meters", **typed, _add="meters").status_code == 303
    page = walk.page("register_meters")
    assert 'name="meters-1-units"' in page
    assert 'value="صد"' in page
    walk.sends("register_meters", **typed, **{"meters-1-units": "5"}, _remove="meters-0")
    page = walk.page("register_meters")
    assert 'name="meters-1-units"' not in page
    assert re.search(r'name="meters-0-units"[^>]*value="۵"', page)


@pytest.mark.rule("REG-7")
def test_what_an_operation_or_the_form_refuses_stands_at_its_row(walk: Walk) -> None:
    walk.up_to_meters()
    meter = {f"meters-0-{name}": value for name, value in (office.METER | {"consumption": 900}).items()}
    answer = walk.sends("register_meters", **meter, all_registered="y")
    assert answer.status_code == 422
    assert "meters-0-consumption-error" in answer.text


@pytest.mark.rule("REG-9", "DOC-1")
def test_files_are_kept_while_the_rest_is_refused_and_opened_only_by_who_sees_the_case(
    walk: Walk, signed_in: Browser, session: Session
) -> None:
    walk.up_to_documents()
    assert 'enctype="multipart/form-data"' in walk.page("upload_documents")
    answer = walk.sends(
        "upload_documents",
        **{
            "documents-0-title": "ownership_deed",
            "documents-0-document": pdf(),
            "documents-1-title": "gas_plan",
            "documents-1-document": (io.BytesIO(b"<script>"), "نقشه.pdf"),
        },
    )
    assert answer.status_code == 422
    assert "نقشه.pdf" in answer.text
    (document,) = session.scalars(select(Document)).all()
    assert f'name="documents-0-document" value="{document.id}"' in answer.text
    opened = walk.browser.get(f"/documents/{document.id}")
    assert (opened.data, opened.mimetype) == (PDF, "application/pdf")
    assert opened.headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in opened.headers["Content-Security-Policy"]
    opened.close()
    assert signed_in("contractor-2", "contractor").get(f"/documents/{document.id}").status_code == 404


@pytest.mark.rule("TKT-1", "DOC-1")
def test_a_file_that_is_too_big_is_refused_by_name_and_the_text_is_kept(walk: Walk) -> None:
    walk.up_to_documents()
    big = (io.BytesIO(PDF + b" " * 6_000_000), "بزرگ.pdf")
    answer = walk.sends("upload_documents", **{"documents-0-title": "gas_plan", "documents-0-document": big})
    answer.request.environ["wsgi.input"].close()  # the client's own copy of what it sent
    assert answer.status_code == 422
    assert "بزرگ.pdf" in answer.text
    assert re.search(r'<option[^>]*selected[^>]*value="gas_plan"|value="gas_plan"[^>]*selected', answer.text)


@pytest.mark.rule("DOC-1")
def test_a_document_of_another_case_cannot_be_named(walk: Walk, session: Session, signed_in: Browser) -> None:
    other = Walk(signed_in("contractor-2", "contractor"), walk.application)
    case = session.get_one(Case, other.case_id)
    foreign = Document(
        case_id=case.id,
        sha256="0" * 64,
        name="a.pdf",
        media_type="application/pdf",
        size=1,
        uploaded_at=case.started_at,
    )
    session.add(foreign)
    session.commit()
    walk.up_to_documents()
    answer = walk.sends("upload_documents", **{"documents-0-title": "gas_plan", "documents-0-document": foreign.id})
    assert answer.status_code == 422
    assert "از این پرونده نیست" in answer.text


@pytest.mark.both_databases("story")
@pytest.mark.rule("REG-10", "REG-11", "PAY-1", "PAY-4")
def test_a_registration_is_paid_at_the_test_gateway_and_ends_with_an_inspector(
    walk: Walk, play: Any, session: Session
) -> None:
    office.add_inspector(play, "inspector-1")
    walk.up_to_documents()
    files = {}
    for row, title in enumerate(office.MANDATORY):
        files |= {f"documents-{row}-title": title, f"documents-{row}-document": pdf(f"{title}.pdf")}
    walk.does("upload_documents", **files)
    answer = walk.sends("review_invoice")
    waiting = walk.browser.get(answer.location)
    assert waiting.status_code == 200
    assert "data-poll" in waiting.text
    play.work()
    page = walk.page("payment_returned")
    gateway = re.search(r'href="http://localhost(/test-gateway/[^"]+)"', page)[1]  # type: ignore[index]
    assert "آزمایشی" in walk.browser.get(gateway).text
    decided = send(walk.browser, gateway, decision="pay")
    assert decided.status_code == 303
    back = walk.browser.get(decided.location)
    assert back.status_code == 303
    play.work()
    case = walk.browser.get(back.location, follow_redirects=True)
    assert case.status_code == 200
    assert "inspector-1" in case.text
    number = re.search(r"/cases/([0-9-]+)/next", back.location)[1]  # type: ignore[index]
    whole = walk.browser.get(f"/cases/{number}")
    assert "gas_inspection" not in whole.text, "people read names, not keys"
    assert "پرونده‌های وابسته" in whole.text


@pytest.mark.parametrize("look", [(monitor, "works_outside"), (worklist, "tasks_in_case")], ids=["work", "tasks"])
def test_one_who_waits_gets_to_the_task_although_the_work_ends_between_two_looks(
    walk: Walk, play: Any, monkeypatch: pytest.MonkeyPatch, look: tuple[Any, str]
) -> None:
    walk.up_to_documents()
    titles = {f"documents-{row}-title": title for row, title in enumerate(office.MANDATORY)}
    walk.does("upload_documents", **titles, **{f"documents-{row}-document": pdf("a.pdf") for row in range(len(titles))})
    waits = walk.sends("review_invoice").location
    module, name = look
    looked = getattr(module, name)

    def looked_before_the_end(*asked: Any) -> Any:
        seen = looked(*asked)
        play.work()
        return seen

    monkeypatch.setattr(module, name, looked_before_the_end)
    answer = walk.browser.get(waits)

    if answer.status_code == 303:
        assert answer.location == f"/tasks/{walk.task('payment_returned')}"
    else:
        assert "data-poll" in answer.text


def test_actions_stand_beside_the_task_and_at_the_case(walk: Walk, session: Session) -> None:
    page = walk.page("choose_property")
    actions = session.scalars(select(Task).where(Task.kind == TaskKind.ACTION, Task.status == TaskStatus.OPEN)).all()
    assert actions
    for action in actions:
        assert f'action="/tasks/{action.id}"' in page
    cancelled = walk.does("cancel_registration", reason="نمی‌خواهم")
    assert cancelled.status_code in (200, 303)
    answer = walk.browser.get(f"/tasks/{actions[0].id}")
    assert answer.status_code == 409


@pytest.mark.both_databases("locking")
def test_a_task_of_a_group_is_claimed_and_released(
    signed_in: Browser, play: Any, application: kartabl.Application
) -> None:
    office.paid(play)
    first, second = signed_in("gas-1", "gas_office"), signed_in("gas-2", "gas_office")
    task = play.task("assign_by_hand").id
    assert f"/tasks/{task}" in first.get("/worklist?whose=group").text
    assert send(first, f"/tasks/{task}/claim").status_code == 303
    assert send(second, f"/tasks/{task}/claim").status_code == 409
    assert "به عهده گرفته است" in second.get(f"/tasks/{task}").text
    assert f"/tasks/{task}" not in second.get("/worklist").text
    assert send(first, f"/tasks/{task}/release").status_code == 303
    assert f"/tasks/{task}" in second.get("/worklist").text
    supervisor = signed_in("supervisor")
    assert send(supervisor, f"/tasks/{task}/reassign", person="nonsense").status_code == 422
