"""PDFs from Typst templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import typst

TEMPLATES = Path(__file__).parent / "templates"


def render_pdf(template: str, data: Mapping[str, object], *, fonts: Path | None) -> bytes:
    """The PDF of a Typst template. ``data`` goes in as JSON, so nothing in it can be read as markup.

    Without ``fonts`` (an installation whose front end was not built) the machine's own fonts are used.
    """
    here = fonts is not None and any(fonts.glob("*.ttf"))
    pdf: bytes = typst.compile(
        str(TEMPLATES / template),
        root=str(TEMPLATES),
        font_paths=[str(fonts)] if here else [],
        ignore_system_fonts=here,
        sys_inputs={"letter": json.dumps(data, ensure_ascii=False)},
    )
    return pdf
