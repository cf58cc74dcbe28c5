"""What is kept of inspections, and the certificates that follow

Revision ID: 0005
Revises: 0004

Inspections that run already stay on their diagram; their reports stay in the history.
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("public_key", sa.String(length=60), nullable=False),
        sa.Column("private_key", sa.String(length=400), nullable=False),
        sa.Column("created_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("retired_at", base.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "certificates",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("inspector_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("issued_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("key_id", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(length=120), nullable=False),
        sa.Column("revoked_at", base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("revoked_why", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_certificates_case_id")),
        sa.ForeignKeyConstraint(["inspector_id"], ["people.id"], name=op.f("fk_certificates_inspector_id")),
        sa.ForeignKeyConstraint(["key_id"], ["signing_keys.id"], name=op.f("fk_certificates_key_id")),
        sa.ForeignKeyConstraint(["project_id"], ["gas_projects.id"], name=op.f("fk_certificates_project_id")),
        sa.ForeignKeyConstraint(["revoked_by_id"], ["people.id"], name=op.f("fk_certificates_revoked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
        sa.UniqueConstraint("number", name=op.f("uq_certificates_number")),
    )
    op.create_index("ix_certificates_project_id", "certificates", ["project_id"], unique=False)
    op.create_table(
        "inspection_visits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("inspector_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("set_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["inspector_id"], ["people.id"], name=op.f("fk_inspection_visits_inspector_id")),
        sa.ForeignKeyConstraint(["project_id"], ["gas_projects.id"], name=op.f("fk_inspection_visits_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection_visits")),
    )
    op.create_index("ix_inspection_visits_inspector_id_at", "inspection_visits", ["inspector_id", "at"], unique=False)
    op.create_index("ix_inspection_visits_project_id", "inspection_visits", ["project_id"], unique=False)
    op.create_table(
        "inspection_reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("inspector_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("visit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=30), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("sub_work_number", sa.Integer(), nullable=True),
        sa.Column("meters", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("mismatches", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("photos", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("corrects_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_inspection_reports_case_id")),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["inspection_reports.id"], name=op.f("fk_inspection_reports_corrects_id")
        ),
        sa.ForeignKeyConstraint(["inspector_id"], ["people.id"], name=op.f("fk_inspection_reports_inspector_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_inspection_reports_invoice_id")),
        sa.ForeignKeyConstraint(["project_id"], ["gas_projects.id"], name=op.f("fk_inspection_reports_project_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["inspection_visits.id"], name=op.f("fk_inspection_reports_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection_reports")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_inspection_reports_project_id_number")),
    )
    op.create_index("ix_inspection_reports_inspector_id_at", "inspection_reports", ["inspector_id", "at"], unique=False)
    op.create_table(
        "meter_corrections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("meter_number", sa.Integer(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("corrected_at", base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("difference", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_meter_corrections_invoice_id")),
        sa.ForeignKeyConstraint(["project_id"], ["gas_projects.id"], name=op.f("fk_meter_corrections_project_id")),
        sa.ForeignKeyConstraint(["report_id"], ["inspection_reports.id"], name=op.f("fk_meter_corrections_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_corrections")),
    )
    op.create_index("ix_meter_corrections_project_id", "meter_corrections", ["project_id"], unique=False)
    with op.batch_alter_table("gas_projects") as batch_op:
        batch_op.add_column(sa.Column("stage", sa.String(length=20), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("referred_at", base.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("debt", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("presented_at", base.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("approved_at", base.UtcDateTime(timezone=True), nullable=True))
        batch_op.drop_index("ix_gas_projects_inspector_id")
        batch_op.create_index("ix_gas_projects_inspector_id_stage", ["inspector_id", "stage", "referred_at"])
    with op.batch_alter_table("inspectors") as batch_op:
        batch_op.add_column(sa.Column("preferences", sa.String(length=500), nullable=False, server_default=""))
    with op.batch_alter_table("inspector_quotas") as batch_op:
        batch_op.add_column(sa.Column("lost_twelfths", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("assignments") as batch_op:
        batch_op.add_column(sa.Column("ended_why", sa.String(length=500), nullable=False, server_default=""))
        batch_op.drop_index("ix_assignments_inspector_id")
        batch_op.create_index("ix_assignments_inspector_id_ended", ["inspector_id", "ended", "ended_at"])


def downgrade() -> None:
    with op.batch_alter_table("assignments") as batch_op:
        batch_op.drop_index("ix_assignments_inspector_id_ended")
        batch_op.create_index("ix_assignments_inspector_id", ["inspector_id"])
        batch_op.drop_column("ended_why")
    with op.batch_alter_table("inspector_quotas") as batch_op:
        batch_op.drop_column("lost_twelfths")
    with op.batch_alter_table("inspectors") as batch_op:
        batch_op.drop_column("preferences")
    with op.batch_alter_table("gas_projects") as batch_op:
        batch_op.drop_index("ix_gas_projects_inspector_id_stage")
        batch_op.create_index("ix_gas_projects_inspector_id", ["inspector_id"])
        for column in ("approved_at", "presented_at", "debt", "referred_at", "stage"):
            batch_op.drop_column(column)
    op.drop_index("ix_meter_corrections_project_id", table_name="meter_corrections")
    op.drop_table("meter_corrections")
    op.drop_index("ix_inspection_reports_inspector_id_at", table_name="inspection_reports")
    op.drop_table("inspection_reports")
    op.drop_index("ix_inspection_visits_project_id", table_name="inspection_visits")
    op.drop_index("ix_inspection_visits_inspector_id_at", table_name="inspection_visits")
    op.drop_table("inspection_visits")
    op.drop_index("ix_certificates_project_id", table_name="certificates")
    op.drop_table("certificates")
    op.drop_table("signing_keys")
