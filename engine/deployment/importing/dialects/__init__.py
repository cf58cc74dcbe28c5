"""What other engines write into their diagrams, understood as ours; the foreign marks themselves stay untouched."""

from engine.deployment.importing.dialects import camunda7, spiff, zeebe
from engine.deployment.importing.draft import Draft


def read(draft: Draft) -> None:
    for dialect in (camunda7, zeebe, spiff):
        dialect.read(draft)
