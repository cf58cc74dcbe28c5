"""Has held files looked at by the virus scanner, each until there is a verdict, beside the worker's other jobs.

A verdict is at least once: a file whose verdict was not written is looked at again. Locks are taken in the order
documents, scans, counts of space.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from engine import documents, file_quotas
from engine.actor import SYSTEM, actor_for
from engine.audit import events, trail
from engine.jobs import leases
from engine.persistence import outbox
from engine.service import Engine
from engine.uploads.clamd import Clamd, ScannerFailed
from models.account import Person
from models.case import Case
from models.document import Document, FileScan, FileState
from models.language import gettext as _
from models.language import reading

log = logging.getLogger(__name__)

AT_ONCE = 10  # files of one call, so that a stopping worker does not wait for all that are there
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=2)


def run_due(engine: Engine, scanner: Clamd, *, owner: str) -> int:
    """Have due files looked at, until the scanner fails once. Returns the number of verdicts. Safe in many processes.

    A file that fails waits longer each time, and the others go before it.
    """
    verdicts = 0
    for _each in range(AT_ONCE):
        with engine.transaction() as session:
            taken = leases.take(session, FileScan, FileScan.next_try_at, owner=owner, now=engine.clock(), limit=1)
        if not taken or not _look(engine, scanner, taken[0], owner=owner):
            break
        verdicts += 1
    return verdicts


def _look(engine: Engine, scanner: Clamd, scan_id: int, *, owner: str) -> bool:
    """Have one file looked at, with no transaction open meanwhile. Returns whether there is a verdict."""
    with engine.sessions() as session:
        scan = session.get(FileScan, scan_id)
        if scan is None:
            return True  # the same content had its verdict meanwhile
        document = session.get_one(Document, scan.document_id)
    path = documents.path_of(engine.services.settings.files_path, document.sha256)
    try:
        finding = _finding(engine, scanner, document, path)
    except (ScannerFailed, OSError) as error:
        log.warning("document %d was not checked: %s", document.id, error)
        _postpone(engine, scan, error, owner=owner)
        return False
    if not finding:
        _release(engine, scan, owner=owner)
        return True
    with engine.transaction() as session:
        _condemn(engine, session, scan, document.sha256, finding, owner=owner)
    with engine.transaction() as session:
        if not documents.is_wanted(session, document.sha256):
            path.unlink(missing_ok=True)
    return True


def _finding(engine: Engine, scanner: Clamd, document: Document, path: Path) -> str:
    """What is in the file. Raises ``ScannerFailed``, ``FileNotFoundError``."""
    try:
        with path.open("rb") as content:
            return scanner.scan(content)
    except FileNotFoundError:  # perhaps it came while the same content was being deleted as infected
        same = select(Document.finding).where(Document.sha256 == document.sha256)
        with engine.sessions() as session:
            finding = session.scalar(same.where(Document.state == FileState.INFECTED).limit(1))
        if not finding:
            raise
        return finding


def _postpone(engine: Engine, scan: FileScan, error: Exception, *, owner: str) -> None:
    pause = min(FIRST_PAUSE * 2 ** min(scan.attempts, 10), LONGEST_PAUSE)
    with engine.transaction() as session:
        session.execute(
            update(FileScan)
            .where(FileScan.id == scan.id, FileScan.lease_owner == owner)
            .values(
                attempts=scan.attempts + 1,
                next_try_at=engine.clock() + pause,
                error=str(error)[:300],
                lease_owner=None,
                lease_until=None,
            )
        )


def _release(engine: Engine, scan: FileScan, *, owner: str) -> None:
    """Nothing was found: the document is there for everybody, and the case's history says so."""
    with engine.transaction() as session:
        document = session.get_one(Document, scan.document_id, with_for_update=True)
        if not _end(session, scan, owner):
            return
        document.state = FileState.READY
        case = session.get_one(Case, document.case_id)
        by = actor_for(document.uploaded_by) if document.uploaded_by is not None else SYSTEM
        documents.tell(session, case, document, by=by, at=engine.clock())


def _condemn(engine: Engine, session: Session, scan: FileScan, digest: str, finding: str, *, owner: str) -> None:
    """Mark every document with this content, tell whoever uploaded it, and write it into the audit log."""
    same = select(Document).where(Document.sha256 == digest, Document.state != FileState.INFECTED)
    found = session.scalars(same.order_by(Document.id).with_for_update()).all()
    if not _end(session, scan, owner):
        return
    session.execute(delete(FileScan).where(FileScan.document_id.in_([document.id for document in found])))
    for document in sorted(found, key=lambda one: (one.case_id, one.id)):
        document.state, document.finding = FileState.INFECTED, finding[:200]
        file_quotas.give_back(session, document.case_id, document.size)
        case = session.get_one(Case, document.case_id)
        sender = document.uploaded_by.username if document.uploaded_by else ""
        after = {"document": document.id, "finding": document.finding, "uploaded_by": sender}
        trail.record(session, events.FILE_INFECTED, SYSTEM, subject=("case", case.number), after=after)
        if document.uploaded_by is not None:
            _tell_uploader(engine, session, case, document, document.uploaded_by)


def _tell_uploader(engine: Engine, session: Session, case: Case, document: Document, person: Person) -> None:
    with reading(outbox.language_of(session, person.id)):
        body = _(
            "فایل «%(name)s» که در پروندهٔ %(number)s بارگذاری کردید آلوده بود (%(finding)s) و حذف شد."
            " اگر این فایل لازم است، نسخهٔ سالم آن را بارگذاری کنید.",
            name=document.name,
            number=case.number,
            finding=document.finding,
        )
        outbox.notify(session, case, person.id, _("حذف فایل آلوده"), body, at=engine.clock())


def _end(session: Session, scan: FileScan, owner: str) -> bool:
    """Delete the row of a scan. Returns False if it is no longer this worker's: then another verdict counts."""
    mine = delete(FileScan).where(FileScan.id == scan.id, FileScan.lease_owner == owner)
    return bool(getattr(session.execute(mine), "rowcount", 0))
