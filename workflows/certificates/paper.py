"""The certificate on paper: one page of Persian, right to left, with a QR code that proves it (CNF-3)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pypdf
import segno
from pypdf.errors import PyPdfError

from engine.contributions.briefings import BriefingContext
from models.inspection import Certificate
from models.jalali import format_moment
from models.language import gettext as _
from models.language import lazy, reading
from workflows.certificates.check import head_facts, meters_of, place_facts
from workflows.certificates.records import VERIFY_PATH, address_of, of_case, signed_text
from workflows.certificates.signed_text import check_code, find_signed
from workflows.formatting import shown
from workflows.printing import render_pdf
from workflows.registry import printouts

ATTACHED = "certificate.json"  # the paper's facts and the signed text, inside the PDF
UNREADABLE = (  # what the library raises for damaged files besides its own errors
    PyPdfError,
    NotImplementedError,
    KeyError,
    RecursionError,
    AttributeError,
    TypeError,
    IndexError,
    OverflowError,
)
LARGEST = 20_000_000  # bytes of a file that somebody wants to have verified


def not_to_be_had(context: BriefingContext) -> str | None:
    """Why there is no certificate to print; ``None`` when there is one that holds."""
    found = of_case(context.session, context.case)
    if found is None:
        return _("تاییدیه پس از موافقت بازرس صادر و سپس چاپ می‌شود.")
    if found.revoked_at is not None:
        return _("این تاییدیه در %(moment)s باطل شده است و چاپ نمی‌شود.", moment=format_moment(found.revoked_at))
    return None


@printouts.register(
    key="certificate", label=lazy("تاییدیه"), process="confirmation_issuance", unavailable=not_to_be_had
)
def certificate(context: BriefingContext) -> bytes:
    found = of_case(context.session, context.case)
    if found is None:
        raise LookupError(f"Case {context.case.number} led to no certificate")
    return paper(found, public_url=context.services.public_url, fonts=context.services.fonts_path)


def paper(found: Certificate, *, public_url: str, fonts: Path | None) -> bytes:
    """The PDF of a certificate, always the same and always in Persian, whoever prints it."""
    with reading("fa"):
        return render_pdf("certificate.typ", paper_data(found, public_url=public_url), fonts=fonts)


def paper_data(found: Certificate, *, public_url: str) -> dict[str, Any]:
    """Every text of the paper, ready to print, in the reader's language."""
    address = address_of(found, public_url)
    signed = signed_text(found).text
    head, place = head_facts(found.facts), place_facts(found.facts)
    return {
        "organisation": _("سازمان نظام مهندسی ساختمان"),
        "unit": _("واحد بازرسی گاز"),
        "title": _("تاییدیهٔ لوله‌کشی گاز"),
        "number": shown(found.number),
        "head": head[:3],
        "body": _(
            "بدین‌وسیله تایید می‌شود که لوله‌کشی گاز پروژهٔ زیر در پیش‌بازرسی و بازرسی نهایی بررسی شده و با مقررات ملی"
            " ساختمان سازگار است."
        ),
        "facts": [
            {"title": _("مجری و بازرس"), "items": head[4:], "long": head[3:4]},
            {"title": _("محل پروژه"), "items": place[:4], "long": place[4:]},
        ],
        "meters": meters_on_paper(found.facts),
        "qr": qr_svg(address),
        "check": [
            [_("شماره"), shown(found.number)],
            [_("کد بررسی"), check_code(found.signature)],
            [_("آدرس بررسی"), f"{public_url.rstrip('/')}{VERIFY_PATH}"],
        ],
        "advice": _(
            "درستی این تاییدیه را هر کس می‌تواند بررسی کند: کد QR را با گوشی اسکن کنید، یا شماره و کد بررسی را در آدرس"
            " بالا وارد کنید. تاییدیه‌ای که آن صفحه معتبر نداند اعتبار ندارد."
        ),
        "signatures": [_("مهر و امضای امور گاز سازمان"), _("امضای بازرس")],
        "signed": signed,
        "attached": json.dumps({"signed": signed, "facts": found.facts}, ensure_ascii=False),
        "attached_name": ATTACHED,
    }


def meters_on_paper(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The table of meters; neighbours that are alike share a row, so that many fit on the page."""
    table = meters_of(facts)
    rows: list[list[str]] = []
    for _values, alike in groupby(table.rows, key=lambda row: row[1:]):
        first, *others = alike
        numbers = _("%(first)s تا %(last)s", first=first[0], last=others[-1][0]) if others else first[0]
        rows.append([numbers, first[1], first[2].partition(" (")[0], *first[3:]])
    short = [_("کنتور"), _("واحد"), _("کاربری"), _("مترمربع"), _("مترمکعب در ساعت"), _("کلاس")]
    return {"title": table.title, "columns": table.columns, "rows": rows, "short": short}


def qr_code(text: str) -> segno.QRCode:
    """The QR code of a text: readable also where a quarter of the paper is soiled."""
    return segno.make(text, error="q", boost_error=False, micro=False)


def qr_svg(text: str) -> str:
    drawn = io.BytesIO()
    qr_code(text).save(drawn, kind="svg", xmldecl=False, border=4, dark="#000", light="#fff")
    return drawn.getvalue().decode()


# Reading a paper back


def read_paper(content: bytes) -> tuple[str, dict[str, Any] | None]:
    """The signed text in a certificate's PDF and the facts that came with it; "" when it holds none.

    Raises ``ValueError`` for a file that is no PDF or too large.
    """
    if len(content) > LARGEST or not content.startswith(b"%PDF-"):
        raise ValueError("this is no PDF, or one of more than 20 MB")
    try:
        document = pypdf.PdfReader(io.BytesIO(content))
        attached = _attached(document)
        if attached is not None:
            return attached
        said = " ".join(str(value) for value in (document.metadata or {}).values())
        written = "".join(document.pages[0].extract_text().split()) if document.pages else ""
    except UNREADABLE as error:
        raise ValueError(f"this PDF cannot be read ({type(error).__name__})") from None
    signed = find_signed(said) or find_signed(written)
    return (signed.text if signed else ""), None


def _attached(document: pypdf.PdfReader) -> tuple[str, dict[str, Any]] | None:
    """What the file carries inside it, if it was written by us; what it says is proved by its signature only."""
    for content in document.attachments.get(ATTACHED, []):
        try:
            found = json.loads(content)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("signed"), str) and isinstance(found.get("facts"), dict):
            return found["signed"], found["facts"]
    return None
