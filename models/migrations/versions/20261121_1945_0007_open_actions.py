"""Open actions of all cases in the order of an index

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = [
    ("ix_tasks_open_actions_of_group", "role", "status = 'open' AND assignee_id IS NULL AND kind = 'action'"),
    ("ix_tasks_open_actions_of_person", "assignee_id", "status = 'open' AND assignee_id IS NOT NULL AND kind = 'action'"),
]  # fmt: skip


def upgrade() -> None:
    for name, column, condition in INDEXES:
        where = sa.text(condition)
        op.create_index(name, "tasks", [column, "id"], postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    for name, _column, _condition in INDEXES:
        op.drop_index(name, table_name="tasks")
