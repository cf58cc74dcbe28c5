"""Verifies the chain of the audit log: no row was changed, added, or removed before its time, none cut off the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, exists, select
from sqlalchemy.orm import Session

from engine.audit import chain, events
from models.audit import AuditEvent, AuditLink

AT_ONCE = 2_000  # rows read at once
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True)
class Head:
    """The end of the chain. Whoever keeps it elsewhere can tell later whether the log was cut or written anew."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


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
    """Read the whole log. ``known``: a head that was kept elsewhere; the log must go on from there."""
    removed = _removed(session)
    statement = (
        select(*AuditLink.__table__.c, *(column.label(f"row_{column.name}") for column in AuditEvent.__table__.c))
        .outerjoin(AuditEvent, AuditEvent.seq == AuditLink.seq)
        .where(AuditLink.seq > 0)
        .order_by(AuditLink.seq)
        .execution_options(yield_per=AT_ONCE)
    )
    head, rows, links = Head(0, chain.START), 0, 0
    with closing(session.execute(statement)) as read:
        for link in read.mappings():
            if problem := _problem(link, head, removed):
                return Verdict(rows, links, head, head.seq + 1, problem)
            head, links = Head(link["seq"], link["hash"]), links + 1
            rows += link["row_seq"] is not None
            if known is not None and known.seq == head.seq and known.hash != head.hash:
                return Verdict(rows, links, head, head.seq, "the chain up to here is not the one of the given head")
    if known is not None and known.seq > head.seq:
        return Verdict(rows, links, head, head.seq + 1, f"the end was cut off: the given head is number {known.seq}")
    loose = select(AuditEvent.seq).where(~exists().where(AuditLink.seq == AuditEvent.seq), AuditEvent.seq <= head.seq)
    if (seq := session.scalar(loose.limit(1))) is not None:
        return Verdict(rows, links, head, seq, "this row is in no link of the chain")
    return Verdict(rows, links, head)


def _problem(link: RowMapping, head: Head, removed: Mapping[str, datetime]) -> str:
    """What is wrong with the link that follows ``head``, and with its row; "" if nothing is."""
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


def _removed(session: Session) -> dict[str, datetime]:
    """Up to when rows of each class were removed, by what the log itself says; its rows of that are verified too."""
    until: dict[str, datetime] = {}
    pruned = select(AuditEvent.subject_key, AuditEvent.after).where(AuditEvent.event == events.PRUNED)
    for retention, after in session.execute(pruned.order_by(AuditEvent.at, AuditEvent.seq)):
        before = datetime.fromisoformat(after["before"])
        until[retention] = max(until.get(retention, before), before)
    return until
