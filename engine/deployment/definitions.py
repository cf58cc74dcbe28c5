"""Deployed diagrams: stores new versions and caches the versions of running cases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session, undefer

from engine import versions
from engine.actor import SYSTEM, Actor
from engine.audit import events, trail
from engine.bpmn.diagram import INSERTED, Diagram, read_diagrams
from engine.dmn import reader
from engine.errors import NotFound
from engine.spiff import specs
from engine.spiff.state import ProcessSpecs
from models.definition import DecisionDefinition, ProcessDefinition


@dataclass(frozen=True)
class Deployed:
    """One version of a process with everything it calls, ready to run. Shared between threads, never changed."""

    definition_id: int
    key: str
    version: int
    specs: ProcessSpecs
    diagrams: Mapping[str, Diagram]  # by process key: itself and the called ones

    @property
    def upload_limit(self) -> int | None:
        """Maximum size of one file of such a case, in bytes; ``None``: the office's rule applies (DOC-1)."""
        own = self.diagrams[self.key].properties.get("upload_limit")
        return int(own) if own else None

    @cached_property
    def names_read(self) -> frozenset[str]:
        """The names that expressions of all its diagrams read; of a submission only these become case data."""
        return frozenset().union(*(diagram.names_read for diagram in self.diagrams.values()))

    @cached_property
    def locks(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """(process key, activity) → the user tasks of that process that are shut while it is at work."""
        elements = ((key, element) for key, diagram in self.diagrams.items() for element in diagram.elements.values())
        return {(key, element.id): element.locks for key, element in elements if element.locks}

    def key_of(self, scope: str) -> str:
        """The process key of a scope (process or embedded subprocess) of a running case.

        A scope that lowering inserted carries the name of the drawn one.
        """
        drawn = scope.split(".", 2)[-1] if scope.startswith(INSERTED) else scope
        return self._keys[drawn]

    @cached_property
    def _keys(self) -> dict[str, str]:
        keys = {element: key for key, diagram in self.diagrams.items() for element in diagram.elements}
        return keys | {key: key for key in self.diagrams}


class Definitions:
    """Cache of deployed versions. A version never changes, so each is read from the database once."""

    def __init__(self) -> None:
        self._deployed: dict[int, Deployed] = {}
        self._starts: dict[int, tuple[str, frozenset[tuple[str, str]]]] = {}  # its key, and what starts it
        self._roles: dict[int, frozenset[str]] = {}  # the roles that its lanes and steps name

    def get(self, session: Session, definition_id: int) -> Deployed:
        """The version with this id, from memory after the first time."""
        known = self._deployed.get(definition_id)
        if known is None:
            known = self._deployed[definition_id] = self._load(session, definition_id)
        return known

    def newest(self, session: Session, key: str) -> Deployed:
        """The version that new cases start on. Raises ``NotFound``."""
        return self.get(session, self.newest_id(session, key))

    def newest_id(self, session: Session, key: str) -> int:
        """The id of the version that new cases start on. Raises ``NotFound``."""
        definition_id = versions.newest_id(session, ProcessDefinition, key)
        if definition_id is None:
            raise NotFound("process", key)
        return definition_id

    def started_by(self, session: Session, kind: str, name: str) -> list[str]:
        """The keys of the processes whose newest version a message or signal starts, in order."""
        ids = [row.id for row in versions.newest_processes(session)]
        for definition_id in ids:
            if definition_id not in self._starts:
                row = session.get_one(ProcessDefinition, definition_id, options=[undefer(ProcessDefinition.xml)])
                elements = diagram_of(row).elements.values()
                begun = frozenset((element.event, element.event_name) for element in elements if element.starts_case)
                self._starts[definition_id] = (row.key, begun)
        starts = (self._starts[definition_id] for definition_id in ids)
        return sorted(key for key, begun in starts if (kind, name) in begun)

    def roles_of(self, session: Session, definition_id: int) -> frozenset[str]:
        """The keys of the roles that the lanes and steps of this version's own diagram name."""
        known = self._roles.get(definition_id)
        if known is None:
            row = session.get_one(ProcessDefinition, definition_id, options=[undefer(ProcessDefinition.xml)])
            elements = diagram_of(row).elements.values()
            known = self._roles[definition_id] = frozenset(
                role for element in elements for role in element.roles if role
            )
        return known

    def _load(self, session: Session, definition_id: int) -> Deployed:
        rows = pinned(session, definition_id)
        diagrams = {key: diagram_of(row) for key, row in rows.items()}
        main = next(row for row in rows.values() if row.id == definition_id)
        return Deployed(main.id, main.key, main.version, specs.build(main.key, diagrams.values()), diagrams)


def pinned(session: Session, definition_id: int) -> dict[str, ProcessDefinition]:
    """A version and the versions that it calls, directly or not, as its cases run them: process key → row with XML."""
    rows: dict[str, ProcessDefinition] = {}
    ahead = [definition_id]
    while ahead:
        row = session.get_one(ProcessDefinition, ahead.pop(), options=[undefer(ProcessDefinition.xml)])
        if row.key not in rows:
            rows[row.key] = row
            ahead.extend(row.calls.values())
    return rows


def diagram_of(row: ProcessDefinition) -> Diagram:
    """The diagram of a version whose XML is loaded."""
    return next(diagram for diagram in read_diagrams(row.xml) if diagram.key == row.key)


def deploy(
    session: Session, bundle: Mapping[str, Diagram], *, now: datetime, by: Actor = SYSTEM
) -> list[ProcessDefinition]:
    """Store each diagram of a checked bundle as a new version if it or a diagram it calls changed.

    Called diagrams go first, so that each version pins the versions it calls. Returns the new versions.
    """
    deployed: list[ProcessDefinition] = []
    current: dict[str, ProcessDefinition] = {}
    for key in _called_first(bundle):
        diagram = bundle[key]
        calls = {called: current[called].id for called in sorted(diagram.calls)}
        parts = [diagram.xml, *(current[called].sha256.encode() for called in sorted(diagram.calls))]
        digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
        newest = versions.newest(session, ProcessDefinition, key)
        if newest is None or newest.sha256 != digest:
            newest = ProcessDefinition(
                key=key,
                version=newest.version + 1 if newest else 1,
                name=diagram.name,
                xml=diagram.xml,
                sha256=digest,
                calls=calls,
                deployed_at=now,
                deployed_by_id=by.person_id,
            )
            session.add(newest)
            session.flush()
            _record(session, "process", newest, by=by)
            deployed.append(newest)
        current[key] = newest
    return deployed


def _record(session: Session, kind: str, row: ProcessDefinition | DecisionDefinition, *, by: Actor) -> None:
    """Record a new version; what was in force before it is the version before it."""
    trail.record(
        session,
        events.DEPLOYED,
        by,
        subject=(kind, row.key),
        before={"version": row.version - 1} if row.version > 1 else None,
        after={"version": row.version, "sha256": row.sha256},
    )


def _called_first(bundle: Mapping[str, Diagram]) -> list[str]:
    ordered: list[str] = []

    def visit(key: str) -> None:
        if key not in ordered:
            for called in sorted(bundle[key].calls):
                visit(called)
            ordered.append(key)

    for key in sorted(bundle):
        visit(key)
    return ordered


def deploy_decisions(
    session: Session, files: Mapping[str, bytes], *, now: datetime, by: Actor = SYSTEM
) -> list[DecisionDefinition]:
    """Store every changed file of decision tables as a new version. ``files``: key → XML, already checked."""
    deployed = []
    for key, xml in sorted(files.items()):
        digest = hashlib.sha256(xml).hexdigest()
        newest = versions.newest(session, DecisionDefinition, key)
        if newest is not None and newest.sha256 == digest:
            continue
        model = reader.parse(xml)
        row = DecisionDefinition(
            key=key,
            version=newest.version + 1 if newest else 1,
            name=model.decisions[key].name or key,
            xml=xml,
            sha256=digest,
            deployed_at=now,
            deployed_by_id=by.person_id,
        )
        session.add(row)
        _record(session, "decision", row, by=by)
        deployed.append(row)
    session.flush()
    return deployed
