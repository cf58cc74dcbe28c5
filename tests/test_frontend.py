"""The pages' sources keep what the content security policy and the build rely on."""

import re
from pathlib import Path

from webapp.shell.script_texts import TEXTS

WEBAPP = Path(__file__).parent.parent / "webapp"
TEMPLATES = sorted((WEBAPP / "templates").rglob("*.html"))
SOURCES = WEBAPP / "frontend" / "src"


def test_every_icon_that_a_page_or_a_script_names_is_in_the_sprite() -> None:
    listed = set(re.findall(r"^[a-z][a-z0-9-]*$", (SOURCES / "icons.txt").read_text("utf-8"), re.MULTILINE))
    named: dict[str, str] = {}
    for source in [*TEMPLATES, *SOURCES.glob("*.js")]:
        text = source.read_text("utf-8")
        calls = re.findall(r"\bicon(?:_name)?(?:\(|=)[\"']([a-z0-9-]+)[\"']", text)
        named |= dict.fromkeys(calls, source.name)
    assert named
    assert {name: place for name, place in named.items() if name not in listed} == {}


def test_no_template_holds_a_style_or_a_script_of_its_own() -> None:
    forbidden = re.compile(
        r"<style|\sstyle=|\son[a-z]+=\"|<script(?![^>]*(\ssrc=|type=\"application/json\"))|javascript:"
    )
    found = [(t.name, match.group()) for t in TEMPLATES if (match := forbidden.search(t.read_text("utf-8")))]
    assert found == []


def test_the_lock_file_names_no_registry() -> None:
    lock = (WEBAPP / "frontend" / "package-lock.json").read_text("utf-8")
    assert '"integrity"' in lock
    assert '"resolved"' not in lock


def test_every_text_that_a_script_asks_for_is_in_the_file_of_texts() -> None:
    asked = {key for js in SOURCES.glob("*.js") for key in re.findall(r"\btext\(\"([a-z_]+)\"", js.read_text("utf-8"))}
    steps = set(re.findall(r"step\(\"([a-z_]+)\"", (SOURCES / "jalali-date.js").read_text("utf-8")))
    assert asked
    assert (asked | steps) - set(TEXTS) == set()
