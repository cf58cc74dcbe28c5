"""Codes of a browser, registrations apart from accounts, known devices, an end of first passwords

Revision ID: 0020
Revises: 0019

Registrations that nobody has confirmed were accounts that could not sign in; their codes have run out.
First passwords that were given before end three days after the upgrade.
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "known_devices",
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("seen_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_known_devices_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "mark", name=op.f("pk_known_devices")),
    )
    op.create_index(op.f("ix_known_devices_seen_at"), "known_devices", ["seen_at"])
    op.create_table(
        "pending_registrations",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("mobile", sa.String(length=11), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=False),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_pending_registrations")),
    )
    op.create_index(op.f("ix_pending_registrations_created_at"), "pending_registrations", ["created_at"])
    op.add_column("people", sa.Column("password_ends_at", base.UtcDateTime(timezone=True), nullable=True))
    people = sa.table(
        "people",
        sa.column("must_change_password", sa.Boolean()),
        sa.column("password_ends_at", base.UtcDateTime(timezone=True)),
    )
    in_three_days = sa.text(
        "CURRENT_TIMESTAMP + INTERVAL '3 days'"
        if op.get_bind().dialect.name == "postgresql"
        else "datetime('now', '+3 days')"
    )
    op.execute(sa.update(people).where(people.c.must_change_password).values(password_ends_at=in_three_days))
    op.execute("DELETE FROM verification_codes")  # they live for two minutes
    op.execute("DELETE FROM people WHERE active = FALSE AND mobile_verified = FALSE")
    op.drop_index("ix_verification_codes_mobile", "verification_codes")
    with op.batch_alter_table("verification_codes") as table:
        table.drop_column("address")
        table.drop_column("mobile")
        table.add_column(sa.Column("holder", sa.String(length=64), nullable=False))
    op.create_index(op.f("ix_verification_codes_holder"), "verification_codes", ["holder"])


def downgrade() -> None:
    op.execute("DELETE FROM verification_codes")
    op.drop_index("ix_verification_codes_holder", "verification_codes")
    with op.batch_alter_table("verification_codes") as table:
        table.drop_column("holder")
        table.add_column(sa.Column("mobile", sa.String(length=11), nullable=False))
        table.add_column(sa.Column("address", sa.String(length=45), nullable=False, server_default=""))
    op.create_index(op.f("ix_verification_codes_mobile"), "verification_codes", ["mobile"])
    op.drop_table("pending_registrations")
    op.drop_table("known_devices")
    with op.batch_alter_table("people") as table:
        table.drop_column("password_ends_at")
