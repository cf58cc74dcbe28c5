"""The short form of ``make prove``: every harness, on both databases."""

from __future__ import annotations

import os

import pytest

from tests.prove.__main__ import HARNESSES, SEED, run
from tests.prove.attack_site import NoNginx

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)]


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("harness", HARNESSES)
def test_nothing_breaks_it_and_the_harness_sees_what_breaks_its_naive_twin(harness: str, database: str) -> None:
    try:
        verdict = run(harness, database, short=True, seed=SEED)
    except NoNginx as absent:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(absent))
    assert verdict.violations == [], verdict
    assert verdict.twin_caught, f"the harness did not see what its naive twin did: {verdict}"
