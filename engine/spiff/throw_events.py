"""Parses throw events: correlation key and payload.

Both are properties of the throwing element: ``correlation_key``, an expression, and ``payload``, names of the
case's data with spaces or commas between them.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.spiff.parser.event_parsers import (
    SpiffEndEventParser,
    SpiffIntermediateThrowEventParser,
    SpiffSendTaskParser,
)

from engine.bpmn.diagram import payload_names


class _Throwing:
    """Puts the properties of a throwing element on its spec, where ``engine.spiff.corrections.messages`` reads them."""

    def create_task(self: Any) -> Any:
        spec = super().create_task()  # type: ignore[misc]
        properties = self.parse_extensions().get("properties", {})
        spec.correlation_key = properties.get("correlation_key", "")
        spec.payload = payload_names(properties)
        return spec


class EndParser(_Throwing, SpiffEndEventParser):  # type: ignore[misc]
    """An end event; it may throw."""


class ThrowParser(_Throwing, SpiffIntermediateThrowEventParser):  # type: ignore[misc]
    """An intermediate event that throws."""


class SendParser(_Throwing, SpiffSendTaskParser):  # type: ignore[misc]
    """A task that sends a message."""
