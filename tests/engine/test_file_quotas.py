"""The space for files: of a case altogether, of a person in a day; what is used and left is told (DOC-1)."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select

from engine import documents, file_quotas
from engine.actor import Actor
from engine.errors import DocumentRefused
from engine.file_quotas import FileQuota
from models.case import Case
from models.document import Document, FileUsage
from tests.engine.office import NOW, Office
from tests.engine.test_documents import PDF

pytestmark = pytest.mark.rule("DOC-1")

SIZE = 1_000_000
QUOTA = FileQuota(case=3 * SIZE, person=5 * SIZE)


def pdf(number: int) -> bytes:
    """A file of exactly ``SIZE`` bytes, each number another one."""
    return PDF[:9] + b"%%%d\n" % number + b"%" * (SIZE - len(PDF) - len(b"%%%d\n" % number)) + PDF[9:]


class Shelf:
    def __init__(self, office: Office, folder: Path) -> None:
        self.office, self.folder = office, folder
        self.sent = 0

    def store(self, case: Case, by: Actor, *, content: bytes | None = None, now: object = NOW) -> Document:
        self.sent += 1
        return documents.store(
            self.office.session,
            case,
            file=io.BytesIO(content or pdf(self.sent)),
            name="plan.pdf",
            by=by,
            now=now,  # type: ignore[arg-type]
            folder=self.folder,
            quota=QUOTA,
        )

    @property
    def files(self) -> int:
        return len([path for path in self.folder.rglob("*") if path.is_file()])


@pytest.fixture
def shelf(office: Office, tmp_path: Path) -> Shelf:
    return Shelf(office, tmp_path / "files")


@pytest.mark.both_databases("saving")
def test_a_case_is_full_and_says_what_is_used_and_left(office: Office, shelf: Shelf) -> None:
    ali, sara = office.actor("citizen"), office.actor("contractor")
    case = office.case(by=ali)
    for who in (ali, ali, sara):
        shelf.store(case, who)
    with pytest.raises(DocumentRefused) as refused:
        shelf.store(case, sara)
    for words in ("plan.pdf", "این پرونده ۳ مگابایت", "۳ مگابایت پر است", "۰ کیلوبایت باقی"):
        assert words in refused.value.message
    assert shelf.files == 3, "what is refused is not written"
    shelf.store(office.case(by=ali), ali)


def test_a_person_has_so_much_in_a_day_over_all_cases(office: Office, shelf: Shelf) -> None:
    ali = office.actor("citizen")
    cases = [office.case(by=ali) for _each in range(3)]
    for number in range(5):
        shelf.store(cases[number % 3], ali)
    with pytest.raises(DocumentRefused, match="در یک روز ۵ مگابایت") as refused:
        shelf.store(cases[2], ali)
    assert "۰ کیلوبایت باقی" in refused.value.message
    shelf.store(cases[2], ali, now=NOW + timedelta(days=1))


def test_what_is_refused_is_not_counted(office: Office, shelf: Shelf) -> None:
    ali = office.actor("citizen")
    case = office.case(by=ali)
    for _each in range(3):
        shelf.store(case, ali)
    for _each in range(10):
        with pytest.raises(DocumentRefused):
            shelf.store(case, ali)
    counts = {row.kind: row.bytes for row in office.session.scalars(select(FileUsage).where(FileUsage.bytes > 0))}
    assert counts == {"case": 3 * SIZE, "person": 3 * SIZE}


def test_a_file_sent_once_more_because_the_answer_got_lost_counts_once(office: Office, shelf: Shelf) -> None:
    ali = office.actor("citizen")
    case = office.case(by=ali)
    for _each in range(10):
        shelf.store(case, ali, content=pdf(1))


def test_counting_reads_no_documents(office: Office, shelf: Shelf) -> None:
    ali = office.actor("citizen")
    case = office.case(by=ali)
    shelf.store(case, ali)
    statements: list[str] = []
    bind = office.session.get_bind()
    event.listen(bind, "before_cursor_execute", lambda _c, _r, text, *_more: statements.append(text))
    file_quotas.take(office.session, case, ali.person_id, name="x", size=1, quota=QUOTA, now=NOW)
    assert statements and not [text for text in statements if "documents" in text]


def test_past_days_of_people_are_deleted_and_cases_stay(office: Office, shelf: Shelf) -> None:
    ali = office.actor("citizen")
    case = office.case(by=ali)
    shelf.store(case, ali)
    office.session.execute(file_quotas.old_counts(NOW + timedelta(days=2)))
    assert set(office.session.scalars(select(FileUsage.kind))) == {"case", "person"}
    office.session.execute(file_quotas.old_counts(NOW + timedelta(days=3)))
    assert set(office.session.scalars(select(FileUsage.kind))) == {"case"}
