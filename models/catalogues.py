"""Compiles the translations' catalogues; an installed wheel holds compiled ones and no sources."""

import os
from pathlib import Path

from babel.messages import mofile, pofile

TRANSLATIONS = Path(__file__).parent / "translations"


def compile_stale(folder: Path = TRANSLATIONS) -> None:
    """Write ``messages.mo`` beside each ``messages.po`` that is newer than it."""
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = pofile.read_po(file, abort_invalid=True)
        fresh = target.with_suffix(f".mo.{os.getpid()}")  # two processes may start at once
        with fresh.open("wb") as file:
            mofile.write_mo(file, catalogue)
        fresh.replace(target)
