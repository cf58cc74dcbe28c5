"""CONTRIBUTING.md names places of the code that are there, and decisions have numbers of their own."""

import re

from tests.tools.translations import ROOT

PLACE = re.compile(r"`([a-z_/]+\.py):(\w+)`")


def test_each_word_of_the_code_names_its_place():
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## How the code reads")[2]
    places = PLACE.findall(section)

    assert len(places) > 20
    for path, name in places:
        defined = re.compile(rf"^\s*(?:class|def) {name}\b|^\s*{name}: ", re.MULTILINE)
        assert defined.search((ROOT / path).read_text(encoding="utf-8")), f"{path} defines no {name}"


def test_each_decision_has_the_next_number_in_its_name_and_its_title():
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))

    for number, decision in enumerate(decisions, start=1):
        assert decision.name.startswith(f"{number:04}-"), decision.name
        assert decision.read_text(encoding="utf-8").startswith(f"# {number}. "), decision.name
