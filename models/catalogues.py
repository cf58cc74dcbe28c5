"""Compiles the translations' catalogues; an installed wheel holds compiled ones and no sources."""

from pathlib import Path

from babel.messages import mofile, pofile

from models.language import TRANSLATIONS


def compile_stale(folder: Path = TRANSLATIONS) -> None:
    """Write ``messages.mo`` beside each ``messages.po`` that is newer than it.

    Call it before the first text is translated: a catalogue is read once in a process.
    """
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = pofile.read_po(file, abort_invalid=True)
        fresh = target.with_suffix(".mo.new")
        with fresh.open("wb") as file:
            mofile.write_mo(file, catalogue)
        fresh.replace(target)  # two processes may start at once
