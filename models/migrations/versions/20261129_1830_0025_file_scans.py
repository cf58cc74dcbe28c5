"""Files that the virus scanner has to look at, and what it found

Revision ID: 0025
Revises: 0024

Files that are there already stay as they are.
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("state", sa.String(length=10), nullable=False, server_default="ready"))
    op.add_column("documents", sa.Column("finding", sa.String(length=200), nullable=False, server_default=""))
    op.create_table(
        "file_scans",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("document_id", base.BigId, nullable=False),
        sa.Column("asked_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.Column("lease_owner", sa.String(length=60), nullable=True),
        sa.Column("lease_until", base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_file_scans_document_id_documents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_scans")),
        sa.UniqueConstraint("document_id", name=op.f("uq_file_scans_document_id")),
    )
    op.create_index("ix_file_scans_next_try_at_id", "file_scans", ["next_try_at", "id"])
    op.create_index("ix_file_scans_asked_at", "file_scans", ["asked_at"])


def downgrade() -> None:
    op.drop_index("ix_file_scans_asked_at", table_name="file_scans")
    op.drop_index("ix_file_scans_next_try_at_id", table_name="file_scans")
    op.drop_table("file_scans")
    op.drop_column("documents", "finding")
    op.drop_column("documents", "state")
