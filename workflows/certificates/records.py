"""Confirmation certificates of gas projects: conditions of a request, issuing, revoking, facts for readers."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.contributions.briefings import Block, BriefingContext, Facts, Link, Notice
from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from models.account import Person
from models.case import Case
from models.gas import GasProject
from models.inspection import Certificate
from models.jalali import format_date, format_moment, tehran_day
from models.language import gettext as _
from workflows.certificates import signing_keys
from workflows.certificates.signed_text import Signed, certificate_number, check_code, digest_of
from workflows.formatting import code, localized, rials
from workflows.gas.inspections import is_finally_approved, open_debt
from workflows.registry import renames

PROCESS = "confirmation_issuance"
VERIFY_PATH = "/verify"


def locked_project(session: Session, case_id: int) -> GasProject | None:
    """The project of a registration, read anew and locked until the transaction ends: one request at a time."""
    return session.scalars(
        select(GasProject)
        .where(GasProject.case_id == case_id)
        .with_for_update(of=GasProject)
        .execution_options(populate_existing=True)
    ).one_or_none()


# Conditions (CNF-4, INS-15)


def refusal(session: Session, project: GasProject, *, own_case: int | None = None) -> str | None:
    """Reason against a request for a certificate, in the reader's language; ``None`` if a request is possible.

    ``own_case``: the request under review, which does not count as a second request.
    """
    open_case = open_request(session, project, besides=own_case)
    if open_case is not None:
        return _(
            "برای این پروژه درخواست تاییدیهٔ شمارهٔ %(number)s در جریان است. تا پایان آن درخواست دیگری پذیرفته نمی‌شود.",
            number=code(open_case.number),
        )
    if not is_finally_approved(project):
        return _("بازرسی نهایی این پروژه هنوز تایید نشده است. پس از تایید نهایی می‌توانید تاییدیه بخواهید.")
    debt = open_debt(session, project)
    if debt:
        return _("این پروژه %(amount)s بدهی دارد. ابتدا بدهی را بپردازید و سپس تاییدیه بخواهید.", amount=rials(debt))
    valid = valid_certificate(session, project)
    if valid is not None:
        return _("برای این پروژه تاییدیهٔ شمارهٔ %(number)s صادر شده و معتبر است.", number=code(valid.number))
    return None


def open_request(session: Session, project: GasProject, *, besides: int | None = None) -> Case | None:
    """The request for a certificate of this project that has not ended yet."""
    statement = select(Case).where(
        Case.process_key.in_(renames.process_keys(PROCESS)),
        Case.refers_to_id == project.case_id,
        Case.ended_at.is_(None),
    )
    if besides is not None:
        statement = statement.where(Case.id != besides)
    return session.scalars(statement.order_by(Case.id).limit(1)).first()


def valid_certificate(session: Session, project: GasProject) -> Certificate | None:
    return session.scalars(
        select(Certificate).where(Certificate.project_id == project.id, Certificate.revoked_at.is_(None)).limit(1)
    ).first()


# Issuing and revoking (CNF-3, CNF-5)


def issue(context: OperationContext, project: GasProject, inspector: Person) -> Certificate:
    """Record and sign a certificate of the project's present state. Returns it.

    Raises KeyUnreadable: the signing key was encrypted with another secret key.
    """
    secret_key = context.services.settings.secret_key
    key = signing_keys.signing_key(context.session, secret_key=secret_key, now=context.now)
    certificate = Certificate(
        number=uuid4().hex,
        project_id=project.id,
        case_id=context.case.id,
        inspector_id=inspector.id,
        issued_at=context.now,
        facts={},
        key_id=key.id,
        payload="",
        signature="",
    )
    context.session.add(certificate)
    context.session.flush()
    certificate.number = certificate_number(certificate.id, context.now)
    certificate.facts = facts_of(project, inspector, number=certificate.number, issued=tehran_day(context.now))
    signed = signed_text(certificate, project)
    certificate.payload = signed.payload
    certificate.signature = signing_keys.sign(key, signed.payload, secret_key=secret_key)
    context.session.flush()
    return certificate


def signed_text(certificate: Certificate, project: GasProject | None = None) -> Signed:
    """The signed text of the certificate's QR code."""
    return Signed(
        number=certificate.number,
        project=(project or certificate.project).case.number,
        issued=tehran_day(certificate.issued_at),
        key_id=certificate.key_id,
        digest=digest_of(certificate.facts),
        signature=certificate.signature,
    )


def facts_of(project: GasProject, inspector: Person, *, number: str, issued: date) -> dict[str, Any]:
    """Facts of the paper as plain data, free of language: stored, digested for the signature, read by verifiers."""
    place = project.property
    return {
        "number": number,
        "project": project.case.number,
        "issued": issued.isoformat(),
        "contractor": project.contractor.name,
        "inspector": inspector.name,
        "membership": inspector.username,
        "building": project.building_name,
        "work_type": project.work_type,
        "region": place.region if place else None,
        "main_plate": place.main_plate if place else "",
        "sub_plate": place.sub_plate if place else "",
        "address": place.address if place else "",
        "meters": [
            {
                "number": meter.number,
                "units": meter.units,
                "usage": meter.usage,
                "floor_area": f"{meter.floor_area.normalize():f}",
                "consumption": f"{meter.consumption.normalize():f}",
                "meter_class": meter.meter_class,
            }
            for meter in project.meters
        ],
    }


def revoke(context: OperationContext, certificate: Certificate, reason: str) -> None:
    """Revoke the certificate: the public page reports it as revoked from now on.

    Raises Refusal: at ``certificate`` if it is revoked already.
    """
    if certificate.revoked_at is not None:
        message = _("این تاییدیه قبلاً، در %(moment)s، باطل شده است.", moment=format_moment(certificate.revoked_at))
        raise Refusal({"certificate": [message]})
    certificate.revoked_at = context.now
    certificate.revoked_by_id = context.actor.person_id
    certificate.revoked_why = reason
    context.session.flush()


def by_number(session: Session, number: str, *, lock: bool = False) -> Certificate | None:
    statement = select(Certificate).where(Certificate.number == number)
    if lock:
        statement = statement.with_for_update(of=Certificate).execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()


def of_case(session: Session, case: Case) -> Certificate | None:
    """The certificate issued by this request; ``None`` before."""
    return session.scalars(select(Certificate).where(Certificate.case_id == case.id)).one_or_none()


def of_project(session: Session, project: GasProject) -> list[Certificate]:
    """Every certificate of the project, newest first."""
    statement = select(Certificate).where(Certificate.project_id == project.id)
    return list(session.scalars(statement.order_by(Certificate.id.desc())))


# For readers


def address_of(certificate: Certificate, public_url: str) -> str:
    """Address of the public page that verifies the certificate, as in its QR code."""
    return f"{public_url.rstrip('/')}{VERIFY_PATH}/{certificate.number}?s={signed_text(certificate).text}"


def certificate_facts(certificate: Certificate) -> Facts:
    revoked = certificate.revoked_at
    items = [
        (_("شمارهٔ تاییدیه"), localized(certificate.number)),
        (_("کد بررسی"), check_code(certificate.signature)),
        (_("تاریخ صدور"), format_date(tehran_day(certificate.issued_at))),
        (_("وضعیت"), _("باطل از %(moment)s", moment=format_moment(revoked)) if revoked else _("معتبر")),
    ]
    if revoked:
        items.append((_("دلیل ابطال"), certificate.revoked_why))
    return Facts(_("تاییدیه"), items)


def way_to_certificate(context: BriefingContext, project: GasProject) -> list[Block]:
    """Block of a project's page: its certificate, or for its contractor the link to request a certificate (CNF-1)."""
    if not is_finally_approved(project):
        return []
    session, reader = context.session, context.actor.person_id
    valid = valid_certificate(session, project)
    if valid is not None:
        takes_part = reader in (project.contractor_id, valid.inspector_id)
        where = f"/cases/{valid.case.number}" if takes_part else address_of(valid, "")
        return [certificate_facts(valid), Link(_("دیدن تاییدیه"), where)]
    if reader != project.contractor_id or open_request(session, project) is not None:
        return []
    why_not = refusal(session, project)
    if why_not is not None:
        return [Notice("warning", why_not)]
    return [Link(_("درخواست تاییدیه"), f"/start/{PROCESS}?project={project.case.number}", primary=True)]
