"""Evaluates decisions by the newest deployed version of their table."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session, undefer

from engine import versions
from engine.dmn import reader
from engine.errors import NotFound
from models.definition import DecisionDefinition


class DecisionTables:
    """Evaluates decisions; looks the newest version up each time and parses each version once in this process."""

    def __init__(self) -> None:
        self._models: dict[int, reader.DecisionModel] = {}  # by definition id

    def evaluate(self, session: Session, key: str, inputs: Mapping[str, object]) -> object:
        """The outputs of the decision ``key``; ``None`` if no rule matches.

        Raises ``NotFound`` if nothing was deployed under this key, and ``DecisionError``.
        """
        newest = versions.newest_id(session, DecisionDefinition, key)
        if newest is None:
            raise NotFound("decision", key)
        model = self._models.get(newest)
        if model is None:
            row = session.get_one(DecisionDefinition, newest, options=[undefer(DecisionDefinition.xml)])
            model = self._models[newest] = reader.parse(row.xml)
        return model.decisions[key].evaluate(inputs)
