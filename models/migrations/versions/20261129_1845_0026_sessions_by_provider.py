"""Which sessions the identity provider opened, and whether it asked for a second factor

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sign_in_sessions") as table:
        table.add_column(sa.Column("by_provider", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("provider_factor", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("sign_in_sessions") as table:
        table.drop_column("provider_factor")
        table.drop_column("by_provider")
