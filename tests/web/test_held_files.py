"""Files with a virus scanner: held until they are clean, at both doors, whatever the scanner does (DOC-1)."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

import kartabl
from engine.backup import taking
from engine.jobs import file_scans, purge
from engine.queries.monitor import LATE_AFTER
from engine.settings import Settings
from models.account import Message
from models.case import Case, HistoryEntry, Task
from models.document import Document, FileScan, FileState, FileUsage
from tests import audited
from tests.clamd import VIRUS, StandIn, stand_in
from tests.engine.test_documents import PDF, picture
from tests.secret import SECRET_KEY
from tests.standing import StandingClock
from tests.web import letter
from tests.web.api_client import Api, code_of
from tests.web.test_files import Desk, held
from tests.web.test_pages import Browser

pytestmark = pytest.mark.rule("DOC-1")

INFECTED = PDF[:9] + VIRUS + b"\n" + PDF[9:]
PNG = picture("PNG")
STILL = "هنوز در حال بررسی است؛ چند لحظه بعد دوباره ارسال کنید."
TEXT = "متن نامه با هر چه نوشته شد"


@pytest.fixture
def scanner() -> Iterator[StandIn]:
    with stand_in() as served:
        yield served


@pytest.fixture
def settings(database_url: str, tmp_path: Path, scanner: StandIn) -> Settings:
    return Settings(
        secret_key=SECRET_KEY,
        database_url=database_url,
        files_path=tmp_path / "files",
        mode="demo",
        public_url="http://localhost",
        virus_scanner=scanner.address,
    )


@pytest.fixture(autouse=True)
def deployed(application: kartabl.Application) -> None:
    letter.deploy(application)


@pytest.fixture
def desk(signed_in: Browser, application: kartabl.Application) -> Desk:
    return Desk(signed_in("citizen"), application)


def check(application: kartabl.Application, *, owner: str = "worker") -> int:
    """What the worker does each second."""
    assert application.scanner is not None
    return file_scans.run_due(application.engine, application.scanner, owner=owner)


def files_on_disk(application: kartabl.Application) -> list[Path]:
    return [path for path in application.settings.files_path.glob("??/*")]


def states(application: kartabl.Application) -> dict[str, FileState]:
    with application.engine.transaction() as session:
        return {one.name: one.state for one in session.scalars(select(Document))}


def content_of(browser: FlaskClient, url: str) -> bytes:
    with browser.get(url) as answer:
        assert answer.status_code == 200
        return bytes(answer.data)


def case_page(browser: FlaskClient, application: kartabl.Application) -> str:
    with application.engine.transaction() as session:
        number = session.scalars(select(Case.number).order_by(Case.id.desc()).limit(1)).one()
    answer = browser.get(f"/cases/{number}")
    assert answer.status_code == 200
    return answer.text + browser.get(f"/cases/{number}/history").text


@pytest.mark.both_databases("saving")
def test_a_held_file_is_its_uploaders_only_until_it_is_clean(
    desk: Desk, application: kartabl.Application, signed_in: Browser
) -> None:
    supervisor = signed_in("supervisor")
    answer = desk.uploads(PDF, "نقشه.pdf")
    assert answer.status_code == 201
    assert answer.json["note"] == "در حال بررسی"
    url = answer.json["url"]
    assert "نقشه.pdf" not in case_page(supervisor, application)
    assert supervisor.get(url).status_code == 404
    own = case_page(desk.browser, application)
    assert "نقشه.pdf" in own
    assert "در حال بررسی" in own
    refused = desk.browser.get(url)
    assert refused.status_code == 409
    assert "هنوز در حال بررسی است" in refused.text

    assert check(application) == 1
    assert case_page(supervisor, application).count("نقشه.pdf") >= 2, "in the files and in the history"
    assert content_of(supervisor, url) == PDF
    assert "در حال بررسی" not in case_page(desk.browser, application)
    assert check(application) == 0, "once is enough"


@pytest.mark.both_databases("story")
def test_a_task_is_completed_only_with_files_that_are_ready(desk: Desk, application: kartabl.Application) -> None:
    sent = {
        "files": [(io.BytesIO(PDF), "یک.pdf"), (io.BytesIO(PDF), "سه.pdf")],
        "photos": [(io.BytesIO(PNG), "دو.png")],
    }
    answer = desk.sends(**sent)
    assert answer.status_code == 422
    for name in ("یک.pdf", "سه.pdf", "دو.png"):
        assert f"فایل «{name}» {STILL}" in answer.text
    assert TEXT in answer.text
    assert held(answer.text) == ["یک.pdf", "سه.pdf"]
    ids = {name: re.findall(rf'name="{name}" value="(\d+)"', answer.text) for name in ("files", "photos")}

    draft = desk.sends(_action="draft", **ids)
    assert draft.status_code == 303, "a draft is kept whatever its files are"
    assert check(application) == 3
    assert desk.sends(**ids).status_code == 303
    with application.engine.transaction() as session:
        assert session.get_one(Task, desk.task).ended_at is not None


@pytest.mark.both_databases("story")
def test_an_infected_file_is_deleted_and_its_uploader_told(
    desk: Desk, application: kartabl.Application, signed_in: Browser
) -> None:
    supervisor = signed_in("supervisor")
    identity = desk.uploads(INFECTED, "بد.pdf").json["id"]
    assert len(files_on_disk(application)) == 1
    assert check(application) == 1
    assert states(application) == {"بد.pdf": FileState.INFECTED}
    assert files_on_disk(application) == []
    assert "بد.pdf" not in case_page(supervisor, application)
    assert supervisor.get(f"/documents/{identity}").status_code == 404
    assert "آلوده بود (Test.Virus-1) و حذف شد" in case_page(desk.browser, application)
    told = desk.browser.get(f"/documents/{identity}")
    assert told.status_code == 409
    assert "Test.Virus-1" in told.text

    [row] = audited.rows(application, "file_infected")
    assert row.after == {"document": identity, "finding": "Test.Virus-1", "uploaded_by": "citizen"}
    with application.engine.transaction() as session:
        [message] = session.scalars(select(Message).where(Message.title == "حذف فایل آلوده"))
        assert "«بد.pdf»" in message.body
        assert "Test.Virus-1" in message.body
        assert session.scalars(select(FileUsage.bytes).where(FileUsage.kind == "case")).all() == [0]
        assert session.scalar(select(func.count()).select_from(FileScan)) == 0

    assert desk.sends(_action="draft", files=str(identity)).status_code == 303
    page = desk.browser.get(f"/tasks/{desk.task}").text
    assert "آلوده بود (Test.Virus-1) و حذف شد" in page, "at the file"
    answer = desk.sends(files=str(identity), photos=[(io.BytesIO(PNG), "سه.png")])
    assert answer.status_code == 422
    assert "فایل «بد.pdf» آلوده بود و حذف شد." in answer.text
    assert held(answer.text) == [], "and it is out of its field"


@pytest.mark.both_databases("story")
def test_all_documents_with_an_infected_content_go_together(
    desk: Desk, application: kartabl.Application, signed_in: Browser
) -> None:
    other = Desk(signed_in("citizen"), application)
    assert desk.task != other.task
    first, second = (one.uploads(INFECTED, "بد.pdf").json["id"] for one in (desk, other))
    assert first != second
    assert check(application) == 1
    with application.engine.transaction() as session:
        assert {one.state for one in session.scalars(select(Document))} == {FileState.INFECTED}
    assert len(audited.rows(application, "file_infected")) == 2
    assert check(application) == 0


def test_what_is_sent_again_is_looked_at_again(desk: Desk, application: kartabl.Application, scanner: StandIn) -> None:
    scanner.answer = b"stream: False.Alarm FOUND\0"
    first = desk.uploads(PDF, "نقشه.pdf").json["id"]
    check(application)
    scanner.answer = None
    second = desk.uploads(PDF, "نقشه.pdf").json["id"]
    assert second != first
    check(application)
    assert content_of(desk.browser, f"/documents/{second}") == PDF


def test_a_file_that_comes_while_its_content_is_being_deleted_shares_the_verdict(
    desk: Desk, application: kartabl.Application, scanner: StandIn
) -> None:
    desk.uploads(INFECTED, "بد.pdf")
    check(application)
    desk.uploads(INFECTED, "بد.pdf")
    for path in files_on_disk(application):
        path.unlink()
    before = len(scanner.received)
    assert check(application) == 1
    assert len(scanner.received) == before
    with application.engine.transaction() as session:
        assert {one.state for one in session.scalars(select(Document))} == {FileState.INFECTED}


@pytest.mark.both_databases("sql")
@pytest.mark.parametrize("answer", [b"", b"stream: OK", b"stream: Can't allocate memory ERROR\0", b"\xffnonsense\0"])
def test_without_a_verdict_it_stays_held_and_is_tried_later(
    desk: Desk, application: kartabl.Application, scanner: StandIn, clock: StandingClock, answer: bytes
) -> None:
    desk.uploads(PDF, "نقشه.pdf")
    scanner.answer = answer
    waited = timedelta(0)
    for _attempt in range(4):
        assert check(application) == 0
        assert check(application) == 0, "not at once again"
        with application.engine.transaction() as session:
            scan = session.scalars(select(FileScan)).one()
            pause = scan.next_try_at - clock.now
        assert pause > waited
        waited = pause
        clock.now += pause
    assert len(scanner.received) == 4
    assert states(application) == {"نقشه.pdf": FileState.CHECKING}
    scanner.answer = None
    assert check(application) == 1
    assert states(application) == {"نقشه.pdf": FileState.READY}


def test_one_bad_file_holds_up_no_other(desk: Desk, application: kartabl.Application, scanner: StandIn) -> None:
    scanner.takes = len(PDF) + 100
    desk.uploads(PDF[:9] + b"%" * 200 + b"\n" + PDF[9:], "بزرگ.pdf")
    desk.uploads(PDF, "کوچک.pdf")
    assert check(application) == 0
    assert check(application) == 1
    assert states(application) == {"بزرگ.pdf": FileState.CHECKING, "کوچک.pdf": FileState.READY}
    with application.engine.transaction() as session:
        assert "StreamMaxLength" in session.scalars(select(FileScan.error)).one()


@pytest.mark.both_databases("sql")
def test_a_worker_that_dies_leaves_its_file_to_the_next(
    desk: Desk, application: kartabl.Application, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.uploads(PDF, "نقشه.pdf")

    class Died(BaseException):
        pass

    def dies(*_arguments: Any, **_named: Any) -> None:
        raise Died

    with monkeypatch.context() as broken:
        broken.setattr(file_scans, "_release", dies)
        with pytest.raises(Died):
            check(application)
    assert check(application, owner="other") == 0, "the lease still holds"
    clock.now += timedelta(minutes=2)
    assert check(application, owner="other") == 1
    assert states(application) == {"نقشه.pdf": FileState.READY}
    with application.engine.transaction() as session:
        added = select(func.count()).select_from(HistoryEntry).where(HistoryEntry.what == "document_added")
        assert session.scalar(added) == 1


@pytest.mark.both_databases("sql")
def test_readyz_and_the_monitor_say_that_the_scanner_is_away(
    desk: Desk, application: kartabl.Application, scanner: StandIn, clock: StandingClock, signed_in: Browser
) -> None:
    supervisor = signed_in("supervisor")
    assert desk.browser.get("/readyz").json["scanner"] == "well"
    assert "ویروس‌یاب" not in supervisor.get("/monitor").text
    scanner.answer = b"stream: Can't allocate memory ERROR\0"
    desk.uploads(PDF, "نقشه.pdf")
    check(application)
    clock.now += LATE_AFTER + timedelta(minutes=1)
    assert desk.browser.get("/readyz").json["scanner"] == "late"
    page = supervisor.get("/monitor").text
    assert "بررسی فایل‌ها به تاخیر افتاده است." in page
    assert "allocate memory" in page
    assert "نقشه.pdf" not in page
    scanner.stop()
    application.scanner._asked = None  # type: ignore[union-attr]  # as after a quarter of a minute
    assert desk.browser.get("/readyz").json["scanner"] == "silent"
    assert "ویروس‌یاب پاسخ نمی‌دهد." in supervisor.get("/monitor").text


@pytest.mark.both_databases("story")
def test_the_api_has_the_same_rules(app: Any, application: kartabl.Application, people: Any) -> None:
    people.add("citizen", "citizen")
    api = Api.signed_in(app.test_client(), "citizen")
    case = api.post("/cases", {"process": "letter"}).json
    task, number = case["tasks"][0], case["case"]["number"]

    def put(content: bytes, name: str) -> dict[str, Any]:
        answer = api.post("/documents", data={"case": number, "file": (io.BytesIO(content), name)})
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    good, bad, photo = put(PDF, "a.pdf"), put(INFECTED, "b.pdf"), put(PNG, "c.png")
    assert {one["state"] for one in (good, bad, photo)} == {"checking"}
    assert code_of(api.get(f"/documents/{good['id']}")) == (409, "file_being_checked")
    values = {"body": TEXT, "files": [good["id"], bad["id"]], "photos": [photo["id"]], "meters": []}
    refused = api.complete(task, **values)
    assert code_of(refused) == (422, "invalid")
    assert refused.json["errors"]["files"] == [f"فایل «{name}» {STILL}" for name in ("a.pdf", "b.pdf")]
    assert check(application) == 3
    assert code_of(api.get(f"/documents/{bad['id']}")) == (409, "file_infected")
    with api.get(f"/documents/{good['id']}") as answer:
        assert answer.data == PDF
    refused = api.complete(task, **values)
    assert list(refused.json["errors"]) == ["files"]
    assert api.complete(task, **{**values, "files": [good["id"]]}).status_code == 200


def test_the_worker_does_it_by_itself(desk: Desk, application: kartabl.Application) -> None:
    kartabl._add_regular_work(application)
    desk.uploads(PDF, "نقشه.pdf")
    application.worker.start()
    try:
        ends = time.monotonic() + 30
        while states(application) == {"نقشه.pdf": FileState.CHECKING}:
            assert time.monotonic() < ends
            time.sleep(0.1)
    finally:
        application.worker.stop()
    assert states(application) == {"نقشه.pdf": FileState.READY}


def test_a_backup_misses_nothing_of_an_infected_file(
    desk: Desk, application: kartabl.Application, tmp_path: Path
) -> None:
    desk.uploads(INFECTED, "بد.pdf")
    desk.uploads(PDF, "خوب.pdf")
    check(application)
    with application.database.connect() as connection:
        assert taking._copy_files(connection, application.settings.files_path, tmp_path / "copy") == []
    assert len([*(tmp_path / "copy").glob("??/*")]) == 1


def test_the_sweep_takes_an_infected_content_that_a_crash_left(
    desk: Desk, application: kartabl.Application, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.uploads(INFECTED, "بد.pdf")
    with monkeypatch.context() as crashed:
        crashed.setattr(file_scans.documents, "is_wanted", lambda *_arguments: True)
        check(application)
    assert len(files_on_disk(application)) == 1
    clock.now += timedelta(days=3650)
    purge.sweep(application.engine)
    assert files_on_disk(application) == []
