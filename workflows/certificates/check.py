"""Verification of certificates for the public page and ``kartabl verify`` (CNF-3, CNF-5)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from engine.contributions.briefings import Block, Facts, Table
from models.inspection import Certificate
from models.jalali import format_date, format_moment
from models.language import gettext as _
from workflows.certificates import signing_keys
from workflows.certificates.records import by_number
from workflows.certificates.signed_text import (
    Signed,
    check_code,
    digest_of,
    find_signed,
    read_certificate_number,
    read_code,
)
from workflows.certificates.signing_keys import PublicKey
from workflows.formatting import code, label, localized, number
from workflows.gas.labels import USAGES, WORK_TYPES
from workflows.gas.projects import METER_NUMBERS, meter_columns

__all__ = ["check_offline", "check_signed", "check_typed", "find_signed", "published_keys", "read_certificate_number"]

VALID, REVOKED, UNKNOWN = "valid", "revoked", "unknown"
SIGNED_BY_US = "signed"  # proved by the key alone; a later revocation is known to our database only
KINDS = {VALID: "success", REVOKED: "danger", UNKNOWN: "warning", SIGNED_BY_US: "success"}  # of a note


@dataclass(frozen=True)
class Verdict:
    """Result of verifying a certificate.

    ``guessed``: the input matches no certificate and counts as an attempt to guess. ``proved``: our signature, not a
    code that could be guessed, supports the input.
    """

    state: str
    sentence: str
    number: str = ""
    revoked_at: datetime | None = None
    blocks: list[Block] = field(default_factory=list)
    guessed: bool = False
    proved: bool = False

    @property
    def kind(self) -> str:
        return KINDS[self.state]


def check_signed(session: Session, text: str, *, number: str = "") -> Verdict:
    """Verdict on the text of a QR code (a link, or the signed text alone).

    ``number``: the certificate that the address names; the signed text of another certificate does not prove it.
    """
    signed = find_signed(text)
    if signed is None or (number and read_certificate_number(number) != signed.number):
        return Verdict(UNKNOWN, _no_signed_text(), guessed=True)
    if not signed.proved_by(signing_keys.public_keys(session)):
        return Verdict(UNKNOWN, _not_signed(), guessed=True)
    certificate = by_number(session, signed.number)
    if certificate is None or certificate.payload != signed.payload or certificate.signature != signed.signature:
        return Verdict(UNKNOWN, _not_in_our_books(), number=signed.number, proved=True)
    return replace(_verdict(certificate), proved=True)


def check_typed(session: Session, typed_number: str, typed_code: str) -> Verdict:
    """Verdict on a number and its check code. A wrong code gives the same verdict as an unknown number."""
    known = read_certificate_number(typed_number)
    certificate = by_number(session, known) if known else None
    right = check_code(certificate.signature) if certificate else "????-????"
    if not hmac.compare_digest(right.encode(), read_code(typed_code).encode()) or certificate is None:
        words = _("تاییدیه‌ای با این شماره و کد صادر نشده است. هر دو را با نسخهٔ چاپی مقایسه کنید.")
        return Verdict(UNKNOWN, words, guessed=True)
    return _verdict(certificate)


def check_offline(text: str, keys: Mapping[str, PublicKey], *, facts: Mapping[str, Any] | None = None) -> Verdict:
    """Verdict by the published keys alone, without the database. ``facts`` of the paper must fit the text's digest."""
    signed = find_signed(text)
    if signed is None:
        return Verdict(UNKNOWN, _no_signed_text())
    if not signed.proved_by(keys):
        return Verdict(UNKNOWN, _not_signed(), number=signed.number)
    if facts is not None and digest_of(facts) != signed.digest:
        words = _("مشخصات درون این فایل تغییر کرده است و با امضای دیجیتال نمی‌خواند. این فایل اعتبار ندارد.")
        return Verdict(UNKNOWN, words, number=signed.number)
    words = _(
        "امضای دیجیتال این تاییدیه درست است و سازمان آن را صادر کرده است. باطل نشدن آن را فقط صفحهٔ بررسی نشان می‌دهد."
    )
    blocks: list[Block] = paper_blocks(facts) if facts is not None else [_signed_facts(signed)]
    return Verdict(SIGNED_BY_US, words, number=signed.number, blocks=blocks)


def published_keys(session: Session) -> dict[str, Any]:
    """The public keys as a JSON Web Key Set, for publication."""
    return signing_keys.published(signing_keys.public_keys(session).values())


def _verdict(certificate: Certificate) -> Verdict:
    blocks = paper_blocks(certificate.facts)
    if certificate.revoked_at is not None:
        words = _(
            "این تاییدیه در %(moment)s باطل شده است و دیگر اعتبار ندارد.", moment=format_moment(certificate.revoked_at)
        )
        return Verdict(REVOKED, words, number=certificate.number, revoked_at=certificate.revoked_at, blocks=blocks)
    words = _("این تاییدیه را سازمان صادر کرده است و اکنون معتبر است. مشخصات زیر را با نسخهٔ چاپی مقایسه کنید.")
    return Verdict(VALID, words, number=certificate.number, blocks=blocks)


def _no_signed_text() -> str:
    return _("متن امضاشدهٔ تاییدیه در آنچه ارسال کردید نیست. کد QR را دوباره اسکن کنید یا شماره و کد را وارد کنید.")


def _not_signed() -> str:
    return _("این متن را سازمان امضا نکرده است، یا پس از امضا تغییر کرده است. این تاییدیه اعتبار ندارد.")


def _not_in_our_books() -> str:
    return _("امضای دیجیتال درست است، ولی چنین تاییدیه‌ای در دفتر سازمان نیست. با امور گاز سازمان تماس بگیرید.")


# Content of the paper


def paper_blocks(facts: Mapping[str, Any]) -> list[Block]:
    """The content of the paper and nothing else, for comparison."""
    return [Facts(_("تاییدیه"), head_facts(facts)), Facts(_("محل پروژه"), place_facts(facts)), meters_of(facts)]


def head_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (_("شمارهٔ تاییدیه"), localized(facts["number"])),
        (_("شمارهٔ پروژه"), localized(facts["project"])),
        (_("تاریخ صدور"), format_date(date.fromisoformat(facts["issued"]))),
        (_("مجری گاز"), facts["contractor"]),
        (_("بازرس"), facts["inspector"]),
        (_("شمارهٔ عضویت"), localized(facts["membership"])),
    ]


def place_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The place by its district's number: the paper stays as it was signed, whatever the district is called later."""
    plates = _("اصلی %(main)s، فرعی %(sub)s", main=code(facts["main_plate"]), sub=code(facts["sub_plate"]))
    items = [
        (_("نام ساختمان"), facts["building"] or "—"),
        (_("نوع کار"), label(WORK_TYPES, facts["work_type"])),
    ]
    if facts["region"] is not None:
        items += [
            (_("منطقهٔ شهرداری"), _("منطقهٔ %(number)s", number=localized(facts["region"]))),
            (_("پلاک ثبتی"), plates),
            (_("نشانی"), localized(facts["address"])),
        ]
    return items


def meters_of(facts: Mapping[str, Any]) -> Table:
    rows = [
        [
            number(meter["number"]),
            number(meter["units"]),
            label(USAGES, meter["usage"]),
            number(Decimal(meter["floor_area"])),
            number(Decimal(meter["consumption"])),
            meter["meter_class"],
        ]
        for meter in facts["meters"]
    ]
    return Table(_("کنتورها"), meter_columns(), rows, numeric=METER_NUMBERS)


def _signed_facts(signed: Signed) -> Facts:
    return Facts(
        _("تاییدیه"),
        [
            (_("شمارهٔ تاییدیه"), localized(signed.number)),
            (_("شمارهٔ پروژه"), localized(signed.project)),
            (_("تاریخ صدور"), format_date(signed.issued)),
            (_("کد بررسی"), check_code(signed.signature)),
        ],
    )
