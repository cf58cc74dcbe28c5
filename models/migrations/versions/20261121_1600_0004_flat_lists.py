"""Worklists in the order of an index, and cases by the beginnings of their words

Revision ID: 0004
Revises: 0003

The words are made anew from what each case was found by until now.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NEVER = "9999-01-01 00:00:00.000000"
AT_ONCE = 1_000  # cases
LONGEST, WORD_LENGTH = 1_000, 60
OF_GROUP, OF_PERSON = "status = 'open' AND assignee_id IS NULL", "status = 'open' AND assignee_id IS NOT NULL"
OLD = [
    ("ix_tasks_open_assignee", ["assignee_id", "id"], "status = 'open'"),
    ("ix_tasks_open_role", ["role", "id"], OF_GROUP),
]
NEW = [
    ("ix_tasks_open_of_group", ["role", "priority", "sort_due_at", "id"], OF_GROUP),
    ("ix_tasks_open_of_group_due", ["role", "sort_due_at", "id"], OF_GROUP),
    ("ix_tasks_open_of_group_since", ["role", "since", "id"], OF_GROUP),
    ("ix_tasks_open_of_person", ["assignee_id", "priority", "sort_due_at", "id"], OF_PERSON),
    ("ix_tasks_open_of_person_due", ["assignee_id", "sort_due_at", "id"], OF_PERSON),
]

cases = sa.table("cases", sa.column("id"), sa.column("number"), sa.column("search_text"))


def upgrade() -> None:
    never = NEVER + ("+00" if op.get_bind().dialect.name == "postgresql" else "")
    op.add_column(
        "tasks", sa.Column("sort_due_at", base.UtcDateTime(timezone=True), nullable=False, server_default=never)
    )
    op.execute("UPDATE tasks SET sort_due_at = due_at WHERE due_at IS NOT NULL")
    _exchange(OLD, NEW)
    of_group = sa.text("person_id IS NULL")
    op.create_index(
        "ix_participants_of_group",
        "participants",
        ["role", "case_id"],
        postgresql_where=of_group,
        sqlite_where=of_group,
    )
    op.create_table(
        "case_words",
        sa.Column(
            "word",
            sa.String(length=WORD_LENGTH).with_variant(sa.String(length=WORD_LENGTH, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_words_case_id")),
        sa.PrimaryKeyConstraint("word", "case_id", name=op.f("pk_case_words")),
        sqlite_with_rowid=False,
    )
    _write_words()


def downgrade() -> None:
    op.drop_table("case_words")
    op.drop_index("ix_participants_of_group", table_name="participants")
    _exchange(NEW, OLD)
    op.drop_column("tasks", "sort_due_at")


def _exchange(old: list[tuple[str, list[str], str]], new: list[tuple[str, list[str], str]]) -> None:
    for name, _columns, _where in old:
        op.drop_index(name, table_name="tasks")
    for name, columns, where in new:
        condition = sa.text(where)
        op.create_index(name, "tasks", columns, postgresql_where=condition, sqlite_where=condition)


def _write_words() -> None:
    connection, last = op.get_bind(), 0
    rewrite = sa.update(cases).where(cases.c.id == sa.bindparam("this_case"))
    add = sa.insert(sa.table("case_words", sa.column("word"), sa.column("case_id")))
    some = sa.select(cases).where(cases.c.id > sa.bindparam("last")).order_by(cases.c.id).limit(AT_ONCE)
    while rows := connection.execute(some, {"last": last}).all():
        found = {row.id: list(_words(row.number, row.search_text)) for row in rows}
        last = rows[-1].id
        texts = [
            {"this_case": key, "search_text": "".join(f" {word}" for word in words)} for key, words in found.items()
        ]
        connection.execute(rewrite, texts)
        connection.execute(add, [{"word": word, "case_id": key} for key, words in found.items() for word in set(words)])


def _words(number: str, text: str) -> Iterator[str]:
    """As they stand in ``search_text``: each once, beginning with the number's pieces."""
    year, count = number.split("-")[:2]
    found = dict.fromkeys([year, count, count.lstrip("0")])
    for token in text.split()[3:]:  # the number's pieces came first
        starts = (at for at in range(len(token)) if at == 0 or (token[at].isalnum() and not token[at - 1].isalnum()))
        found.update(dict.fromkeys(token[at : at + WORD_LENGTH] for at in starts))
    length = 0
    for word in found:
        length += len(word) + 1
        if length > LONGEST:
            break
        yield word
