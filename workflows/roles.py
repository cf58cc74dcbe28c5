"""The roles and divisions that the shipped processes rely on, by their keys, and what they are delivered as.

The tables count (``models/organisation.py``): an admin renames and adds roles there. What is written here is added to
them when it is missing, and is all that ``kartabl check`` knows without a database.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from engine.identity.organisation import DivisionEntry, Organisation, RoleEntry, delivered, in_both_languages
from models.language import lazy
from models.organisation import DivisionKind, SystemRole

CONTRACTOR = "contractor"
INSPECTOR = "inspector"
SUPERVISING_ENGINEER = "supervising_engineer"
CITIZEN = "citizen"
DEPARTMENT_STAFF = "department_staff"
PRESIDENT = "president"
GAS_OFFICE = "gas_office"
DISTRICT_ENGINEERING = "district_engineering"
IDENTITY_OFFICER = "identity_officer"
VISITING_EXPERT = "visiting_expert"
MUNICIPALITY_OFFICE = "municipality_office"
FINANCE = "finance"
SUPERVISOR = SystemRole.SUPERVISOR.value
ANALYST = SystemRole.ANALYST.value
ADMIN = SystemRole.ADMIN.value

CASE_ROLES: dict[str, Any] = {  # roles that exist only within a case: its operations bind them to a person
    "payer": lazy("پرداخت‌کننده"),
}

_NAMES: dict[str, Any] = {
    CONTRACTOR: lazy("مجری گاز"),
    INSPECTOR: lazy("بازرس گاز"),
    SUPERVISING_ENGINEER: lazy("مهندس ناظر"),
    CITIZEN: lazy("شهروند"),
    DEPARTMENT_STAFF: lazy("کارشناس واحد سازمان"),
    PRESIDENT: lazy("رئیس سازمان"),
    GAS_OFFICE: lazy("امور گاز سازمان"),
    DISTRICT_ENGINEERING: lazy("امور مهندسین منطقه"),
    IDENTITY_OFFICER: lazy("احراز هویت"),
    VISITING_EXPERT: lazy("کارشناس بازدید"),
    MUNICIPALITY_OFFICE: lazy("کارشناس صدور"),
    FINANCE: lazy("مالی"),
    ANALYST: lazy("تحلیلگر فرایند"),
    SUPERVISOR: lazy("سرپرست"),
    ADMIN: lazy("مدیر سامانه"),
}
_DIVIDED_BY = {DEPARTMENT_STAFF: DivisionKind.UNIT.value, DISTRICT_ENGINEERING: DivisionKind.DISTRICT.value}
_PERMISSIONS = {GAS_OFFICE: frozenset({"send_messages"})}  # ACC-4
_UNITS: dict[str, Any] = {
    "education": lazy("آموزش، توسعه و پژوهش"),
    "information_technology": lazy("فناوری اطلاعات"),
    "regulations": lazy("کنترل مقررات"),
    "gas_inspection": lazy("بازرسی گاز"),
    "technical_inspection": lazy("بازرسی فنی"),
    "membership": lazy("پروانهٔ عضویت"),
    "employment_licence": lazy("پروانهٔ اشتغال"),
    "surveying": lazy("نقشه‌برداری"),
    "administration": lazy("اداری و پشتیبانی"),
    "secretariat": lazy("دبیرخانه"),
    "public_relations": lazy("روابط عمومی"),
    "branch_offices": lazy("دفتر نمایندگی‌ها"),
    "disciplinary_council": lazy("شورای انتظامی"),
    "finance": lazy("مالی"),
    "qualified_contractors": lazy("مجریان ذی‌صلاح و شناسنامهٔ فنی"),
    "article_27": lazy("مادهٔ ۲۷"),
    "president": lazy("رئیس"),
}
_DISTRICTS: dict[str, Any] = {  # written out: a text to translate cannot be put together
    "1": lazy("منطقهٔ ۱"),
    "2": lazy("منطقهٔ ۲"),
    "3": lazy("منطقهٔ ۳"),
    "4": lazy("منطقهٔ ۴"),
    "5": lazy("منطقهٔ ۵"),
    "6": lazy("منطقهٔ ۶"),
    "7": lazy("منطقهٔ ۷"),
    "8": lazy("منطقهٔ ۸"),
    "9": lazy("منطقهٔ ۹"),
    "10": lazy("منطقهٔ ۱۰"),
}


@cache
def organisation() -> Organisation:
    """The roles and divisions of an installation that nobody has changed."""
    return delivered(
        [
            RoleEntry(
                key=key,
                name=in_both_languages(name),
                divided_by=_DIVIDED_BY.get(key, ""),
                permissions=_PERMISSIONS.get(key, frozenset()),
                on_registration=key == CITIZEN,
                position=10 * count,
            )
            for count, (key, name) in enumerate(_NAMES.items(), start=1)
        ],
        [
            DivisionEntry(kind=kind.value, key=key, name=in_both_languages(name), position=10 * count)
            for kind, names in ((DivisionKind.UNIT, _UNITS), (DivisionKind.DISTRICT, _DISTRICTS))
            for count, (key, name) in enumerate(names.items(), start=1)
        ],
    )
