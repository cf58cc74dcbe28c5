"""CONTRIBUTING.md names places of the code that are there."""

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
