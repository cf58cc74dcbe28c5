"""Roles, units and districts become rows of tables, which were code before

Revision ID: 0014
Revises: 0013

The rows are those that the code before it knew, frozen here. Who holds what stays as it is.
"""

import secrets

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ROLES = (  # key, Persian, English
    ("contractor", "مجری گاز", "Gas contractor"),
    ("inspector", "بازرس گاز", "Gas inspector"),
    ("supervising_engineer", "مهندس ناظر", "Supervising engineer"),
    ("citizen", "شهروند", "Citizen"),
    ("department_staff", "کارشناس واحد سازمان", "Department staff"),
    ("president", "رئیس سازمان", "President"),
    ("gas_office", "امور گاز سازمان", "Gas office"),
    ("district_engineering", "امور مهندسین منطقه", "District engineering office"),
    ("identity_officer", "احراز هویت", "Identity verification"),
    ("visiting_expert", "کارشناس بازدید", "Visiting expert"),
    ("municipality_office", "کارشناس صدور", "Permit expert"),
    ("finance", "مالی", "Finance"),
    ("analyst", "تحلیلگر فرایند", "Process analyst"),
    ("supervisor", "سرپرست", "Supervisor"),
    ("admin", "مدیر سامانه", "Administrator"),
)
DIVIDED_BY = {"department_staff": "unit", "district_engineering": "district"}
PERMISSIONS = {"gas_office": ["send_messages"]}
ON_REGISTRATION = "citizen"
UNITS = (
    ("education", "آموزش، توسعه و پژوهش", "Education, development and research"),
    ("information_technology", "فناوری اطلاعات", "Information technology"),
    ("regulations", "کنترل مقررات", "Regulations"),
    ("gas_inspection", "بازرسی گاز", "Gas inspection"),
    ("technical_inspection", "بازرسی فنی", "Technical inspection"),
    ("membership", "پروانهٔ عضویت", "Membership licence"),
    ("employment_licence", "پروانهٔ اشتغال", "Employment licence"),
    ("surveying", "نقشه‌برداری", "Surveying"),
    ("administration", "اداری و پشتیبانی", "Administration and support"),
    ("secretariat", "دبیرخانه", "Secretariat"),
    ("public_relations", "روابط عمومی", "Public relations"),
    ("branch_offices", "دفتر نمایندگی‌ها", "Branch offices"),
    ("disciplinary_council", "شورای انتظامی", "Disciplinary council"),
    ("finance", "مالی", "Finance"),
    ("qualified_contractors", "مجریان ذی‌صلاح و شناسنامهٔ فنی", "Qualified contractors and building passports"),
    ("article_27", "مادهٔ ۲۷", "Article 27"),
    ("president", "رئیس", "President"),
)
DISTRICTS = tuple(
    (str(number), f"منطقهٔ {digits}", f"District {number}") for number, digits in enumerate("۱۲۳۴۵۶۷۸۹", 1)
)
DISTRICTS += (("10", "منطقهٔ ۱۰", "District 10"),)


def upgrade() -> None:
    roles = op.create_table(
        "roles",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name_fa", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("divided_by", sa.String(length=20), nullable=False),
        sa.Column("granted_by", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("permissions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("on_registration", sa.Boolean(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_roles")),
    )
    divisions = op.create_table(
        "divisions",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name_fa", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('unit', 'district', 'region')", name=op.f("ck_divisions_kind")),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_divisions")),
    )
    revisions = op.create_table(
        "organisation_revision",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_revision")),
    )
    op.create_table(
        "organisation_changes",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by_id", BIG, nullable=True),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["people.id"], name=op.f("fk_organisation_changes_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_changes")),
    )
    op.create_index("ix_organisation_changes_subject_key_id", "organisation_changes", ["subject", "key", "id"])
    op.bulk_insert(roles, [_role(place, *row) for place, row in enumerate((*ROLES, *_unknown()), start=1)])
    for kind, rows in (("unit", UNITS), ("district", DISTRICTS)):
        op.bulk_insert(divisions, [_division(kind, place, *row) for place, row in enumerate(rows, start=1)])
    op.bulk_insert(revisions, [{"id": 1, "revision": secrets.token_hex(8)}])


def _unknown() -> list[tuple[str, str, str]]:
    """Roles that somebody holds though the code did not know them: none, unless written by hand."""
    grants = sa.table("role_grants", sa.column("role", sa.String))
    held = op.get_bind().execute(sa.select(grants.c.role).distinct().order_by(grants.c.role)).scalars()
    return [(key, key, key) for key in held if key not in {row[0] for row in ROLES}]


def _role(place: int, key: str, name_fa: str, name_en: str) -> dict[str, object]:
    return {
        "key": key,
        "name_fa": name_fa,
        "name_en": name_en,
        "divided_by": DIVIDED_BY.get(key, ""),
        "granted_by": [],
        "permissions": PERMISSIONS.get(key, []),
        "on_registration": key == ON_REGISTRATION,
        "position": 10 * place,
        "active": True,
    }


def _division(kind: str, place: int, key: str, name_fa: str, name_en: str) -> dict[str, object]:
    names = {"name_fa": name_fa, "name_en": name_en}
    return {"kind": kind, "key": key, **names, "position": 10 * place, "active": True}


def downgrade() -> None:
    op.drop_index("ix_organisation_changes_subject_key_id", table_name="organisation_changes")
    for table in ("organisation_changes", "organisation_revision", "divisions", "roles"):
        op.drop_table(table)
