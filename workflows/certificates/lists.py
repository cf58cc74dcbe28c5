"""The gas office's list of issued certificates, from which one is looked at or revoked (CNF-5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from engine.contributions.listings import Asked, Column, Filter, Found, ListingContext, Row
from models.choice import Choice
from models.gas import GasProject
from models.inspection import Certificate
from models.language import gettext as _
from models.language import lazy
from workflows import roles
from workflows.certificates.records import address_of
from workflows.certificates.signed_text import read_certificate_number
from workflows.gas.list_columns import CONTRACTOR, GROUP, searched, shown_of, shown_with
from workflows.list_pages import FROM, TO, Order, between, rows_of
from workflows.registry import listings

STATES = {"valid": lazy("معتبر"), "revoked": lazy("باطل")}
BY_ISSUE = Order("issued", ((Certificate.id.expression, int),))


@listings.register(
    key="certificates",
    label=lazy("تاییدیه‌های صادرشده"),
    role=roles.GAS_OFFICE,
    processes=("confirmation_issuance",),
    columns=[
        Column("certificate", lazy("شمارهٔ تاییدیه")),
        Column("number", lazy("شمارهٔ پروژه")),
        CONTRACTOR,
        Column("inspector", lazy("بازرس")),
        Column("issued", lazy("تاریخ صدور"), "date"),
        Column("state", lazy("وضعیت")),
        Column("revoked", lazy("زمان ابطال"), "moment"),
        Column("why", lazy("دلیل ابطال")),
        Column("revoke", lazy("اقدام"), "link"),
    ],
    filters=[
        Filter("q", lazy("شماره، مالک یا نشانی"), "search"),
        Filter("state", lazy("وضعیت"), "choice", [Choice(key, text) for key, text in STATES.items()]),
        FROM,
        TO,
    ],
    group=GROUP,
)
def certificates(context: ListingContext, asked: Asked) -> Found:
    """Every certificate, newest first; its number leads to the public page."""
    wanted = (
        select(Certificate)
        .join(GasProject, GasProject.id == Certificate.project_id)
        .where(*between(context, Certificate.issued_at, asked))
        .options(*shown_with(Certificate.project), joinedload(Certificate.inspector))
    )
    if "state" in asked.choices:
        revoked = Certificate.revoked_at.is_not(None)
        wanted = wanted.where(revoked if asked.choices["state"] == "revoked" else ~revoked)
    number = read_certificate_number(asked.q)
    wanted = wanted.where(Certificate.number == number) if number else searched(wanted, asked)
    return rows_of(
        context,
        wanted,
        asked,
        BY_ISSUE,
        key=lambda one: [one[0].id],
        drawn=lambda found: [_row(context, certificate) for (certificate,) in found],
    )


def _row(context: ListingContext, found: Certificate) -> Row:
    state = "revoked" if found.revoked_at else "valid"
    way = (_("ابطال"), f"/start/certificate_revocation?certificate={found.number}")
    values: dict[str, Any] = {
        "certificate": found.number,
        "inspector": found.inspector.name,
        "issued": _day(context, found.issued_at),
        "state": str(STATES[state]),
        "revoked": found.revoked_at,
        "why": found.revoked_why or None,
        "revoke": None if found.revoked_at else way,
    }
    mark = "danger" if found.revoked_at else ""
    return Row(shown_of(found.project) | values, url=address_of(found, ""), mark=mark)


def _day(context: ListingContext, moment: datetime) -> Any:
    return moment.astimezone(context.calendar.zone).date()
