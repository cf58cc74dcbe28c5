"""Files and folders for their owner alone, whatever the umask. What is there already stays as it is."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        with suppress(FileExistsError):  # another process was quicker
            one.mkdir(mode=0o700)


def create(path: Path) -> IO[bytes]:
    """A new file, open for writing. Raises ``FileExistsError``."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def opener(path: str, flags: int) -> int:
    """For ``open(…, opener=opener)``: a file that is made is its owner's alone."""
    return os.open(path, flags, 0o600)
