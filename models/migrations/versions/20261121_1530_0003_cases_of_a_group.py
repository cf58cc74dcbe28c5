"""One index for the cases of a group, in their order

Revision ID: 0003
Revises: 0002

SQLite preferred the index of persons for "no person", and read every group's cases of every role.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_participants_role_case_id", table_name="participants")
    op.create_index("ix_participants_role_person_id_case_id", "participants", ["role", "person_id", "case_id"])


def downgrade() -> None:
    op.drop_index("ix_participants_role_person_id_case_id", table_name="participants")
    op.create_index(
        "ix_participants_role_case_id",
        "participants",
        ["role", "case_id"],
        postgresql_where=sa.text("person_id IS NULL"),
    )
