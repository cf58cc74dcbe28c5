"""How much file space cases and people have used

Revision ID: 0024
Revises: 0023

Files that are there already count for their cases.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_usage",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "owner_id", "day", name=op.f("pk_file_usage")),
    )
    op.execute(
        "INSERT INTO file_usage (kind, owner_id, day, bytes) "
        "SELECT 'case', case_id, '1970-01-01', SUM(size) FROM documents GROUP BY case_id"
    )


def downgrade() -> None:
    op.drop_table("file_usage")
