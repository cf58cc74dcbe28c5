"""Files for their owner alone that outlive a power cut once they are written, and whether there is room for them."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from engine.backup.refusals import BackupRefused
from models.private_files import create

BLOCK = 1_000_000  # bytes
MARGIN = 0.05  # of what is needed, and not less than LEAST_MARGIN
LEAST_MARGIN = 20_000_000  # bytes


def write(path: Path, content: bytes) -> None:
    """A new file with this content, durably."""
    with create(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def copy(source: Path, target: Path) -> str:
    """Copy into a new file, durably. Returns the SHA-256 of what was copied, in hex."""
    digest = hashlib.sha256()
    with source.open("rb") as original, create(target) as file:
        while block := original.read(BLOCK):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Put the names in a folder and in all folders below it onto the disk."""
    for inner, _folders, _files in os.walk(folder, topdown=False):
        sync(Path(inner))


def demand_space(folder: Path, needed: int, *, what: str) -> None:
    """Raises BackupRefused: ``what`` of ``needed`` bytes does not fit beside what is in the folder's file system."""
    existing = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(existing).free
    required = needed + max(LEAST_MARGIN, int(needed * MARGIN))
    if free < required:
        raise BackupRefused(
            f"{what} needs {required / 1e6:,.0f} MB and {existing} has {free / 1e6:,.0f} MB free. "
            "Make room there, or name a folder on another disk."
        )
