"""Sign-in by the organisation's OpenID Connect

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "external_identities",
        sa.Column("id", BIG, nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("linked_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("linked_by_id", BIG, nullable=True),
        sa.Column("signed_in_at", base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["linked_by_id"], ["people.id"], name=op.f("fk_external_identities_linked_by_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_external_identities_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_identities")),
        sa.UniqueConstraint("issuer", "subject", name="uq_external_identities_issuer_subject"),
        sa.UniqueConstraint("person_id", "issuer", name="uq_external_identities_person_issuer"),
    )
    op.create_table(
        "claim_roles",
        sa.Column("id", BIG, nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("added_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["added_by_id"], ["people.id"], name=op.f("fk_claim_roles_added_by_id")),
        sa.ForeignKeyConstraint(["role"], ["roles.key"], name=op.f("fk_claim_roles_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_roles")),
        sa.UniqueConstraint("value", "role", "scope", name="uq_claim_roles_value_role_scope"),
    )
    op.create_table(
        "external_sign_in",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("new_accounts", sa.Boolean(), nullable=False),
        sa.Column("changed_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["people.id"], name=op.f("fk_external_sign_in_changed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_sign_in")),
    )
    with op.batch_alter_table("role_grants") as batch_op:
        batch_op.add_column(sa.Column("mapped", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("role_grants") as batch_op:
        batch_op.drop_column("mapped")
    op.drop_table("external_sign_in")
    op.drop_table("claim_roles")
    op.drop_table("external_identities")
