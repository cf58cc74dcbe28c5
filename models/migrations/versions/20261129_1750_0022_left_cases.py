"""Where the history of a case ended for somebody who left it, so that they read nothing that came after (INS-17)."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    entry = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("participants", sa.Column("last_entry_id", entry, nullable=True))
    op.execute(
        "UPDATE participants SET last_entry_id = (SELECT max(history.id) FROM history"
        " WHERE history.case_id = participants.case_id AND history.at <= participants.until)"
        " WHERE until IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_column("participants", "last_entry_id")
