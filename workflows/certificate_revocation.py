"""The operation of ``bpmn_diagrams/certificate_revocation.bpmn``: the gas office revokes a certificate (CNF-5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contributions.briefings import Block, BriefingContext, Facts, Link
from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from engine.persistence.outbox import language_of
from models.inspection import Certificate
from models.language import gettext as _
from models.language import lazy, reading
from workflows.certificates import records
from workflows.certificates.signed_text import read_certificate_number
from workflows.formatting import code, localized
from workflows.gas.projects import project_of
from workflows.registry import briefings, operations

CERTIFICATE_REVOKED = "certificate_revoked"  # kind of history line


@operations.register("certificate_revocation.revoke_certificate")
def revoke_certificate(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Revoke a certificate and send the reason to the contractor and the inspector.

    Raises Refusal: at ``certificate`` if the number is unknown or the certificate is revoked already.
    """
    number = read_certificate_number(str(submission["certificate"]))
    certificate = records.by_number(context.session, number, lock=True) if number else None
    if certificate is None:
        raise Refusal({"certificate": [_("تاییدیه‌ای با این شماره صادر نشده است. شماره را با نسخهٔ چاپی مقایسه کنید.")]})
    records.revoke(context, certificate, submission["reason"])
    project = certificate.project
    context.refer_to(project.case)
    context.set_subject(project.case.subject, [certificate.number, project.case.number])
    text = lazy("تاییدیهٔ شمارهٔ %(number)s باطل شد", number=code(certificate.number))
    context.record(CERTIFICATE_REVOKED, {"number": certificate.number, "reason": submission["reason"], "text": text})
    for person in dict.fromkeys((project.contractor_id, certificate.inspector_id)):
        _tell(context, certificate, person, sms=person == project.contractor_id)
    context.flash(
        _("تاییدیهٔ شمارهٔ %(number)s باطل شد و به مجری و بازرس اطلاع داده شد.", number=code(certificate.number))
    )


def _tell(context: OperationContext, certificate: Certificate, person: int, *, sms: bool) -> None:
    with reading(language_of(context.session, person)):
        body = _(
            "%(number)s: تاییدیه باطل شد.\n%(project)s: پروژهٔ این تاییدیه\nدلیل: %(reason)s",
            number=code(certificate.number),
            project=code(certificate.project.case.number),
            reason=certificate.revoked_why,
        )
        context.notify(person, _("ابطال تاییدیه"), body, sms=sms)


@briefings.register_case("certificate_revocation")
def case(context: BriefingContext) -> list[Block]:
    """The certificates of the project; revoked ones with the reason."""
    project = project_of(context.session, context.case)
    head = Facts(
        _("پروژه"),
        [(_("شمارهٔ پروژه"), localized(project.case.number)), (_("مجری گاز"), project.contractor.name)],
    )
    blocks: list[Block] = [head]
    for certificate in records.of_project(context.session, project):
        blocks.append(records.certificate_facts(certificate))
        blocks.append(Link(_("صفحهٔ عمومی این تاییدیه"), records.address_of(certificate, "")))
    return blocks
