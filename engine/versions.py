"""The newest version of a deployed process or decision table."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.definition import DecisionDefinition, ProcessDefinition

Definition = TypeVar("Definition", ProcessDefinition, DecisionDefinition)


def newest(session: Session, kind: type[Definition], key: str) -> Definition | None:
    """The row of the newest version with this key, without its XML; ``None`` if nothing was deployed."""
    return session.scalars(select(kind).where(kind.key == key).order_by(kind.version.desc()).limit(1)).first()


def newest_id(session: Session, kind: type[ProcessDefinition | DecisionDefinition], key: str) -> int | None:
    """The id of the newest version with this key; ``None`` if nothing was deployed."""
    return session.scalars(select(kind.id).where(kind.key == key).order_by(kind.version.desc()).limit(1)).first()


class NewestProcess(NamedTuple):
    """The newest version of one process."""

    id: int
    key: str
    version: int
    name: str  # in the language of the diagram


def newest_processes(session: Session) -> list[NewestProcess]:
    """The newest version of each deployed process, in the order of their keys."""
    ids = select(func.max(ProcessDefinition.id)).group_by(ProcessDefinition.key)
    columns = (ProcessDefinition.id, ProcessDefinition.key, ProcessDefinition.version, ProcessDefinition.name)
    rows = session.execute(select(*columns).where(ProcessDefinition.id.in_(ids)).order_by(ProcessDefinition.key))
    return [NewestProcess(*row) for row in rows]
