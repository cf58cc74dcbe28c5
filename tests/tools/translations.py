"""Collects every text for people, from Python, templates and diagrams, and updates the English catalogue.

``make translations`` runs it. A new text comes into the catalogue without a translation, which
``tests/test_translations.py`` refuses; a text that is gone leaves it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from babel.messages import Catalog, pofile
from babel.messages.extract import extract
from lxml import etree

from engine.xml import parse_xml
from models.catalogues import compile_stale

ROOT = Path(__file__).parent.parent.parent
ENGLISH = ROOT / "models" / "translations" / "en" / "LC_MESSAGES" / "messages.po"
PACKAGES = ("models", "engine", "forms", "workflows", "webapp")
KEYWORDS = {"_": None, "lazy": None, "gettext": None, "ngettext": (1, 2)}
PERSIAN = re.compile("[\u0600-\u06ff]")
LITERAL = re.compile(r"""(["'])((?:(?!\1).)*?[\u0600-\u06ff](?:(?!\1).)*?)\1""")


class Text(NamedTuple):
    """A text as it stands in the source; ``message`` is (singular, plural) where it has two forms."""

    message: str | tuple[str, str]
    place: str


def collect() -> list[Text]:
    """Every text, in the order of the files."""
    return [*_from_code(), *_from_diagrams()]


def _from_code() -> Iterator[Text]:
    files = [ROOT / "kartabl.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
    templates = (ROOT / "webapp" / "templates").rglob("*.*")
    for method, paths in (("python", files), ("jinja2", templates)):
        for path in sorted(paths):
            if "migrations" in path.parts or not path.is_file():
                continue
            with path.open("rb") as file:
                yield from _texts(method, file, path.relative_to(ROOT).as_posix())


def _texts(method: str, file: BinaryIO, place: str) -> Iterator[Text]:
    options = {"silent": "false"} if method == "jinja2" else {"encoding": "utf-8"}
    for _, message, _, _ in extract(method, file, KEYWORDS, options=options):
        if isinstance(message, tuple):
            yield Text((message[0], message[1]), place)
        elif message:
            yield Text(message, place)


def _from_diagrams() -> Iterator[Text]:
    folder = ROOT / "bpmn_diagrams"
    for path in sorted([*folder.glob("*.bpmn"), *folder.glob("*.dmn")]):
        place = path.relative_to(ROOT).as_posix()
        for element in parse_xml(path.read_bytes()).iter("{*}*"):
            yield from (Text(text, place) for text in _names_and_literals(element))


def _names_and_literals(element: etree._Element) -> Iterator[str]:
    """An element's name and documentation; Persian texts between quotes in expressions and decision cells."""
    kind = etree.QName(element).localname
    if kind in ("property", "parameter"):  # their names are keys
        yield from _literals(element.get("value", ""))
    elif kind in ("annotation", "definitions"):  # for the analyst only
        return
    elif kind == "documentation":
        yield from (text for text in [(element.text or "").strip()] if PERSIAN.search(text))
    elif kind == "outputEntry":
        yield from _literals("".join(str(part) for part in element.itertext()))
    elif PERSIAN.search(element.get("name", "")):
        yield element.get("name", "")
    if kind == "conditionExpression":
        yield from _literals(element.text or "")


def _literals(expression: str) -> Iterator[str]:
    yield from (match.group(2) for match in LITERAL.finditer(expression))


def read(path: Path = ENGLISH) -> Catalog:
    """The catalogue as it is in the file."""
    with path.open("rb") as file:
        return pofile.read_po(file, abort_invalid=True)


def updated(old: Catalog) -> Catalog:
    """A catalogue of the texts that there are now, with the translations that are there already."""
    new = Catalog(
        locale="en",
        project="Kartabl",
        version="1",
        charset="utf-8",
        fuzzy=False,
        header_comment="# English texts of Kartabl.",
        msgid_bugs_address="-",
        language_team="Kartabl",
        last_translator="Kartabl",
    )
    new.creation_date = old.creation_date
    new.revision_date = old.revision_date
    for text in collect():
        new.add(text.message, locations=[(text.place, 0)])
    for message in new:
        known = old.get(message.id) if message.id else None
        if known is not None and known.string:
            message.string = known.string
    return new


def write(catalogue: Catalog, path: Path = ENGLISH) -> None:
    """Without line numbers and dates, so that a file differs only where its texts do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pofile.write_po(file, catalogue, width=110, sort_by_file=True, include_lineno=False)


def main() -> None:
    catalogue = updated(read() if ENGLISH.exists() else Catalog(locale="en"))
    write(catalogue)
    compile_stale()
    missing = sum(1 for message in catalogue if message.id and not _is_translated(message.string))
    print(f"{len(catalogue)} texts, {missing} without English: {ENGLISH.relative_to(ROOT)}")


def _is_translated(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)


if __name__ == "__main__":
    main()
