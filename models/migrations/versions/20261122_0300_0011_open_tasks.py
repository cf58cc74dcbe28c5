"""What a case waits for, and which tasks are late, is found without reading all tasks that ever were

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


def upgrade() -> None:
    op.drop_index("ix_tasks_case_id", table_name="tasks")
    op.create_index("ix_tasks_case_id_status", "tasks", ["case_id", "status", "id"])
    op.create_index("ix_tasks_open_due", "tasks", ["due_at"], sqlite_where=WITH_DUE, postgresql_where=WITH_DUE)


def downgrade() -> None:
    op.drop_index("ix_tasks_open_due", table_name="tasks")
    op.drop_index("ix_tasks_case_id_status", table_name="tasks")
    op.create_index("ix_tasks_case_id", "tasks", ["case_id", "id"])
