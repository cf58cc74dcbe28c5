"""What the roles are called (domain section 0), and which of them are divided by unit or district."""

from typing import Any

from models.account import Role
from models.language import gettext as _
from models.language import lazy
from models.units import DISTRICTS, UNITS

ROLE_LABELS: dict[str, Any] = {
    Role.CONTRACTOR: lazy("مجری گاز"),
    Role.INSPECTOR: lazy("بازرس گاز"),
    Role.SUPERVISING_ENGINEER: lazy("مهندس ناظر"),
    Role.CITIZEN: lazy("شهروند"),
    Role.DEPARTMENT_STAFF: lazy("کارشناس واحد سازمان"),
    Role.PRESIDENT: lazy("رئیس سازمان"),
    Role.GAS_OFFICE: lazy("امور گاز سازمان"),
    Role.DISTRICT_ENGINEERING: lazy("امور مهندسین منطقه"),
    Role.IDENTITY_OFFICER: lazy("احراز هویت"),
    Role.VISITING_EXPERT: lazy("کارشناس بازدید"),
    Role.MUNICIPALITY_OFFICE: lazy("کارشناس صدور"),
    Role.FINANCE: lazy("مالی"),
    Role.ANALYST: lazy("تحلیلگر فرایند"),
    Role.SUPERVISOR: lazy("سرپرست"),
    Role.ADMIN: lazy("مدیر سامانه"),
    "payer": lazy("پرداخت‌کننده"),  # a role within a case (CASE_ROLES)
}
SCOPES: dict[str, dict[str, Any]] = {  # divided role → its units or districts
    Role.DEPARTMENT_STAFF: UNITS,
    Role.DISTRICT_ENGINEERING: DISTRICTS,
}


def role_label(role: str, scope: str = "") -> str:
    """A role in words, with its unit or district: ``کارشناس واحد سازمان: فناوری اطلاعات``."""
    name = str(ROLE_LABELS.get(role, role))
    where = SCOPES.get(role, {}).get(scope, scope)
    return _("%(role)s: %(scope)s", role=name, scope=where) if scope else name
