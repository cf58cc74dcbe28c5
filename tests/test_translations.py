"""Every text is written in Persian and has its English translation, with the same placeholders."""

import re
from pathlib import Path

import pytest
from babel.messages import Message

from models.catalogues import compile_stale
from tests.tools import translations
from tests.tools.translations import PERSIAN

PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%%|%")


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def placeholders(text: str) -> set[str]:
    return {match.group() for match in PLACEHOLDER.finditer(text)}


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return [message for message in translations.read() if message.id]


def test_the_english_catalogue_holds_exactly_the_texts_of_the_sources() -> None:
    """Mend it with ``make translations``."""
    old = translations.read()
    wanted = {str(message.id) for message in translations.updated(old)}
    assert {str(message.id) for message in old} == wanted


def test_every_text_has_an_english_translation(messages: list[Message]) -> None:
    missing = [message.id for message in messages if not all(forms(message.string)) or message.fuzzy]
    assert missing == []


def test_translations_have_the_placeholders_of_their_texts(messages: list[Message]) -> None:
    differing = [
        (original, translation)
        for message in messages
        for original, translation in zip(forms(message.id), forms(message.string), strict=True)
        if translation and placeholders(original) != placeholders(translation)
    ]
    assert differing == []


def test_no_persian_is_left_in_the_english_texts(messages: list[Message]) -> None:
    left = [text for message in messages for text in forms(message.string) if PERSIAN.search(text)]
    assert left == []


def is_persian(text: str) -> bool:
    """Also a text of nothing but placeholders."""
    return bool(PERSIAN.search(text)) or not re.search("[A-Za-z]", PLACEHOLDER.sub("", text))


def test_texts_in_the_sources_are_persian() -> None:
    assert [text for text in translations.collect() if not all(map(is_persian, forms(text.message)))] == []


def test_texts_are_written_in_one_form_of_the_letters() -> None:
    """Arabic yeh and kaf, and tatweel, look alike and are found by no search."""
    other = [text for text in translations.collect() for form in forms(text.message) if re.search("[يكـ]", form)]
    assert other == []


def test_a_catalogue_is_compiled_when_its_source_is_newer(tmp_path: Path) -> None:
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "messages.po"
    source.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "آب"\nmsgstr "water"\n')

    compile_stale(tmp_path)
    compiled = folder / "messages.mo"
    assert b"water" in compiled.read_bytes()

    before = compiled.stat().st_mtime_ns
    compile_stale(tmp_path)
    assert compiled.stat().st_mtime_ns == before
