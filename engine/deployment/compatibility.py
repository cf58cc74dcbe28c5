"""Holds the versions that running cases are on against the code: a diagram is pinned, what it names is not.

A new version of the code may have no form, operation, role or function any more that an earlier diagram relies on.
Which versions have running cases is asked each time, with one statement over an index; what a version lacks is found
once, for neither a version nor the code of a process changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from engine.bpmn.diagram import Diagram
from engine.deployment.checking import seam as checked
from engine.deployment.checking.seam import Lack, Seam
from engine.deployment.definitions import diagram_of, pinned
from engine.errors import EngineError
from engine.identity import organisation
from models.case import Case
from models.definition import DecisionDefinition, ProcessDefinition

_IS_RUN = exists().where(Case.definition_id == ProcessDefinition.id, Case.ended_at.is_(None))


@dataclass(frozen=True, kw_only=True)
class Incompatible:
    """Something that a version with running cases relies on and this code does not have.

    ``kind`` and ``severity`` are those of ``Lack``; ``cases`` counts the running cases that are on this version or
    on one that calls it.
    """

    process: str
    version: int
    element: str
    name: str  # of the element, as drawn
    kind: str
    missing: str
    cases: int
    severity: str
    lack: Lack

    @property
    def message(self) -> str:
        """What is missing, in the reader's language."""
        return str(self.lack.message)

    def __str__(self) -> str:
        place = f"{self.element} ({self.name})" if self.name else self.element
        return f"{self.process} v{self.version}: {place}: {self.message} [{self.cases}]"


class IncompatibleDefinitions(EngineError):
    """Running cases rely on something that this code does not have; ``findings`` say where and what."""

    code = "incompatible_definitions"

    def __init__(self, findings: list[Incompatible]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


@dataclass(frozen=True)
class _At:
    """A lack and the version whose diagram it is in."""

    definition_id: int
    process: str
    version: int
    name: str
    lack: Lack


@dataclass(frozen=True)
class _Root:
    """A version that cases run on, with what it calls: what it lacks, and what of the database it relies on."""

    lacks: tuple[_At, ...]
    decisions: tuple[_At, ...]  # a lack for each table, which counts while there is no such table
    roles: tuple[_At, ...]  # a lack for each role that is named, which counts while it is not in use


class Compatibility:
    """Looks at the versions of running cases. One object for each process of the operating system.

    ``decisions``: keys of decision tables that come with the code and will be deployed.
    """

    def __init__(self, seam: Seam, *, decisions: Collection[str] = ()) -> None:
        self._seam = seam
        self._shipped = frozenset(decisions)
        self._roots: dict[int, _Root] = {}

    def findings(self, session: Session) -> list[Incompatible]:
        """What is missing for running cases, errors first; empty when everything fits.

        Costs one statement over an index while nothing is missing and no version is new, however many cases run.
        """
        ids = session.scalars(select(ProcessDefinition.id).where(_IS_RUN).order_by(ProcessDefinition.id)).all()
        for definition_id in ids:
            if definition_id not in self._roots:
                self._roots[definition_id] = self._look(session, definition_id)
        tables = self._tables(session) if any(self._roots[one].decisions for one in ids) else frozenset()
        roles = self._roles(session) if any(self._roots[one].roles for one in ids) else frozenset()
        at: dict[_At, set[int]] = defaultdict(set)  # each place → the versions whose cases may come there
        for root in ids:
            known = self._roots[root]
            missing = [one for one in known.decisions if one.lack.missing not in tables]
            missing += [one for one in known.roles if one.lack.missing not in roles]
            for place in (*known.lacks, *missing):
                at[place].add(root)
        counts = _running(session, set().union(*at.values())) if at else {}
        found = [_incompatible(place, sum(counts.get(root, 0) for root in roots)) for place, roots in at.items()]
        return sorted(found, key=lambda one: (one.severity != "error", one.process, -one.version, one.element))

    def errors(self, session: Session) -> list[Incompatible]:
        """Those findings that a running case would fail at."""
        return [finding for finding in self.findings(session) if finding.severity == "error"]

    def demand(self, session: Session) -> None:
        """Raises ``IncompatibleDefinitions`` when something is missing that a running case would fail at."""
        if errors := self.errors(session):
            raise IncompatibleDefinitions(errors)

    def _tables(self, session: Session) -> frozenset[str]:
        deployed = session.scalars(select(DecisionDefinition.key).distinct())
        return self._shipped.union(deployed)

    def _roles(self, session: Session) -> frozenset[str]:
        """The roles in use by the tables, and those of the code that are no rows of them."""
        organised = organisation.of(session)
        active = frozenset(role.key for role in organised.active_roles)
        return active | (self._seam.roles - organised.roles.keys())

    def _look(self, session: Session, definition_id: int) -> _Root:
        rows = pinned(session, definition_id)
        diagrams = {key: diagram_of(row) for key, row in rows.items()}
        found = [
            _At(row.id, key, row.version, diagrams[key].name_of(lack.element), lack)
            for key, row in rows.items()
            for lack in self._lacks(row, diagrams)
        ]
        return _Root(
            tuple(one for one in found if one.lack.kind not in ("decision", "role")),
            tuple(one for one in found if one.lack.kind == "decision"),
            tuple(one for one in found if one.lack.kind == "role"),
        )

    def _lacks(self, row: ProcessDefinition, diagrams: Mapping[str, Diagram]) -> Iterator[Lack]:
        diagram = diagrams[row.key]
        without_roles = replace(self._seam, roles=frozenset(), inactive_roles=frozenset())
        for element in diagram.elements.values():
            if element.tag != "startEvent":  # running cases have passed it; whoever starts new ones is no matter here
                yield from checked.of_element(element, diagram, without_roles, decisions=())
        for located in diagram.expressions:
            yield from checked.of_expression(located, self._seam)
        related = [one for one in diagrams.values() if one.key in diagram.calls or row.key in one.calls]
        yield from checked.of_submissions(diagram, related, self._seam)
        if row.names_unset is not None:
            names = checked.unset_names(diagram, _called(diagram, diagrams), self._seam)
            yield from (replace(one, severity="error") for one in names if one.missing not in row.names_unset)


def remember_names(session: Session, seam: Seam) -> None:
    """Write down, once for each version, which names that its expressions read are set by no step of it.

    A caller or a start gives those. What is unset later and is not among them was a form's field that is gone.
    """
    for row in session.scalars(select(ProcessDefinition).where(ProcessDefinition.names_unset.is_(None))).all():
        diagrams = {key: diagram_of(one) for key, one in pinned(session, row.id).items()}
        diagram = diagrams[row.key]
        names = checked.unset_names(diagram, _called(diagram, diagrams), seam)
        row.names_unset = sorted({one.missing for one in names})


def _called(diagram: Diagram, diagrams: Mapping[str, Diagram]) -> dict[str, Diagram]:
    return {key: one for key, one in diagrams.items() if key in diagram.calls or key == diagram.key}


def _running(session: Session, definitions: Collection[int]) -> dict[int, int]:
    """How many cases run on each of these versions, counted by an index that holds only running ones."""
    rows = session.execute(
        select(Case.definition_id, func.count())
        .where(Case.ended_at.is_(None), Case.definition_id.in_(definitions))
        .group_by(Case.definition_id)
    )
    return {definition_id: count for definition_id, count in rows}


def _incompatible(place: _At, cases: int) -> Incompatible:
    return Incompatible(
        process=place.process,
        version=place.version,
        element=place.lack.element,
        name=place.name,
        kind=place.lack.kind,
        missing=place.lack.missing,
        cases=cases,
        severity=place.lack.severity,
        lack=place.lack,
    )
