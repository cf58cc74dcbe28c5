"""The gas office's list of issued certificates, with links to the certificate and its revocation (CNF-5)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from engine.contributions.listings import Column, Filter, ListingContext, ListPage, ListQuery, Row
from models.choice import Choice
from models.gas import GasProject
from models.inspection import Certificate
from models.language import gettext as _
from models.language import lazy
from workflows import roles
from workflows.certificates.records import address_of
from workflows.certificates.signed_text import read_certificate_number
from workflows.gas.list_columns import CONTRACTOR, GROUP, eager_loads, matching_words, project_values
from workflows.list_pages import FROM, TO, Order, between, office_day, rows_of
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
def certificates(context: ListingContext, query: ListQuery) -> ListPage:
    """Every certificate, newest first; its number leads to the public page."""
    statement = (
        select(Certificate)
        .join(GasProject, GasProject.id == Certificate.project_id)
        .where(*between(context, Certificate.issued_at, query))
        .options(*eager_loads(Certificate.project), joinedload(Certificate.inspector))
    )
    if "state" in query.choices:
        revoked = Certificate.revoked_at.is_not(None)
        statement = statement.where(revoked if query.choices["state"] == "revoked" else ~revoked)
    number = read_certificate_number(query.q)
    statement = statement.where(Certificate.number == number) if number else matching_words(statement, query)
    return rows_of(
        context,
        statement,
        query,
        BY_ISSUE,
        key=lambda result: [result[0].id],
        to_rows=lambda results: [_row(context, certificate) for (certificate,) in results],
    )


def _row(context: ListingContext, certificate: Certificate) -> Row:
    state = "revoked" if certificate.revoked_at else "valid"
    way = (_("ابطال"), f"/start/certificate_revocation?certificate={certificate.number}")
    values: dict[str, Any] = {
        "certificate": certificate.number,
        "inspector": certificate.inspector.name,
        "issued": office_day(context, certificate.issued_at),
        "state": str(STATES[state]),
        "revoked": certificate.revoked_at,
        "why": certificate.revoked_why or None,
        "revoke": None if certificate.revoked_at else way,
    }
    mark = "danger" if certificate.revoked_at else ""
    return Row(project_values(certificate.project) | values, url=address_of(certificate, ""), mark=mark)
