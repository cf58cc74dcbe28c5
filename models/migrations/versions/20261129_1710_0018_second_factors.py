"""Second factors, and when a session was confirmed last

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("person_id", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("recovery_salt", sa.String(length=32), nullable=False),
        sa.Column("enrolled_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_second_factors_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", BIG, nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_recovery_codes_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("person_id", "code_hash", name=op.f("uq_recovery_codes_person_id_code_hash")),
    )
    op.add_column("roles", sa.Column("second_factor", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("sign_in_sessions", sa.Column("confirmed_at", base.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("sign_in_sessions", "confirmed_at")
    op.drop_column("roles", "second_factor")
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
