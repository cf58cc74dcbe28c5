"""Checks lanes of several roles: any of them starts the process, and the lane's tasks are the starter's."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.diagram import Diagram
from engine.findings import Finding, error
from models.language import gettext as _


def check(diagram: Diagram) -> Iterator[Finding]:
    """An error for each element whose several roles could not work."""
    starting = diagram.start.roles
    for element in diagram.elements.values():
        if len(element.roles) < 2 and element.role in starting and len(starting) > 1:
            yield error(
                "role.of_the_starter",
                element.id,
                _(
                    "نقش «%(role)s» از نقش‌های شروع‌کننده است. خط (lane) دیگری نمی‌تواند آن را داشته باشد، زیرا کار آن"
                    " به شروع‌کننده می‌رسد.",
                    role=element.role,
                ),
            )
        elif len(element.roles) > 1 and set(element.roles) != set(starting):
            text = _("چند نقش با هم فقط برای خطی (lane) می‌آید که فرایند در همان شروع می‌شود.")
            yield error("role.several", element.id, text)
