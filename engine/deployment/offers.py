"""Which processes an installation offers: an admin switches them on and off, and the diagrams stay deployed.

Of a process that is not offered no case starts, neither by a person nor by a message or signal. Its running cases go
on, with whatever they call, and operations of running cases still start what follows from them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, joinedload, undefer

from engine.actor import SYSTEM, Actor
from engine.audit import events, trail
from engine.bpmn.diagram import Diagram
from engine.deployment.definitions import Definitions, diagram_of
from engine.errors import InvalidSubmission, NotFound
from engine.identity import permissions
from engine.persistence import upsert
from engine.versions import newest_id, newest_processes
from models.case import Case
from models.definition import ProcessDefinition
from models.language import gettext as _
from models.offer import ProcessOffer, ProcessOfferChange

SHOWN = 50  # changes that the page lists


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One deployed process as the admin's page shows it."""

    key: str
    name: str  # Persian, as drawn
    version: int  # the newest
    offered: bool
    startable: bool  # by a person, a message or a signal; others only follow from cases, and cannot be switched
    running: int  # cases that have not ended, of all versions
    calls: tuple[str, ...]  # keys of the processes that it calls itself
    called_by: tuple[str, ...]  # keys of the processes whose newest version calls it
    decision: ProcessOffer | None


class Offers:
    """Answers whether a process is offered. ``undecided``: what holds for one that nobody has decided about."""

    def __init__(self, *, undecided: bool = True) -> None:
        self.undecided = undecided

    def is_offered(self, session: Session, process_key: str) -> bool:
        """Whether new cases of the process start."""
        return bool(self.offered(session, [process_key]))

    def offered(self, session: Session, keys: Collection[str]) -> frozenset[str]:
        """Those of the processes of which new cases start."""
        if not keys:
            return frozenset()
        rows = session.connection().execute(
            select(ProcessOffer.process_key, ProcessOffer.offered).where(ProcessOffer.process_key.in_(sorted(keys)))
        )
        decided: dict[str, bool] = {key: offered for key, offered in rows}
        return frozenset(key for key in keys if decided.get(key, self.undecided))

    def any_offered(self, session: Session) -> bool:
        """Whether somebody has decided to offer a process, or undecided ones are offered."""
        if self.undecided:
            return True
        return session.scalar(select(ProcessOffer.process_key).where(ProcessOffer.offered).limit(1)) is not None

    def in_use(self, session: Session, keys: Collection[str]) -> frozenset[str]:
        """Those of the processes that are offered or have cases, also ended ones: the others need not be seen."""
        offered = self.offered(session, keys)
        if rest := frozenset(keys) - offered:
            with_cases = session.scalars(
                select(ProcessDefinition.key)
                .where(
                    ProcessDefinition.key.in_(sorted(rest)), exists().where(Case.process_key == ProcessDefinition.key)
                )
                .distinct()
            )
            return offered.union(with_cases)
        return offered

    def overview(self, session: Session, definitions: Definitions, *, by: Actor) -> list[Overview]:
        """Every deployed process by its newest version, in the order of their keys. Raises ``NotAllowed``."""
        permissions.demand(by, "offer_processes")
        newest = newest_processes(session)
        drawn = {row.key: definitions.get(session, row.id).diagrams[row.key] for row in newest}
        decisions = session.scalars(select(ProcessOffer).options(joinedload(ProcessOffer.changed_by)))
        decided = {row.process_key: row for row in decisions}
        offered, running = self.offered(session, drawn), running_cases(session)
        return [
            Overview(
                key=row.key,
                name=row.name,
                version=row.version,
                offered=row.key in offered,
                startable=is_startable(drawn[row.key]),
                running=running.get(row.key, 0),
                calls=tuple(sorted(drawn[row.key].calls)),
                called_by=tuple(key for key, other in drawn.items() if row.key in other.calls),
                decision=decided.get(row.key),
            )
            for row in newest
        ]

    def switch(
        self, session: Session, process_key: str, offered: bool, *, by: Actor, now: datetime
    ) -> ProcessOfferChange | None:
        """Offer a process or stop offering it, from now on; ``None`` when it is so already.

        Raises
            NotAllowed: ``by`` may not decide this.
            NotFound: no such process is deployed.
            InvalidSubmission: nobody starts the process, it only follows from other cases.
            StaleDataError: somebody else decided about it at the same moment.
        """
        permissions.demand(by, "offer_processes")
        definition_id = newest_id(session, ProcessDefinition, process_key)
        if definition_id is None:
            raise NotFound("process", process_key)
        newest = session.get_one(ProcessDefinition, definition_id, options=[undefer(ProcessDefinition.xml)])
        if not is_startable(diagram_of(newest)):
            raise InvalidSubmission(
                {"": [_("این فرایند فقط در پی پرونده‌های دیگر شروع می‌شود و فعال یا غیرفعال نمی‌شود.")]}
            )
        row = self._locked(session, process_key)
        before = row.offered
        if before != offered or row.changed_at is None:  # the page names who decided, not who sent it again
            row.offered, row.changed_at, row.changed_by_id = offered, now, by.person_id
            session.flush()
        if before == offered:
            return None
        change = ProcessOfferChange(
            process_key=process_key, before=before, after=offered, at=now, by_id=by.person_id, by_name=by.name
        )
        session.add(change)
        trail.record(
            session,
            events.PROCESS_OFFERED if offered else events.PROCESS_WITHDRAWN,
            by,
            subject=("process", process_key),
            before={"offered": before},
            after={"offered": offered},
        )
        session.flush()
        return change

    def startable(self, session: Session, definitions: Definitions, *, by: Actor) -> list[str]:
        """The keys of the deployed processes that can be offered, in order. Raises ``NotAllowed``."""
        return [one.key for one in self.overview(session, definitions, by=by) if one.startable]

    def offer_all(self, session: Session, definitions: Definitions, *, by: Actor, now: datetime) -> list[str]:
        """Offer every deployed process that can be started; returns their keys. Raises ``NotAllowed``."""
        keys = self.startable(session, definitions, by=by)
        for key in keys:
            self.switch(session, key, True, by=by, now=now)
        return keys

    def _locked(self, session: Session, process_key: str) -> ProcessOffer:
        """The decision's row, locked; made with what holds for an undecided one when there is none."""
        asked = (
            select(ProcessOffer)
            .where(ProcessOffer.process_key == process_key)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found = session.scalars(asked).one_or_none()
        if found is not None:
            return found
        upsert.add_once(session, ProcessOffer, process_key=process_key, offered=self.undecided)
        return session.scalars(asked).one()


def changes(session: Session, *, by: Actor) -> list[ProcessOfferChange]:
    """The last changes, newest first. Raises ``NotAllowed``."""
    permissions.demand(by, "offer_processes")
    return list(session.scalars(select(ProcessOfferChange).order_by(ProcessOfferChange.id.desc()).limit(SHOWN)))


def is_startable(diagram: Diagram) -> bool:
    """Whether a person, a message or a signal starts cases of it; others are called, or follow from cases."""
    start = diagram.start
    return start.starts_case or bool(set(start.roles) - {SYSTEM.username})  # a lane of that name is nobody's


def running_cases(session: Session) -> dict[str, int]:
    """How many cases of each process have not ended, counted by the index of those."""
    rows = session.execute(
        select(ProcessDefinition.key, func.count())
        .join(Case, Case.definition_id == ProcessDefinition.id)
        .where(Case.ended_at.is_(None))
        .group_by(ProcessDefinition.key)
    )
    return {key: count for key, count in rows}
