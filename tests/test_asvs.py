"""docs/asvs.md names each requirement of levels 1 and 2 once, says whether it is met, and its files are there."""

import re
from pathlib import Path

import kartabl

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "asvs.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d[\d., ]+) \| (\S+) \| (.*) \|$", PAGE, re.MULTILINE)
STATES = {"yes", "partly", "office", "no", "–"}
# Section → the number of its last requirement of level 1 or 2, in OWASP ASVS 5.0.0; within a section none is left out.
SECTIONS = """
1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 4.3:2 4.4:4
5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2
8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4
11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7
16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2
"""


def test_each_requirement_stands_there_once() -> None:
    sections = [section.split(":") for section in SECTIONS.split()]
    wanted = [f"{name}.{number}" for name, last in sections for number in range(1, int(last) + 1)]
    assert len(wanted) == 253
    named = [one for ids, _state, _where in ROWS for one in ids.split(", ")]
    assert sorted(named) == sorted(wanted)
    assert {state for _ids, state, _where in ROWS} <= STATES


def test_what_is_said_to_be_met_names_a_file_that_is_there() -> None:
    paths = re.findall(
        r"`((?:engine|webapp|workflows|forms|models|tests|requirements)/[\w./-]+|pyproject\.toml)`", PAGE
    )
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_settings_name_is_one_of_ours() -> None:
    named = set(re.findall(r"KARTABL_[A-Z_]+", PAGE + (ROOT / "SECURITY.md").read_text("utf-8")))
    ours = {setting.variable for section in kartabl.sections() for setting in section.documented()}
    assert named - ours == set()
