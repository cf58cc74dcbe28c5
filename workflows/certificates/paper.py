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
from workflows.formatting import localized
from workflows.printing import render_pdf
from workflows.registry import printouts

ATTACHED = "certificate.json"  # the paper's facts and the signed text, inside the PDF
UNREADABLE = (  # errors of the library for damaged files, besides its own
    PyPdfError,
    NotImplementedError,
    KeyError,
    RecursionError,
    AttributeError,
    TypeError,
    IndexError,
    OverflowError,
)
LARGEST = 20_000_000  # bytes of a file to verify


def not_to_be_had(context: BriefingContext) -> str | None:
    """Reason why no certificate can be printed, in the reader's language; ``None`` if there is a valid one."""
    record = of_case(context.session, context.case)
    if record is None:
        return _("تاییدیه پس از موافقت بازرس صادر و سپس چاپ می‌شود.")
    if record.revoked_at is not None:
        return _("این تاییدیه در %(moment)s باطل شده است و چاپ نمی‌شود.", moment=format_moment(record.revoked_at))
    return None


@printouts.register(
    key="certificate", label=lazy("تاییدیه"), process="confirmation_issuance", unavailable=not_to_be_had
)
def certificate(context: BriefingContext) -> bytes:
    record = of_case(context.session, context.case)
    if record is None:
        raise LookupError(f"Case {context.case.number} led to no certificate")
    return paper(record, public_url=context.services.public_url, fonts=context.services.fonts_path)


def paper(certificate: Certificate, *, public_url: str, fonts: Path | None) -> bytes:
    """The PDF of a certificate, always the same and always in Persian, whoever prints it."""
    with reading("fa"):
        return render_pdf("certificate.typ", paper_data(certificate, public_url=public_url), fonts=fonts)


def paper_data(certificate: Certificate, *, public_url: str) -> dict[str, Any]:
    """Every text of the paper, ready to print, in the reader's language."""
    address = address_of(certificate, public_url)
    signed = signed_text(certificate).text
    head, place = head_facts(certificate.facts), place_facts(certificate.facts)
    return {
        "organisation": _("سازمان نظام مهندسی ساختمان"),
        "unit": _("واحد بازرسی گاز"),
        "title": _("تاییدیهٔ لوله‌کشی گاز"),
        "number": localized(certificate.number),
        "head": head[:3],
        "body": _(
            "بدین‌وسیله تایید می‌شود که لوله‌کشی گاز پروژهٔ زیر در پیش‌بازرسی و بازرسی نهایی بررسی شده و با مقررات ملی"
            " ساختمان سازگار است."
        ),
        "facts": [
            {"title": _("مجری و بازرس"), "items": head[4:], "long": head[3:4]},
            {"title": _("محل پروژه"), "items": place[:4], "long": place[4:]},
        ],
        "meters": meters_on_paper(certificate.facts),
        "qr": qr_svg(address),
        "check": [
            [_("شماره"), localized(certificate.number)],
            [_("کد بررسی"), check_code(certificate.signature)],
            [_("آدرس بررسی"), f"{public_url.rstrip('/')}{VERIFY_PATH}"],
        ],
        "advice": _(
            "درستی این تاییدیه را هر کس می‌تواند بررسی کند: کد QR را با گوشی اسکن کنید، یا شماره و کد بررسی را در آدرس"
            " بالا وارد کنید. تاییدیه‌ای که آن صفحه معتبر نداند اعتبار ندارد."
        ),
        "signatures": [_("مهر و امضای امور گاز سازمان"), _("امضای بازرس")],
        "signed": signed,
        "attached": json.dumps({"signed": signed, "facts": certificate.facts}, ensure_ascii=False),
        "attached_name": ATTACHED,
    }


def meters_on_paper(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The table of meters; equal neighbours share a row, so that many fit on the page."""
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
    image = io.BytesIO()
    qr_code(text).save(image, kind="svg", xmldecl=False, border=4, dark="#000", light="#fff")
    return image.getvalue().decode()


# Reading a paper back


def read_paper(content: bytes) -> tuple[str, dict[str, Any] | None]:
    """Read a certificate's PDF. Returns the signed text ("" if there is none) and the attached facts.

    Raises ValueError: the file is no PDF or larger than ``LARGEST`` bytes.
    """
    if len(content) > LARGEST or not content.startswith(b"%PDF-"):
        raise ValueError("this is no PDF, or it has more than 20 MB")
    try:
        document = pypdf.PdfReader(io.BytesIO(content))
        attached = _attached(document)
        if attached is not None:
            return attached
        metadata = " ".join(str(value) for value in (document.metadata or {}).values())
        written = "".join(document.pages[0].extract_text().split()) if document.pages else ""
    except UNREADABLE as error:
        raise ValueError(f"this PDF cannot be read ({type(error).__name__})") from None
    signed = find_signed(metadata) or find_signed(written)
    return (signed.text if signed else ""), None


def _attached(document: pypdf.PdfReader) -> tuple[str, dict[str, Any]] | None:
    """Signed text and facts attached to the file, else ``None``. Unproved until the signature is verified."""
    for content in document.attachments.get(ATTACHED, []):
        try:
            data = json.loads(content)
        except ValueError:
            continue
        if isinstance(data, dict) and isinstance(data.get("signed"), str) and isinstance(data.get("facts"), dict):
            return data["signed"], data["facts"]
    return None
