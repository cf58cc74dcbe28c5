"""Steps of inspections find the planned visit, the approval and the last sub-work without reading all reports

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_inspection_visits_project_id", table_name="inspection_visits")
    op.create_index("ix_inspection_visits_project_id_state", "inspection_visits", ["project_id", "state"])
    op.create_index(
        "ix_inspection_reports_project_id_outcome_stage", "inspection_reports", ["project_id", "outcome", "stage"]
    )
    op.create_index(
        "ix_inspection_reports_project_id_sub_work_number", "inspection_reports", ["project_id", "sub_work_number"]
    )


def downgrade() -> None:
    op.drop_index("ix_inspection_reports_project_id_sub_work_number", table_name="inspection_reports")
    op.drop_index("ix_inspection_reports_project_id_outcome_stage", table_name="inspection_reports")
    op.drop_index("ix_inspection_visits_project_id_state", table_name="inspection_visits")
    op.create_index("ix_inspection_visits_project_id", "inspection_visits", ["project_id"])
