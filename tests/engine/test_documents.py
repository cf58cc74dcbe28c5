"""Files: content and name must agree, nothing harmful gets in, each content is stored once (DOC-1)."""

import io
import os
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from engine import documents
from engine.actor import Actor
from engine.errors import DocumentRefused, NotFound
from models.case import Case
from models.document import Document
from tests.engine.office import NOW, Office

pytestmark = pytest.mark.rule("DOC-1")

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"


def picture(kind: str, size: tuple[int, int] = (8, 8)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size).save(made, kind)
    return made.getvalue()


def office_file(part: str, **more: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"[Content_Types].xml": b"<Types/>", part: b"<x/>", **more}.items():
            archive.writestr(name, content)
    return made.getvalue()


GOOD = {
    "نقشه.pdf": PDF,
    "a.JPG": picture("JPEG"),
    "a.png": picture("PNG"),
    "a.webp": picture("WEBP"),
    "a.tiff": picture("TIFF"),
    "نامه.docx": office_file("word/document.xml"),
    "جدول.xlsx": office_file("xl/workbook.xml"),
}


class Shelf:
    def __init__(self, office: Office, folder: Path) -> None:
        self.office, self.folder = office, folder
        self.owner: Actor = office.actor("citizen")
        self.case: Case = office.case(by=self.owner)

    def store(self, content: bytes, name: str, *, limit: int = 6_000_000, besides: tuple[int, ...] = ()) -> Document:
        return documents.store(
            self.office.session,
            self.case,
            file=io.BytesIO(content),
            name=name,
            by=self.owner,
            now=NOW,
            folder=self.folder,
            limit=limit,
            besides=besides,
        )

    @property
    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
def shelf(office: Office, tmp_path: Path) -> Shelf:
    return Shelf(office, tmp_path / "files")


@pytest.mark.parametrize("name", GOOD)
def test_a_file_whose_content_is_what_its_name_says_is_kept(shelf: Shelf, name: str) -> None:
    document = shelf.store(GOOD[name], name)
    opened = documents.open_document(shelf.office.session, document.id, by=shelf.owner, folder=shelf.folder)
    assert opened.path.read_bytes() == GOOD[name]
    assert opened.document.media_type == documents.TYPES[name.rpartition(".")[2].lower()]
    assert documents.of_case(shelf.office.session, shelf.case, shelf.owner) == [document]


BAD = {
    "script as picture": (b"<script>alert(1)</script>", "a.png"),
    "page as PDF": (b"<!doctype html><script>1</script>", "a.pdf"),
    "picture under another ending": (picture("PNG"), "a.jpg"),
    "PDF as picture": (PDF, "a.jpeg"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg"),
    "program": (b"MZ" + b"\0" * 100, "a.exe"),
    "two endings": (PDF, "a.pdf.exe"),
    "no ending": (PDF, "pdf"),
    "empty": (b"", "a.pdf"),
    "cut PDF": (PDF[:-8], "a.pdf"),
    "broken picture": (picture("PNG")[:40], "a.png"),
    "any zip as document": (office_file("x.txt"), "a.docx"),
    "sheet as document": (office_file("xl/workbook.xml"), "a.docx"),
    "macros": (office_file("word/document.xml", **{"word/vbaProject.bin": b"1"}), "a.docx"),
    "zip bomb": (office_file("word/document.xml", **{"word/big": b"0" * 100_000_001}), "a.docx"),
    "pixel bomb": (picture("PNG", (10_000, 5_001)), "a.png"),
}


@pytest.mark.parametrize("what", BAD)
def test_anything_else_is_refused_by_name_and_leaves_nothing_behind(shelf: Shelf, what: str) -> None:
    content, name = BAD[what]
    with pytest.raises(DocumentRefused) as refused:
        shelf.store(content, name)
    assert name in refused.value.message
    assert shelf.files == []
    assert documents.of_case(shelf.office.session, shelf.case, shelf.owner) == []


def test_a_file_of_the_limit_is_taken_and_one_byte_more_is_refused_by_name(shelf: Shelf) -> None:
    filled = PDF[:9] + b" " * (6_000_000 - len(PDF)) + PDF[9:]
    assert shelf.store(filled, "a.pdf").size == 6_000_000
    with pytest.raises(DocumentRefused, match=r"«نقشه\.pdf» بیش از حد مجاز \(۶ مگابایت\)"):
        shelf.store(filled + b"\n", "نقشه.pdf")
    with pytest.raises(DocumentRefused, match="۱۰ کیلوبایت"):
        shelf.store(b"x" * 10_001, "a.pdf", limit=10_000)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\a\\نقشه.pdf", "نقشه.pdf"),
        ("نامه\u202egpj.exe.pdf", "نامهgpj.exe.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie_ x.pdf"),
        ("a\x00.pdf", "a.pdf"),
        ("...", "file"),
        ("", "file"),
        ("نیم\u200cفاصله.pdf", "نیم\u200cفاصله.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_name_keeps_its_words_and_loses_what_could_deceive(typed: str, kept: str) -> None:
    assert documents.clean_name(typed) == kept
    assert documents.clean_name(kept) == kept


def test_the_same_content_twice_is_stored_once_and_listed_twice(shelf: Shelf) -> None:
    one, two = shelf.store(PDF, "a.pdf"), shelf.store(PDF, "b.pdf")
    assert one.sha256 == two.sha256
    assert len(shelf.files) == 1
    assert len(documents.of_case(shelf.office.session, shelf.case, shelf.owner)) == 2


def test_a_file_sent_once_more_because_the_answer_got_lost_is_the_same_document(shelf: Shelf) -> None:
    first = shelf.store(PDF, "a.pdf")
    assert shelf.store(PDF, "a.pdf").id == first.id
    assert len(documents.of_case(shelf.office.session, shelf.case, shelf.owner)) == 1


def test_one_file_sent_for_two_fields_is_two_documents(shelf: Shelf) -> None:
    first = shelf.store(PDF, "a.pdf")
    second = shelf.store(PDF, "a.pdf", besides=(first.id,))
    assert second.id != first.id
    assert shelf.store(PDF, "a.pdf", besides=(first.id,)).id == second.id


def test_only_who_sees_the_case_opens_its_documents(shelf: Shelf) -> None:
    document, session = shelf.store(PDF, "a.pdf"), shelf.office.session
    assert documents.open_document(session, document.id, by=shelf.office.actor("supervisor"), folder=shelf.folder)
    for stranger, number in ((shelf.office.actor("citizen"), document.id), (shelf.owner, 99), (shelf.owner, 2**70)):
        with pytest.raises(NotFound):
            documents.open_document(session, number, by=stranger, folder=shelf.folder)


def test_a_form_cannot_name_the_document_of_another_case(shelf: Shelf) -> None:
    own = shelf.store(PDF, "a.pdf").id
    shelf.case = shelf.office.case()
    other = shelf.store(PDF, "a.pdf").id
    assert set(documents.of_case_by_id(shelf.office.session, shelf.case, [own, other, 77], shelf.owner)) == {other}


def test_contents_of_failed_steps_are_swept_after_a_day_and_others_stay(shelf: Shelf) -> None:
    shelf.store(PDF, "a.pdf")
    shelf.office.session.commit()
    shelf.store(picture("PNG"), "b.png")
    shelf.office.session.rollback()
    sweep = {"folder": shelf.folder, "now": NOW}
    for path in shelf.files:
        os.utime(path, times=((NOW - timedelta(hours=1)).timestamp(),) * 2)
    assert documents.sweep(shelf.office.session, **sweep) == 0
    for path in shelf.files:
        os.utime(path, times=((NOW - timedelta(days=2)).timestamp(),) * 2)
    assert documents.sweep(shelf.office.session, **sweep) == 1
    assert len(shelf.files) == 1


def test_a_file_half_written_by_a_process_that_died_is_swept_after_a_day(shelf: Shelf) -> None:
    shelf.folder.mkdir(parents=True, exist_ok=True)
    torn = shelf.folder / "upload-abc"
    torn.write_bytes(b"%PDF")
    os.utime(torn, times=((NOW - timedelta(hours=1)).timestamp(),) * 2)
    assert documents.sweep(shelf.office.session, folder=shelf.folder, now=NOW) == 0
    os.utime(torn, times=((NOW - timedelta(days=2)).timestamp(),) * 2)
    assert documents.sweep(shelf.office.session, folder=shelf.folder, now=NOW) == 1
    assert not torn.exists()
