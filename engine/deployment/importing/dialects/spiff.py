"""spiff-arena: our own namespace, with forms in files beside the diagram and connectors as operators."""

from __future__ import annotations

from engine.deployment.importing.dialects import meaning
from engine.deployment.importing.draft import Draft, property_of

SCHEMA = "formJsonSchemaFilename"


def read(draft: Draft) -> None:
    """Report forms that are in other files."""
    for node in list(draft.nodes()):
        if name := property_of(node, SCHEMA):
            meaning.foreign_form(draft, node, name)
