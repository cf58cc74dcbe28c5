"""For the check of the code against running cases: an index of their versions, and names that a version left unset

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NAME = "ix_cases_running_definition_id"
NOT_ENDED = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_index(NAME, "cases", ["definition_id"], sqlite_where=NOT_ENDED, postgresql_where=NOT_ENDED)
    op.add_column("process_definitions", sa.Column("names_unset", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("process_definitions", "names_unset")
    op.drop_index(NAME, table_name="cases")
