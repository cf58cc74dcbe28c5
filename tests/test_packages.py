"""The pictures of who imports whom are as the code is, and how they are drawn."""

import pytest

from tests.tools import packages


def test_the_pictures_are_as_the_code_is() -> None:
    stale = [path.name for path, svg in packages.pictures().items() if path.read_text("utf-8") != svg]
    assert stale == [], "run `make packages`"


def test_a_circle_of_imports_is_named() -> None:
    with pytest.raises(ValueError, match="a → b → a"):
        packages.levels({"a": {"b"}, "b": {"a"}})


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    graph = {"top": {"middle", "bottom"}, "middle": {"bottom"}, "bottom": set()}
    assert packages.without_implied(graph) == {"top": {"middle"}, "middle": {"bottom"}, "bottom": set()}
    assert packages.levels(graph) == {"top": 2, "middle": 1, "bottom": 0}
