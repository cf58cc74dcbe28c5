"""What is refused of uploaded files, each by the name of its reason; and what offices really write is taken."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import openpyxl
import pypdf
import pytest
import typst
from openpyxl.drawing.image import Image as DrawnImage

from engine import documents
from engine.errors import DocumentRefused
from engine.uploads.dangers import Danger
from tests.engine.test_documents import PDF, office_file, picture

pytestmark = pytest.mark.rule("DOC-1")

WORD, SHEET = "word/document.xml", "xl/workbook.xml"
RELATIONSHIP = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"'
    b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s"%s/></Relationships>'
)
EXTERNAL = b' TargetMode="External"'


def refusal(content: bytes, name: str) -> str:
    with pytest.raises(DocumentRefused) as refused:
        documents.checked_type(content, name)
    return refused.value.message


def word(**more: bytes) -> bytes:
    return office_file(WORD, **more)


def related(kind: bytes, target: bytes = b"x", how: bytes = b"") -> bytes:
    return word(**{"word/_rels/document.xml.rels": RELATIONSHIP % (kind, target, how)})


def typed(content_type: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b'<Types><Override ContentType="%s"/></Types>' % content_type)
        archive.writestr(WORD, b"<x/>")
    return made.getvalue()


# Archives that lie


def spoilt(content: bytes, change: Callable[[bytearray], None]) -> bytes:
    copy = bytearray(content)
    change(copy)
    return bytes(copy)


def directory(content: bytes) -> int:
    return content.index(b"PK\x01\x02")


def says_smaller(content: bytearray) -> None:
    """Directory and local header agree on a size that is not true."""
    for place in (content.index(b"PK\x03\x04") + 22, directory(bytes(content)) + 24):
        struct.pack_into("<I", content, place, 1)


def says_smaller_in_the_directory(content: bytearray) -> None:
    struct.pack_into("<I", content, directory(bytes(content)) + 24, 1)


def another_name_in_the_directory(content: bytearray) -> None:
    content[content.index(b"word/document.xml")] = ord("W")


def encrypted(content: bytearray) -> None:
    for place in (content.index(b"PK\x03\x04") + 6, directory(bytes(content)) + 8):
        content[place] |= 1


def unknown_packing(content: bytearray) -> None:
    for place in (content.index(b"PK\x03\x04") + 8, directory(bytes(content)) + 10):
        struct.pack_into("<H", content, place, 99)


def overlapping() -> bytes:
    """Two names in the directory for one and the same place."""
    content = word(**{"word/other.xml": b"<x/>"})
    second = content.index(b"PK\x01\x02", directory(content) + 4)
    return spoilt(content, lambda copy: struct.pack_into("<I", copy, second + 42, 0))


def named(name: str) -> bytes:
    return word(**{name: b"x"})


def twice() -> bytes:
    made = io.BytesIO(word())
    with pytest.warns(UserWarning), zipfile.ZipFile(made, "a") as archive:
        archive.writestr(WORD, b"<y/>")
    return made.getvalue()


# PDF


def pdf(*objects: bytes) -> bytes:
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, one) for number, one in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer<<>>\n%%EOF\n"


def packed_objects(
    text: bytes, more: bytes = b"/Filter /FlateDecode", wrap: Callable[[bytes], bytes] = zlib.compress
) -> bytes:
    stream = wrap(text)
    head = b"<</Type /ObjStm /N 1 /First 4 /Length %d %s>>" % (len(stream), more)
    return pdf(head + b"\nstream\n" + stream + b"\nendstream")


SCRIPT = b"<</S /JavaScript /JS (app.alert\\(1\\))>>"
REFUSED: dict[str, tuple[bytes, str, Danger]] = {
    "VBA project": (word(**{"word/vbaProject.bin": b"1"}), "a.docx", Danger.MACRO),
    "VBA project under another name": (typed(b"application/vnd.ms-office.vbaProject"), "a.docx", Danger.MACRO),
    "document with macros renamed": (
        typed(b"application/vnd.ms-word.document.macroEnabled.main+xml"),
        "a.docx",
        Danger.MACRO,
    ),
    "Excel 4 macro sheet": (
        office_file(SHEET, **{"xl/macrosheets/sheet1.xml": b"<x/>"}),
        "a.xlsx",
        Danger.MACRO,
    ),
    "Excel 4 macro sheet by its relationship": (
        office_file(
            SHEET, **{"xl/_rels/workbook.xml.rels": RELATIONSHIP % (b"xlMacrosheet", b"worksheets/a.xml", b"")}
        ),
        "a.xlsx",
        Danger.MACRO,
    ),
    "OLE object": (word(**{"word/embeddings/oleObject1.bin": b"x"}), "a.docx", Danger.EMBEDDED),
    "OLE object under another name": (
        word(**{"word/media/a.png": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}),
        "a.docx",
        Danger.EMBEDDED,
    ),
    "OLE object by its relationship": (related(b"oleObject", b"media/a.bin"), "a.docx", Danger.EMBEDDED),
    "zip inside": (word(**{"word/media/a.png": word()}), "a.docx", Danger.EMBEDDED),
    "program inside": (word(**{"word/a.exe": b"MZ"}), "a.docx", Danger.EMBEDDED),
    "ActiveX": (word(**{"word/activeX/activeX1.xml": b"<x/>"}), "a.docx", Danger.CONTROL),
    "template from elsewhere": (related(b"attachedTemplate", b"http://evil/x.dotm", EXTERNAL), "a.docx", Danger.REMOTE),
    "picture from elsewhere": (related(b"image", b"file://evil/x", EXTERNAL), "a.docx", Danger.REMOTE),
    "DDE": (office_file(SHEET, **{"xl/externalLinks/e.xml": b"<ddeLink ddeService='cmd'/>"}), "a.xlsx", Danger.REMOTE),
    "DDE field": (word(**{"word/a.xml": b"<w:instrText> DDEAUTO cmd</w:instrText>"}), "a.docx", Danger.REMOTE),
    "entities": (word(**{"word/a.xml": b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"}), "a.docx", Danger.BROKEN),
    "another encoding": (word(**{"word/a.xml": "<x/>".encode("utf-16")}), "a.docx", Danger.BROKEN),
    "a size that is not true": (spoilt(word(), says_smaller), "a.docx", Danger.LYING),
    "two sizes": (spoilt(word(), says_smaller_in_the_directory), "a.docx", Danger.LYING),
    "two names": (spoilt(word(), another_name_in_the_directory), "a.docx", Danger.LYING),
    "encrypted part": (spoilt(word(), encrypted), "a.docx", Danger.ENCRYPTED),
    "unknown packing": (spoilt(word(), unknown_packing), "a.docx", Danger.BROKEN),
    "overlapping parts": (overlapping(), "a.docx", Danger.LYING),
    "one name twice": (twice(), "a.docx", Danger.PATH),
    "bomb": (word(**{"word/big": b"0" * 100_000_001}), "a.docx", Danger.TOO_BIG),
    "too many parts": (word(**{f"word/{number}": b"" for number in range(5_000)}), "a.docx", Danger.TOO_MANY),
    "path upwards": (named("../../etc/passwd"), "a.docx", Danger.PATH),
    "absolute path": (named("/etc/passwd"), "a.docx", Danger.PATH),
    "path of Windows": (named("C:\\x"), "a.docx", Danger.PATH),
    "something before the archive": (b"PK\x03\x04" + b"x" * 40 + word(), "a.docx", Danger.LYING),
    "something after the archive": (word() + b"<script>", "a.docx", Danger.LYING),
    "PDF script": (pdf(SCRIPT), "a.pdf", Danger.SCRIPT),
    "PDF script spelt otherwise": (pdf(b"<</S /J#61va#53cript /JS (x)>>"), "a.pdf", Danger.SCRIPT),
    "PDF script among packed objects": (packed_objects(b"1 0 " + SCRIPT), "a.pdf", Danger.SCRIPT),
    "PDF objects packed unusually": (
        packed_objects(
            SCRIPT, b"/Filter [/ASCIIHexDecode /FlateDecode]", lambda text: zlib.compress(text).hex().encode()
        ),
        "a.pdf",
        Danger.HIDDEN,
    ),
    "PDF objects that are a bomb": (packed_objects(b"0" * 50_000_001), "a.pdf", Danger.TOO_BIG),
    "PDF action at opening": (
        pdf(b"<</Type /Catalog /OpenAction <</S /URI /URI (http://x)>>>>"),
        "a.pdf",
        Danger.ACTION,
    ),
    "PDF actions of a page": (pdf(b"<</Type /Page /AA <</O 5 0 R>>>>"), "a.pdf", Danger.ACTION),
    "PDF starts a program": (pdf(b"<</S /Launch /F (cmd.exe)>>"), "a.pdf", Danger.LAUNCH),
    "PDF sends a form": (pdf(b"<</S /SubmitForm>>"), "a.pdf", Danger.LAUNCH),
    "PDF with a file": (pdf(b"<</Names <</EmbeddedFiles 3 0 R>>>>"), "a.pdf", Danger.EMBEDDED),
    "PDF with a film": (pdf(b"<</Subtype /RichMedia>>"), "a.pdf", Danger.MEDIA),
    "PDF with a dynamic form": (pdf(b"<</AcroForm <</XFA 3 0 R>>>>"), "a.pdf", Danger.MEDIA),
    "encrypted PDF": (PDF.replace(b"trailer<<>>", b"trailer<</Encrypt 4 0 R>>"), "a.pdf", Danger.ENCRYPTED),
    "something before the PDF": (b"%!\n" + PDF, "a.pdf", Danger.BROKEN),
    "PDF that is a zip": (PDF + word() + b"%%EOF", "a.pdf", Danger.TWO_KINDS),
    "picture that is a zip": (picture("PNG") + word(), "a.png", Danger.TWO_KINDS),
    "picture that is a PDF": (picture("JPEG")[:20] + PDF + picture("JPEG")[20:], "a.jpg", Danger.TWO_KINDS),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_by_the_name_of_its_reason(what: str) -> None:
    content, name, danger = REFUSED[what]
    said = refusal(content, name)
    if name == "a.pdf" and danger is Danger.BROKEN:
        assert name in said
    else:
        assert said == danger.words(name)


def test_every_reason_is_tried() -> None:
    assert {danger for _content, _name, danger in REFUSED.values()} == set(Danger)


# What offices write


def sheet() -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    page["A1"] = "درگاه"
    page["A1"].hyperlink = "https://kartabl.example.ir/"
    page.add_image(DrawnImage(io.BytesIO(picture("PNG"))))
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def printed() -> bytes:
    return typst.compile(b'= Report\n#link("https://x.ir")[x] \n' + b"text " * 500)


def joined() -> bytes:
    writer = pypdf.PdfWriter()
    writer.append(io.BytesIO(printed()))
    writer.add_outline_item(title="first", page_number=0)
    writer.compress_identical_objects()
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def streamed() -> bytes:
    """Parts whose sizes follow them, as programs write that do not know them before."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, part: bytes) -> int:  # type: ignore[override]
            self.written += part
            return len(part)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr(WORD, b"<x/>" * 100)
    return bytes(pipe.written)


TAKEN = {
    "sheet.xlsx": sheet,
    "streamed.docx": streamed,
    "report.pdf": printed,
    "joined.pdf": joined,
    "begin.pdf": lambda: pdf(b"<</Type /Catalog /OpenAction [3 0 R /Fit]>>"),
    "goto.pdf": lambda: pdf(b"<</OpenAction <</Type /Action /S /GoTo /D [3 0 R /Fit]>>>>"),
    "link.docx": lambda: related(b"hyperlink", b"https://x.ir", EXTERNAL),
    "نامه.docx": lambda: word(**{"word/media/تصویر.png": picture("PNG")}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_offices_write_is_taken(name: str) -> None:
    documents.checked_type(TAKEN[name](), name)
