"""Operations of ``bpmn_diagrams/project_registration.bpmn``: from the property to the meters.

Documents and invoice are in ``invoice``, the choice of an inspector in ``workflows.assignment``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from engine.contributions.briefings import Block, BriefingContext
from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from models.billing import InvoiceStatus
from models.building import OWNER_FIELDS, PROPERTY_FIELDS, Owner, Property
from models.case import HistoryEntry
from models.gas import BUILDING_FIELDS, METER_FIELDS, GasProject, Meter
from models.identifiers import damm_digit
from models.language import gettext as _
from models.language import lazy
from workflows import roles
from workflows.formatting import code
from workflows.gas.projects import give_to_contractor, invoices, meter_class, project_of
from workflows.project_registration.briefings import case_blocks
from workflows.project_registration.invoice import REVIEW_INVOICE, drop_open_invoice
from workflows.project_registration.saved_fields import column_values, save
from workflows.project_registration.steps import FIRST_STEP, open_steps
from workflows.registry import briefings, handovers, operations

PROPERTY_REGISTERED = "property_registered"  # kind of history line


@operations.register("project_registration.open_project")
def open_project(context: OperationContext) -> str:
    """Create the project of the contractor who started the case. Returns the first step."""
    contractor = context.bound(roles.CONTRACTOR)
    if contractor is None:
        raise ValueError("A project is registered by a contractor, not by the system")
    context.session.add(GasProject(case_id=context.case.id, contractor_id=contractor))
    context.session.flush()
    return context.key_in_diagram(FIRST_STEP)


def project_to_edit(context: OperationContext) -> GasProject:
    """The case's project, for editing (REG-11, REG-13).

    Raises Refusal: the registration's invoice is paid.
    """
    project = project_of(context.session, context.case)
    paid = invoices(context.session, context.case.id, status=InvoiceStatus.PAID, lock=True)
    if project.paid_at is not None or paid:
        raise Refusal({"": [_("هزینهٔ این پروژه پرداخت شده است و اطلاعات آن دیگر تغییر نمی‌کند.")]})
    return project


# Property (REG-2, REG-3)


@operations.register("project_registration.register_property")
def register_property(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Save a new property with its code; a property that this case registered before is corrected in place.

    Raises Refusal: at ``renovation_code`` if a property has the code already.
    """
    project = project_to_edit(context)
    own = _registered_here(context, project)
    known = context.session.scalars(
        select(Property).where(Property.renovation_code == submission["renovation_code"])
    ).one_or_none()
    if known is not None and known is not own:
        raise Refusal({"renovation_code": [_already_known(known)]})
    estate = own or Property(code=uuid4().hex, registered_at=context.now)
    save(submission, estate, PROPERTY_FIELDS)
    context.session.add(estate)
    try:
        context.session.flush()
    except IntegrityError:  # a concurrent case registered the same code
        message = _("این کد نوسازی همین حالا ثبت شد. دوباره ارسال کنید تا کد ثبتی آن را ببینید.")
        raise Refusal({"renovation_code": [message]}) from None
    if own is None:
        estate.code = property_code(estate.id)
        text = lazy("ملک با کد ثبتی %(code)s ثبت شد", code=estate.code)
        context.record(PROPERTY_REGISTERED, {"property": estate.id, "text": text})
    project.property = estate
    _describe(context, project)
    context.flash(_("ملک ذخیره شد. کد ثبتی سازمان: %(code)s", code=code(estate.code)))


def property_code(count: int) -> str:
    """The organisation's code of the property with this count: ``000012-5``, the last digit checks the others."""
    digits = f"{count:06d}"
    return f"{digits}-{damm_digit(digits)}"


def _already_known(known: Property) -> str:
    return _(
        "ملکی با این کد نوسازی با کد ثبتی %(code)s در سازمان ثبت شده است. با «ویرایش گام» به «ملک ثبت‌شده» بروید، این"
        " کد را جستجو کنید و همان ملک را انتخاب کنید.",
        code=code(known.code),
    )


def _registered_here(context: OperationContext, project: GasProject) -> Property | None:
    """The project's property if this case may correct it: registered here, and of no other project."""
    if project.property_id is None:
        return None
    entries = context.session.scalars(
        select(HistoryEntry.details).where(
            HistoryEntry.case_id == context.case.id, HistoryEntry.what == PROPERTY_REGISTERED
        )
    )
    others = select(GasProject.id).where(GasProject.property_id == project.property_id, GasProject.id != project.id)
    mine = any(details and details.get("property") == project.property_id for details in entries)
    return project.property if mine and not context.session.scalars(others).first() else None


@operations.register("project_registration.use_property")
def use_property(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Take the property chosen among the search hits (REG-3).

    Raises Refusal: at ``property`` if it does not exist.
    """
    project = project_to_edit(context)
    estate = context.session.get(Property, int(submission["property"]))
    if estate is None:
        raise Refusal({"property": [_("این ملک پیدا نشد. دوباره جستجو کنید.")]})
    project.property = estate
    _describe(context, project)
    context.flash(_("ملک با کد ثبتی %(code)s برای این پروژه انتخاب شد.", code=code(estate.code)))


# Owner and building (REG-4, REG-5)


@operations.register("project_registration.register_owner")
def register_owner(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Save the owner; fields of the other kind of owner are emptied."""
    project = project_to_edit(context)
    owner = project.owner or Owner()
    owner.kind = submission["owner_kind"]
    for name in {*OWNER_FIELDS["person"], *OWNER_FIELDS["company"]}:
        setattr(owner, name, submission[name] if name in OWNER_FIELDS[owner.kind] else "")
    project.owner = owner
    context.session.flush()
    _describe(context, project)
    context.flash(_("مالک ذخیره شد."))


@operations.register("project_registration.register_building")
def register_building(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Save the building. From the first time on the project is registered and has its number (REG-5)."""
    project = project_to_edit(context)
    if project.work_type and project.work_type != submission["work_type"]:
        drop_open_invoice(context)
    save(submission, project, BUILDING_FIELDS)
    first = project.registered_at is None
    if first:
        project.registered_at = context.now
    context.session.flush()
    _describe(context, project)
    number = code(context.case.number)
    if first:
        context.flash(_("پروژه ثبت شد. شمارهٔ پروژه: %(number)s", number=number))
    else:
        context.flash(_("ساختمان پروژهٔ %(number)s ذخیره شد.", number=number))


# Meters (REG-6, REG-7)


@operations.register("project_registration.register_meters")
def register_meters(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Save the meters with their classes; an open invoice for other meters is cancelled.

    Raises Refusal: at ``meters.N.consumption`` or ``meters.N.floor_area`` if no class permits the value.
    """
    project = project_to_edit(context)
    rows: list[dict[str, Any]] = []
    errors: dict[str, list[str]] = {}
    for index, row in enumerate(submission["meters"]):
        classified = meter_class(context.decide, floor_area=row["floor_area"], consumption=row["consumption"])
        if classified.problem:
            errors[f"meters.{index}.{classified.field}"] = [classified.problem]
        typed = column_values(Meter, row, METER_FIELDS)
        rows.append({"number": index + 1, "meter_class": classified.meter_class} | typed)
    if errors:
        raise Refusal(errors)
    if [_values(meter) for meter in project.meters] != rows:
        drop_open_invoice(context)
        _replace_meters(project, rows)
    context.session.flush()
    context.flash(_("کنتورها ذخیره شدند."))


def _values(meter: Meter) -> dict[str, Any]:
    return {name: getattr(meter, name) for name in ("number", "meter_class", *METER_FIELDS)}


def _replace_meters(project: GasProject, rows: list[dict[str, Any]]) -> None:
    """Replace the meters row by row: deleting and inserting a number in one flush would clash."""
    del project.meters[len(rows) :]
    for meter, row in zip(project.meters, rows, strict=False):
        for name, value in row.items():
            setattr(meter, name, value)
    for row in rows[len(project.meters) :]:
        project.meters.append(Meter(**row))


# Return, cancellation, inspection


@operations.register("project_registration.return_to_step")
def return_to_step(context: OperationContext, *, submission: Mapping[str, Any]) -> str:
    """Go to a completed step, or stay at the current one (REG-13). Returns the step's key in the case's diagram.

    A payment may arrive during a change of the project: then only the invoice remains as a target.

    Raises Refusal: at ``step`` if it was not reached yet.
    """
    step = context.present_key(submission["step"])
    if step != REVIEW_INVOICE:
        project_to_edit(context)
    if step not in open_steps(context.completed()):
        raise Refusal({"step": [_("به این گام هنوز نرسیده‌اید. گامی را انتخاب کنید که قبلاً انجام شده است.")]})
    return context.key_in_diagram(step)


@operations.register("project_registration.cancel_registration")
def cancel_registration(context: OperationContext) -> None:
    """Cancel the unpaid registration for the contractor (REG-13), with its open invoice."""
    project_to_edit(context)
    drop_open_invoice(context)
    context.flash(_("ثبت این پروژه لغو شد."))


@operations.register("project_registration.start_inspection")
def start_inspection(context: OperationContext) -> str:
    """Start the inspection, which refers to this project (REG-14). Returns its case number."""
    project = project_of(context.session, context.case)
    if project.inspector_id is None:
        raise ValueError(f"Project {context.case.number} has no inspector")
    bindings = {roles.INSPECTOR: project.inspector_id, roles.CONTRACTOR: project.contractor_id}
    started = context.start_case("gas_inspection", data={}, bindings=bindings)
    return started.number


# Descriptions


@briefings.register_case("project_registration")
def case(context: BriefingContext) -> list[Block]:
    """Blocks of a project's page: registered values, the invoice, the inspector and the reasons."""
    return case_blocks(context)


def _describe(context: OperationContext, project: GasProject) -> None:
    """Update the case's description for lists, and its words for search."""
    estate, owner = project.property, project.owner
    parts = [project.building_name, estate.address if estate else "", owner.name if owner else ""]
    subject = " — ".join(part for part in parts if part)
    words = [estate.code, estate.renovation_code] if estate else []
    words += [owner.national_code, owner.national_id] if owner else []
    context.set_subject(subject, words)


handovers.register("project_registration", roles.CONTRACTOR, to_colleague=give_to_contractor)
