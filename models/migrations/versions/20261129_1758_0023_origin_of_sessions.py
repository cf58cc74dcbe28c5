"""From where and with what a session was opened

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sign_in_sessions") as table:
        table.add_column(sa.Column("address", sa.String(length=45), nullable=False, server_default=""))
        table.add_column(sa.Column("agent", sa.String(length=200), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("sign_in_sessions") as table:
        table.drop_column("agent")
        table.drop_column("address")
