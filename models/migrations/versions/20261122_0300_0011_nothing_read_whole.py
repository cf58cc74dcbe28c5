"""No look reads all tasks, certificates, payments, incidents, projects or properties that ever were

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WITH_DUE = sa.text("status = 'open' AND kind <> 'action' AND due_at IS NOT NULL")
REVOKED = sa.text("revoked_at IS NOT NULL")
NEW = {
    "ix_tasks_case_id_status": ("tasks", ["case_id", "status", "id"]),
    "ix_incidents_job_id": ("incidents", ["job_id"]),
    "ix_payments_review_case_id": ("payments", ["review_case_id"]),
    "ix_certificates_case_id": ("certificates", ["case_id"]),
    "ix_gas_projects_property_id": ("gas_projects", ["property_id"]),
    "ix_properties_plates": ("properties", ["main_plate", "sub_plate"]),
    "ix_properties_sub_plate": ("properties", ["sub_plate"]),
    "ix_properties_region": ("properties", ["region"]),
}
OLD = {
    "ix_tasks_case_id": ("tasks", ["case_id", "id"]),
    "ix_properties_region_plates": ("properties", ["region", "main_plate", "sub_plate"]),
}


def upgrade() -> None:
    for name, (table, columns) in NEW.items():
        op.create_index(name, table, columns)
    op.create_index("ix_tasks_open_due", "tasks", ["due_at"], sqlite_where=WITH_DUE, postgresql_where=WITH_DUE)
    op.create_index("ix_certificates_revoked", "certificates", ["id"], sqlite_where=REVOKED, postgresql_where=REVOKED)
    for name, (table, _columns) in OLD.items():
        op.drop_index(name, table_name=table)


def downgrade() -> None:
    for name, (table, columns) in OLD.items():
        op.create_index(name, table, columns)
    op.drop_index("ix_certificates_revoked", table_name="certificates")
    op.drop_index("ix_tasks_open_due", table_name="tasks")
    for name, (table, _columns) in NEW.items():
        op.drop_index(name, table_name=table)
