"""Translates the extensions of other engines into ours; the foreign extensions stay in the file."""

from engine.deployment.importing.dialects import camunda7, spiff, zeebe
from engine.deployment.importing.draft import Draft


def read(draft: Draft) -> None:
    """Read the extensions of every known dialect in the file."""
    for dialect in (camunda7, zeebe, spiff):
        dialect.read(draft)
