"""The documents cannot lie: commands, settings, files and links that they name are there."""

import re
from pathlib import Path

import pytest

import kartabl

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_the_readme_names_every_command() -> None:
    assert [name for name in kartabl.main.commands if f"kartabl {name}" not in README] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)[^)]*\)", document.read_text("utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_files_that_the_map_names_are_there() -> None:
    architecture = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = re.findall(r"`((?:models|engine|forms|workflows|webapp|tests|bpmn_diagrams|docs)/[\w/.]*)`", architecture)
    assert [name for name in named if "<" not in name and not (ROOT / name).exists()] == []


def test_every_make_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    unexplained = [
        target for target in phony.group(1).split() if not re.search(rf"^{target}:.*## ", makefile, re.MULTILINE)
    ]
    assert unexplained == []
