"""The gallery shows every kind of block and field, and exists in demo mode only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import kartabl
import webapp
from engine.contributions.briefings import Block
from engine.settings import Settings
from forms.field import KartablField
from forms.fields import RowsField
from forms.options import OneOfField
from models import migrate
from tests.secret import SECRET_KEY
from webapp import gallery

TEMPLATES = Path(webapp.__file__).parent / "templates"
ABSTRACT = {KartablField, OneOfField}


def kinds_below(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from kinds_below(child)


def kinds_of_fields() -> set[type[Any]]:
    """The kinds of fields that the product has; tests declare further ones."""
    return {kind for kind in kinds_below(KartablField) if kind.__module__.startswith("forms.")} - ABSTRACT


def page(mode: str, tmp_path: Path) -> Any:
    settings = Settings(
        secret_key=SECRET_KEY,
        database_url=f"sqlite:///{tmp_path}/gallery.db",
        files_path=tmp_path,
        mode=mode,
        public_url="https://kartabl.example",
    )
    application = kartabl.build(settings)
    migrate.upgrade(application.database)
    try:
        return webapp.create_app(application).test_client().get("/gallery")
    finally:
        application.database.dispose()


def test_the_gallery_is_there_in_demo_mode(tmp_path: Path) -> None:
    answer = page("demo", tmp_path)
    assert answer.status_code == 200
    assert answer.text.count("<caption") == 3  # the empty table is a text


@pytest.mark.parametrize("mode", ["production", "staging"])
def test_the_gallery_is_not_there_in_other_modes(mode: str, tmp_path: Path) -> None:
    assert page(mode, tmp_path).status_code == 404


def test_every_kind_of_field_is_in_the_gallery_in_every_state() -> None:
    assert set(gallery.FIELDS) == kinds_of_fields()
    drawn = [(field.short_name.partition("_")[0], type(field)) for field in gallery.example_form()]
    for state in gallery.STATES:
        assert {kind for drawn_state, kind in drawn if drawn_state == state} == {*gallery.FIELDS, RowsField}


def test_every_kind_of_block_is_in_the_gallery_and_has_its_part(client: Any) -> None:
    with client.application.test_request_context("/gallery"):
        shown = {block.kind for block in gallery.example_blocks()}
    assert shown == {kind.kind for kind in get_args(Block)}
    assert {kind for kind in shown if not (TEMPLATES / "parts" / f"{kind}.html").is_file()} == set()
