"""Verifies the chain of the audit log: no row was changed, added, or removed before its time, none cut off the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, exists, select, text
from sqlalchemy.orm import Session

from engine.audit import chain, events
from engine.audit.retention import RULES
from models.audit import AuditEvent, AuditHorizon, AuditLink

AT_ONCE = 2_000  # rows read at once
SHORTEST = {str(retention): timedelta(days=rule.least) for retention, rule in RULES.items()}  # other classes: for ever
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True)
class Head:
    """The end of the chain. Whoever keeps it elsewhere can tell later whether the log was cut or written anew."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True)
class Removal:
    """What a row of the log says of a removal: of this class, what is from before this moment."""

    seq: int
    retention: str
    before: datetime | None  # None: what is written there says nothing
    at: datetime  # of the row

    def counts(self, now: datetime) -> bool:
        """Whether such old rows could be removed then at all, however short the office keeps them."""
        shortest = SHORTEST.get(self.retention)
        if shortest is None or self.before is None:
            return False
        return self.before <= min(self.at, now) - shortest


@dataclass(frozen=True)
class Verdict:
    """What was read: how many rows and links, the end, and the first problem; its number is 0 for the whole log."""

    rows: int
    links: int
    head: Head
    broken_at: int = 0
    problem: str = ""

    @property
    def holds(self) -> bool:
        return not self.problem


def read_head(text: str) -> Head:
    """A head as ``Head`` prints it. Raises ``ValueError``."""
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a head of the audit log: {text[:100]!r}")
    return Head(int(match[1]), match[2])


def verify(session: Session, *, known: Head | None = None) -> Verdict:
    """Read the whole log. ``known``: a head that was kept elsewhere; the log must go on from there.

    In a transaction that has read nothing yet: all of it is read as it is at one moment, while others write.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    now = datetime.now(UTC)
    removals = _removals(session)
    removed = _removed(removals, now)
    statement = (
        select(*AuditLink.__table__.c, *(column.label(f"row_{column.name}") for column in AuditEvent.__table__.c))
        .outerjoin(AuditEvent, AuditEvent.seq == AuditLink.seq)
        .order_by(AuditLink.seq)
        .execution_options(yield_per=AT_ONCE)
    )
    head, rows, links = Head(0, chain.START), 0, 0
    with closing(session.execute(statement)) as read:
        for link in read.mappings():
            if problem := _problem(link, head, removed):
                return Verdict(rows, links, head, min(head.seq + 1, link["seq"]), problem)
            head, links = Head(link["seq"], link["hash"]), links + 1
            rows += link["row_seq"] is not None
            if known is not None and known.seq == head.seq and known.hash != head.hash:
                return Verdict(rows, links, head, head.seq, "the chain up to here is not the one of the given head")
    if known is not None and known.seq > head.seq:
        return Verdict(rows, links, head, head.seq + 1, f"the end was cut off: the given head is number {known.seq}")
    loose = select(AuditEvent.seq).where(~exists().where(AuditLink.seq == AuditEvent.seq)).order_by(AuditEvent.seq)
    if (seq := session.scalar(loose.limit(1))) is not None:
        return Verdict(rows, links, head, seq, "this row is in no link of the chain")
    broken_at, problem = _unfounded(session, removals, now)
    return Verdict(rows, links, head, broken_at, problem)


def _problem(link: RowMapping, head: Head, removed: Mapping[str, datetime]) -> str:
    """What is wrong with the link that follows ``head``, and with its row; "" if nothing is."""
    if link["seq"] < 1:
        return "the chain begins at number 1"
    if link["seq"] != head.seq + 1:
        return f"links up to number {link['seq'] - 1} are missing"
    expected = chain.link_hash(
        head.hash, seq=link["seq"], at=link["at"], retention=link["retention"], content=link["content_hash"]
    )
    if link["hash"] != expected:
        return "the hash of the link does not follow from the one before it"
    if link["row_seq"] is None:
        until = removed.get(link["retention"])
        return "" if until is not None and link["at"] < until else "the row was removed before its time"
    row = {name: link[f"row_{name}"] for name in (*chain.CONTENT, "salt")}
    if (link["row_at"], link["row_retention"]) != (link["at"], link["retention"]):
        return "the moment or the class of the row was changed"
    return "" if chain.content_hash(row) == link["content_hash"] else "the row was changed"


def _removals(session: Session) -> list[Removal]:
    """What the log itself says was removed, in its order; its rows of that are verified too."""
    pruned = select(AuditEvent.seq, AuditEvent.subject_key, AuditEvent.after, AuditEvent.at)
    rows = session.execute(pruned.where(AuditEvent.event == events.PRUNED).order_by(AuditEvent.at, AuditEvent.seq))
    return [Removal(seq, retention, _moment(after), at) for seq, retention, after, at in rows]


def _moment(after: Any) -> datetime | None:
    """Up to when rows were removed, of a row that anybody may have written."""
    try:
        moment = datetime.fromisoformat(after["before"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def _removed(removals: list[Removal], now: datetime) -> dict[str, datetime]:
    """Up to when rows of each class may be gone."""
    until: dict[str, datetime] = {}
    for one in removals:
        if one.before is not None and one.counts(now):
            until[one.retention] = max(until.get(one.retention, one.before), one.before)
    return until


def _unfounded(session: Session, removals: list[Removal], now: datetime) -> tuple[int, str]:
    """The first row that licenses what it may not, or the first licence to remove that no row tells of."""
    if early := next((one for one in removals if not one.counts(now)), None):
        return early.seq, "this row tells of a removal that was not allowed at its time"
    horizons = session.execute(select(AuditHorizon.retention, AuditHorizon.before).order_by(AuditHorizon.id))
    recorded = Counter((one.retention, one.before) for one in removals)
    for retention, before in horizons:
        if not recorded[retention, before]:
            return 0, f"the removal of {retention} rows from before {before.isoformat()} is recorded nowhere"
        recorded[retention, before] -= 1
    without = {key for key, count in recorded.items() if count}
    seq = next((one.seq for one in removals if (one.retention, one.before) in without), 0)
    return seq, "this row tells of a removal that was never made" if seq else ""
