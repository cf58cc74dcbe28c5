"""Documents of cases: checked by content, stored once by its hash, readable by those who see the case (DOC-1)."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import tempfile
import unicodedata
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import filetype
from PIL import Image, UnidentifiedImageError
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from engine import file_quotas
from engine.actor import Actor
from engine.errors import DocumentRefused, FileBeingChecked, FileInfected, NotFound
from engine.file_quotas import FileQuota, size_text
from engine.identity.permissions import departure, may_see_case
from engine.persistence import history
from engine.uploads import archives, office_files, pdf_files
from engine.uploads.dangers import Danger, Dangerous
from models.case import Case
from models.digits import ZWNJ
from models.document import Document, FileScan, FileState
from models.language import gettext as _
from models.language import listed
from models.private_files import make_folder

LIMIT = 6_000_000  # bytes, unless the caller gives a limit
MAX_NAME_LENGTH = 200
MAX_PIXELS = 50_000_000  # of an image, unpacked
HALF_WRITTEN = "upload-"  # how a file's name begins while its content is being written
ORPHAN_AFTER = timedelta(hours=24)  # a stored file without a row after this time belongs to a failed step

UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # controls, marks of direction and the like, half characters

# Ending of the name → media type. The content must be of the kind that the name says.
TYPES = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
NAMES = {
    "pdf": "PDF",
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WebP",
    "tif": "TIFF",
    "tiff": "TIFF",
    "docx": "DOCX",
    "xlsx": "XLSX",
}
OFFICE_PARTS = {TYPES["docx"]: "word/document.xml", TYPES["xlsx"]: "xl/workbook.xml"}
IMAGE_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/tiff": "TIFF"}


@dataclass(frozen=True)
class Opened:
    """A document for download: its row and the path of its content."""

    document: Document
    path: Path


def store(
    session: Session,
    case: Case,
    *,
    file: IO[bytes],
    name: str,
    by: Actor,
    now: datetime,
    folder: Path,
    limit: int = LIMIT,
    title: str = "",
    endings: Collection[str] = (),
    besides: Collection[int] = (),
    anew: bool = False,
    quota: FileQuota | None = None,
    held: bool = False,
) -> Document:
    """Check a file and store it as a document of the case. The content is on disk before the row is written.

    The same file sent again by the same person, after a lost answer, gives the same document, except those with
    the ids ``besides``, which other fields of the form use, and except with ``anew``. ``limit``: bytes;
    ``endings``: allowed endings of the name (none: all of ``TYPES``); ``now``: aware; ``quota``: None counts nothing.
    ``held``: nobody but ``by`` knows of it until the virus scanner has looked at it (``engine.jobs.file_scans``).

    Raises ``DocumentRefused`` with the name of the file and the reason.
    """
    name = clean_name(name)
    content = file.read(limit + 1)
    if len(content) > limit:
        raise DocumentRefused(
            _("حجم فایل «%(name)s» بیش از حد مجاز (%(limit)s) است.", name=name, limit=size_text(limit))
        )
    media_type = checked_type(content, name, endings)
    digest = hashlib.sha256(content).hexdigest()
    sent_before = None if anew else _sent_before(session, case, by, digest, name, besides, held)
    if sent_before is None and quota is not None:
        file_quotas.take(session, case, by.person_id, name=name, size=len(content), quota=quota, now=now)
    _write_once(folder, digest, content)
    if sent_before is not None:
        return sent_before
    document = Document(
        case_id=case.id,
        sha256=digest,
        name=name,
        media_type=media_type,
        size=len(content),
        title=title[:200],
        uploaded_by_id=by.person_id,
        uploaded_at=now,
        state=FileState.CHECKING if held else FileState.READY,
    )
    session.add(document)
    session.flush()
    if held:
        session.add(FileScan(document_id=document.id, asked_at=now, next_try_at=now))
        session.flush()
    else:
        tell(session, case, document, by=by, at=now)
    return document


def tell(session: Session, case: Case, document: Document, *, by: Actor, at: datetime) -> None:
    """Write into the case's history that there is a new document."""
    details = {"text": document.name, "id": document.id}
    history.record(session, case, what="document_added", by=by, at=at, details=details)


def _sent_before(
    session: Session, case: Case, by: Actor, digest: str, name: str, besides: Collection[int], held: bool
) -> Document | None:
    states = [FileState.READY, FileState.CHECKING] if held else [FileState.READY]
    return session.scalars(
        select(Document)
        .where(
            Document.case_id == case.id,
            Document.sha256 == digest,
            Document.name == name,
            Document.uploaded_by_id == by.person_id,
            Document.id.not_in(besides),
            Document.state.in_(states),
        )
        .order_by(Document.id)
        .limit(1)
    ).first()


def checked_type(content: bytes, name: str, endings: Collection[str] = ()) -> str:
    """Media type of a file, after checking that its content matches its name. Raises ``DocumentRefused``."""
    if not content:
        raise DocumentRefused(_("فایل «%(name)s» خالی است.", name=name))
    expected = TYPES.get(_ending(name))
    if expected is None or expected not in types_of(endings):
        raise DocumentRefused(wrong_kind(name, endings))
    looks_like = "application/zip" if content.startswith(b"PK") else filetype.guess_mime(content[:8192])
    if looks_like != ("application/zip" if expected in OFFICE_PARTS else expected):
        raise DocumentRefused(_("محتوای فایل «%(name)s» با پسوند نام آن یکی نیست.", name=name))
    try:
        _refuse_dangers(content, expected)
    except Dangerous as found:
        raise DocumentRefused(found.danger.words(name)) from None
    if expected in IMAGE_FORMATS:
        _check_image(content, IMAGE_FORMATS[expected], name)
    return expected


def _refuse_dangers(content: bytes, media_type: str) -> None:
    """Refuse what acts, lies, or is a file of two kinds at once. Raises ``Dangerous``."""
    if media_type in OFFICE_PARTS:
        office_files.check(content, OFFICE_PARTS[media_type])
        return
    begins_as_pdf = b"%PDF-" in content[:1024]
    if archives.is_archive(content) or (begins_as_pdf and media_type != TYPES["pdf"]):
        raise Dangerous(Danger.TWO_KINDS)
    if media_type == TYPES["pdf"]:
        if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-2048:]:
            raise Dangerous(Danger.BROKEN)
        pdf_files.check(content)


def types_of(endings: Collection[str]) -> set[str]:
    """Media types for these endings of names; without endings all that a case may have."""
    return {TYPES[ending] for ending in endings or TYPES if ending in TYPES}


def wrong_kind(name: str, endings: Collection[str]) -> str:
    """Message about a file of a refused type, in the reader's language."""
    kinds = listed(list(dict.fromkeys(NAMES[ending] for ending in endings or TYPES if ending in NAMES)))
    return _(
        "فایل «%(name)s» از نوع پذیرفته‌شده نیست. یکی از این‌ها را بارگذاری کنید: %(kinds)s.", name=name, kinds=kinds
    )


def open_document(session: Session, document_id: int, *, by: Actor, folder: Path) -> Opened:
    """A document and its path, for a person who may see its case, and one's own for whoever left it (INS-17).

    Raises ``NotFound``, also without permission; for the uploader ``FileBeingChecked``, ``FileInfected``.
    """
    document = session.get(Document, document_id) if 0 < document_id < 2**63 else None
    case = session.get(Case, document.case_id) if document else None
    if document is None or case is None:
        raise NotFound("document", document_id)
    own = document.uploaded_by_id is not None and document.uploaded_by_id == by.person_id
    if not may_see_case(session, by, case) and (not own or departure(session, by, case) is None):
        raise NotFound("document", document_id)
    if document.state is not FileState.READY and not own:
        raise NotFound("document", document_id)
    if document.state is FileState.CHECKING:
        raise FileBeingChecked(document.name)
    if document.state is FileState.INFECTED:
        raise FileInfected(document.name, document.finding)
    path = path_of(folder, document.sha256)
    if not path.is_file():
        raise NotFound("content of document", document_id)
    return Opened(document, path)


def of_case(session: Session, case: Case, by: Actor) -> list[Document]:
    """Documents of a case that ``by`` may know of, newest first, at most 500. The caller has checked the permission."""
    known = select(Document).where(Document.case_id == case.id, known_to(by))
    return list(session.scalars(known.order_by(Document.id.desc()).limit(500)))


def known_to(by: Actor) -> ColumnElement[bool]:
    """Condition: the document is ready, or the person's own."""
    return or_(Document.state == FileState.READY, Document.uploaded_by_id == by.person_id)


def own_of_case(session: Session, case: Case, person_id: int | None) -> list[Document]:
    """The documents of a case that the person uploaded, newest first, at most 500."""
    own = select(Document).where(Document.case_id == case.id, Document.uploaded_by_id == person_id)
    return list(session.scalars(own.order_by(Document.id.desc()).limit(500)))


def of_case_by_id(session: Session, case: Case, ids: Iterable[int], by: Actor) -> dict[int, Document]:
    """Documents of the case with these ids: id → document. Those of other cases, or unknown to ``by``, are left out."""
    own_ids = set(ids)
    if not own_ids:
        return {}
    own = session.scalars(select(Document).where(Document.id.in_(own_ids), Document.case_id == case.id, known_to(by)))
    return {document.id: document for document in own}


def sweep(session: Session, *, folder: Path, now: datetime) -> int:
    """Delete stored contents that no document has, left by failed steps, or infected. Returns their number.

    ``now``: aware.
    """
    removed = 0
    for path in [*folder.glob("??/*"), *folder.glob(f"{HALF_WRITTEN}*")]:
        old = path.stat().st_mtime < (now - ORPHAN_AFTER).timestamp()
        if old and not is_wanted(session, path.name):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def is_wanted(session: Session, digest: str) -> bool:
    """Whether a document that is not infected has the content with this hash."""
    visible = select(Document.id).where(Document.sha256 == digest, Document.state != FileState.INFECTED)
    return session.scalar(visible.limit(1)) is not None


def path_of(folder: Path, digest: str) -> Path:
    """Path of the content with this SHA-256, in hex."""
    return folder / digest[:2] / digest


def clean_name(name: str) -> str:
    """File name without folders, control characters and direction marks, at most 200 characters long."""
    name = re.split(r"[/\\]", name)[-1]
    visible = "".join(char for char in name if char == ZWNJ or unicodedata.category(char) not in UNSEEN)
    name = re.sub(r'[<>:"|?*]', "_", unicodedata.normalize("NFC", visible)).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if dot and len(name) > MAX_NAME_LENGTH:
        name = f"{stem[: MAX_NAME_LENGTH - 1 - len(ending[:10])]}.{ending[:10]}"
    return name[:MAX_NAME_LENGTH] or "file"


def _write_once(folder: Path, digest: str, content: bytes) -> None:
    """Write the content atomically and durably: after a power failure there is the whole file or none."""
    target = path_of(folder, digest)
    if target.is_file():
        os.utime(target)  # fresh again, so that a sweep does not take it before the row is committed
        return
    make_folder(target.parent)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=HALF_WRITTEN)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there; the rename is durable by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _check_image(content: bytes, kind: str, name: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit follows
            with Image.open(io.BytesIO(content), formats=[kind]) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise DocumentRefused(_("تصویر «%(name)s» بیش از اندازه بزرگ است.", name=name))
                image.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        raise DocumentRefused(_broken(name)) from None


def _broken(name: str) -> str:
    return Danger.BROKEN.words(name)
