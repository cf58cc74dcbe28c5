"""The audit log is searched by user name, which rows of commands have as well

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_audit_events_actor_id_at_seq", table_name="audit_events")
    op.create_index("ix_audit_events_actor_at_seq", "audit_events", ["actor", "at", "seq"])


def downgrade() -> None:
    op.drop_index("ix_audit_events_actor_at_seq", table_name="audit_events")
    op.create_index("ix_audit_events_actor_id_at_seq", "audit_events", ["actor_id", "at", "seq"])
