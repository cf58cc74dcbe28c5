"""What a case waits for is found without reading all tasks that it ever had

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_tasks_case_id", table_name="tasks")
    op.create_index("ix_tasks_case_id_status", "tasks", ["case_id", "status", "id"])


def downgrade() -> None:
    op.drop_index("ix_tasks_case_id_status", table_name="tasks")
    op.create_index("ix_tasks_case_id", "tasks", ["case_id", "id"])
