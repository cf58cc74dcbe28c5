"""Open actions of all cases in the order of an index, and worklists that do not pass over them

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ACTIONS = [
    ("ix_tasks_open_actions_of_group", "role", "status = 'open' AND assignee_id IS NULL AND kind = 'action'"),
    (
        "ix_tasks_open_actions_of_person",
        "assignee_id",
        "status = 'open' AND assignee_id IS NOT NULL AND kind = 'action'",
    ),
]

WORKLISTS = [
    ("ix_tasks_open_of_group", ["role", "priority", "sort_due_at", "id"], "assignee_id IS NULL"),
    ("ix_tasks_open_of_group_due", ["role", "sort_due_at", "id"], "assignee_id IS NULL"),
    ("ix_tasks_open_of_group_since", ["role", "since", "id"], "assignee_id IS NULL"),
    ("ix_tasks_open_of_person", ["assignee_id", "priority", "sort_due_at", "id"], "assignee_id IS NOT NULL"),
    ("ix_tasks_open_of_person_due", ["assignee_id", "sort_due_at", "id"], "assignee_id IS NOT NULL"),
]


def upgrade() -> None:
    for name, column, condition in ACTIONS:
        _create(name, [column, "id"], condition)
    for name, columns, condition in WORKLISTS:
        op.drop_index(name, table_name="tasks")
        _create(name, columns, f"status = 'open' AND {condition} AND kind <> 'action'")


def downgrade() -> None:
    for name, columns, condition in WORKLISTS:
        op.drop_index(name, table_name="tasks")
        _create(name, columns, f"status = 'open' AND {condition}")
    for name, _column, _condition in ACTIONS:
        op.drop_index(name, table_name="tasks")


def _create(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "tasks", columns, postgresql_where=where, sqlite_where=where)
